//! What a webhook tells, before it is JSON: the state of a job at one moment.

use crate::job::{Action, Job};
use crate::world::Repository;

/// What is sent.
#[derive(Clone, Debug)]
pub enum Payload {
    /// `workflow_job`
    Job(Box<JobEvent>),
    /// `ping`
    Ping,
}

impl Payload {
    /// `X-GitHub-Event`
    #[must_use]
    pub fn event(&self) -> &'static str {
        match self {
            Self::Job(_) => "workflow_job",
            Self::Ping => "ping",
        }
    }

    /// The body's `action`.
    #[must_use]
    pub fn action(&self) -> Option<&'static str> {
        match self {
            Self::Job(event) => Some(event.action.as_str()),
            Self::Ping => None,
        }
    }
}

/// A job as it was when something happened to it.
#[derive(Clone, Debug)]
pub struct JobEvent {
    /// What happened.
    pub action: Action,
    /// The job then.
    pub job: Job,
    /// Its repository.
    pub repository: Repository,
    /// Number and login of the organisation that owns it, if one does.
    pub organization: Option<(u64, String)>,
    /// Whether the event bears a runner that has nothing to do with it.
    pub stale_runner: bool,
}
