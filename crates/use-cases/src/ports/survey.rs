//! What only `sweep` needs from the world: to look at everything that there is, page by page, and to mend the little that nobody else may mend.
//! Every call may be repeated; every page is bounded, so that whoever asks decides how many calls a look around costs.

use super::{CommitError, GithubError, PortError, Protection};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{JobId, RepositoryName, RunId, RunnerId, ServiceName, TaskDefinition, TaskId};
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::labels::Labels;
use fargate_runners_core::record::Version;
use fargate_runners_core::task::Stop;
use fargate_runners_core::time::Timestamp;
use std::time::Duration;

/// A runner as GitHub lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRunner {
    /// GitHub's id.
    pub id: RunnerId,
    /// Its name, whoever made it.
    pub name: String,
    /// GitHub's `status` is `online`.
    pub online: bool,
    /// GitHub's `busy`, which proves nothing when it is false.
    pub busy: bool,
    /// The version of its program, where GitHub says so.
    pub version: Option<String>,
}

/// One page of GitHub's list of runners, 100 at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunnerPage {
    /// The runners.
    pub runners: Vec<SeenRunner>,
    /// Whether no page follows.
    pub last: bool,
}

/// The runners of a scope, from the side of `sweep`.
pub trait Runners {
    /// A page of all runners of the fleet's scope, also of other stacks and other people. Pages count from 1.
    async fn runners(&self, fleet: &Fleet, page: u32) -> Result<RunnerPage, GithubError>;

    /// One runner; `None` when GitHub does not know it.
    async fn runner(&self, fleet: &Fleet, runner: RunnerId) -> Result<Option<SeenRunner>, GithubError>;

    /// From when on GitHub refuses runners of this version (the earlier of its two dates); `None` when it has announced nothing, or the server tells no such thing.
    async fn refused_from(&self, fleet: &Fleet, version: &str) -> Result<Option<Timestamp>, GithubError>;
}

/// A job as GitHub shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenJob {
    /// How far it has come.
    pub phase: JobPhase,
    /// Its run.
    pub run_id: RunId,
    /// Which attempt of the run.
    pub run_attempt: u32,
    /// The workflow's name.
    pub workflow_name: Option<String>,
    /// Its name.
    pub name: String,
    /// What it asks of a runner.
    pub labels: Labels,
    /// How it ended.
    pub conclusion: Option<String>,
    /// The runner that has or had it.
    pub runner_name: Option<String>,
    /// When it was made, started and completed, whichever belongs to `phase`.
    pub at: Option<Timestamp>,
}

/// A workflow run as GitHub shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRun {
    /// Its newest attempt.
    pub attempt: u32,
    /// Whether that has ended.
    pub ended: bool,
    /// How.
    pub conclusion: Option<String>,
}

/// Jobs and runs at GitHub, with the credential of a fleet.
pub trait Jobs {
    /// The job; `None` when GitHub does not know it.
    async fn job(&self, fleet: &Fleet, repository: &RepositoryName, job: JobId) -> Result<Option<SeenJob>, GithubError>;

    /// The run; `None` when GitHub does not know it.
    async fn run(&self, fleet: &Fleet, repository: &RepositoryName, run: RunId) -> Result<Option<SeenRun>, GithubError>;

    /// Runs the failed jobs of an ended run once more. Not to be repeated after `Retry::UnknownEffect`.
    async fn rerun_failed(&self, fleet: &Fleet, repository: &RepositoryName, run: RunId) -> Result<(), GithubError>;
}

/// A webhook whose deliveries come to this stack: an App's own, or one of an organisation, a repository or an enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// A name under which it is remembered, the same each time.
    pub key: String,
    /// A fleet by whose credential it can be read.
    pub fleet: Fleet,
    /// GitHub's id of the hook; `None` is the App's own.
    pub id: Option<u64>,
}

impl Hook {
    /// The App's own, or the one of that id in the fleet's scope.
    #[must_use]
    pub fn of(fleet: &Fleet, id: Option<u64>) -> Self {
        let key = id.map_or_else(|| format!("app/{}", fleet.credential), |id| format!("{}/hooks/{id}", fleet.scope));
        Self { key, fleet: fleet.clone(), id }
    }
}

/// A delivery in GitHub's log. One `guid` may have several, one for each attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedDelivery {
    /// Of this attempt.
    pub id: u64,
    /// Of the delivery, the same for each attempt.
    pub guid: String,
    /// When the attempt was made.
    pub at: Timestamp,
    /// Whether it was answered with a success.
    pub ok: bool,
    /// `X-GitHub-Event`.
    pub event: String,
}

/// One page of a delivery log, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<LoggedDelivery>,
    /// How the next, older page is asked for; `None` when there is none.
    pub next: Option<String>,
}

/// GitHub's log of webhook deliveries, which it keeps for 3 days and never repeats by itself.
pub trait HookLog {
    /// The hooks that deliver for these fleets, each once.
    async fn hooks(&self, fleets: &[Fleet]) -> Result<Vec<Hook>, GithubError>;

    /// The newest page of the log, or the one that `cursor` names.
    async fn deliveries(&self, hook: &Hook, cursor: Option<&str>) -> Result<DeliveryPage, GithubError>;

    /// Asks GitHub to deliver once more. GitHub answers before it has done so.
    async fn redeliver(&self, hook: &Hook, delivery: u64) -> Result<(), GithubError>;
}

/// A task as ECS shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTask {
    /// The task.
    pub id: TaskId,
    /// `lastStatus`.
    pub last_status: String,
    /// `desiredStatus`.
    pub desired_status: String,
    /// Its task definition.
    pub task_definition: TaskDefinition,
    /// Its service, by its group.
    pub service: Option<ServiceName>,
    /// `createdAt`.
    pub created_at: Option<Timestamp>,
    /// What Fargate gives it.
    pub hosting: Hosting,
    /// How it ended, once `lastStatus` is `STOPPED`; read like the event's.
    pub stop: Option<Stop>,
}

/// One page of a fleet's tasks, 100 at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<SeenTask>,
    /// How the next page is asked for; `None` when there is none.
    pub next: Option<String>,
}

/// A service as ECS shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenService {
    /// Its name.
    pub name: ServiceName,
    /// Its desired count.
    pub desired: u32,
    /// Tasks of it that run or start.
    pub tasks: u32,
    /// ECS's newest words on why it cannot place tasks, if that is its newest event (`service … was unable to place a task …`).
    pub trouble: Option<String>,
}

/// Everything that a fleet has at ECS, and the little that `sweep` may do about it.
pub trait Survey {
    /// A page of the fleet's tasks that are meant to run, whoever started them: those of the task definition's family (ListTasks, DescribeTasks).
    async fn running(&self, fleet: &Fleet, next: Option<&str>) -> Result<TaskPage, PortError>;

    /// Those of the tasks (100 at most) that the cluster has or had within the hour. What is not in the answer is known to be gone.
    async fn described(&self, fleet: &Fleet, tasks: &[TaskId]) -> Result<Vec<SeenTask>, PortError>;

    /// The services of all revisions of the fleet, by their names (ListServices, DescribeServices); deleted ones left out.
    async fn services(&self, fleet: &Fleet) -> Result<Vec<SeenService>, PortError>;

    /// Renews the protection of tasks (10 at most); what ECS does not speak of counts as refused.
    async fn renew(&self, fleet: &Fleet, tasks: &[TaskId], duration: Duration) -> Result<Vec<(TaskId, Protection)>, PortError>;

    /// Stops a condemned task; one that has ended is success.
    async fn stop(&self, fleet: &Fleet, task: &TaskId, reason: &str) -> Result<(), PortError>;

    /// Deletes an empty service; one that is gone is success. Never by force: ECS refuses while tasks are left.
    async fn delete_service(&self, fleet: &Fleet, service: &ServiceName) -> Result<(), PortError>;
}

/// The queues in which messages end that were tried too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeadLetterSource {
    /// What rules could not deliver, and what `deregister` failed on for good: EventBridge's envelope, or Lambda's record around one.
    Events,
    /// What `scale` could not take in, and what it put aside because nobody can read it.
    Fleets,
    /// Wake-ups that could not be forwarded.
    WakeUps,
    /// Deletions that could not be tried again.
    Retries,
}

impl DeadLetterSource {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Events, Self::Fleets, Self::WakeUps, Self::Retries];
}

/// A message in a dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// SQS's `messageId`.
    pub id: String,
    /// Its body.
    pub body: String,
    /// By which it is removed; good until its visibility ends.
    pub receipt: String,
    /// Whether it was put aside on purpose, because nobody can read it: it stays for a person.
    pub parked: bool,
}

/// The dead-letter queues.
pub trait DeadLetterQueues {
    /// Up to ten messages, which others do not see for some minutes.
    async fn receive(&self, from: DeadLetterSource) -> Result<Vec<DeadLetter>, PortError>;

    /// Removes a message that was received.
    async fn remove(&self, from: DeadLetterSource, letter: &DeadLetter) -> Result<(), PortError>;
}

/// Something that a healer keeps in mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose it is.
    pub healer: String,
    /// What it is about.
    pub subject: String,
    /// The text.
    pub text: String,
    /// How often it was written.
    pub version: Version,
}

/// What healers keep in mind from one sweep to the next: small JSON texts under their names and subjects, each written only if it is still in the version that
/// was read. What was never kept is in version 0.
pub trait Memory {
    /// Everything that is kept by whatever healer, but for what has had its time.
    async fn recall_all(&self, now: Timestamp) -> Result<Vec<Kept>, PortError>;

    /// Keeps it until `expires`.
    async fn keep(&self, healer: &str, subject: &str, text: &str, read: Version, expires: Timestamp) -> Result<(), CommitError>;
}
