//! The operations, one method each, and what their answers hold.

mod job;
mod mint;
mod runners;

pub use job::Job;
pub use mint::{JitConfiguration, JitRequest, RegistrationToken};
pub use runners::{Deletion, Runner, RunnerList};
