//! What a sweep did, healer by healer: the function's answer, and the same in the log and in metrics.

use super::{Healer, SweepError};
use crate::ports::chain;
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;

/// Failures of one healer that are spelled out in the answer; all are in the log.
const FAILURES_TOLD: usize = 5;

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What each healer did that was reached.
    pub healers: BTreeMap<Healer, Outcome>,
    /// The healer that was not reached any more, if the time was over; the next sweep begins with it.
    pub cut_off: Option<Healer>,
}

/// What one healer did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// How many losses it has healed, or asked others to heal.
    pub healed: u32,
    /// What it could not do, and why.
    pub failures: Vec<String>,
}

impl Report {
    pub(super) fn of(&mut self, healer: Healer) -> &mut Outcome {
        self.healers.entry(healer).or_default()
    }
}

impl Outcome {
    /// Notes that one was healed.
    pub(super) const fn healed(&mut self) {
        self.healed += 1;
    }

    /// Notes a failure: in the log with all its causes, and in the answer. Another sweep at the same time is none: it heals the same.
    pub(super) fn failed(&mut self, healer: Healer, at: impl std::fmt::Display, error: &(dyn Error + 'static)) {
        if matches!(error.downcast_ref(), Some(SweepError::Overtaken)) {
            tracing::info!(healer = healer.name(), at = %at, "another sweep goes on at the same time; this healer leaves it the rest");
            return;
        }
        let error = chain(error);
        tracing::error!(healer = healer.name(), at = %at, error, "a healer could not get through; the others go on, and it begins anew with the next sweep");
        metrics::counter!("HealersFailed").increment(1);
        if self.failures.len() < FAILURES_TOLD {
            self.failures.push(format!("{at}: {error}"));
        }
    }

    /// Counts what was healed.
    pub(super) fn tell(&self, healer: Healer) {
        if self.healed > 0 {
            metrics::counter!("Healed", "healer" => healer.name()).increment(self.healed.into());
            tracing::info!(healer = healer.name(), healed = self.healed, "healed what was lost");
        }
    }
}
