//! A stand-in for GitHub's runner program: the same files, processes, output lines, exit codes and signals, but its jobs are made up.
//!
//! `run.sh` starts `bin/Runner.Listener` (again, where that asks for it), which connects to the model of GitHub and starts
//! `bin/Runner.Worker` for a job. What it must never do: pass its configuration on to a job, by environment or arguments.

mod child;
mod configuration;
mod configure;
mod connection;
mod install;
mod listener;
mod log;
mod task;
mod worker;

pub use install::{Binaries, install_runner};
pub use listener::listen;
pub use worker::work;

/// The release that it says it is.
pub const VERSION: &str = "2.338.0";

/// What the listener's exit code means to `run.sh`.
mod exit {
    pub(super) const DONE: u8 = 0;
    pub(super) const TERMINATED: u8 = 1;
    pub(super) const RETRYABLE: u8 = 2;
    pub(super) const UPDATING: u8 = 3;
    pub(super) const SESSION_CONFLICT: u8 = 5;
}
