//! What the use cases need from the world: a few narrow traits. An adapter implements them over a service; a simulation over models on virtual
//! time. Whatever a service says by a status code is turned into meaning behind these traits, so that "already gone" is success here.

mod inquiry;
mod survey;

pub use inquiry::{DeliveryLog, LogEntry, LogPage, LookedInto, Members, Shown, Standing};
pub use survey::{
    DeadLetter, DeadLetterQueues, DeadLetterSource, DeliveryPage, Hook, HookLog, Jobs, Kept, LoggedDelivery, Memory, RunnerPage, Runners,
    SeenJob, SeenRun, SeenRunner, SeenService, SeenTask, Survey, TaskPage,
};

use fargate_runners_core::events::Event;
use fargate_runners_core::fleet::{Fleet, FleetError};
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{CredentialName, FleetName, RunnerId, ServiceName, TaskDefinition, TaskId};
use fargate_runners_core::job::JobEvent;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Key, Versioned, View, Write};
use fargate_runners_core::state::Launch;
use fargate_runners_core::time::Timestamp;
use secrecy::SecretString;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

/// What the caller may do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing happened: the service had no room for the call. Ask again in a while.
    Throttled,
    /// Nobody knows whether it happened: the answer was lost, or the service broke. Only a call that may be repeated is repeated.
    UnknownEffect,
    /// Repeating it changes nothing: something must be put right first.
    Never,
}

/// A call to the world that failed.
#[derive(Debug, thiserror::Error)]
#[error("{what} failed")]
pub struct PortError {
    /// What was tried, and on what; never a secret.
    pub what: String,
    /// What may be done about it.
    pub retry: Retry,
    /// Why.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl PortError {
    /// A failure with its cause.
    pub fn new(what: impl Into<String>, retry: Retry, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { what: what.into(), retry, source: Some(source.into()) }
    }

    /// A failure that needs no further cause.
    pub fn bare(what: impl Into<String>, retry: Retry) -> Self {
        Self { what: what.into(), retry, source: None }
    }
}

/// An error with all its causes, on one line: for a log or an answer at the border, rendered once.
#[must_use]
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries repeat their cause's text in their own.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Tells the time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The fleets as their stacks describe them.
#[derive(Debug, Default)]
pub struct FleetList {
    /// Those that could be read.
    pub fleets: Vec<Fleet>,
    /// Those that could not, by their parameter's name: they are left out, the others go on.
    pub unreadable: Vec<(String, FleetError)>,
    /// When they were read.
    pub read_at: Timestamp,
}

/// Finds the fleets. An implementation keeps what it read and reads again only when that is older than asked for.
pub trait Fleets {
    /// The fleets as they were at most `max_age` ago.
    async fn fleets(&self, max_age: Duration) -> Result<Arc<FleetList>, PortError>;
}

/// The secrets that sign webhook deliveries. Kept like the fleets.
pub trait WebhookSecrets {
    /// All that are valid, as they were at most `max_age` ago.
    async fn webhook_secrets(&self, max_age: Duration) -> Result<Arc<Vec<SecretString>>, PortError>;
}

/// Why a transaction was not written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A record was no longer in the version that was read, or another transaction was on it. Read again and decide anew.
    #[error("the ledger has changed since it was read")]
    Conflict,
    /// The ledger could not be written.
    #[error(transparent)]
    Failed(#[from] PortError),
}

/// The most records that one `commit` takes. A transaction of DynamoDB takes a hundred items, and a record that is made or that ends takes two of them, one
/// where it is to stand and one where it must not.
pub const COMMIT_MAX: usize = 50;

/// The ledger: versioned records. Reads are strongly consistent; a record whose time is over is as if it were not there. One that ends while it is read by its
/// key may be missing from what is read: whoever makes it anew for that meets a conflict.
pub trait Ledger {
    /// Lists every record that counts (`Record::is_active`) of the fleet of an empty view into that view (`View::list`): a large fleet's records are nowhere held
    /// twice, and a view that counts them holds only some.
    async fn active(&self, empty: View, now: Timestamp) -> Result<View, PortError>;

    /// Those of the records that exist, in any order, tombstones included.
    async fn read(&self, keys: &[Key], now: Timestamp) -> Result<Vec<Versioned>, PortError>;

    /// Writes all or nothing: each record only if what was found of it is there still.
    async fn commit(&self, writes: &[Write], now: Timestamp) -> Result<(), CommitError>;
}

/// What `webhook` may do in the ledger: note with a job's record how far GitHub says that the job has come.
pub trait Notes {
    /// Notes that a job is in progress or completed. `false`: none such counts, and nothing is noted. Each note counts the record's version up; a repeat changes
    /// nothing but that.
    async fn note(&self, job: &JobEvent) -> Result<bool, PortError>;
}

/// Whether a mint may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// It may.
    Taken,
    /// Ask again at this time: credential and window are free by then, or it is a turn of one's own (`mint_pace::Mints::turn`).
    NotBefore(Timestamp),
}

/// Whether others are likely to ask for a slot at about the same time: a guess that may save a call, and decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nobody else is known of.
    Alone,
    /// So many were launched together that others ask, too.
    AmongOthers,
}

/// The pace of mints of each credential: an atomic counter over windows, shared by all processes.
pub trait MintPace {
    /// Takes a slot of the window that `now` lies in (`mint_pace::mint_window`), unless it is full (`mint_pace::Mints::turn`) or the credential is held.
    async fn take_slot(&self, credential: &CredentialName, asks: Asks, now: Timestamp) -> Result<Slot, PortError>;

    /// GitHub has asked for a pause: no slot is given before `until`. A later pause is not shortened.
    async fn hold(&self, credential: &CredentialName, until: Timestamp) -> Result<(), PortError>;
}

/// What became of a desired count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// ECS has it.
    Accepted,
    /// There is no such service, or it is being deleted.
    NoSuchService,
}

/// What RunTask did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launched {
    /// Tasks that were started, by this call or an earlier one under the same token.
    pub tasks: Vec<TaskId>,
    /// Why others were not (ECS's `failures[].reason`).
    pub failures: Vec<String>,
}

/// Fargate's capacity, from the side of `scale`.
pub trait Capacity {
    /// The fleet's service is to have so many tasks.
    async fn want(&self, fleet: &Fleet, service: &ServiceName, count: u32) -> Result<Wanted, PortError>;

    /// Starts tasks; the same token starts them once.
    async fn launch(&self, fleet: &Fleet, launch: &Launch) -> Result<Launched, PortError>;

    /// Takes scale-in protection from tasks that are ready to go. A task that is gone already needs none.
    async fn unprotect(&self, fleet: &Fleet, tasks: &[TaskId]) -> Result<(), PortError>;
}

/// A task as ECS sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFacts {
    /// `lastStatus`, for example `PENDING`, `RUNNING`, `STOPPED`.
    pub last_status: String,
    /// `desiredStatus`, `RUNNING` or `STOPPED`.
    pub desired_status: String,
    /// Its task definition.
    pub task_definition: TaskDefinition,
    /// Its service, by its group.
    pub service: Option<ServiceName>,
    /// What Fargate gives it.
    pub hosting: Hosting,
}

/// Whether ECS granted protection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It did.
    Granted,
    /// It did not; why, in ECS's words (for example `DEPLOYMENT_BLOCKED`).
    Refused(String),
}

/// Single tasks, from the side of `register`.
pub trait Tasks {
    /// The task, if the fleet's cluster has it or had it lately.
    async fn describe(&self, fleet: &Fleet, task: &TaskId) -> Result<Option<TaskFacts>, PortError>;

    /// Asks for scale-in protection.
    async fn protect(&self, fleet: &Fleet, task: &TaskId, duration: Duration) -> Result<Protection, PortError>;
}

/// The stack's event bus.
pub trait Bus {
    /// Publishes all or fails; after a failure some may have been published, so that a repeat may publish them twice.
    async fn publish(&self, events: &[Event]) -> Result<(), PortError>;
}

/// The wake-up queue.
pub trait WakeUp {
    /// Brings a `Look Again` into the fleet's group after `delay` (whole seconds, 900 s at most), which says when it was `due`.
    async fn look_again(&self, fleet: &FleetName, delay: Duration, due: Timestamp) -> Result<(), PortError>;
}

/// The way of a message of the wake-up queue into its fleet's group.
pub trait FleetQueue {
    /// Sends the message; `id` keeps a repeat of the same message from counting twice.
    async fn forward(&self, fleet: &FleetName, id: &str, body: &str) -> Result<(), PortError>;
}

/// Where messages go that nobody can read.
pub trait DeadLetters {
    /// Keeps the message for a person; `id` as in `FleetQueue::forward`.
    async fn park(&self, id: &str, body: &str, reason: &str) -> Result<(), PortError>;
}

/// The queue that brings a stopped task back to `deregister`.
pub trait RetryQueue {
    /// Brings the event back after `delay` (900 s at most).
    async fn retry_later(&self, body: &str, delay: Duration) -> Result<(), PortError>;
}

/// A runner that GitHub made.
#[derive(Debug)]
pub struct JitRunner {
    /// Its id.
    pub id: RunnerId,
    /// Its configuration, with updates switched off.
    pub encoded_jit_config: SecretString,
}

/// Why GitHub did not mint.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// A runner of that name exists: perhaps made by a call whose answer was lost. Nothing was made.
    #[error("a runner of that name exists already")]
    NameTaken,
    /// A rate limit. Nothing was made.
    #[error("GitHub asks for no such call before {0}")]
    NotBefore(Timestamp),
    /// Nobody knows whether it was made.
    #[error("GitHub's answer was lost")]
    UnknownEffect(#[source] PortError),
    /// GitHub refused. Nothing was made.
    #[error("GitHub refused")]
    Refused(#[source] PortError),
}

/// What became of a runner that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// GitHub has it no more. This proves nothing about whether it had a job.
    Gone,
    /// GitHub says that it is running a job.
    Busy,
}

/// Why another call to GitHub failed.
#[derive(Debug, thiserror::Error)]
pub enum GithubError {
    /// A rate limit.
    #[error("GitHub asks for no such call before {0}")]
    NotBefore(Timestamp),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] PortError),
}

/// GitHub, with the credential and the scope of a fleet.
pub trait Github {
    /// Makes an ephemeral runner with the fleet's labels.
    async fn jit_config(&self, fleet: &Fleet, name: &RunnerName) -> Result<JitRunner, MintError>;

    /// Makes a registration token, for servers without just-in-time configurations.
    async fn registration_token(&self, fleet: &Fleet) -> Result<SecretString, MintError>;

    /// Deletes a runner; one that is not there is `Gone`.
    async fn delete(&self, fleet: &Fleet, runner: RunnerId) -> Result<Deleted, GithubError>;

    /// The runner of that name.
    async fn find(&self, fleet: &Fleet, name: &RunnerName) -> Result<Option<RunnerId>, GithubError>;
}
