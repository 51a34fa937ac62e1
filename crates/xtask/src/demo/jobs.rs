//! Follows the planned jobs through GitHub: what became of each, and whether that is what should have.

use fargate_runners_model_github::{Conclusion, Fate, Status};

use crate::jobs::{Seen, fleet_of};

use super::scenario::{Expected, Kind};

/// A job of the plan, followed through GitHub.
pub type Followed = crate::jobs::Followed<Kind>;

impl Followed {
    /// Whether nothing more is to happen to it.
    pub fn is_settled(&self) -> bool {
        let Some(seen) = &self.seen else { return false };
        seen.status == Status::Completed || self.planned.kind.expected() == Expected::StaysQueued
    }

    /// Why it is not as it should be; `None` when it is.
    pub fn wrong(&self) -> Option<String> {
        let Some(seen) = &self.seen else { return Some("was never queued".into()) };
        let fine = match self.planned.kind.expected() {
            Expected::Runs => self.ended_well(seen) && self.fleet_of_runner().is_some(),
            Expected::RunsElsewhere => self.ended_well(seen) && self.fleet_of_runner().is_none(),
            Expected::NeverStarts => seen.conclusion == Some(Conclusion::Cancelled) && seen.runner.is_none(),
            Expected::StaysQueued => seen.status == Status::Queued && seen.runner.is_none(),
        };
        (!fine).then(|| format!("should have {}, but {}", self.should_have(), self.result()))
    }

    /// The fleet whose runner has or had it.
    pub fn fleet_of_runner(&self) -> Option<&'static str> {
        fleet_of(self.seen.as_ref()?.runner.as_deref()?)
    }

    /// What became of it, for a person.
    pub fn result(&self) -> String {
        let Some(seen) = &self.seen else { return "not queued".into() };
        match (seen.conclusion, seen.fate) {
            (Some(Conclusion::Cancelled), Some(Fate::CancelledInQueue)) => "cancelled in the queue".into(),
            (Some(conclusion), Some(fate)) if fate != Fate::Ran => format!("{} ({fate:?})", conclusion.as_str()),
            (Some(conclusion), _) => conclusion.as_str().into(),
            (None, _) => seen.status.as_str().replace('_', " "),
        }
    }

    fn ended_well(&self, seen: &Seen) -> bool {
        seen.conclusion == Some(self.planned.job.conclusion)
    }

    fn should_have(&self) -> &'static str {
        match self.planned.kind.expected() {
            Expected::Runs => "run here and succeeded",
            Expected::RunsElsewhere => "run on GitHub's own runner and succeeded",
            Expected::NeverStarts => "been cancelled before it started",
            Expected::StaysQueued => "stayed in the queue",
        }
    }
}
