//! What a person sees while the local stack works: lines that stay, and below them, on a terminal, a few that change. All lines also go into the run's folder.

use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::problem::Outcome;
use crate::stack::RunFolder;

/// The person's terminal, or the file that the output goes to.
pub struct Screen {
    live: Option<Live>,
    colours: bool,
    copy: Mutex<File>,
}

struct Live {
    all: MultiProgress,
    below: Vec<ProgressBar>,
}

/// What a line is about, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// Goes as it should.
    Good,
    /// Does not.
    Bad,
    /// In the background.
    Faint,
}

impl Screen {
    /// A screen with so many changing lines.
    pub fn new(run: &RunFolder, lines: usize) -> Outcome<Self> {
        let copy = Mutex::new(File::options().create(true).append(true).open(run.output_log())?);
        let colours = std::io::stdout().is_terminal();
        let live = colours.then(|| {
            let all = MultiProgress::new();
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let below = (0..lines).map(|_| all.add(ProgressBar::new(0).with_style(style.clone()))).collect();
            Live { all, below }
        });
        Ok(Self { live, colours, copy })
    }

    /// Prints a line that stays.
    pub fn line(&self, tone: Tone, text: &str) {
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        // A copy that cannot be written is missed later, when the outputs are looked through; the person reads on.
        let _ = writeln!(copy, "{text}");
        match &self.live {
            Some(live) => {
                let _ = live.all.println(coloured(tone, text));
            }
            None if self.colours => println!("{}", coloured(tone, text)),
            None => println!("{text}"),
        }
    }

    /// Changes the lines at the bottom.
    pub fn below(&self, texts: &[String]) {
        let Some(live) = &self.live else { return };
        for (bar, text) in live.below.iter().zip(texts) {
            bar.set_message(text.clone());
        }
    }

    /// Takes the changing lines away for good.
    pub fn finish(&mut self) {
        for line in self.live.take().into_iter().flat_map(|live| live.below) {
            line.finish_and_clear();
        }
    }
}

fn coloured(tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Good => 32,
        Tone::Bad => 31,
        Tone::Faint => 2,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
