//! The one thing that a job waits for, with what to do about it. Of several reasons the first stands that alone would keep it waiting.

use super::evidence::Evidence;
use crate::facts::FleetFacts;
use crate::words::{count, duration};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::job::{JobPhase, JobRecord};
use fargate_runners_core::labels::{Label, Labels, fleet_of};
use fargate_runners_core::plan::{BREAKER_AFTER, BREAKER_MEMORY, HUNG_AFTER};
use fargate_runners_core::record::Slot;
use fargate_runners_core::register::MINTS_PER_MINUTE;
use fargate_runners_core::task::TaskState;
use fargate_runners_use_cases::inquiry::{Admission, Delivery, Failure};
use fargate_runners_use_cases::ports::SeenTask;
use serde::Serialize;
use std::time::Duration;

/// GitHub hands a job to an idle runner within seconds; only after this is it worth a word.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(30);

/// A task asks for its registration as soon as it runs; one that has none after this waits for it.
const REGISTERS_WITHIN: Duration = Duration::from_secs(20);

/// `scale` looks at a fleet within seconds of an event; a job that it has not seen to after this is held up.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(60);

/// Why a job waits, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "waits_for", rename_all = "snake_case")]
pub enum Cause {
    /// It is over.
    Over { conclusion: Option<String> },
    /// It is over at GitHub, and word of that is missing.
    OverAtGithub { conclusion: Option<String> },
    /// A runner has it.
    Runs { runner: Option<String> },
    /// Its runner is gone.
    RunnerLost { reason: String },
    /// An environment's gate, or its workflow's concurrency.
    Gate,
    /// No fleet's scope reaches its repository.
    NoScope { repository: String },
    /// No fleet has all of its labels.
    NoFleet { labels: String, nearest: Option<String>, lacks: Vec<String> },
    /// Its repository is public.
    PublicRefused { fleet: String },
    /// No delivery tells of it.
    NoDelivery { searched_all: bool },
    /// The delivery that tells of it was not taken.
    DeliveryFailed { status: u16, said: String },
    /// Its delivery was taken, and the ledger does not have it.
    Published { minutes: u64 },
    /// Its fleet was removed or its labels were changed.
    FleetGone { fleet: String },
    /// Its fleet is drained.
    Drained { fleet: String },
    /// The runner group does not admit it.
    RunnerGroup { fleet: String, group: String, admission: String },
    /// The runner group admits certain workflows only.
    Workflows { fleet: String, group: String, workflows: Vec<String> },
    /// A runner is idle, and GitHub has not handed the job over.
    HandOver { fleet: String, idle: u32, since: String, suspicious: bool },
    /// The fleet is full.
    Maximum { fleet: String, maximum: u32, ahead: u32 },
    /// The account's vCPUs are used up.
    VcpuQuota { fleet: String, said: String },
    /// AWS has no capacity, or refuses tasks for another reason.
    Refused { fleet: String, said: String },
    /// The image cannot be pulled.
    Image { fleet: String, said: String },
    /// Tasks end before they register.
    Boots { fleet: String, said: Vec<String> },
    /// GitHub refuses to register runners.
    MintRefused { fleet: String, said: String, needed: Option<String> },
    /// Registrations are made at GitHub's pace.
    MintPace { fleet: String, waiting: u32 },
    /// A task is starting.
    Starting { fleet: String, task: String, doing: String, since: String },
    /// ECS has been asked for a task.
    Asked { fleet: String },
    /// `scale` has not looked yet.
    Look { fleet: String, since: String, late: bool },
    /// Nobody knows of it.
    Nowhere,
}

/// Decides.
pub fn of(evidence: &Evidence) -> Cause {
    if let Some(cause) = not_waiting(evidence) {
        return cause;
    }
    match evidence.records.iter().find(|job| job.home) {
        Some(job) => waiting(evidence, job),
        None => unknown(evidence),
    }
}

fn not_waiting(evidence: &Evidence) -> Option<Cause> {
    let record = evidence.record();
    if let Some(job) = evidence.records.iter().find(|job| job.phase == JobPhase::Completed) {
        return Some(Cause::Over { conclusion: job.conclusion.clone() });
    }
    if let Some(shown) = evidence.shown().filter(|shown| shown.status == "completed") {
        let conclusion = shown.conclusion.clone();
        return Some(if record.is_some() { Cause::OverAtGithub { conclusion } } else { Cause::Over { conclusion } });
    }
    if let Some(job) = evidence.records.iter().find(|job| job.runner_stopped_at.is_some()) {
        let stop = evidence.task.as_ref().and_then(|task| task.stop.as_ref());
        let reason =
            stop.and_then(|stop| stop.reason.clone().or_else(|| stop.code.clone())).unwrap_or_else(|| "ECS gave no reason".to_owned());
        return Some(Cause::RunnerLost { reason: format!("{reason} ({})", job.runner_name.as_deref().unwrap_or("its runner")) });
    }
    if let Some(job) = evidence.records.iter().find(|job| job.phase == JobPhase::InProgress) {
        return Some(Cause::Runs { runner: job.runner_name.clone() });
    }
    if let Some(shown) = evidence.shown().filter(|shown| shown.status == "in_progress") {
        return Some(Cause::Runs { runner: shown.runner_name.clone() });
    }
    let gated = record.is_some_and(|job| job.phase == JobPhase::Waiting) || evidence.shown().is_some_and(|shown| shown.status == "waiting");
    let queued_at_github = evidence.shown().is_some_and(|shown| shown.status == "queued");
    (gated && !queued_at_github).then_some(Cause::Gate)
}

/// The ledger does not have it as a job of a fleet: it did not come this far.
fn unknown(evidence: &Evidence) -> Cause {
    let Some(labels) = evidence.labels().filter(|_| evidence.shown().is_some() || evidence.record().is_some()) else {
        return Cause::Nowhere;
    };
    let Some(answer) = evidence.answer() else { return Cause::Nowhere };
    let fleets = evidence.in_scope();
    if fleets.is_empty() {
        return Cause::NoScope { repository: answer.repository.clone() };
    }
    let public = answer.shown_repository.answer().is_some_and(|repository| repository.is_public);
    let fit = |fleets: &[&Fleet]| fleet_of(&labels, fleets.iter().map(|fleet| (&fleet.name, &fleet.labels))).cloned();
    let admitting: Vec<&Fleet> = fleets.iter().copied().filter(|fleet| fleet.allow_public_repositories || !public).collect();
    if fit(&admitting).is_none() {
        return match fit(&fleets) {
            Some(fleet) => Cause::PublicRefused { fleet: fleet.to_string() },
            None => no_fleet(&labels, &fleets),
        };
    }
    let mut deliveries: Vec<&Delivery> = answer.searches.iter().flat_map(|search| &search.deliveries).collect();
    deliveries.sort_by_key(|delivery| delivery.delivered_at);
    let queued = deliveries.iter().rfind(|delivery| delivery.action.as_deref() == Some("queued")).or(deliveries.last());
    match queued {
        None => Cause::NoDelivery { searched_all: !answer.searches.is_empty() && answer.searches.iter().all(|search| search.complete) },
        Some(delivery) if delivery.ok => Cause::Published { minutes: evidence.now.since(delivery.delivered_at).as_secs() / 60 },
        Some(delivery) => {
            let said = delivery.answer.as_ref().and_then(|answer| answer.answer()).cloned();
            Cause::DeliveryFailed {
                status: delivery.status_code,
                said: said.filter(|said| !said.is_empty()).unwrap_or_else(|| delivery.status.clone()),
            }
        }
    }
}

/// The fleet that lacks the fewest labels of the job, and which.
fn no_fleet(labels: &Labels, fleets: &[&Fleet]) -> Cause {
    let lacks = |fleet: &Fleet| -> Vec<String> {
        let has: Vec<&str> = fleet.labels.iter().map(Label::as_str).collect();
        labels.iter().map(Label::as_str).filter(|label| !has.contains(label)).map(str::to_owned).collect()
    };
    let nearest = fleets
        .iter()
        .map(|fleet| (lacks(fleet), fleet.labels.len(), fleet.name.to_string()))
        .min_by_key(|(lacks, size, name)| (lacks.len(), *size, name.clone()));
    let (lacks, nearest) = nearest.map_or((Vec::new(), None), |(lacks, _, name)| (lacks, Some(name)));
    Cause::NoFleet { labels: labels.to_string(), nearest, lacks }
}

fn waiting(evidence: &Evidence, job: &JobRecord) -> Cause {
    let fleet = job.fleet.to_string();
    let Some(facts) = evidence.home() else { return Cause::FleetGone { fleet } };
    if !facts.fleet.labels.fit(&job.labels) {
        let fleets: Vec<&Fleet> = evidence.in_scope();
        return match fleet_of(&job.labels, fleets.iter().map(|fleet| (&fleet.name, &fleet.labels))) {
            Some(_) => Cause::FleetGone { fleet },
            None => no_fleet(&job.labels, &fleets),
        };
    }
    if facts.fleet.drained {
        return Cause::Drained { fleet };
    }
    not_admitted(evidence, &fleet).or_else(|| handed_over(evidence, facts, job)).unwrap_or_else(|| for_a_runner(evidence, facts, job))
}

fn not_admitted(evidence: &Evidence, fleet: &str) -> Option<Cause> {
    let candidate = evidence.answer()?.fleets.iter().find(|candidate| candidate.fleet == fleet)?;
    let group = candidate.group.as_ref().and_then(|group| group.answer());
    let name = group.map_or_else(|| candidate.runner_group_id.to_string(), |group| group.name.clone());
    match candidate.admission.answer() {
        Some(Admission::NotSelected) => Some(Cause::RunnerGroup {
            fleet: fleet.to_owned(),
            group: name,
            admission: "its repository is not among the selected ones".to_owned(),
        }),
        Some(Admission::PublicRefused) => Some(Cause::RunnerGroup {
            fleet: fleet.to_owned(),
            group: name,
            admission: "the group admits no public repositories".to_owned(),
        }),
        _ => None,
    }
}

/// A runner is there, and GitHub has not given it the job.
fn handed_over(evidence: &Evidence, facts: &FleetFacts, job: &JobRecord) -> Option<Cause> {
    let idle: Vec<_> = facts.tasks().filter(|task| task.state() == TaskState::Idle).collect();
    let since = idle.iter().filter_map(|task| task.registered_at).min()?;
    let fleet = facts.fleet.name.to_string();
    let waits = evidence.now.since(since.max(job.queued_at.unwrap_or(job.seen_at)));
    let candidate = evidence.answer().and_then(|answer| answer.fleets.iter().find(|candidate| candidate.fleet == fleet));
    let group = candidate.and_then(|candidate| candidate.group.as_ref()?.answer()).filter(|group| group.restricted_to_workflows);
    if let Some(group) = group.filter(|_| waits >= HANDED_OVER_WITHIN) {
        return Some(Cause::Workflows { fleet, group: group.name.clone(), workflows: group.selected_workflows.clone() });
    }
    let idle = u32::try_from(idle.len()).unwrap_or(u32::MAX);
    (idle > ahead(facts, job)).then(|| Cause::HandOver { fleet, idle, since: duration(waits), suspicious: waits >= HANDED_OVER_WITHIN })
}

/// Jobs of the fleet that have waited for longer.
fn ahead(facts: &FleetFacts, job: &JobRecord) -> u32 {
    let at = |job: &JobRecord| (job.queued_at.unwrap_or(job.seen_at), job.job_id);
    let before = facts.jobs().filter(|other| other.is_queued_here() && at(other) < at(job));
    u32::try_from(before.count()).unwrap_or(u32::MAX)
}

fn for_a_runner(evidence: &Evidence, facts: &FleetFacts, job: &JobRecord) -> Cause {
    let (fleet, state) = (facts.fleet.name.to_string(), facts.view.state.get());
    let living = facts.tasks().filter(|task| task.state() != TaskState::Gone).count();
    let booting = facts.tasks().filter(|task| task.state() == TaskState::Booting).count();
    let launches: u32 = state.launches.iter().map(|launch| launch.count).sum();
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let desired: u32 = state.services.values().map(|service| service.desired).sum();
    let places = match facts.fleet.service() {
        Some(_) => desired.max(number(living)),
        None => number(living) + launches,
    };
    let starting = places.saturating_sub(number(living)) + number(booting);
    let ahead = ahead(facts, job);
    if places >= facts.fleet.maximum && ahead >= starting {
        return Cause::Maximum { fleet, maximum: facts.fleet.maximum, ahead };
    }
    if let Some(cause) = refused(evidence, facts) {
        return cause;
    }
    if let Some(cause) = boots(evidence, facts) {
        return cause;
    }
    if let Some(cause) = registering(evidence, facts) {
        return cause;
    }
    if let Some(cause) = starts(evidence, facts) {
        return cause;
    }
    if starting > 0 && job.raised_at.is_some() {
        return Cause::Asked { fleet };
    }
    let waits = evidence.now.since(job.seen_at);
    Cause::Look { fleet, since: duration(waits), late: waits >= LOOKED_AT_WITHIN }
}

/// What ECS says of tasks for which it finds no place.
fn refused(evidence: &Evidence, facts: &FleetFacts) -> Option<Cause> {
    let fleet = facts.fleet.name.to_string();
    let said = evidence.services.iter().find_map(|service| service.trouble.clone());
    let said = said.or_else(|| {
        let refusal = facts.view.state.get().refused.as_ref()?;
        (evidence.now.since(refusal.at) < BREAKER_MEMORY).then(|| refusal.reason.clone())
    })?;
    Some(if is_quota(&said) { Cause::VcpuQuota { fleet, said } } else { Cause::Refused { fleet, said } })
}

/// Whether AWS speaks of the number of vCPUs: "You've reached the limit on the number of vCPUs you can run concurrently".
pub fn is_quota(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains("vcpu") || said.contains("limit on the number of tasks")
}

fn boots(evidence: &Evidence, facts: &FleetFacts) -> Option<Cause> {
    let (fleet, state) = (facts.fleet.name.to_string(), facts.view.state.get());
    let newer = |at| evidence.now.since(at) < BREAKER_MEMORY && at > state.last_registered_at;
    let mut failed: Vec<_> = state.failed_boots.values().filter(|boot| newer(boot.at)).collect();
    failed.sort_by_key(|boot| boot.at);
    let newest = failed.last()?;
    if newest.reason.contains("CannotPull") || newest.reason.contains("image") {
        return Some(Cause::Image { fleet, said: newest.reason.clone() });
    }
    let mut said: Vec<String> = failed.iter().rev().take(BREAKER_AFTER).map(|boot| boot.reason.clone()).collect();
    said.dedup();
    Some(Cause::Boots { fleet, said })
}

/// Tasks that run and have no registration.
fn registering(evidence: &Evidence, facts: &FleetFacts) -> Option<Cause> {
    let fleet = facts.fleet.name.to_string();
    let waiting = evidence.unregistered();
    if waiting == 0 {
        return None;
    }
    if let Some(failure) = evidence.refusal() {
        return Some(Cause::MintRefused { fleet, said: failure.message.clone(), needed: failure.needed.clone() });
    }
    Some(Cause::MintPace { fleet, waiting: u32::try_from(waiting).unwrap_or(u32::MAX) })
}

/// The task that has come farthest on its way up.
fn starts(evidence: &Evidence, facts: &FleetFacts) -> Option<Cause> {
    let booting = |id| facts.view.tasks.get(id).is_none_or(|task| task.get().state() == TaskState::Booting);
    let mut tasks: Vec<_> = evidence.seen_tasks.iter().filter(|task| booting(&task.id) && task.desired_status == "RUNNING").collect();
    tasks.sort_by_key(|task| task.created_at);
    let task = tasks.first()?;
    let doing = match task.last_status.as_str() {
        "PROVISIONING" => "Fargate prepares its host and network",
        "PENDING" => "it pulls its image",
        "ACTIVATING" => "it is being activated",
        _ => "it registers its runner",
    };
    let since = task.created_at.map_or_else(|| "a while".to_owned(), |at| duration(evidence.now.since(at)));
    Some(Cause::Starting { fleet: facts.fleet.name.to_string(), task: task.id.to_string(), doing: doing.to_owned(), since })
}

impl Evidence {
    /// Whether tasks of its fleet run and have no registration, though they should.
    pub fn has_unregistered(&self) -> bool {
        self.waits() && self.unregistered() > 0
    }

    fn unregistered(&self) -> usize {
        let Some(facts) = self.home() else { return 0 };
        let runs = |task: &&SeenTask| {
            let record = facts.view.tasks.get(&task.id).map(Slot::get);
            let old = task.created_at.is_some_and(|at| self.now.since(at) >= REGISTERS_WITHIN);
            task.last_status == "RUNNING" && old && record.is_none_or(|record| record.state() == TaskState::Booting)
        };
        self.seen_tasks.iter().filter(runs).count()
    }

    /// What GitHub refuses to the credential of the job's fleet.
    fn refusal(&self) -> Option<&Failure> {
        let access = self.access.as_ref()?;
        let identity =
            access.app.as_ref().and_then(|app| app.failure()).or_else(|| access.token.as_ref().and_then(|token| token.failure()));
        let installation = || access.installation.as_ref().and_then(|installation| installation.failure());
        identity.or_else(installation).or_else(|| access.runners.failure())
    }
}

impl Cause {
    /// Whether the job waits at all.
    pub const fn is_waiting(&self) -> bool {
        !matches!(self, Self::Over { .. } | Self::OverAtGithub { .. } | Self::Runs { .. } | Self::RunnerLost { .. })
    }

    /// In one sentence.
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
            Self::NoFleet { labels, nearest: Some(nearest), lacks } => {
                format!("It waits for a label: no fleet has all of {labels}; the nearest is {nearest}, which lacks {}.", lacks.join(", "))
            }
            Self::NoFleet { labels, nearest: None, .. } => format!("It waits for a label: no fleet has all of {labels}."),
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
            Self::Published { minutes } => {
                format!("It waits for `scale`: its delivery was taken {minutes} min ago, and the ledger does not have it yet.")
            }
            Self::FleetGone { fleet } => format!(
                "It waits for a fleet: fleet {fleet} is gone, or no longer has its labels; `sweep` offers it to another within minutes."
            ),
            Self::Drained { fleet } => format!("It waits because fleet {fleet} is drained."),
            Self::RunnerGroup { fleet, group, admission } => format!(
                "It waits for its runner group: GitHub gives it to no runner of fleet {fleet}, since of the group {group:?} {admission}."
            ),
            Self::Workflows { fleet, group, workflows } => {
                format!(
                    "It waits for its runner group: the group {group:?} of fleet {fleet} admits only the workflows {}.",
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
            Self::MintPace { fleet, waiting } => {
                format!(
                    "It waits for the pace of registrations: {} of fleet {fleet} run and wait for theirs ({MINTS_PER_MINUTE} a minute for one credential).",
                    count(*waiting, "task")
                )
            }
            Self::Starting { fleet, task, doing, since } => {
                format!("It waits for a task of fleet {fleet} to start: {task}, since {since}; {doing}.")
            }
            Self::Asked { fleet } => format!("It waits for ECS to start a task of fleet {fleet}; it has been asked."),
            Self::Look { fleet, since, late: false } => format!("It waits for the next look at fleet {fleet}; it was seen {since} ago."),
            Self::Look { fleet, since, late: true } => {
                format!("It waits for `scale`, which has not seen to it for {since} (fleet {fleet}).")
            }
            Self::Nowhere => "Nobody knows of it.".to_owned(),
        }
    }

    /// What to do.
    pub fn remedy(&self) -> Option<String> {
        let text = match self {
            Self::Over { .. } | Self::Runs { .. } | Self::Starting { .. } | Self::Asked { .. } | Self::Nowhere
            | Self::HandOver { suspicious: false, .. } | Self::Look { late: false, .. } => return None,
            Self::OverAtGithub { .. } => "Nothing: `sweep` asks GitHub and closes it. `fargate-runners doctor` shows failed deliveries.".to_owned(),
            Self::RunnerLost { .. } => "Re-run the job; with the parameter RetryInterruptedJobs on, `sweep` does. `fargate-runners logs JOB` has the task's last words.".to_owned(),
            Self::Gate => "Approve the deployment in the run's page, or wait for the run that holds the concurrency group.".to_owned(),
            Self::NoScope { .. } => "Deploy a fleet with a scope that holds the repository (org/NAME or repo/OWNER/NAME); see README, \"Fleets\".".to_owned(),
            Self::NoFleet { nearest: Some(nearest), lacks, .. } => format!("Correct `runs-on` (a typing error?), or add {} to the parameter Labels of fleet {nearest} or of a new fleet.", lacks.join(",")),
            Self::NoFleet { .. } => "Correct `runs-on`, or deploy a fleet with these labels.".to_owned(),
            Self::PublicRefused { fleet } => format!("Only if its runner group keeps strangers' code out: deploy fleet {fleet} with AllowPublicRepositories=true. See README, \"Public repositories\"."),
            Self::NoDelivery { .. } => "Check that the App (or webhook) subscribes to \"Workflow jobs\" and is installed on the repository; then re-run the job. `fargate-runners doctor` checks it.".to_owned(),
            Self::DeliveryFailed { status: 401, .. } => "The webhook's secret at GitHub is none of those under webhook-secrets in SSM: write the right one, then press Redeliver (or wait for `sweep`).".to_owned(),
            Self::DeliveryFailed { .. } => "`sweep` has GitHub repeat it within minutes; or press Redeliver. If it fails again, the log of `webhook` has the reason.".to_owned(),
            Self::Published { .. } => "The log of `scale`, and `fargate-runners doctor` for dead letters; `fargate-runners redrive` replays them.".to_owned(),
            Self::FleetGone { .. } => "If no other fleet has its labels: deploy one, or re-run the job with others.".to_owned(),
            Self::Drained { fleet } => format!("`fargate-runners resume {fleet}`"),
            Self::RunnerGroup { group, .. } => format!("Organisation settings, Actions, Runner groups, {group}: admit the repository; or give the fleet another RunnerGroupId."),
            Self::Workflows { group, .. } => format!("Organisation settings, Actions, Runner groups, {group}, Workflow access: add its workflow."),
            Self::HandOver { fleet, .. } => format!(
                "Its listener may hang: after {} some are told to leave, each minute. `fargate-runners runners --fleet {fleet}`; the group may also not admit the repository (`fargate-runners doctor`).",
                duration(HUNG_AFTER)
            ),
            Self::Maximum { fleet, .. } => format!("Wait, or deploy fleet {fleet} with a higher Maximum (and check the vCPU quota: `fargate-runners doctor`)."),
            Self::VcpuQuota { .. } => "Service Quotas, AWS Fargate, \"Fargate On-Demand vCPU resource count\" (or \"Fargate Spot vCPU resource count\"): ask for more.".to_owned(),
            Self::Refused { .. } => "No Spot capacity: lower SpotPercent. A role or subnet: deploy the fleet's stack again. The log of `scale` has each refusal.".to_owned(),
            Self::Image { .. } => "The parameter Image (name, tag, architecture) and, for ECR, ImageRepositoryArn; the subnets need a way to the registry.".to_owned(),
            Self::Boots { fleet, .. } => format!("`fargate-runners logs TASK` (`fargate-runners runners --fleet {fleet} --all` lists them). Exit code 10: deploy the fleet's stack again."),
            Self::MintRefused { needed: Some(needed), .. } => format!("Give the credential: {needed}. `fargate-runners doctor` checks all of it."),
            Self::MintRefused { .. } => "`fargate-runners doctor` says what the credential lacks.".to_owned(),
            Self::MintPace { .. } => "Wait: GitHub admits some 170 a minute. Fleets with another App (parameter Credential) have a pace of their own.".to_owned(),
            Self::Look { .. } => "The log of `scale`; `fargate-runners redrive` if there are dead letters (`fargate-runners doctor`).".to_owned(),
        };
        Some(text)
    }
}
