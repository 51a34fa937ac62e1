//! A workflow job as GitHub keeps it, and how a test asks for one.

use crate::Millis;
use crate::ids::{JobId, RunnerId};

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// The workflow run that it belongs to.
    pub run_id: u64,
    /// Which attempt of the run, counted from 1.
    pub run_attempt: u32,
    /// Login of the repository's owner.
    pub owner: String,
    /// Name of the repository.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What a runner must hold, as the workflow wrote it.
    pub labels: Vec<String>,
    /// The runner group asked for.
    pub runner_group: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// When it was made.
    pub created_at: Millis,
    /// When it entered the queue.
    pub queued_at: Option<Millis>,
    /// When a runner took it.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub completed_at: Option<Millis>,
    /// Who took it.
    pub runner: Option<RunnerSeen>,
    /// What really became of it.
    pub fate: Option<Fate>,
    /// Whether one of GitHub's own runners takes it.
    pub hosted: bool,
    /// How long it runs.
    pub duration_ms: Millis,
    pub(crate) wanted: Conclusion,
    pub(crate) step: Option<String>,
    pub(crate) tampers: Vec<Tamper>,
    pub(crate) lower_labels: Vec<String>,
    pub(crate) assigned: Option<RunnerId>,
    pub(crate) killed_by_delete: bool,
    pub(crate) cancel_asked: bool,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Behind an environment's gate.
    Waiting,
    /// Wants a runner.
    Queued,
    /// Has one.
    InProgress,
    /// Is over.
    Completed,
}

impl Status {
    /// As the wire says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "GitHub's own words")]
pub enum Conclusion {
    Success,
    Failure,
    Cancelled,
    Skipped,
    TimedOut,
}

impl Conclusion {
    /// As the wire says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
        }
    }
}

/// What really became of a job, which GitHub's conclusion does not always tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A runner did it to its end.
    Ran,
    /// Cancelled before a runner had it.
    CancelledInQueue,
    /// Cancelled while it ran.
    CancelledRunning,
    /// Waited longer than GitHub allows.
    Expired,
    /// Its runner died.
    LostCommunication,
    /// Its runner was deleted while GitHub still showed it as not busy.
    KilledByDelete,
    /// Never meant to run.
    Skipped,
}

/// A runner as a job's webhook names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerSeen {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its group's number.
    pub group_id: u64,
    /// Its group's name.
    pub group_name: String,
}

/// A webhook's `action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "GitHub's own words")]
pub enum Action {
    Queued,
    Waiting,
    InProgress,
    Completed,
}

impl Action {
    /// As the wire says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }
}

/// What keeps a job from the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    None,
    /// An environment that somebody must approve.
    UntilApproved,
    /// An environment with a timer, in milliseconds.
    For(Millis),
}

/// One thing that goes wrong with a certain delivery, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is sent twice.
    Repeat,
    /// It never arrives.
    Lose,
    /// It is late by so many milliseconds.
    Delay(Millis),
    /// It arrives after the job's next one.
    AfterNext,
}

/// Which delivery of a job, and what goes wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tamper {
    /// Which.
    pub action: Action,
    /// What.
    pub fault: Fault,
}

/// A job to be queued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Login of the repository's owner.
    pub owner: String,
    /// Name of the repository.
    pub name: String,
    /// What a runner must hold.
    pub labels: Vec<String>,
    /// What people call it.
    pub title: String,
    /// How long it runs.
    pub duration_ms: Millis,
    /// How it ends if it is let.
    pub conclusion: Conclusion,
    /// The runner group asked for.
    pub runner_group: Option<String>,
    /// What keeps it from the queue at first.
    pub gate: Gate,
    /// A shell command that the stand-in worker runs as the job's step.
    pub step: Option<String>,
    /// What goes wrong with its deliveries.
    pub tampers: Vec<Tamper>,
    /// The run that it belongs to, by another job's `run_id`; none makes a run of its own.
    pub run_id: Option<u64>,
}

impl NewJob {
    /// A job of a second that succeeds.
    #[must_use]
    pub fn new(owner: &str, name: &str, labels: &[&str]) -> Self {
        Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            title: "build".to_owned(),
            duration_ms: 1000,
            conclusion: Conclusion::Success,
            runner_group: None,
            gate: Gate::None,
            step: None,
            tampers: Vec::new(),
            run_id: None,
        }
    }

    /// With this name.
    #[must_use]
    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Running this long.
    #[must_use]
    pub fn lasting(self, duration_ms: Millis) -> Self {
        Self { duration_ms, ..self }
    }

    /// Ending this way.
    #[must_use]
    pub fn ending(self, conclusion: Conclusion) -> Self {
        Self { conclusion, ..self }
    }

    /// Behind an environment's gate.
    #[must_use]
    pub fn gated(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Running this shell command in the stand-in worker.
    #[must_use]
    pub fn with_step(self, command: impl Into<String>) -> Self {
        Self { step: Some(command.into()), ..self }
    }

    /// In the same run as another job.
    #[must_use]
    pub fn in_run(self, run_id: u64) -> Self {
        Self { run_id: Some(run_id), ..self }
    }

    /// With something going wrong on one of its deliveries.
    #[must_use]
    pub fn tampered(mut self, action: Action, fault: Fault) -> Self {
        self.tampers.push(Tamper { action, fault });
        self
    }
}
