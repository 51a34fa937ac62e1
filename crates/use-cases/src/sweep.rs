//! `sweep`, the healer: every few minutes it looks for whatever was lost on the way (a delivery, an event, a task, a runner, a desired count) and puts it
//! right, or says what a person must put right. Each healer goes by itself: one that fails is reported, and the next one follows. It only ever brings
//! facts: `scale` decides what follows from them, and nobody but `scale` writes a fleet's own record or its jobs.
//!
//! It never stops a task that could have a job (only one that was condemned before it registered), and deletes no runner whose task lives.

mod dead_letters;
mod deliveries;
mod drift;
mod ghosts;
mod healer;
mod interrupted_jobs;
mod ledger;
mod left_runners;
mod listing;
mod memo;
mod nudge;
mod protection;
mod questions;
mod report;
mod round;
mod runner_version;
mod services;
mod stopped_tasks;
mod unregistered;

pub use healer::{Healer, UnknownHealer};
pub use report::{Outcome, Report};

use crate::ports::{
    Bus, Clock, CommitError, DeadLetterQueues, FleetQueue, Fleets, Github, GithubError, HookLog, Jobs, Ledger, Memory, PortError,
    RetryQueue, Runners, Survey, chain,
};
use fargate_runners_core::events::EventError;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::StackId;
use fargate_runners_core::mutant;
use round::Round;
use std::collections::BTreeSet;
use std::time::Duration;

/// No healer starts after this, and each stops at the next page: the function may take 5 minutes, of which a healer's last calls and the answer need some.
pub const TIME: Duration = Duration::from_secs(240);

/// The fleets are read anew if they are older than this: a healer must not take a fleet that was just added for one that is gone.
const FRESH: Duration = Duration::from_secs(10);

/// Under this name the sweep itself remembers where the last one was cut off.
const MEMORY: &str = "sweep";

/// And what: the healer with which the next one begins.
const NEXT: &str = "next";

/// What the healers need of the world, as one name: who wires them names the types once.
pub trait Ports {
    /// The ledger.
    type Ledger: Ledger;
    /// ECS, to look at.
    type Survey: Survey;
    /// GitHub: to look at its runners, jobs, runs and delivery logs, and to delete runners.
    type Github: Github + Runners + Jobs + HookLog;
    /// The dead-letter queues.
    type DeadLetters: DeadLetterQueues;
    /// What is kept in mind from one sweep to the next.
    type Memory: Memory;
    /// The fleets.
    type Fleets: Fleets;
    /// The fleets' own queue.
    type Queue: FleetQueue;
    /// What brings a deletion to `deregister`.
    type Retries: RetryQueue;
    /// Where facts are published.
    type Bus: Bus;
    /// The time.
    type Clock: Clock;
}

/// What the function needs.
pub struct Sweep<P: Ports> {
    /// The ledger. Tasks are written, each in the version that was read; jobs and fleets never.
    pub ledger: P::Ledger,
    /// ECS.
    pub survey: P::Survey,
    /// GitHub.
    pub github: P::Github,
    /// The dead-letter queues.
    pub dead_letters: P::DeadLetters,
    /// What is kept in mind.
    pub memory: P::Memory,
    /// The fleets.
    pub fleets: P::Fleets,
    /// The fleets' own queue.
    pub queue: P::Queue,
    /// What brings a deletion to `deregister`.
    pub retries: P::Retries,
    /// Where facts are published.
    pub bus: P::Bus,
    /// The time.
    pub clock: P::Clock,
    /// This installation.
    pub stack: StackId,
    /// This installation's name.
    pub stack_name: String,
    /// Whether failed jobs of a run are run once more when one of them went down with its runner.
    pub retry_interrupted_jobs: bool,
}

/// Why a healer did not get through.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A service could not be reached.
    #[error(transparent)]
    Port(#[from] PortError),
    /// GitHub did not do what was asked.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// An event could not be written down.
    #[error("an event cannot be written as JSON")]
    Event(#[from] EventError),
    /// What is to be kept in mind could not be written down.
    #[error("what is to be remembered cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// Another sweep goes on at the same time.
    #[error("another sweep has written what this one remembers")]
    Overtaken,
}

impl From<CommitError> for SweepError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Overtaken,
            CommitError::Failed(error) => Self::Port(error),
        }
    }
}

impl SweepError {
    /// Whether GitHub admits no more calls for now, so that there is no use in going on.
    const fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Github(GithubError::NotBefore(_)))
    }
}

impl<P: Ports> Sweep<P> {
    /// Runs the healers one after the other, until the time is over; the next sweep begins with the one that was not reached. A sweep that dies is followed
    /// by one that begins a healer later, so that no healer keeps those behind it from ever having their turn.
    pub async fn handle(&self, healers: &[Healer]) -> Report {
        let started = self.clock.now();
        let mut report = Report::default();
        let fleets = match self.fleets.fleets(FRESH).await {
            Ok(fleets) => fleets,
            Err(error) => {
                for healer in healers {
                    report.of(*healer).failed(*healer, "the fleets cannot be read", &error);
                }
                return report;
            }
        };
        let mut round = Round::new(started, started + TIME, fleets);
        // What a person asks for by name leaves the schedule's position alone.
        let is_whole = healers == Healer::ALL;
        let first = if is_whole { self.first(healers, &mut round).await } else { 0 };
        for position in 0..healers.len() {
            let healer = healers[(first + position) % healers.len()];
            if self.is_late(&round) {
                tracing::warn!(healer = healer.name(), "the sweep's time is over; the next one begins here");
                report.cut_off = Some(healer);
                break;
            }
            if mutant::is(healer.mutant()) {
                continue;
            }
            let before = report.of(healer).healed;
            self.heal(healer, &mut round, report.of(healer)).await;
            if report.of(healer).healed > before {
                // Facts and looks are on their way to fleets, of which not all are known here.
                round.forget_lists();
            }
            report.of(healer).tell(healer);
        }
        if is_whole {
            self.remember_next(report.cut_off, &mut round).await;
        }
        report
    }

    async fn heal(&self, healer: Healer, round: &mut Round, outcome: &mut Outcome) {
        let fleets = match healer {
            Healer::DeadLetters => return self.dead_letters(round, outcome).await,
            Healer::Deliveries => return self.deliveries(round, outcome).await,
            Healer::LeftRunners | Healer::RunnerVersion => round.scopes(),
            _ => round.fleets(),
        };
        let mut limited = BTreeSet::new();
        for fleet in &fleets {
            // Fleets of one credential share its rate limit.
            if self.is_late(round) || limited.contains(&fleet.credential) {
                continue;
            }
            if let Err(error) = self.heal_fleet(healer, fleet, round, outcome).await {
                if error.is_rate_limit() {
                    limited.insert(&fleet.credential);
                }
                outcome.failed(healer, format!("fleet {}", fleet.name), &error);
            }
        }
    }

    async fn heal_fleet(&self, healer: Healer, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        match healer {
            Healer::Nudge => self.nudge(fleet, round, outcome).await,
            Healer::Protection => self.protection(fleet, round, outcome).await,
            Healer::StoppedTasks => self.stopped_tasks(fleet, round, outcome).await,
            Healer::Drift => self.drift(fleet, round, outcome).await,
            Healer::Unregistered => self.unregistered(fleet, round, outcome).await,
            Healer::QueuedJobs => self.queued_jobs(fleet, round, outcome).await,
            Healer::RunningJobs => self.running_jobs(fleet, round, outcome).await,
            Healer::Ghosts => self.ghosts(fleet, round, outcome).await,
            Healer::LeftRunners => self.left_runners(fleet, round, outcome).await,
            Healer::InterruptedJobs => self.interrupted_jobs(fleet, round, outcome).await,
            Healer::Services => self.services(fleet, round, outcome).await,
            Healer::RunnerVersion => self.runner_version(fleet, round).await,
            // These two go by queues and hooks.
            Healer::DeadLetters | Healer::Deliveries => Ok(()),
        }
    }

    /// Whether the sweep's time is over.
    fn is_late(&self, round: &Round) -> bool {
        self.clock.now() >= round.deadline
    }

    /// The position of the healer at which the last sweep was cut off. The one after it is noted as the next sweep's first, should this one die.
    async fn first(&self, healers: &[Healer], round: &mut Round) -> usize {
        let next = self.recall::<Option<Healer>>(round, MEMORY, NEXT).await.ok().and_then(|memo| memo.value);
        let first = next.and_then(|next| healers.iter().position(|healer| *healer == next)).unwrap_or_default();
        self.remember_next(healers.get((first + 1) % healers.len()).copied(), round).await;
        first
    }

    async fn remember_next(&self, next: Option<Healer>, round: &mut Round) {
        let kept = async {
            let mut memo = self.recall::<Option<Healer>>(round, MEMORY, NEXT).await?;
            memo.value = next;
            self.keep(round, memo).await
        };
        match kept.await {
            Ok(()) => {}
            Err(SweepError::Overtaken) => tracing::info!("another sweep goes on at the same time; it says where the next one begins"),
            Err(error) => tracing::warn!(error = chain(&error), "where the next sweep is to begin cannot be remembered"),
        }
    }
}
