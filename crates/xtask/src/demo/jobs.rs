//! Follows the planned jobs through GitHub: what became of each, and whether that is what should have.

use std::time::Duration;

use fargate_runners_model_github::{Conclusion, Fate, Job, JobId, Status};

use crate::stack::FLEETS;

use super::scenario::{Expected, Planned};

/// A job of the plan that GitHub knows.
#[derive(Debug)]
pub struct Followed {
    /// Its number in the plan, from 1.
    pub number: usize,
    /// What was planned.
    pub planned: Planned,
    /// GitHub's number, once it is queued.
    pub id: Option<JobId>,
    /// Whether it was asked to be cancelled.
    pub cancelled: bool,
    /// How it stood when last looked at.
    pub seen: Option<Seen>,
}

/// How a job stands, as an onlooker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How far it is.
    pub status: Status,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// What became of it, in truth.
    pub fate: Option<Fate>,
    /// The runner that has or had it.
    pub runner: Option<String>,
    /// From being queued to being started.
    pub waited: Option<Duration>,
}

impl Seen {
    /// Looks at a job.
    pub fn of(job: &Job) -> Self {
        let waited = job.started_at.zip(job.queued_at).map(|(started, queued)| Duration::from_millis(started.saturating_sub(queued)));
        let runner = job.runner.as_ref().map(|runner| runner.name.clone());
        Self { status: job.status, conclusion: job.conclusion, fate: job.fate, runner, waited: waited.filter(|_| job.runner.is_some()) }
    }
}

impl Followed {
    /// The next job of the plan, unknown to GitHub yet.
    pub fn new(index: usize, planned: Planned) -> Self {
        Self { number: index + 1, planned, id: None, cancelled: false, seen: None }
    }

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

/// The fleet of a runner by its name; `None` for a runner of GitHub's.
pub fn fleet_of(runner: &str) -> Option<&'static str> {
    // STACK-FLEET-TASK-ATTEMPT, and a fleet's name may have hyphens.
    let (_, rest) = runner.split_once('-')?;
    FLEETS.iter().map(|fleet| fleet.name).find(|fleet| rest.strip_prefix(fleet).is_some_and(|rest| rest.starts_with('-')))
}

/// The task of a runner of ours, by its name.
pub fn task_of(runner: &str) -> Option<&str> {
    runner.rsplit('-').nth(1)
}
