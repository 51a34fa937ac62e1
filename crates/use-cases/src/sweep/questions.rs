//! Jobs of which nothing was heard for long: GitHub is asked, and what it says goes to the fleet as the delivery would have that was lost.

use super::round::Round;
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::measure;
use crate::ports::{Bus, Clock, Jobs, SeenJob};
use fargate_runners_core::events::Event;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{JobId, RepositoryName};
use fargate_runners_core::job::{JobEvent, JobPhase, JobRecord};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::plan;
use fargate_runners_core::record::{Slot, View};
use fargate_runners_core::state::Counts;
use fargate_runners_core::sweep::jobs::{self, Asked, DELIVERY, home_of, queued_due, running_due, unknown_at_github, waiting_long};
use fargate_runners_core::sweep::look::keeps;
use fargate_runners_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Calls for a fleet in one sweep. With a sweep every 5 minutes that is a tenth of the calls that GitHub admits in an hour.
const CALLS_MAX: usize = 40;

/// A question that failed is asked again this often; then it waits until it is due once more.
const TRIES_MAX: u8 = 3;

/// Failed questions that are remembered: they come before what is due, and must not use up all calls.
const AGAIN_MAX: usize = 20;

/// Repositories of which shown jobs are remembered, and how many of each: one may be the very job that is asked about.
const REPOSITORIES_MAX: usize = 100;
const SHOWN_MAX: usize = 2;

/// What is remembered of the questions about a fleet's jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Questions {
    asked: Asked,
    /// Questions that failed, and how often.
    again: BTreeMap<JobId, u8>,
    /// The newest jobs that GitHub has shown, by repository: as long as it shows one of them, "not found" means what it says of another, and not that the
    /// credential may not look, or not at the moment.
    shown: BTreeMap<RepositoryName, BTreeSet<JobId>>,
}

/// A question that is due: by its position, or again after so many tries.
struct Question {
    position: Option<Asked>,
    tries: u8,
    job: JobRecord,
}

impl<P: Ports> Sweep<P> {
    // A list is enough for both: GitHub is asked after it, and what it says joins what is known, however often and late it is said.

    pub(super) async fn queued_jobs(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let view = self.listed(round, &fleet.name).await?;
        measure_fleet(fleet, &view, self.clock.now());
        tell_waiting(fleet, &view, self.clock.now());
        self.ask_all(Healer::QueuedJobs, fleet, round, &view, |asked, now| queued_due(&view, asked, now), outcome).await
    }

    pub(super) async fn running_jobs(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let view = self.listed(round, &fleet.name).await?;
        self.ask_all(Healer::RunningJobs, fleet, round, &view, |asked, now| running_due(&view, asked, &self.stack, now), outcome).await
    }

    async fn ask_all(
        &self,
        healer: Healer,
        fleet: &Fleet,
        round: &mut Round,
        view: &View,
        due: impl Fn(Asked, Timestamp) -> Vec<(Asked, JobRecord)>,
        outcome: &mut Outcome,
    ) -> Result<(), SweepError> {
        let mut memo = self.recall::<Questions>(round, healer.name(), fleet.name.as_str()).await?;
        let again = std::mem::take(&mut memo.value.again);
        let due = due(memo.value.asked, self.clock.now());
        let due = due.into_iter().filter(|(_, job)| !again.contains_key(&job.job_id));
        let due = due.map(|(position, job)| Question { position: Some(position), tries: 0, job });
        let open = |id: &JobId| view.jobs.get(id).map(Slot::get).filter(|job| job.is_open()).cloned();
        let repeated = again.iter().filter_map(|(id, tries)| Some(Question { position: None, tries: *tries, job: open(id)? }));
        let mut questions = repeated.chain(due).take(CALLS_MAX).collect::<Vec<_>>().into_iter();
        let mut limited = Ok(());
        for question in questions.by_ref() {
            if self.is_late(round) {
                memo.value.put_off(&question);
                break;
            }
            match self.ask(fleet, round, &question.job, &mut memo.value, outcome).await {
                Ok(()) => {}
                Err(error) if error.is_rate_limit() => {
                    memo.value.put_off(&question);
                    limited = Err(error);
                    break;
                }
                Err(error) => {
                    outcome.failed(healer, format!("job {} of {}", question.job.job_id, question.job.repository), &error);
                    if question.tries < TRIES_MAX && memo.value.again.len() < AGAIN_MAX {
                        memo.value.again.insert(question.job.job_id, question.tries + 1);
                    }
                }
            }
            memo.value.asked = question.position.unwrap_or(memo.value.asked);
        }
        questions.for_each(|question| memo.value.put_off(&question));
        self.keep(round, memo).await?;
        limited
    }

    /// Asks GitHub about one job, and passes on what is news.
    async fn ask(
        &self,
        fleet: &Fleet,
        round: &Round,
        job: &JobRecord,
        known: &mut Questions,
        outcome: &mut Outcome,
    ) -> Result<(), SweepError> {
        let now = self.clock.now();
        let Some(seen) = self.github.job(fleet, &job.repository, job.job_id).await? else {
            return self.not_found(fleet, job, known, now, outcome).await;
        };
        known.is_shown(job);
        let event = event_of(job, seen, now);
        if event.phase == JobPhase::Queued && job.home {
            return self.check_home(fleet, round, job, event, outcome).await;
        }
        let names_runner = event.runner_name.is_some() && job.runner_name.is_none();
        if event.phase <= job.phase && !names_runner {
            return Ok(());
        }
        tracing::info!(fleet = %fleet.name, job_id = job.job_id.0, repository = %job.repository, phase = ?event.phase, "GitHub knows more of a job than was delivered");
        let runner = event.runner_name.as_deref().and_then(|name| RunnerName::parse(name).ok()).filter(|name| name.stack == self.stack);
        let other = runner.map(|name| name.fleet).filter(|other| *other != fleet.name && round.fleet(other).is_some());
        let mut events = vec![Event::Job(event.clone())];
        events.extend(other.map(|other| Event::Job(JobEvent { fleet: other, home: false, ..event })));
        self.bus.publish(&events).await?;
        outcome.healed();
        Ok(())
    }

    /// GitHub does not know the job. It says the same of what the credential may not read, for good or for a while, so that its word counts only while it shows
    /// another job of the same repository, or when the job is older than GitHub lets one be.
    async fn not_found(
        &self,
        fleet: &Fleet,
        job: &JobRecord,
        known: &Questions,
        now: Timestamp,
        outcome: &mut Outcome,
    ) -> Result<(), SweepError> {
        if now.since(job.seen_at) < jobs::at_most(job) && !self.shows_another(fleet, job, known).await? {
            metrics::counter!("JobsUnreadable").increment(1);
            tracing::warn!(
                fleet = %job.fleet, job_id = job.job_id.0, repository = %job.repository,
                "GitHub does not know a job, or its credential may not read it (actions: read); it counts on"
            );
            return Ok(());
        }
        tracing::warn!(fleet = %job.fleet, job_id = job.job_id.0, repository = %job.repository, "GitHub does not know a job any more; it counts as over");
        self.bus.publish(&[Event::Job(unknown_at_github(job, now))]).await?;
        outcome.healed();
        Ok(())
    }

    /// Whether GitHub shows, now, another job of the job's repository that it has shown before.
    async fn shows_another(&self, fleet: &Fleet, job: &JobRecord, known: &Questions) -> Result<bool, SweepError> {
        let witness = known.shown.get(&job.repository).and_then(|shown| shown.iter().rfind(|shown| **shown != job.job_id));
        match witness {
            Some(witness) => Ok(self.github.job(fleet, &job.repository, *witness).await?.is_some()),
            None => Ok(false),
        }
    }

    /// The job still waits. If its fleet's labels no longer fit it, it is offered to the fleet whose labels do.
    async fn check_home(
        &self,
        fleet: &Fleet,
        round: &Round,
        job: &JobRecord,
        event: JobEvent,
        outcome: &mut Outcome,
    ) -> Result<(), SweepError> {
        if fleet.labels.fit(&job.labels) {
            // It may have waited behind an environment's gate before.
            if job.phase < JobPhase::Queued {
                self.bus.publish(&[Event::Job(event)]).await?;
                outcome.healed();
            }
            return Ok(());
        }
        if let Some(home) = home_of(job, fleet, &round.fleets()) {
            tracing::warn!(fleet = %fleet.name, job_id = job.job_id.0, to = %home, "the labels of a waiting job lead to another fleet now; it gets the job");
            self.bus.publish(&[Event::Job(JobEvent { fleet: home, home: true, ..event })]).await?;
            outcome.healed();
        } else {
            metrics::counter!("JobsWithoutFleet").increment(1);
            tracing::error!(
                fleet = %fleet.name, job_id = job.job_id.0, repository = %job.repository, labels = %job.labels,
                "a job waits, and no fleet has its labels any more"
            );
        }
        Ok(())
    }
}

impl Questions {
    /// GitHub has shown the job.
    fn is_shown(&mut self, job: &JobRecord) {
        if self.shown.len() < REPOSITORIES_MAX || self.shown.contains_key(&job.repository) {
            let shown = self.shown.entry(job.repository.clone()).or_default();
            shown.insert(job.job_id);
            while shown.len() > SHOWN_MAX {
                shown.pop_first();
            }
        }
    }

    /// The question was not asked: if it was one that had failed before, it is still to be repeated; one that is due stays due.
    fn put_off(&mut self, question: &Question) {
        if question.position.is_none() {
            self.again.insert(question.job.job_id, question.tries);
        }
    }
}

/// What GitHub says of the job, as its fleet's event.
fn event_of(job: &JobRecord, seen: SeenJob, now: Timestamp) -> JobEvent {
    JobEvent {
        fleet: job.fleet.clone(),
        home: job.home,
        job_id: job.job_id,
        run_id: seen.run_id,
        run_attempt: seen.run_attempt,
        repository: job.repository.clone(),
        workflow_name: seen.workflow_name,
        name: seen.name,
        labels: seen.labels,
        phase: seen.phase,
        conclusion: seen.conclusion,
        runner_name: seen.runner_name.filter(|_| seen.phase >= JobPhase::InProgress),
        at: seen.at,
        seen_at: now,
        delivery: DELIVERY.to_owned(),
        noted: false,
    }
}

/// `scale` measures a fleet when something happens; while jobs only wait, nothing does. Of a fleet that has nothing there is nothing to measure, nor to pay for.
fn measure_fleet(fleet: &Fleet, view: &View, now: Timestamp) {
    let (counts, waiting_since) = plan::standing(view, fleet, now);
    if counts != Counts::default() {
        measure::fleet(&fleet.name, &counts, waiting_since, now);
    }
}

fn tell_waiting(fleet: &Fleet, view: &View, now: Timestamp) {
    if let Some((count, oldest)) = waiting_long(view, now) {
        metrics::counter!("JobsWaitingLong").increment(count.into());
        let keeps = keeps(view.state.get(), fleet);
        tracing::warn!(fleet = %fleet.name, jobs = count, oldest_minutes = now.since(oldest).as_secs() / 60, keeps = %keeps, "jobs wait for long");
    }
}
