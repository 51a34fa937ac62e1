//! How a cause is told: one sentence, and what to do about it.

use super::cause::Cause;
use crate::obstacle::Obstacle;
use crate::pages::{readme, runbook};
use crate::words::{count, duration};
use fargate_runners_core::mint_pace::MINTS_PER_MINUTE;
use fargate_runners_core::plan::HUNG_AFTER;

/// What a function complains of, as a sentence more.
fn complains(function: &str, said: Option<&String>) -> String {
    said.map(|said| format!(" `{function}` says: {said}.")).unwrap_or_default()
}

impl Cause {
    /// Whether the job waits at all.
    pub const fn is_waiting(&self) -> bool {
        !matches!(self, Self::Over { .. } | Self::OverAtGithub { .. } | Self::Runs { .. } | Self::RunnerLost { .. })
    }

    /// In one sentence.
    #[expect(clippy::too_many_lines, reason = "one sentence for each cause, side by side")]
    pub fn sentence(&self) -> String {
        match self {
            Self::Over { conclusion } => format!("It does not wait: it is over ({}).", conclusion.as_deref().unwrap_or("how is not known")),
            Self::OverAtGithub { conclusion } => {
                format!(
                    "It does not wait: at GitHub it is over ({}); the delivery that says so is missing.",
                    conclusion.as_deref().unwrap_or("how is not known")
                )
            }
            Self::Runs { runner } => format!("It does not wait: {} has it.", runner.as_deref().unwrap_or("a runner")),
            Self::RunnerLost { reason } => format!("It does not wait: its runner went down with it. {reason}"),
            Self::Gate => {
                "It waits for a person or another run: an environment's protection rule, or its workflow's concurrency.".to_owned()
            }
            Self::NoScope { repository } => format!("It waits for nobody: no fleet's scope reaches {repository}."),
            Self::NotVisible { repository, .. } => {
                format!(
                    "GitHub shows no such job of {repository} to the fleets' credential: the id is another one, or the App is not installed on the repository."
                )
            }
            Self::CannotAsk { said } => format!("The ledger does not have it, and GitHub could not be asked: {said}"),
            Self::NoFleet { labels, nearest: Some(nearest), lacks } => {
                format!("It waits for a label: no fleet has all of {labels}; the nearest is {nearest}, which lacks {}.", lacks.join(", "))
            }
            Self::NoFleet { labels, nearest: None, .. } => format!("It waits for a label: no fleet has all of {labels}."),
            Self::FleetUnreadable { unreadable, certain } => {
                let each: Vec<String> = unreadable.iter().map(|(parameter, why)| format!("{parameter} ({why})")).collect();
                let (may, other) = if *certain { ("waits", "") } else { ("may wait", "; no other fleet fits it") };
                format!("It {may} for a fleet whose description cannot be read: {}{other}.", each.join(", "))
            }
            Self::PublicRefused { fleet } => {
                format!("It is refused: its repository is public, and fleet {fleet} takes no jobs of public repositories.")
            }
            Self::NoDelivery { searched_all: true } => "It waits for its webhook: GitHub's log has no delivery about it.".to_owned(),
            Self::NoDelivery { searched_all: false } => {
                "It waits for its webhook: no delivery about it was found, though not all of GitHub's log could be searched.".to_owned()
            }
            Self::DeliveryFailed { status: 0, said } => format!("It waits for its webhook: GitHub's delivery got no answer ({said})."),
            Self::DeliveryFailed { status, said } => {
                format!("It waits for its webhook: GitHub's delivery was answered with {status}: {said}")
            }
            Self::Dropped { fleet, said, at, .. } => {
                format!(
                    "It waits for a delivery: of the one that told of it ({at}) the webhook made nothing and answered {said:?}; since then fleet {fleet} has come to fit, and GitHub does not tell of it again."
                )
            }
            Self::Published { minutes, said } => {
                format!(
                    "It waits for `scale`: its delivery was taken {minutes} min ago, and the ledger does not have it yet.{}",
                    complains("scale", said.as_ref())
                )
            }
            Self::FleetGone { fleet } => format!(
                "It waits for a fleet: fleet {fleet} is gone, or no longer has its labels; `sweep` offers it to another within minutes."
            ),
            Self::Drained { fleet } => format!("It waits because fleet {fleet} is drained."),
            Self::RunnerGroup { fleet, group, admission } => format!(
                "It waits for its runner group: GitHub gives it to no runner of fleet {fleet}, since of the group {group:?} {admission}."
            ),
            Self::Workflows { fleet, group, certain: true, .. } => {
                format!(
                    "It waits for its runner group: the group {group:?} of fleet {fleet} admits selected workflows only, and none is selected."
                )
            }
            Self::Workflows { fleet, group, workflows, certain: false } => {
                format!(
                    "It may wait for its runner group: the group {group:?} of fleet {fleet} admits only the workflows {}, and GitHub does not say whether the job is of one of them.",
                    workflows.join(", ")
                )
            }
            Self::HandOver { fleet, idle, since, suspicious: false } => {
                format!("It waits for GitHub: {} of fleet {fleet} listens (for {since}) and will be given it.", count(*idle, "idle runner"))
            }
            Self::HandOver { fleet, idle, since, suspicious: true } => format!(
                "It waits for GitHub: {} of fleet {fleet} listens, and for {since} GitHub has not handed it over.",
                count(*idle, "idle runner")
            ),
            Self::Maximum { fleet, maximum, ahead } => format!(
                "It waits for a place: fleet {fleet} has its maximum of {}, and {} before it.",
                count(*maximum, "task"),
                count(*ahead, "job")
            ),
            Self::VcpuQuota { fleet, said } => {
                format!("It waits for the account's vCPU quota: ECS can start no further task of fleet {fleet}. {said}")
            }
            Self::Refused { fleet, said } => format!("It waits for ECS: it starts no task of fleet {fleet}. {said}"),
            Self::Image { fleet, said } => format!("It waits for the image: tasks of fleet {fleet} cannot pull it. {said}"),
            Self::Boots { fleet, said } => {
                format!("It waits for a task that registers: those of fleet {fleet} end before that. {}", said.join(" | "))
            }
            Self::MintRefused { fleet, said, .. } => {
                format!("It waits for GitHub: it refuses to register runners of fleet {fleet}. {said}")
            }
            Self::Protection { fleet, said } => {
                format!(
                    "It waits for scale-in protection: ECS does not grant it to tasks of fleet {fleet}, and none registers before. {said}"
                )
            }
            Self::NotLetIn { fleet, waiting, said } => format!(
                "It waits for `register`: {} of fleet {fleet} run and have no registration.{}",
                count(*waiting, "task"),
                complains("register", said.as_ref())
            ),
            Self::MintPace { fleet, waiting, until } => {
                let until = until.as_ref().map(|until| format!("; GitHub wants none before {until}")).unwrap_or_default();
                format!(
                    "It waits for the pace of registrations: {} of fleet {fleet} run and wait for theirs ({MINTS_PER_MINUTE} a minute for one credential{until}).",
                    count(*waiting, "task")
                )
            }
            Self::RateLimit { fleet, credential, waiting, until } => format!(
                "It waits for GitHub's rate limit: the calls of credential {credential} are used up until {until}, and {} of fleet {fleet} run without a registration.",
                count(*waiting, "task")
            ),
            Self::Starting { fleet, task, doing, since, .. } => {
                let since = since.as_ref().map(|since| format!(", since {since}")).unwrap_or_default();
                format!("It waits for a task of fleet {fleet} to start: {task}; {doing}{since}.")
            }
            Self::Asked { fleet } => format!("It waits for ECS to start a task of fleet {fleet}; it has been asked."),
            Self::Look { fleet, since, late: false, .. } => {
                format!("It waits for the next look at fleet {fleet}; it was seen {since} ago.")
            }
            Self::Look { fleet, since, late: true, said } => {
                format!("It waits for `scale`, which has not seen to it for {since} (fleet {fleet}).{}", complains("scale", said.as_ref()))
            }
            Self::Nowhere => "Nobody knows of it.".to_owned(),
        }
    }

    /// What to do.
    pub fn remedy(&self) -> Option<String> {
        let text = match self {
            Self::Over { .. } | Self::Runs { .. } | Self::Starting { slow: false, .. } | Self::Asked { .. } | Self::Nowhere
            | Self::HandOver { suspicious: false, .. } | Self::Look { late: false, .. } => return None,
            Self::OverAtGithub { .. } => "Nothing: `sweep` asks GitHub and closes it. `fargate-runners doctor` shows failed deliveries.".to_owned(),
            Self::RunnerLost { .. } => "Re-run the job; with the parameter RetryInterruptedJobs on, `sweep` does. `fargate-runners logs JOB` has the task's last words.".to_owned(),
            Self::Gate => "Approve the deployment in the run's page, or wait for the run that holds the concurrency group.".to_owned(),
            Self::NoScope { .. } => concat!("Deploy a fleet with a scope that holds the repository (org/NAME or repo/OWNER/NAME): ", readme!("fleets")).to_owned(),
            Self::NoFleet { nearest: Some(nearest), lacks, .. } => format!("Correct `runs-on` (a typing error?), or add {} to the parameter Labels of fleet {nearest} or of a new fleet.", lacks.join(",")),
            Self::NoFleet { .. } => "Correct `runs-on`, or deploy a fleet with these labels.".to_owned(),
            Self::FleetUnreadable { unreadable, certain } => {
                let parameters: Vec<&str> = unreadable.keys().map(String::as_str).collect();
                let then = if *certain { "; the job is in the ledger and goes on by itself." } else { "; `sweep` has GitHub repeat what `webhook` has not taken meanwhile, Redeliver is quicker. If the job's labels are of none of them, correct `runs-on`." };
                format!("Deploy that fleet's stack again, which writes {}{then}", parameters.join(", "))
            }
            Self::PublicRefused { fleet } => format!("Only if its runner group keeps strangers' code out: deploy fleet {fleet} with AllowPublicRepositories=true. {}", readme!("public-repositories")),
            Self::NoDelivery { .. } => "Check that the App (or webhook) subscribes to \"Workflow jobs\" and is installed on the repository; `fargate-runners doctor` looks at both, `fargate-runners setup` points the webhook here. Then re-run the job.".to_owned(),
            Self::DeliveryFailed { status: 401, .. } => "The webhook's secret at GitHub is none of those under webhook-secrets in SSM: `fargate-runners setup` has GitHub sign with the stored one (for a token's webhook: `fargate-runners setup --token`). Then press Redeliver, or wait for `sweep`.".to_owned(),
            Self::Dropped { webhook, delivery, .. } => format!("Press Redeliver on the delivery {delivery}, under Recent deliveries of {}; or re-run the job. A fleet counts for the webhook half a minute after it was deployed.", page_of(webhook)),
            Self::DeliveryFailed { .. } => "`sweep` has GitHub repeat it within minutes; or press Redeliver. If it fails again, `fargate-runners doctor` has the webhook's address and what `webhook` complains of; a wrong address `fargate-runners setup` mends.".to_owned(),
            Self::FleetGone { .. } => "If no other fleet has its labels: deploy one, or re-run the job with others.".to_owned(),
            Self::Drained { fleet } => format!("`fargate-runners resume {fleet}`"),
            Self::RunnerGroup { group, .. } => format!("Organisation settings, Actions, Runner groups, {group}: admit the repository; or give the fleet another RunnerGroupId."),
            Self::Workflows { group, certain: true, .. } => format!("Organisation settings, Actions, Runner groups, {group}, Workflow access: add its workflow."),
            Self::Workflows { fleet, group, .. } => format!("Organisation settings, Actions, Runner groups, {group}, Workflow access: add its workflow if it is not there. If it is, a listener may hang: after {} some are told to leave, each minute (`fargate-runners runners --fleet {fleet}`).", duration(HUNG_AFTER)),
            Self::HandOver { fleet, .. } => format!(
                "Its listener may hang: after {} some are told to leave, each minute. `fargate-runners runners --fleet {fleet}`; the group may also not admit the repository (`fargate-runners doctor`).",
                duration(HUNG_AFTER)
            ),
            Self::Maximum { fleet, .. } => format!("Wait, or deploy fleet {fleet} with a higher Maximum (and check the vCPU quota: `fargate-runners doctor`)."),
            Self::VcpuQuota { fleet, said } | Self::Refused { fleet, said } | Self::Image { fleet, said } => Obstacle::of(said).remedy(fleet),
            Self::Boots { fleet, said } => Obstacle::of(said.first().map(String::as_str).unwrap_or_default()).remedy(fleet),
            Self::Protection { .. } => format!("The role of `register` needs ecs:UpdateTaskProtection; no policy of the organisation (SCP) may deny it; and nobody but `scale` may deploy the service or change its count. {}", runbook!("tasks-missing.md")),
            Self::NotLetIn { fleet, .. } => format!("`fargate-runners doctor` looks at `register`, its credential and its errors; `fargate-runners logs TASK` has what the task was answered (`fargate-runners runners --fleet {fleet}` lists them)."),
            Self::NotVisible { needed, .. } => format!(
                "Check the id; else install the App on the repository (its installation's page, Repository access; `fargate-runners setup` leads there){}.",
                needed.as_ref().map(|needed| format!(", with {needed}")).unwrap_or_default()
            ),
            Self::CannotAsk { .. } => "`fargate-runners doctor` says what is between this stack and GitHub; https://www.githubstatus.com has GitHub's own troubles.".to_owned(),
            Self::MintRefused { needed: Some(needed), .. } => format!("Give the credential: {needed}. `fargate-runners setup` says what else it lacks, and `fargate-runners doctor` checks all of it."),
            Self::MintRefused { .. } => "`fargate-runners doctor` says what the credential lacks, and `fargate-runners setup` mends it (a token: `fargate-runners setup --token`).".to_owned(),
            Self::Starting { fleet, task, .. } => format!("Look at the task: `fargate-runners logs {task}` has its words once its container runs. A large image takes long to be pulled: a smaller one (parameter Image), or a copy in ECR in the same region. `fargate-runners doctor` says what else keeps tasks of fleet {fleet} from starting."),
            Self::RateLimit { .. } => concat!("Wait for that time. `fargate-runners doctor` has how many calls are left. If it comes again, something else uses up the credential: give the fleet an App of its own (parameter Credential). ", runbook!("rate-limit-low.md")).to_owned(),
            Self::MintPace { .. } => "Wait: GitHub admits some 170 a minute. Fleets with another App (parameter Credential) have a pace of their own.".to_owned(),
            Self::Published { .. } | Self::Look { .. } => "`fargate-runners doctor` looks for what stops `scale` (its queue's trigger, its concurrency, its errors) and for dead letters; `fargate-runners redrive` replays those.".to_owned(),
        };
        Some(text)
    }
}

/// Where GitHub keeps the log of a webhook, by the name that `sweep` gives it.
fn page_of(webhook: &str) -> String {
    match webhook.split_once("/hooks/") {
        Some((scope, id)) => format!("the webhook {id} of {scope} (Settings, Webhooks)"),
        None => "the App (its settings, Advanced)".to_owned(),
    }
}
