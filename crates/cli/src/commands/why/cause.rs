//! The one thing that a job waits for, with what to do about it. Of several reasons the first stands that alone would keep it waiting.

use super::arrival;
use super::evidence::{Evidence, described_by};
use crate::facts::FleetFacts;
use crate::obstacle::Obstacle;
use crate::words::{self, duration};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::job::{JobPhase, JobRecord};
use fargate_runners_core::labels::fleet_of;
use fargate_runners_core::plan::{BREAKER_AFTER, BREAKER_MEMORY};
use fargate_runners_core::task::TaskState;
use fargate_runners_use_cases::inquiry::Admission;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// GitHub hands a job to an idle runner within seconds; only after this is it worth a word.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(30);

/// `scale` looks at a fleet within seconds of an event; a job that it has not seen to after this is held up.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(60);

/// A task is up within a minute, with a large image within two; after this it is worth a look.
const STARTED_WITHIN: Duration = Duration::from_secs(180);

/// A pause of the pace ends with its minute, and one that GitHub asks for after many calls at once after a minute; a longer one is the hour's limit.
const PACED_WITHIN: Duration = Duration::from_secs(120);

/// GitHub's words for a job that is not to be started yet.
const GATED: [&str; 3] = ["waiting", "pending", "requested"];

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
    /// GitHub does not show it to the credential.
    NotVisible { repository: String, needed: Option<String> },
    /// GitHub could not be asked, and nobody else knows of it.
    CannotAsk { said: String },
    /// No fleet has all of its labels.
    NoFleet { labels: String, nearest: Option<String>, lacks: Vec<String> },
    /// The descriptions of fleets cannot be read, by parameter and why, and no other fleet fits; `certain` if the ledger knows that it is that fleet's.
    FleetUnreadable { unreadable: BTreeMap<String, String>, certain: bool },
    /// Its repository is public.
    PublicRefused { fleet: String },
    /// No delivery tells of it.
    NoDelivery { searched_all: bool },
    /// The delivery that tells of it was not taken.
    DeliveryFailed { status: u16, said: String },
    /// Its delivery was taken, and the webhook dropped it: it had no fleet then, and has one now.
    Dropped { fleet: String, said: String, at: String, webhook: String, delivery: String },
    /// Its delivery was taken, and the ledger does not have it.
    Published { minutes: u64, said: Option<String> },
    /// Its fleet was removed or its labels were changed.
    FleetGone { fleet: String },
    /// Its fleet is drained.
    Drained { fleet: String },
    /// The runner group does not admit it.
    RunnerGroup { fleet: String, group: String, admission: String },
    /// The runner group admits certain workflows only; `certain` if that is none at all. GitHub does not say of which file a job is.
    Workflows { fleet: String, group: String, workflows: Vec<String>, certain: bool },
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
    /// ECS does not protect tasks from scale-in, so that none is registered.
    Protection { fleet: String, said: String },
    /// Tasks run, and `register` has not let them in.
    NotLetIn { fleet: String, waiting: u32, said: Option<String> },
    /// Registrations are made at GitHub's pace.
    MintPace { fleet: String, waiting: u32, until: Option<String> },
    /// GitHub answers its fleet's credential no more for so long that its calls of the hour are used up.
    RateLimit { fleet: String, credential: String, waiting: u32, until: String },
    /// A task is starting.
    Starting { fleet: String, task: String, doing: String, since: Option<String>, slow: bool },
    /// ECS has been asked for a task.
    Asked { fleet: String },
    /// `scale` has not looked yet.
    Look { fleet: String, since: String, late: bool, said: Option<String> },
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
        None => arrival::of(evidence),
    }
}

fn not_waiting(evidence: &Evidence) -> Option<Cause> {
    let record = evidence.record();
    if let Some(job) = evidence.records.iter().find(|job| job.phase == JobPhase::Completed) {
        return Some(Cause::Over { conclusion: job.conclusion.as_deref().map(Into::into) });
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
        return Some(Cause::Runs { runner: job.runner_name.as_deref().map(Into::into) });
    }
    if let Some(shown) = evidence.shown().filter(|shown| shown.status == "in_progress") {
        return Some(Cause::Runs { runner: shown.runner_name.clone() });
    }
    let gated = record.is_some_and(|job| job.phase == JobPhase::Waiting)
        || evidence.shown().is_some_and(|shown| GATED.contains(&shown.status.as_str()));
    let queued_at_github = evidence.shown().is_some_and(|shown| shown.status == "queued");
    (gated && !queued_at_github).then_some(Cause::Gate)
}

fn waiting(evidence: &Evidence, job: &JobRecord) -> Cause {
    let fleet = job.fleet.to_string();
    let Some(facts) = evidence.home() else { return without_fleet(evidence, job) };
    if !facts.fleet.labels.fit(&job.labels) {
        let fleets: Vec<&Fleet> = evidence.in_scope();
        return match fleet_of(&job.labels, fleets.iter().map(|fleet| (&fleet.name, &fleet.labels))) {
            Some(_) => Cause::FleetGone { fleet },
            None => arrival::no_fleet(evidence, &job.labels, &fleets),
        };
    }
    if facts.fleet.drained {
        return Cause::Drained { fleet };
    }
    not_admitted(evidence, &fleet).or_else(|| handed_over(evidence, facts, job)).unwrap_or_else(|| for_a_runner(evidence, facts, job))
}

/// Its fleet is not described: its description cannot be read, or there is none. While one cannot be read, `sweep` holds no fleet for gone.
fn without_fleet(evidence: &Evidence, job: &JobRecord) -> Cause {
    let own = evidence.unreadable.iter().find(|(parameter, _)| described_by(parameter).as_ref() == Some(&job.fleet));
    let own = own.map(|(parameter, why)| BTreeMap::from([(parameter.clone(), why.clone())]));
    own.map(|unreadable| Cause::FleetUnreadable { unreadable, certain: true })
        .or_else(|| arrival::unreadable(evidence))
        .unwrap_or_else(|| Cause::FleetGone { fleet: job.fleet.to_string() })
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
        let (group, workflows) = (group.name.clone(), group.selected_workflows.clone());
        return Some(Cause::Workflows { fleet, group, certain: workflows.is_empty(), workflows });
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
    let full = || Cause::Maximum { fleet: fleet.clone(), maximum: facts.fleet.maximum, ahead };
    let is_full = places >= facts.fleet.maximum && ahead >= starting;
    if is_full && starting == 0 {
        return full();
    }
    // A place that nothing fills is no runner: what keeps it empty keeps those waiting too who come after it.
    let kept_empty = || refused(evidence, facts).or_else(|| boots(evidence, facts)).or_else(|| registering(evidence, facts));
    if let Some(cause) = kept_empty() {
        return cause;
    }
    if is_full {
        return full();
    }
    if let Some(cause) = starts(evidence, facts) {
        return cause;
    }
    if starting > 0 && job.raised_at.is_some() {
        return Cause::Asked { fleet };
    }
    let waits = evidence.now.since(job.seen_at);
    let late = waits >= LOOKED_AT_WITHIN;
    let said = evidence.complaint("scale", |complaint| complaint.is_of(&fleet)).filter(|_| late);
    Cause::Look { fleet, since: duration(waits), late, said }
}

/// What ECS says of tasks for which it finds no place.
fn refused(evidence: &Evidence, facts: &FleetFacts) -> Option<Cause> {
    let fleet = facts.fleet.name.to_string();
    let said = evidence.services.iter().find_map(|service| service.trouble.clone());
    let said = said.or_else(|| {
        let refusal = facts.view.state.get().refused.as_ref()?;
        (evidence.now.since(refusal.at) < BREAKER_MEMORY).then(|| refusal.reason.clone())
    })?;
    Some(if Obstacle::of(&said) == Obstacle::Quota { Cause::VcpuQuota { fleet, said } } else { Cause::Refused { fleet, said } })
}

/// Tasks that ended before they registered: enough of them to hold back others, or the last ones that there were.
fn boots(evidence: &Evidence, facts: &FleetFacts) -> Option<Cause> {
    let (fleet, state) = (facts.fleet.name.to_string(), facts.view.state.get());
    let newer = |at| evidence.now.since(at) < BREAKER_MEMORY && at > state.last_registered_at;
    let mut failed: Vec<_> = state.failed_boots.values().filter(|boot| newer(boot.at)).collect();
    failed.sort_by_key(|boot| boot.at);
    let newest = failed.last()?;
    // A few failures are past once another task is on its way: perhaps whatever it was has been put right.
    let another = evidence.starting().iter().any(|task| task.created_at.is_some_and(|at| at > newest.at));
    if failed.len() < BREAKER_AFTER && another {
        return None;
    }
    if Obstacle::of(&newest.reason).is_image() {
        return Some(Cause::Image { fleet, said: newest.reason.clone() });
    }
    let mut said: Vec<String> = failed.iter().rev().take(BREAKER_AFTER).map(|boot| boot.reason.clone()).collect();
    said.dedup();
    Some(Cause::Boots { fleet, said })
}

/// Tasks that run and have no registration.
fn registering(evidence: &Evidence, facts: &FleetFacts) -> Option<Cause> {
    let fleet = facts.fleet.name.to_string();
    let number = |tasks: usize| u32::try_from(tasks).unwrap_or(u32::MAX);
    let (waiting, overdue) = (evidence.unregistered(), evidence.overdue());
    if let Some(until) = evidence.paused_until.filter(|until| *until > evidence.now && !waiting.is_empty()) {
        let (waiting, longer) = (number(waiting.len()), until.since(evidence.now) > PACED_WITHIN);
        let (until, credential) = (words::utc(until), facts.fleet.credential.to_string());
        return Some(if longer {
            Cause::RateLimit { fleet, credential, waiting, until }
        } else {
            Cause::MintPace { fleet, waiting, until: Some(until) }
        });
    }
    let first = overdue.first()?;
    if let Some(failure) = evidence.refusal() {
        return Some(Cause::MintRefused { fleet, said: failure.message.clone(), needed: failure.needed.clone() });
    }
    let named = evidence.complaint("register", |complaint| complaint.names(first.id.as_str()));
    let said = named.or_else(|| evidence.complaint("register", |complaint| complaint.is_of(&fleet)));
    if said.as_ref().is_some_and(|said| said.contains("protection") || said.contains("protecting")) {
        return Some(Cause::Protection { fleet, said: said.unwrap_or_default() });
    }
    // A service's task that was let in holds a claim, and waits for nothing but the pace. One that RunTask has launched holds none: the pace itself tells.
    let claimed = overdue.iter().any(|task| facts.view.tasks.get(&task.id).is_some_and(|task| task.get().nonce_sha256.is_some()));
    Some(if claimed && said.is_none() {
        Cause::MintPace { fleet, waiting: number(overdue.len()), until: None }
    } else {
        Cause::NotLetIn { fleet, waiting: number(overdue.len()), said }
    })
}

/// The task that has waited longest on its way up.
fn starts(evidence: &Evidence, facts: &FleetFacts) -> Option<Cause> {
    let tasks = evidence.starting();
    let task = tasks.first()?;
    let pulls = evidence.pull_started(task);
    let (doing, at) = match (task.last_status.as_str(), pulls) {
        ("RUNNING", _) => ("it registers its runner".to_owned(), evidence.started.get(&task.id).copied()),
        ("PENDING", Some(at)) => ("it pulls its image".to_owned(), Some(at)),
        ("PROVISIONING", _) => ("it is PROVISIONING: Fargate prepares its host and network".to_owned(), task.created_at),
        (status, _) => (format!("it is {status}"), task.created_at),
    };
    let age = task.created_at.or(pulls).map(|at| evidence.now.since(at));
    Some(Cause::Starting {
        fleet: facts.fleet.name.to_string(),
        task: task.id.to_string(),
        doing,
        since: at.map(|at| duration(evidence.now.since(at))),
        slow: age.is_some_and(|age| age >= STARTED_WITHIN),
    })
}
