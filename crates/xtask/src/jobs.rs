//! Planned jobs and what is seen of them at GitHub, for every command that plays jobs. What a job should come to is each command's own to say: `K` is its
//! kinds of jobs.

use std::time::Duration;

use fargate_runners_model_github::{Conclusion, Fate, Job, JobId, NewJob, Status};

use crate::stack::{FLEETS, Fleet};

/// One job of the plan.
#[derive(Debug)]
pub struct Planned<K> {
    /// What is special about it.
    pub kind: K,
    /// The fleet whose labels it asks for.
    pub fleet: Option<&'static Fleet>,
    /// When it is queued, counted from the start.
    pub at: Duration,
    /// When it is cancelled, counted from the start.
    pub cancelled_at: Option<Duration>,
    /// The job as GitHub gets it.
    pub job: NewJob,
}

/// A job of the plan, followed through GitHub.
#[derive(Debug)]
pub struct Followed<K> {
    /// Its number in the plan, from 1.
    pub number: usize,
    /// What was planned.
    pub planned: Planned<K>,
    /// GitHub's number, once it is queued.
    pub id: Option<JobId>,
    /// Whether it was asked to be cancelled.
    pub cancelled: bool,
    /// How it stood when last looked at.
    pub seen: Option<Seen>,
}

impl<K> Followed<K> {
    /// A job that GitHub does not know yet.
    pub fn new(index: usize, planned: Planned<K>) -> Self {
        Self { number: index + 1, planned, id: None, cancelled: false, seen: None }
    }
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
