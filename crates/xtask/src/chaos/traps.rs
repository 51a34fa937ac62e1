//! Traps for functions: which line each is laid on, and the SIGKILL for whoever steps in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fargate_runners_local_stack::line::{Moment, Trap};

use crate::stack::lines::Between;

use super::processes::Process;

/// A function is let go on for up to so many questions before it is killed, so that it dies now here, now there.
const QUESTIONS_BEFORE: u64 = 6;

/// What happened in traps, for the screen.
#[derive(Debug, Clone, Default)]
pub struct Deaths(Arc<Mutex<Vec<Death>>>);

/// A function that was killed.
#[derive(Debug)]
pub struct Death {
    /// Which.
    pub function: &'static str,
    /// The line on which it was waited for.
    pub between: Between,
    /// What it was doing.
    pub doing: String,
}

impl Deaths {
    /// Those that came since this was asked last.
    pub fn take(&self) -> Vec<Death> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, death: Death) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(death);
    }
}

/// The line on which this function is waited for: all of them talk to AWS, some to others as well.
pub fn place(function: &str, draw: u64) -> Between {
    let lines = match function {
        "register" | "sweep" => &[Between::FunctionsAndAws, Between::FunctionsAndEcs, Between::FunctionsAndGithub][..],
        "scale" => &[Between::FunctionsAndAws, Between::FunctionsAndEcs],
        _ => &[Between::FunctionsAndAws],
    };
    let at = usize::try_from(draw % lines.len() as u64).unwrap_or_default();
    lines[at]
}

/// A trap that kills this function of the run in this folder: before what it asks gets there, or before the answer gets back.
pub fn trap(function: &'static str, between: Between, port: u16, folder: &Path, draw: u64, deaths: &Deaths) -> Trap {
    let moment = if draw.is_multiple_of(2) { Moment::Asked } else { Moment::Answered };
    let mut questions = (draw / 2) % QUESTIONS_BEFORE;
    let (folder, deaths): (PathBuf, Deaths) = (folder.to_path_buf(), deaths.clone());
    let spring = move |who| {
        let Some(process) = Process::connected(&folder, who, port).filter(|process| process.function == function) else { return false };
        if questions > 0 {
            questions -= 1;
            return false;
        }
        let killed = process.kill();
        if killed {
            let what = if moment == Moment::Asked { "before its question got to" } else { "after its question was answered by" };
            let doing = format!("process {} {what} {}", process.pid.as_raw_nonzero(), between.far_end());
            deaths.add(Death { function, between, doing });
        }
        killed
    };
    Trap { moment, spring: Box::new(spring) }
}
