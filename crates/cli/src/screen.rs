//! What the operator sees: answers on standard output, as tables or JSON; progress and errors on standard error, so that output can be piped.

use crate::error::CliError;
use anstyle::{AnsiColor, Style};
use comfy_table::{Cell, ContentArrangement, Table, presets};
use fargate_runners_use_cases::ports::chain;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::Write as _;
use std::time::Duration;

/// A spinner turns this often.
const TICK: Duration = Duration::from_millis(120);

/// An answer: printed as it is for a machine, or told to a person.
pub trait Answer: Serialize {
    /// For a person.
    fn tell(&self) -> String;
}

/// Where answers go.
pub struct Screen {
    json: bool,
    progress: ProgressBar,
}

/// Takes the progress line away when it goes.
pub struct Progress<'a>(&'a ProgressBar);

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.0.set_message("");
        self.0.set_draw_target(ProgressDrawTarget::hidden());
    }
}

impl Screen {
    /// With JSON or tables.
    pub fn new(json: bool) -> Self {
        let progress = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            progress.set_style(style);
        }
        Self { json, progress }
    }

    /// Says what is being waited for, on a terminal only, until what it returns is dropped.
    pub fn doing(&self, what: impl Into<String>) -> Progress<'_> {
        self.progress.set_draw_target(ProgressDrawTarget::stderr());
        self.progress.set_message(what.into());
        self.progress.enable_steady_tick(TICK);
        Progress(&self.progress)
    }

    /// Tells of a step on the way, on standard error.
    pub fn note(&self, text: &str) {
        self.progress.suspend(|| {
            // Where it cannot be written, nobody reads it.
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        });
    }

    /// Prints an answer.
    pub fn answer(&self, answer: &impl Answer) -> Result<(), CliError> {
        let text = if self.json { serde_json::to_string_pretty(answer)? } else { answer.tell() };
        self.text(&text)
    }

    /// Prints text, colours on a terminal only.
    #[expect(clippy::unused_self, reason = "whoever prints has a screen")]
    pub fn text(&self, text: &str) -> Result<(), CliError> {
        writeln!(anstream::stdout().lock(), "{}", text.trim_end())?;
        Ok(())
    }

    /// Prints in place of what was printed before, on a terminal.
    pub fn clear(&self) -> Result<(), CliError> {
        if !self.json {
            write!(anstream::stdout().lock(), "\x1b[2J\x1b[H")?;
        }
        Ok(())
    }

    /// Tells of a failure.
    #[expect(clippy::unused_self, reason = "whoever prints has a screen")]
    pub fn error(&self, error: &CliError) {
        let mut text = format!("{}: {}", coloured("error", Tone::Wrong), chain(error));
        if let Some(remedy) = error.remedy() {
            text.push_str("\n  ");
            text.push_str(remedy);
        }
        // Where even that cannot be written, nobody reads it.
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }
}

/// What a word is about, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Not as it should be.
    Wrong,
}

/// A word in its colour; it is taken off where the output is no terminal.
pub fn coloured(word: &str, tone: Tone) -> String {
    let style = match tone {
        Tone::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
        Tone::Warning => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Tone::Wrong => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
    };
    format!("{style}{word}{style:#}")
}

/// A table with a line of headings.
pub fn table<const COLUMNS: usize>(headings: [&str; COLUMNS], rows: impl IntoIterator<Item = [String; COLUMNS]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.map(str::to_uppercase));
    for row in rows {
        table.add_row(row.map(Cell::new));
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
