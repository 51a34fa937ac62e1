//! How much a run may take. The demo fails beyond: a change that makes the control plane ask more is noticed when it is made, not on a bill.

use crate::problem::Problem;

use super::jobs::dollars;
use super::{Counts, number};

/// What a run may take for each of its jobs.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Registrations.
    pub mints: f64,
    /// AWS calls, those of wake-ups to come included, those that come once in a process or an hour not.
    pub calls: f64,
    /// Invocations of all functions but the healer.
    pub invocations: f64,
    /// Tasks.
    pub tasks: f64,
    /// Dollars for 1,000 jobs.
    pub dollars: f64,
}

/// A wake-up that is still to come is forwarded, and the look that follows reads and writes.
const CALLS_OF_A_WAKE_UP: u64 = 3;

/// What is beyond the bounds, a sentence each.
pub fn wrongs(counts: &Counts, bounds: Bounds) -> Vec<Problem> {
    let jobs = number(counts.jobs.max(1) as u64);
    let calls = counts.calls_of_jobs().count() as u64 + counts.wake_ups_to_come * CALLS_OF_A_WAKE_UP;
    let invocations: u64 = counts.functions.without(super::HEALER).map(|(_, function)| function.invocations).sum();
    let found = [
        ("mints for a job", number(counts.mints) / jobs, bounds.mints),
        ("AWS calls for a job", number(calls) / jobs, bounds.calls),
        ("invocations for a job", number(invocations) / jobs, bounds.invocations),
        ("tasks for a job", number(counts.tasks as u64) / jobs, bounds.tasks),
        ("dollars for 1,000 jobs", dollars(counts), bounds.dollars),
        ("token exchanges", number(counts.token_exchanges), 1.0),
    ];
    let beyond = found.into_iter().filter(|(_, found, bound)| found > bound);
    beyond.map(|(what, found, bound)| Problem::new(format!("it took {found:.3} {what}, and {bound:.3} is the bound"))).collect()
}
