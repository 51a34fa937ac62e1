//! What the bench is asked. `cargo xtask bench` reads the same, to know what is to be built.

use std::path::PathBuf;

use clap::Args;

use crate::subject::{FUNCTIONS, Other};

/// What the bench is asked.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Only these functions; the floors are always measured beside them.
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1.., value_parser = FUNCTIONS)]
    pub function: Vec<String>,
    /// How often each is started.
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    pub runs: u16,
    /// Warm calls after each start.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    pub calls: u16,
    /// So many jobs wait in the fleet already, so that a look reads as many records.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=50_000))]
    pub waiting: u32,
    /// Keeps the numbers in this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Sets the numbers beside those of this file; with two files nothing is measured.
    #[arg(long, value_name = "FILE", num_args = 1..=2)]
    pub compare: Vec<PathBuf>,
    /// Another function, started by this command, which must be the function itself and not a shell around it: 'theirs=node bootstrap.mjs'.
    #[arg(long, value_name = "NAME=COMMAND", requires = "event")]
    pub other: Vec<Other>,
    /// The event that the others get.
    #[arg(long, value_name = "FILE", requires = "other")]
    pub event: Option<PathBuf>,
    /// What AWS answers the others, as one JSON object by service and action, such as {"AmazonSSM.GetParameters": {…}}.
    #[arg(long, value_name = "FILE", requires = "other")]
    pub answers: Option<PathBuf>,
    /// Counts instructions and allocations of a warm call under valgrind instead, which takes some minutes.
    #[arg(long, conflicts_with_all = ["json", "compare"])]
    pub instructions: bool,
    /// Measures what was built last.
    #[arg(long)]
    pub no_build: bool,
}

impl Arguments {
    /// The functions that are meant.
    #[must_use]
    pub fn functions(&self) -> Vec<&str> {
        FUNCTIONS.into_iter().filter(|name| self.function.is_empty() || self.function.iter().any(|wanted| wanted == name)).collect()
    }

    /// Whether anything is measured, rather than only shown.
    #[must_use]
    pub fn measures(&self) -> bool {
        self.compare.len() < 2
    }
}
