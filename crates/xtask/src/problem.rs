//! What can go wrong in these commands, in words for the person who typed them: what happened, and what to do next.

use std::fmt;
use std::io;

/// The result of everything in this crate.
pub type Outcome<T = ()> = Result<T, Problem>;

/// A sentence on what went wrong and, where there is one, a sentence on the way out.
#[derive(Debug, thiserror::Error)]
pub struct Problem {
    what: String,
    next: Option<String>,
    told: bool,
}

impl Problem {
    /// Something went wrong; there is no better advice than to read it.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), next: None, told: false }
    }

    /// Adds what the person can do about it.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The person has seen it on the way: only the exit code is left to say it.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.told = true;
        self
    }

    /// Whether the person has seen it already.
    pub fn is_told(&self) -> bool {
        self.told
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)?;
        match &self.next {
            Some(next) => write!(formatter, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::new(format!("an answer that is not the JSON it should be: {error}"))
    }
}
