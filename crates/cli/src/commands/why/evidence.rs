//! What is known of a job when it is asked why it waits.

use crate::facts::FleetFacts;
use crate::said::Complaint;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::job::{JobPhase, JobRecord};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::record::Slot;
use fargate_runners_core::task::{TaskRecord, TaskState};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::inquiry::{Access, Failure, JobAnswer, ShownJob};
use fargate_runners_use_cases::ports::{SeenService, SeenTask};
use std::collections::BTreeMap;
use std::time::Duration;

/// A task asks for its registration as soon as its container runs; one that has none after this waits for it.
const REGISTERS_WITHIN: Duration = Duration::from_secs(20);

/// Fargate takes 20 to 60 seconds until a task's container runs. Counted where ECS does not say when that was.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// The fleet that a parameter describes.
pub fn described_by(parameter: &str) -> Option<FleetName> {
    FleetName::parse(parameter.rsplit('/').next()?).ok()
}

/// GitHub's part.
#[derive(Clone, Debug)]
pub enum Github {
    /// There was no need, no way, or no repository to ask about.
    NotAsked,
    /// What it said.
    Answer(Box<JobAnswer>),
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// When it was gathered.
    pub now: Timestamp,
    /// All fleets whose description can be used.
    pub fleets: Vec<FleetFacts>,
    /// The parameters with the descriptions of the others, and why each cannot be used. `webhook` takes no job that may be theirs.
    pub unreadable: BTreeMap<String, String>,
    /// What the ledger has of the job: one record in each fleet that heard of it.
    pub records: Vec<JobRecord>,
    /// The task that took it.
    pub task: Option<TaskRecord>,
    /// The tasks of its fleet, as ECS has them.
    pub seen_tasks: Vec<SeenTask>,
    /// When the containers of those came to run that have no registration yet: ECS's `startedAt`.
    pub started: BTreeMap<TaskId, Timestamp>,
    /// The services of its fleet, as ECS has them.
    pub services: Vec<SeenService>,
    /// What GitHub says.
    pub github: Github,
    /// How the credential of its fleet stands with GitHub, where that was asked.
    pub access: Option<Access>,
    /// Until when its fleet's credential mints nothing, if that was asked.
    pub paused_until: Option<Timestamp>,
    /// What functions have complained of lately, each by its name, where that was asked.
    pub complaints: Vec<(&'static str, Complaint)>,
    /// What could not be asked, and why.
    pub trouble: Vec<String>,
}

impl Evidence {
    /// The record that counts: its own fleet's, or that of the fleet whose runner has it.
    pub fn record(&self) -> Option<&JobRecord> {
        self.records.iter().find(|job| job.home).or_else(|| self.records.first())
    }

    /// The farthest that the job is known to have come.
    pub fn phase(&self) -> Option<JobPhase> {
        self.records.iter().map(|job| job.phase).max()
    }

    /// Whether it waits, as far as the ledger knows.
    pub fn waits(&self) -> bool {
        self.phase().is_some_and(|phase| phase < JobPhase::InProgress) && self.records.iter().all(JobRecord::is_open)
    }

    /// The job's own fleet.
    pub fn home(&self) -> Option<&FleetFacts> {
        let home = &self.records.iter().find(|job| job.home)?.fleet;
        self.fleets.iter().find(|facts| facts.fleet.name == *home)
    }

    /// What GitHub answered.
    pub fn answer(&self) -> Option<&JobAnswer> {
        match &self.github {
            Github::Answer(answer) => Some(answer),
            Github::NotAsked => None,
        }
    }

    /// The job as GitHub shows it.
    pub fn shown(&self) -> Option<&ShownJob> {
        self.answer().and_then(|answer| answer.job.answer())
    }

    /// What the job asks of a runner.
    pub fn labels(&self) -> Option<Labels> {
        let known = self.record().map(|job| job.labels.clone());
        known.or_else(|| Labels::parse(self.shown()?.labels.iter().map(String::as_str)).ok())
    }

    /// What could not be found out.
    pub fn unknown(&self) -> Vec<String> {
        let mut unknown = self.trouble.clone();
        if let Some(answer) = self.answer() {
            unknown.extend(answer.job.failure().map(|failure| format!("the job at GitHub: {}", failure.message)));
            unknown.extend(answer.searches_failed.iter().map(|failure| format!("the webhooks' deliveries: {}", failure.message)));
        }
        unknown
    }

    /// The fleets whose scope can reach the job's repository, with those that do not admit it because it is public left in.
    pub fn in_scope(&self) -> Vec<&Fleet> {
        let fleets = self.fleets.iter().map(|facts| &facts.fleet);
        match self.answer() {
            Some(answer) => fleets.filter(|fleet| answer.fleets.iter().any(|candidate| candidate.fleet == fleet.name.as_str())).collect(),
            None => fleets.collect(),
        }
    }

    /// Whether tasks of its fleet run and have no registration yet.
    pub fn has_unregistered(&self) -> bool {
        !self.unregistered().is_empty()
    }

    /// Whether one of them has run for so long that something keeps it waiting.
    pub fn has_overdue(&self) -> bool {
        !self.overdue().is_empty()
    }

    /// Tasks of its fleet that run and have no registration yet.
    pub fn unregistered(&self) -> Vec<&SeenTask> {
        let Some(facts) = self.home().filter(|_| self.waits()) else { return Vec::new() };
        let runs = |task: &&SeenTask| {
            let record = facts.view.tasks.get(&task.id).map(Slot::get);
            task.last_status == "RUNNING" && record.is_none_or(|record| record.state() == TaskState::Booting)
        };
        self.seen_tasks.iter().filter(runs).collect()
    }

    /// Those of them whose container has run for so long that something keeps it waiting. Until it runs, nobody can ask.
    pub fn overdue(&self) -> Vec<&SeenTask> {
        let started = |task: &SeenTask| self.started.get(&task.id).copied().or_else(|| Some(task.created_at? + STARTS_WITHIN));
        let old = |task: &&SeenTask| started(task).is_some_and(|at| self.now.since(at) >= REGISTERS_WITHIN);
        self.unregistered().into_iter().filter(old).collect()
    }

    /// Tasks of its fleet that are on their way up, the oldest first.
    pub fn starting(&self) -> Vec<&SeenTask> {
        let Some(facts) = self.home().filter(|_| self.waits()) else { return Vec::new() };
        let booting = |id| facts.view.tasks.get(id).is_none_or(|task| task.get().state() == TaskState::Booting);
        let mut tasks: Vec<_> = self.seen_tasks.iter().filter(|task| booting(&task.id) && task.desired_status == "RUNNING").collect();
        tasks.sort_by_key(|task| task.created_at);
        tasks
    }

    /// When Fargate began to pull a task's image, if it has said so to anybody.
    pub fn pull_started(&self, task: &SeenTask) -> Option<Timestamp> {
        let record = self.home().and_then(|facts| facts.view.tasks.get(&task.id)).map(|task| task.get().hosting);
        record.unwrap_or_default().join(&task.hosting).pull_started_at
    }

    /// The newest of these complaints of a function.
    pub fn complaint(&self, function: &str, such: impl Fn(&Complaint) -> bool) -> Option<String> {
        let complaints = self.complaints.iter().filter(|(of, _)| *of == function).map(|(_, complaint)| complaint);
        let newest = complaints.filter(|complaint| such(complaint)).max_by_key(|complaint| complaint.at);
        newest.map(|complaint| complaint.what.clone())
    }

    /// What GitHub refuses to the credential of the job's fleet.
    pub fn refusal(&self) -> Option<&Failure> {
        let access = self.access.as_ref()?;
        let identity =
            access.app.as_ref().and_then(|app| app.failure()).or_else(|| access.token.as_ref().and_then(|token| token.failure()));
        let installation = || access.installation.as_ref().and_then(|installation| installation.failure());
        identity.or_else(installation).or_else(|| access.runners.failure())
    }
}
