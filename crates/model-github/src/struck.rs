//! How often each fault struck: a fault that never did has tested nothing.

use std::collections::BTreeMap;

use crate::model::GithubModel;

/// Every name in [`GithubModel::struck`]: the rates of [`crate::Faults`], and what a DELETE can do to a job that has only just begun.
pub const FAULTS: [&str; 16] = [
    "delay",
    "delete_in_job",
    "dropped",
    "dropped_after",
    "hang",
    "idle_removal",
    "lose",
    "lose_answer",
    "no_completed",
    "queued_while_waiting",
    "reorder",
    "repeat",
    "server_error",
    "server_error_after",
    "stale_runner",
    "throttled",
];

impl GithubModel {
    /// How often each fault struck so far, by its name; one that never did is not in it. Counted are those that chance brought: what a test asked for
    /// with a job (`Tamper`) is known to the test.
    #[must_use]
    pub fn struck(&self) -> &BTreeMap<&'static str, u64> {
        &self.struck
    }

    /// Whether a fault of this rate strikes now, and counts it if so.
    pub(crate) fn strikes(&mut self, fault: &'static str, rate: f64) -> bool {
        let strikes = self.random.chance(rate);
        if strikes {
            self.note_strike(fault);
        }
        strikes
    }

    pub(crate) fn note_strike(&mut self, fault: &'static str) {
        *self.struck.entry(fault).or_default() += 1;
    }
}
