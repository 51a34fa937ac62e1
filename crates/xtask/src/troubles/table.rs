//! The troubles, each with who must name it, by what, and with which remedy. `docs/troubles.md` has the same table, and a test holds the two together.

use std::pin::Pin;

use crate::problem::Outcome;
use crate::stack::{PRIVATE_REPOSITORY, PUBLIC_REPOSITORY};

use super::Step;
use super::fleets::{LATE_LABEL, UNREADABLE_LABEL};
use super::scene::Scene;
use super::{aws, fleets, github};

/// Puts a trouble in, or takes it out.
type Act = for<'s> fn(&'s Scene<'s>, Step) -> Pin<Box<dyn Future<Output = Outcome> + 's>>;

/// Who names it.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// A line of `doctor`: what was looked at, a piece of what it says, and a piece of the remedy.
    Doctor(&'static str, &'static str, &'static str),
    /// `why`, by its word for what the job waits for, and a piece of the remedy.
    Why(&'static str, &'static str),
}

/// What becomes of the job once the trouble is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It runs, without anybody's doing.
    Runs,
    /// It would wait for ever, and is cancelled.
    IsCancelled,
    /// It runs while the trouble is still in, once somebody has pressed "Redeliver".
    IsRedelivered,
}

/// The job that `why` is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// Where it belongs.
    pub repository: &'static str,
    /// What it asks of a runner.
    pub labels: &'static [&'static str],
    /// Whether it belongs to an environment that somebody must approve.
    pub gated: bool,
    /// What becomes of it.
    pub after: After,
}

/// A trouble.
#[derive(Clone, Copy)]
pub struct Trouble {
    /// What it is called here.
    pub name: &'static str,
    /// What is wrong.
    pub what: &'static str,
    /// Who must name it: all of them.
    pub named: &'static [By],
    /// Puts it in, or takes it out.
    pub act: Act,
    /// The job that waits because of it.
    pub job: Option<Job>,
    /// What else `doctor` rightly complains of meanwhile.
    pub follows: &'static [&'static str],
    /// Whether it stays until the next deployment, so that nothing is known of its end.
    pub lasts: bool,
    /// Whether it is put in only when the delivery of its job has been answered.
    pub late: bool,
}

impl Trouble {
    const fn new(name: &'static str, what: &'static str, named: &'static [By], act: Act) -> Self {
        Self { name, what, named, act, job: None, follows: &[], lasts: false, late: false }
    }

    const fn job(mut self, job: Job) -> Self {
        self.job = Some(job);
        self
    }

    const fn follows(mut self, checks: &'static [&'static str]) -> Self {
        self.follows = checks;
        self
    }

    const fn lasts(mut self) -> Self {
        self.lasts = true;
        self
    }

    const fn late(mut self) -> Self {
        self.late = true;
        self
    }
}

/// A job for the fleet that launches tasks.
pub const JOB: Job = Job { repository: PRIVATE_REPOSITORY, labels: &["self-hosted", "linux", "bursts"], gated: false, after: After::Runs };

/// A job for the fleet that is a service.
const SERVICE_JOB: Job = Job { labels: &["self-hosted", "linux", "x64"], ..JOB };

/// The same, of which nobody ever hears.
const LOST_JOB: Job = Job { after: After::IsCancelled, ..JOB };

/// Nothing fits its last label.
const MISTYPED_JOB: Job = Job { labels: &["self-hosted", "linux", "x46"], ..LOST_JOB };

/// Its fleet is the one that cannot be read.
const UNREADABLE_JOB: Job = Job { labels: &["self-hosted", UNREADABLE_LABEL], ..LOST_JOB };

/// Its fleet gets its last label only when the webhook has dropped it.
const EARLY_JOB: Job = Job { labels: &["self-hosted", "linux", "bursts", LATE_LABEL], after: After::IsRedelivered, ..JOB };

/// Somebody must approve it first.
const GATED_JOB: Job = Job { gated: true, ..LOST_JOB };

/// The fleets do not serve its repository.
const PUBLIC_JOB: Job = Job { repository: PUBLIC_REPOSITORY, ..LOST_JOB };

macro_rules! act {
    ($module:ident :: $name:ident) => {
        |scene, step| Box::pin($module::$name(scene, step))
    };
}

use By::{Doctor, Why};

/// All of them, in the order in which they are put in. The last one lasts.
pub const TROUBLES: &[Trouble] = &[
    Trouble::new(
        "permission-missing",
        "The App does not ask for a permission that runners need",
        &[Doctor("permissions", "the App lacks the permission organization_self_hosted_runners", "`fargate-runners setup`")],
        act!(github::permission_missing),
    ),
    Trouble::new(
        "permission-not-accepted",
        "The App asks for a permission, and no owner has accepted it",
        &[Doctor("permissions", "not accepted yet", "An owner accepts it")],
        act!(github::permission_not_accepted),
    ),
    Trouble::new(
        "event-not-subscribed",
        "The App does not subscribe to the event of jobs, so that nobody hears of them",
        &[Doctor("events", "does not subscribe to workflow_job", "Workflow job"), Why("no_delivery", "subscribes to")],
        act!(github::event_not_subscribed),
    )
    .job(LOST_JOB),
    Trouble::new(
        "webhook-secret-wrong",
        "GitHub signs with a secret that the stack does not know",
        &[Why("delivery_failed", "`fargate-runners setup`"), Doctor("webhook secret", "failed", "`fargate-runners setup`")],
        act!(github::webhook_secret_wrong),
    )
    .job(JOB),
    Trouble::new(
        "webhook-elsewhere",
        "The App's webhook leads somewhere else",
        &[Doctor("webhook", "leads elsewhere", "`fargate-runners setup`")],
        act!(github::webhook_elsewhere),
    ),
    Trouble::new(
        "webhook-unreachable",
        "GitHub's deliveries get no answer",
        &[Why("delivery_failed", "`sweep` has GitHub repeat"), Doctor("deliveries", "failed", "`sweep` has GitHub repeat")],
        act!(github::webhook_unreachable),
    )
    .job(JOB),
    Trouble::new(
        "bus-denied",
        "The webhook takes deliveries and cannot publish them",
        &[Why("delivery_failed", "`sweep` has GitHub repeat"), Doctor("deliveries", "failed", "`sweep` has GitHub repeat")],
        act!(aws::bus_denied),
    )
    .job(JOB),
    Trouble::new(
        "webhook-of-one-scope-missing",
        "One scope has no webhook, while another one's is good",
        &[Doctor("webhook", "repo/other-org/app: no webhook is set up", "`fargate-runners setup --token --credential second`")],
        act!(github::second_scope_unheard),
    )
    .follows(&["triggers", "vCPU quota"]),
    Trouble::new(
        "delivery-dropped",
        "The webhook dropped the job's delivery, because the fleet with its labels came only later",
        &[Why("dropped", "Press Redeliver")],
        act!(fleets::labelled_late),
    )
    .job(EARLY_JOB)
    .late(),
    Trouble::new(
        "quota-too-small",
        "The account's quota of vCPUs is smaller than what the fleets' maxima need",
        &[Doctor("vCPU quota", "the fleets' maxima need", "Service Quotas")],
        act!(aws::quota_small),
    ),
    Trouble::new(
        "quota-used-up",
        "The account's vCPUs are used up",
        &[Why("vcpu_quota", "Service Quotas"), Doctor("vCPU quota", "ECS starts no further task", "Service Quotas")],
        act!(aws::quota_used_up),
    )
    .job(SERVICE_JOB),
    Trouble::new(
        "image-missing",
        "The image cannot be pulled",
        &[Why("image", "parameter Image"), Doctor("image", "CannotPullContainerError", "parameter Image")],
        act!(aws::image_missing),
    )
    .job(JOB),
    Trouble::new("label-typo", "The job asks for a label that no fleet has", &[Why("no_fleet", "typing error")], act!(fleets::nothing))
        .job(MISTYPED_JOB),
    Trouble::new(
        "group-not-admitting",
        "The runner group does not admit the job's repository",
        &[Why("runner_group", "Runner groups")],
        act!(github::group_not_admitting),
    )
    .job(JOB)
    .follows(&["runner group"]),
    Trouble::new(
        "group-admits-public",
        "The runner group admits public repositories, whose pull requests anybody may open",
        &[Doctor("runner group", "admits public repositories", "Allow public repositories")],
        act!(github::group_admits_public),
    ),
    Trouble::new(
        "group-missing",
        "A fleet names a runner group that GitHub does not have",
        &[Doctor("runner group", "no such group", "RunnerGroupId")],
        act!(fleets::group_missing),
    )
    .follows(&["triggers", "vCPU quota"]),
    Trouble::new("maximum-reached", "The fleet has as many tasks as it may have", &[Why("maximum", "Maximum")], act!(fleets::full))
        .job(JOB),
    Trouble::new("mint-pace", "GitHub wants no more registrations for a while", &[Why("mint_pace", "Wait")], act!(fleets::mint_pause))
        .job(JOB),
    Trouble::new(
        "clock-skewed",
        "GitHub's clock and the functions' differ",
        &[Doctor("clock", "ahead of", "clock")],
        act!(github::clock_skewed),
    )
    .follows(&["credential", "installation", "permissions", "deliveries", "webhook", "runner group"]),
    Trouble::new(
        "dead-letter",
        "A message stands in a dead-letter queue",
        &[Doctor("dead letters", "wake-up-dead", "fargate-runners redrive")],
        act!(aws::dead_letter),
    ),
    Trouble::new(
        "public-refused",
        "The job's repository is public, and the fleet takes none of those",
        &[Why("public_refused", "AllowPublicRepositories")],
        act!(fleets::nothing),
    )
    .job(PUBLIC_JOB),
    Trouble::new(
        "approval-missing",
        "The job waits for somebody to approve its deployment",
        &[Why("gate", "Approve the deployment")],
        act!(fleets::nothing),
    )
    .job(GATED_JOB),
    Trouble::new(
        "fleet-drained",
        "A person has drained the fleet",
        &[Why("drained", "resume bursts"), Doctor("fleets", "is drained", "resume bursts")],
        act!(fleets::drained),
    )
    .job(JOB),
    Trouble::new(
        "labels-shadowed",
        "A fleet has the labels and the scope of another one, and gets no jobs",
        &[Doctor("labels", "fleet twin gets no jobs", "other labels")],
        act!(fleets::shadowed),
    )
    .follows(&["triggers", "vCPU quota"]),
    Trouble::new(
        "fleet-unreadable",
        "A fleet's description cannot be read",
        &[Doctor("fleets", "broken cannot be used", "Deploy the fleet's stack again"), Why("fleet_unreadable", "fleets/broken")],
        act!(fleets::unreadable),
    )
    .job(UNREADABLE_JOB)
    .follows(&["deliveries"]),
    Trouble::new(
        "service-left",
        "The service of a replaced revision is still there",
        &[Doctor("services", "fargate-runners-default-999", "`sweep` deletes them")],
        act!(aws::service_left),
    ),
    Trouble::new(
        "app-suspended",
        "An owner has suspended the App",
        &[Doctor("installation", "is suspended", "Unsuspend it")],
        act!(github::app_suspended),
    )
    .follows(&["credential", "permissions", "deliveries", "runner group"]),
    Trouble::new(
        "key-revoked",
        "The private key that the stack has is not one of the App's",
        &[Doctor("credential", "credential default", "`fargate-runners setup --rotate key`")],
        act!(github::key_revoked),
    )
    .follows(&["installation", "permissions", "deliveries", "webhook", "runner group"]),
    Trouble::new(
        "credential-missing",
        "The credential was never written",
        &[Doctor("credential", "credential default", "`fargate-runners setup`")],
        act!(github::credential_missing),
    )
    .follows(&["installation", "permissions", "deliveries", "webhook", "runner group"]),
    Trouble::new(
        "runner-version-old",
        "GitHub refuses the version of the runners",
        &[Doctor("runner version", "are refused by GitHub", "a newer image")],
        act!(github::runner_version_old),
    ),
    Trouble::new(
        "rate-limit-low",
        "The credential's calls are used up",
        &[Doctor("rate limit", "calls are left", "limit")],
        act!(github::rate_limit_low),
    )
    .follows(&["credential", "installation", "permissions", "deliveries", "webhook", "runner group"]),
    Trouble::new(
        "github-down",
        "The functions do not reach GitHub",
        &[Doctor("credential", "credential default", "githubstatus")],
        act!(github::github_down),
    )
    .follows(&["installation", "permissions", "deliveries", "webhook", "runner group", "rate limit", "runner version"]),
    Trouble::new("alarm", "An alarm has gone off", &[Doctor("alarms", "MintsFailed", "mints-failed.md")], act!(aws::alarm)),
    Trouble::new(
        "alarm-muted",
        "Somebody has switched an alarm's actions off",
        &[Doctor("alarms", "switched off, so that nobody is told of them: fargate-runners-OldestQueued", "enable-alarm-actions")],
        act!(aws::alarm_muted),
    ),
    Trouble::new(
        "launches-denied",
        "`scale` may not launch tasks",
        &[Why("refused", "role of `scale`"), Doctor("roles", "ECS starts no further task", "role of `scale`")],
        act!(aws::launches_denied),
    )
    .job(JOB),
    Trouble::new(
        "ledger-denied",
        "`scale` cannot write the ledger",
        &[Why("published", "fargate-runners doctor"), Doctor("errors", "scale", "log group")],
        act!(aws::ledger_denied),
    )
    .job(JOB),
    Trouble::new(
        "scale-held",
        "`scale` may not run: its reserved concurrency is 0",
        &[Why("published", "its concurrency"), Doctor("functions", "concurrency is 0", "concurrency")],
        act!(aws::scale_held),
    )
    .job(JOB),
    Trouble::new(
        "queue-unplugged",
        "The event source mapping from the fleets' queue is disabled",
        &[Doctor("triggers", "the queue of the fleets", "Triggers")],
        act!(aws::queue_unplugged),
    ),
    Trouble::new(
        "fleet-rule-off",
        "The rule that brings a fleet's events to its queue is disabled",
        &[Doctor("triggers", "events of fleet bursts", "Enable it")],
        act!(aws::fleet_rule_off),
    ),
    Trouble::new(
        "fleet-rule-astray",
        "The rule that brings a fleet's events to its queue has lost its target",
        &[Doctor("triggers", "without its target: the rule that brings events of fleet bursts", "put the target back")],
        act!(aws::fleet_rule_astray),
    ),
    Trouble::new(
        "task-rule-off",
        "The rule that tells of stopped tasks is disabled",
        &[Doctor("triggers", "of stopped tasks", "Enable it")],
        act!(aws::task_rule_off),
    ),
    Trouble::new(
        "sweep-not-scheduled",
        "The schedule of `sweep` is disabled: nothing heals",
        &[Doctor("triggers", "the schedule of `sweep`", "Scheduler")],
        act!(aws::sweep_not_scheduled),
    ),
    Trouble::new(
        "protection-denied",
        "ECS refuses scale-in protection",
        &[Why("protection", "ecs:UpdateTaskProtection"), Doctor("protection", "tasks are not registered", "ecs:UpdateTaskProtection")],
        act!(aws::protection_denied),
    )
    .job(SERVICE_JOB),
    Trouble::new(
        "function-changed",
        "A function was changed by hand, and may be of another version than the others",
        &[Doctor("versions", "deregister was changed by hand", "Deploy the version")],
        act!(aws::function_changed),
    )
    .lasts(),
];

impl Trouble {
    /// Its row in the table for people.
    pub fn row(&self) -> String {
        let named: Vec<String> = self
            .named
            .iter()
            .map(|by| match by {
                Doctor(check, ..) => format!("`doctor`: {check}"),
                Why(word, _) => format!("`why`: `{word}`"),
            })
            .collect();
        format!("| `{}` | {} | {} |", self.name, self.what, named.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::project::Project;
    use crate::stack::{FLEETS, LaunchMode};

    #[test]
    fn the_page_for_people_has_the_same_troubles() {
        let page = std::fs::read_to_string(Project::of_this_program().path("docs/troubles.md")).unwrap();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let wanted: Vec<String> = TROUBLES.iter().map(Trouble::row).collect();
        assert_eq!(rows, wanted, "`cargo xtask troubles --list` prints the table");
    }

    #[test]
    fn each_trouble_has_a_name_of_its_own_and_a_job_where_why_is_asked() {
        let names: BTreeSet<&str> = TROUBLES.iter().map(|trouble| trouble.name).collect();
        assert_eq!(names.len(), TROUBLES.len());
        for trouble in TROUBLES {
            let asks = trouble.named.iter().any(|by| matches!(by, By::Why(..)));
            assert_eq!(trouble.job.is_some(), asks, "{}", trouble.name);
        }
        let labels = |mode| FLEETS.iter().find(|fleet| fleet.mode == mode).unwrap().labels;
        assert_eq!(JOB.labels, labels(LaunchMode::Tasks));
        assert_eq!(SERVICE_JOB.labels, labels(LaunchMode::Service));
    }
}
