//! A runner's registration.

use crate::Millis;
use crate::ids::{JobId, RunnerId, SessionId};
use crate::scope::Scope;

/// Whether GitHub thinks that a listener is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// No listener.
    Offline,
    /// A listener.
    Online,
}

impl Presence {
    /// As the wire says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Online => "online",
        }
    }
}

/// A label of a runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// As it was sent.
    pub name: String,
    /// Whether it is one of those that GitHub knows by itself.
    pub read_only: bool,
}

/// A registration.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them may go with any other")]
#[derive(Clone, Debug)]
pub struct Runner {
    /// Its number.
    pub id: RunnerId,
    /// Its name.
    pub name: String,
    /// What it holds.
    pub labels: Vec<Label>,
    /// Where it belongs.
    pub scope: Scope,
    /// Its group; 1 for a repository's runner.
    pub group_id: u64,
    /// Whether it is gone after one job.
    pub ephemeral: bool,
    /// Whether a listener is there.
    pub presence: Presence,
    /// The job that it has in truth, whatever GitHub shows.
    pub job: Option<JobId>,
    /// When it was registered.
    pub created_at: Millis,
    /// When a listener first came.
    pub connected_at: Option<Millis>,
    /// The version that its listener told.
    pub version: Option<String>,
    /// Whether its listener never takes a job.
    pub hung: bool,
    /// Deleted in the middle of its job: nobody sees it any more, but its job goes on.
    pub(crate) deleted: bool,
    pub(crate) jit: bool,
    pub(crate) client_id: String,
    pub(crate) offline_since: Option<Millis>,
    pub(crate) session: Option<SessionId>,
    pub(crate) phase: Phase,
    pub(crate) lower_labels: Vec<String>,
}

/// What a runner does in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    /// A job is on its way to the listener.
    Assigned(JobId),
    /// The job runs, since then.
    Running(JobId, Millis),
    /// The job is over, GitHub has not cleared up yet.
    Ending,
    /// The listener died in the job.
    Lost(JobId),
}

impl Runner {
    /// What GitHub shows as `busy`, and what a DELETE goes by. It lags behind the truth.
    #[must_use]
    pub fn busy_at(&self, now: Millis, lag_ms: Millis) -> bool {
        match self.phase {
            Phase::Idle | Phase::Assigned(_) => false,
            Phase::Running(_, since) => now >= since + lag_ms,
            Phase::Ending | Phase::Lost(_) => true,
        }
    }

    pub(crate) fn free(&self) -> bool {
        self.presence == Presence::Online && self.phase == Phase::Idle && !self.hung
    }
}
