//! A task in the ledger, with the runner in it: facts that only grow, and the state that follows from them.
//! A task is one runner is at most one job. Which facts may be added when is decided in `crate::register` and `crate::look`.

use crate::hosting::Hosting;
use crate::ids::{FleetName, JobId, RunnerId, ServiceName, TaskDefinition, TaskId};
use crate::job::TOMBSTONE;
use crate::time::{Timestamp, earliest};
use serde::{Deserialize, Serialize};

/// With this the start script ends if it was stopped in a job and had to cancel it.
const STOPPED_IN_A_JOB: i64 = 16;

/// GitHub's word for how such a job ended.
const CANCELLED: &str = "cancelled";

/// What a task is doing, as far as the ledger knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It runs, and has no registration that its listener could use.
    Booting,
    /// It may take a job.
    Idle,
    /// It has a job.
    Busy,
    /// Its job is over.
    Finishing,
    /// It was told to leave.
    Leaving,
    /// AWS is about to take it away (Spot).
    Interrupted,
    /// It must not register any more, and may be stopped.
    Condemned,
    /// It has ended.
    Gone,
}

impl TaskState {
    /// Whether the task has registered, and lives: it may have a job, or have had one.
    #[must_use]
    pub const fn is_registered(self) -> bool {
        !matches!(self, Self::Booting | Self::Condemned | Self::Gone)
    }
}

/// Why a task was told to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// More runners are idle than wanted.
    Surplus,
    /// A newer revision of the task definition has replaced its own.
    Replaced,
    /// Jobs wait although it is idle: its listener may hang.
    Hung,
    /// GitHub does not know it any more, so that no job can reach it.
    Ghost,
}

/// What a task that reported `done` was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoneAnswer {
    /// Exit; where the fleet is a service, ECS starts another task in its place.
    Go,
    /// Its place is being taken out of the desired count: ECS stops this very task.
    Released,
}

/// How a task ended, from ECS's task state change event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stop {
    /// When.
    pub at: Timestamp,
    /// ECS's `stopCode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// ECS's `stoppedReason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exit code of the runner's container; 0 means that GitHub has removed the runner already, or never had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
}

/// A registration that was made for a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Minted {
    /// Under which attempt, and so under which name.
    pub attempt: u8,
    /// GitHub's id. A registration token has none; and it is not known if the acknowledgement did not come to the process that had minted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_id: Option<RunnerId>,
    /// When it was made; or else, when it was acknowledged.
    pub at: Timestamp,
}

/// A task in the ledger of its fleet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskRecord {
    /// The task.
    pub task_id: TaskId,
    /// Its fleet.
    pub fleet: FleetName,
    /// When the ledger first heard of it.
    pub first_seen_at: Timestamp,
    /// Its task definition, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinition>,
    /// Its service, in launch mode `service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// SHA-256 of the nonce that its start script made, in hexadecimal; the nonce itself is kept nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_sha256: Option<String>,
    /// The newest attempt to mint for it; 0 before the first.
    #[serde(default)]
    pub attempt: u8,
    /// The attempts up to this one are known to have left no runner at GitHub.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cleared: u8,
    /// Until when a mint may be under way, as long as nobody has told of its end, which is written with the acknowledgement; nobody else mints for this task
    /// before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minting_until: Option<Timestamp>,
    /// The newest registration, once its end was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minted: Option<Minted>,
    /// Until when ECS has granted scale-in protection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected_until: Option<Timestamp>,
    /// When the start script acknowledged its registration: from then on the listener may run, and nothing is minted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
    /// When it was condemned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condemned_at: Option<Timestamp>,
    /// The job that it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// When that job ended, by GitHub's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_ended_at: Option<Timestamp>,
    /// When it was told to leave, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<(Timestamp, LeaveReason)>,
    /// When AWS warned that it takes the task away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted_at: Option<Timestamp>,
    /// When it reported that it is ready to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// Whether it reported a job that is over, rather than that it has left, or ended by itself without having been told to leave.
    #[serde(default)]
    pub done_with_job: bool,
    /// What it was told then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_answer: Option<DoneAnswer>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Whether the loss of its job was reported.
    #[serde(default)]
    pub lost_reported: bool,
    /// What Fargate gives it, as far as ECS has told.
    #[serde(default, skip_serializing_if = "Hosting::is_unknown")]
    pub hosting: Hosting,
    /// How many tasks ECS's answer to the RunTask that launched it has named, itself among them; 0 as long as no such answer has named it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub launched_with: u32,
    /// The token of that RunTask, by which the fleet's record forgets the launch with the next look. An older version did not write it, and had it forgotten at
    /// once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<String>,
}

/// Whether a count need not be written down.
pub(crate) fn is_zero<N: PartialEq + From<u8>>(number: &N) -> bool {
    *number == N::from(0)
}

impl TaskRecord {
    /// A task of which nothing is known but that it exists.
    #[must_use]
    pub const fn new(fleet: FleetName, task_id: TaskId, now: Timestamp) -> Self {
        Self {
            task_id,
            fleet,
            first_seen_at: now,
            task_definition: None,
            service: None,
            nonce_sha256: None,
            attempt: 0,
            cleared: 0,
            minting_until: None,
            minted: None,
            protected_until: None,
            registered_at: None,
            condemned_at: None,
            job_id: None,
            job_ended_at: None,
            leaving: None,
            interrupted_at: None,
            done_at: None,
            done_with_job: false,
            done_answer: None,
            stop: None,
            lost_reported: false,
            hosting: Hosting::UNKNOWN,
            launched_with: 0,
            launch: None,
        }
    }

    /// What the task is doing.
    #[must_use]
    pub const fn state(&self) -> TaskState {
        if self.stop.is_some() {
            TaskState::Gone
        } else if self.done_at.is_some() || self.job_ended_at.is_some() {
            TaskState::Finishing
        } else if self.interrupted_at.is_some() {
            TaskState::Interrupted
        } else if self.job_id.is_some() {
            TaskState::Busy
        } else if self.leaving.is_some() {
            TaskState::Leaving
        } else if self.registered_at.is_some() {
            TaskState::Idle
        } else if self.condemned_at.is_some() {
            TaskState::Condemned
        } else {
            TaskState::Booting
        }
    }

    /// Whether it ended without ever having been able to take a job.
    #[must_use]
    pub const fn never_registered(&self) -> bool {
        self.registered_at.is_none() && self.job_id.is_none()
    }

    /// Whether it had a job of which no delivery has told yet: some job that counts as queued is over.
    #[must_use]
    pub const fn has_unnamed_job(&self) -> bool {
        self.done_with_job && self.job_id.is_none()
    }

    /// The job that went down with it: the task ended otherwise than by itself, before GitHub said that its job had ended.
    #[must_use]
    pub fn lost_job(&self) -> Option<JobId> {
        let stop = self.stop.as_ref()?;
        let in_time = self.job_ended_at.is_some_and(|ended| ended <= stop.at);
        self.job_id.filter(|_| stop.exit_code != Some(0) && !in_time)
    }

    /// The job that AWS, or a runner that died, has interrupted: one that went down with it, or one that the start script had to cancel since the task was
    /// about to be taken. GitHub may have told of the latter's end before the task's; `conclusion` is what it said, if anything.
    #[must_use]
    pub fn interrupted_job(&self, conclusion: impl Fn(JobId) -> Option<Box<str>>) -> Option<JobId> {
        let stopped_in_it = self.stop.as_ref().is_some_and(|stop| stop.exit_code == Some(STOPPED_IN_A_JOB));
        let cancelled = self.job_id.filter(|job| stopped_in_it && conclusion(*job).as_deref().is_none_or(|word| word == CANCELLED));
        self.lost_job().or(cancelled)
    }

    /// Adds that it had a job, and when that ended, if it has.
    pub fn had_job(&mut self, job_id: JobId, ended_at: Option<Timestamp>) {
        self.job_id = Some(self.job_id.map_or(job_id, |known| known.min(job_id)));
        self.job_ended_at = earliest(self.job_ended_at, ended_at);
    }

    /// Adds how it ended. Of two accounts the earlier stands, whichever comes first.
    pub fn stopped(&mut self, stop: Stop) {
        self.stop = Some(match self.stop.take() {
            None => stop,
            Some(known) => known.min(stop),
        });
    }

    /// Adds that AWS warned of its end.
    pub fn interrupted(&mut self, at: Timestamp) {
        self.interrupted_at = earliest(self.interrupted_at, Some(at));
    }

    /// When the record may be forgotten; `None` while the task lives.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.stop.as_ref().map(|stop| stop.at + TOMBSTONE)
    }
}
