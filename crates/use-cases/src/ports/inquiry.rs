//! What only an inquiry asks of GitHub. Every call reads, may be repeated, and tells a refusal in GitHub's words, with its status: a person reads it.

use super::{Hook, SeenRunner};
use crate::inquiry::{
    App, CredentialKind, Delivery, Failure, Installation, RateLimit, RunnerGroup, ShownJob, ShownRepository, Token, Webhook,
};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{JobId, RepositoryName};
use fargate_runners_core::time::Timestamp;

/// A page of what a runner group admits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Repositories as `owner/name`; of an enterprise's group, organisations.
    pub names: Vec<String>,
    /// Whether no page follows.
    pub last: bool,
}

/// How a fleet's credential stands, and what the fleet needs to be there.
pub trait Standing {
    /// What the credential is, without asking GitHub.
    async fn kind(&self, fleet: &Fleet) -> Result<CredentialKind, Failure>;

    /// By how many seconds GitHub's clock was ahead at its last answer; none if it has not answered yet.
    fn clock_ahead(&self, fleet: &Fleet) -> Option<i64>;

    /// The App, asked as itself.
    async fn app(&self, fleet: &Fleet) -> Result<App, Failure>;

    /// The App's installation for the fleet's scope, asked as the App itself.
    async fn installation(&self, fleet: &Fleet) -> Result<Installation, Failure>;

    /// The personal access token.
    async fn token(&self, fleet: &Fleet) -> Result<Token, Failure>;

    /// What is left of the rate limit.
    async fn rate_limit(&self, fleet: &Fleet) -> Result<RateLimit, Failure>;

    /// The first page of the scope's runners, and how many there are in all.
    async fn first_runners(&self, fleet: &Fleet) -> Result<(Vec<SeenRunner>, u64), Failure>;

    /// From when on GitHub refuses runners of this version; `None` if nothing is announced.
    async fn version_refused_from(&self, fleet: &Fleet, version: &str) -> Result<Option<Timestamp>, Failure>;

    /// The newest version of the runner program.
    async fn newest_runner(&self, fleet: &Fleet) -> Result<String, Failure>;

    /// The fleet's runner group.
    async fn runner_group(&self, fleet: &Fleet) -> Result<RunnerGroup, Failure>;

    /// A page of what the fleet's runner group admits, where that is selected. Pages count from 1.
    async fn group_members(&self, fleet: &Fleet, page: u32) -> Result<Members, Failure>;
}

/// Single jobs and repositories, as GitHub shows them.
pub trait Shown {
    /// The job.
    async fn shown_job(&self, fleet: &Fleet, repository: &RepositoryName, job: JobId) -> Result<ShownJob, Failure>;

    /// The repository.
    async fn shown_repository(&self, fleet: &Fleet, repository: &RepositoryName) -> Result<ShownRepository, Failure>;
}

/// An attempt in a delivery log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// What the log's page says of it; without its answer.
    pub delivery: Delivery,
    /// GitHub's id of the repository that it is about.
    pub repository_id: Option<u64>,
}

/// A page of a delivery log, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The attempts.
    pub entries: Vec<LogEntry>,
    /// How the next, older page is asked for; `None` when there is none.
    pub next: Option<String>,
}

/// One attempt that was looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookedInto {
    /// The job that it is about.
    pub job: Option<JobId>,
    /// The start of the answer's body.
    pub answer: String,
}

/// Webhooks and their logs, to be read by a person.
pub trait DeliveryLog {
    /// The webhook of the fleet's App, or those of the fleet's scope beside a token; also those that lead elsewhere. Their deliveries are not read.
    async fn webhooks(&self, fleet: &Fleet) -> Result<Vec<Webhook>, Failure>;

    /// The newest page of a log, or the one that `cursor` names.
    async fn log_page(&self, hook: &Hook, cursor: Option<&str>) -> Result<LogPage, Failure>;

    /// One attempt with its answer.
    async fn look_into(&self, hook: &Hook, delivery: u64) -> Result<LookedInto, Failure>;
}
