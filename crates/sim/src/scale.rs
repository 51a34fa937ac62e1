//! The use cases at scale, without faults but with the limits of AWS and GitHub: `cargo xtask sim scale`. Bursts, and the busiest part of a day. The same
//! world as a story's, but larger and counted; the oracle holds it to the same rules.

mod command;
mod curve;
mod plot;
mod report;
mod run;
mod scenery;

pub use command::command;
pub use curve::{BUSIEST, arrivals, duration, jobs_between};
pub use run::{Coming, Moment, Outcome, Work, run};
pub use scenery::Scenery;

#[cfg(test)]
mod tests;
