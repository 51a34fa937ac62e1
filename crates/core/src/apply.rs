//! Takes events into a view of the ledger. Only facts are added, so that any order with any repeats of the same events leads to the same view.
//! Nothing is decided here: what follows from the facts is `crate::plan`'s.

use crate::events::{Event, RunnerLost, RunnerStopped, ServiceDrifted};
use crate::fleet::{Fleet, LaunchMode};
use crate::ids::{JobId, StackId, TaskId};
use crate::job::{JobEvent, JobPhase, JobRecord};
use crate::mutant::{self, Mutant};
use crate::names::RunnerName;
use crate::record::{Key, Slot, View};
use crate::state::{FailedBoot, Launch, LostJob, ServiceState};
use crate::task::{Stop, TaskRecord};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many jobs that went down with their runners are remembered for a fleet, and for how long: for `sweep`, which may have their runs' failed jobs run
/// once more when the run has ended, and for people.
pub const LOST_JOBS_KEPT: usize = 100;
const LOST_JOBS_FOR: Duration = Duration::from_secs(2 * 24 * 3600);

/// What somebody saw of a desired count longer ago than this says nothing about now.
const DRIFT_COUNTS_FOR: Duration = Duration::from_secs(900);

/// A call that was made longer ago than this has been carried out, or never will be: a function has half a minute.
const ASKED_FOR: Duration = Duration::from_secs(60);

/// How many failed boots are remembered: enough for the breaker and for a person to see a pattern.
pub const FAILED_BOOTS_KEPT: usize = 5;

/// A message that does not say when it was to come counts as the one that was asked for when it comes up to this much early.
const WAKE_SLACK: Duration = Duration::from_secs(10);

/// The records that an event touches, to be read before it is applied. Records that count are in the view anyway.
#[must_use]
pub fn keys_of(event: &Event, stack: &StackId) -> Vec<Key> {
    match event {
        Event::Job(job) => {
            let runner = own_runner(job, stack).map(|task| Key::Task(job.fleet.clone(), task));
            std::iter::once(Key::Job(job.fleet.clone(), job.job_id)).chain(runner).collect()
        }
        Event::RunnerStopped(stopped) => vec![Key::Task(stopped.fleet.clone(), stopped.task_id.clone())],
        Event::RunnerInterrupted(interrupted) => vec![Key::Task(interrupted.fleet.clone(), interrupted.task_id.clone())],
        Event::RunnerDone(_) | Event::RunnerLost(_) | Event::ServiceDrifted(_) | Event::LookAgain(_) => vec![],
    }
}

/// The jobs of which events tell.
#[must_use]
pub fn jobs_of(events: &[Event]) -> BTreeSet<JobId> {
    events.iter().filter_map(|event| if let Event::Job(job) = event { Some(job.job_id) } else { None }).collect()
}

/// Whether the event's record is taken for one that does not exist yet, unless it is among those that count: nearly every job that is queued is a new one. Its
/// write says so if it is not, and then it is read.
#[must_use]
pub fn is_taken_for_new(event: &Event) -> bool {
    matches!(event, Event::Job(job) if is_queued(job))
}

fn is_queued(job: &JobEvent) -> bool {
    job.phase == JobPhase::Queued
}

/// Whether more runners are likely to be wanted because of the event. All others mostly let the wanted number fall, or stay as it is, and may wait for each
/// other: a task that ends while it boots is missing a second longer, and so is a runner that has taken another fleet's job.
#[must_use]
pub fn may_raise(event: &Event) -> bool {
    is_taken_for_new(event) || matches!(event, Event::RunnerInterrupted(_))
}

/// Whether word of a job may wait, noted with the job's record, for the next look at its fleet: a runner of the fleet has taken one of its own jobs, so that as
/// many are wanted as before; or has ended it, and its task will end by itself. That of a service ends only when its place is taken out, for which a look is due.
/// A runner that AWS is about to take, that was told to leave or that is of a replaced revision changes a number all the same, by one, until that look.
#[must_use]
pub fn may_wait(job: &JobEvent, fleet: &Fleet, stack: &StackId) -> bool {
    let changes_nothing = match job.phase {
        JobPhase::InProgress => true,
        JobPhase::Completed => fleet.launch_mode == LaunchMode::Tasks,
        JobPhase::Waiting | JobPhase::Queued => false,
    };
    job.home && changes_nothing && own_runner(job, stack).is_some()
}

/// Forgets the launches that ECS has answered: all of their tasks stand in the ledger, each with the launch's token.
pub fn forget_answered(view: &mut View) {
    if view.state.get().launches.is_empty() {
        return;
    }
    let mut named: BTreeMap<&str, u32> = BTreeMap::new();
    for token in view.tasks.values().filter_map(|task| task.get().launch.as_deref()) {
        *named.entry(token).or_default() += 1;
    }
    let is_answered = |launch: &Launch| named.get(launch.token.as_str()).is_some_and(|tasks| *tasks >= launch.count);
    let due: Vec<Launch> = view.state.get().launches.iter().filter(|launch| !is_answered(launch)).cloned().collect();
    if due.len() < view.state.get().launches.len() {
        view.state.get_mut().launches = due;
    }
}

/// Keeps the jobs in mind that end by what was taken in, if word may come that they have just been queued.
pub fn note_early_ends(view: &mut View, now: Timestamp) {
    for job in view.jobs.values().filter(|job| job.is_changed() && !job.get().is_open()) {
        view.state.get_mut().early_ends.note(job.get(), now);
    }
}

/// Takes in what was noted with the records, for a reader: a task that was not read stays unknown.
pub fn apply_noted(view: &mut View, stack: &StackId, now: Timestamp) {
    forget_answered(view);
    for event in leave_noted(view, &[], stack, now) {
        let Event::Job(job) = &event else { continue };
        let unknown = own_runner(job, stack).filter(|task| !view.tasks.contains_key(task));
        apply(view, &event, stack, now);
        unknown.map(|task| view.tasks.remove(&task));
    }
}

/// Takes in what was noted with jobs whose tasks live, and of which no event tells: it stands in the ledger, and is written only with what follows from something
/// else. The rest is given back, to be taken in like events.
pub fn leave_noted(view: &mut View, events: &[Event], stack: &StackId, now: Timestamp) -> Vec<Event> {
    let told: BTreeSet<Key> = events.iter().flat_map(|event| keys_of(event, stack)).collect();
    let mut rest = Vec::new();
    for job in std::mem::take(&mut view.noted) {
        let lives = |task: &TaskId| view.tasks.get(task).is_some_and(|task| task.get().stop.is_none());
        let (task_id, job_id, fleet) = (own_runner(&job, stack).filter(lives), job.job_id, job.fleet.clone());
        let is_told =
            |task: &TaskId| [Key::Job(fleet.clone(), job_id), Key::Task(fleet.clone(), task.clone())].iter().any(|key| told.contains(key));
        let event = Event::Job(job);
        let Some(task_id) = task_id.filter(|task| !is_told(task)) else {
            rest.push(event);
            continue;
        };
        apply(view, &event, stack, now);
        view.jobs.get_mut(&job_id).map(Slot::known);
        view.tasks.get_mut(&task_id).map(Slot::known);
    }
    rest
}

/// Adds what an event says.
pub fn apply(view: &mut View, event: &Event, stack: &StackId, now: Timestamp) {
    match event {
        Event::Job(job) => apply_job(view, job, stack, now),
        Event::RunnerStopped(stopped) => apply_stopped(view, stopped, now),
        Event::RunnerInterrupted(interrupted) => view.task_mut(&interrupted.task_id, now).interrupted(interrupted.at),
        Event::ServiceDrifted(drifted) => apply_drifted(view, drifted, now),
        Event::LookAgain(look) => {
            // One that is to come later is under way by itself; were it forgotten, another would be asked for, and both would come, again and again.
            let came = look.due.unwrap_or(now + WAKE_SLACK);
            let state = view.state.get_mut();
            state.wake_at = state.wake_at.filter(|at| *at > came);
        }
        Event::RunnerDone(_) | Event::RunnerLost(_) => {}
    }
}

/// The records of jobs whose tasks have ended by these events, to be read once the tasks are: such a job may be closed already, and not count any more. Of a
/// task that ended by itself, after a job of whose end GitHub has told, nothing is left to be said.
#[must_use]
pub fn keys_of_stopped(view: &View, events: &[Event]) -> Vec<Key> {
    let stopped = events.iter().filter_map(|event| if let Event::RunnerStopped(stopped) = event { Some(stopped) } else { None });
    let is_settled = |stopped: &RunnerStopped| {
        let task = view.tasks.get(&stopped.task_id).map(Slot::get);
        stopped.stop.exit_code == Some(0) && task.is_some_and(|task| task.job_ended_at.is_some())
    };
    let stopped = stopped.filter(|stopped| !is_settled(stopped));
    let jobs = stopped.filter_map(|stopped| Some(Key::Job(stopped.fleet.clone(), view.tasks.get(&stopped.task_id)?.get().job_id?)));
    let missing: BTreeSet<Key> = jobs.filter(|key| !view.holds(key)).collect();
    missing.into_iter().collect()
}

/// The jobs that are known to have gone down with their runners and were not reported yet. Which event told of it last plays no part. Those, and the ones
/// that had to be cancelled because their tasks were taken, are also kept in mind.
pub fn take_losses(view: &mut View, now: Timestamp) -> Vec<RunnerLost> {
    let (jobs, lost_jobs) = (&view.jobs, &mut view.state.get_mut().lost_jobs);
    lost_jobs.retain(|_, lost| now.since(lost.at) < LOST_JOBS_FOR);
    let conclusion = |job: JobId| jobs.get(&job).and_then(|job| job.get().conclusion.clone());
    let unreported = view.tasks.values_mut().filter(|task| !task.get().lost_reported && task.get().interrupted_job(conclusion).is_some());
    unreported
        .filter_map(|task| {
            let task = task.get_mut();
            let (job_id, stop) = (task.interrupted_job(conclusion)?, task.stop.clone()?);
            task.lost_reported = true;
            let job = jobs.get(&job_id).map(Slot::get);
            if let Some(job) = job {
                let lost = LostJob { run_id: job.run_id, run_attempt: job.run_attempt, repository: job.repository.clone(), at: stop.at };
                keep_lost_job(lost_jobs, job_id, lost);
            }
            Some(RunnerLost {
                fleet: task.fleet.clone(),
                task_id: task.task_id.clone(),
                job_id: task.lost_job()?,
                run_id: job.map(|job| job.run_id),
                repository: job.map(|job| job.repository.to_string()),
                stop,
            })
        })
        .collect()
}

/// Keeps a lost job in mind: one for each attempt of a run, since that is what is run again. Where there are too many, the oldest are forgotten, which have had
/// their time.
fn keep_lost_job(lost_jobs: &mut BTreeMap<JobId, LostJob>, job_id: JobId, lost: LostJob) {
    let same_run = |other: &LostJob| (other.run_id, other.run_attempt) == (lost.run_id, lost.run_attempt);
    let known = lost_jobs.iter().find(|(_, other)| same_run(other)).map(|(job_id, other)| (*job_id, other.at));
    let (key, at) = known.map_or((job_id, lost.at), |(other, at)| (other.min(job_id), at.max(lost.at)));
    if let Some((other, _)) = known {
        lost_jobs.remove(&other);
    }
    lost_jobs.insert(key, LostJob { at, ..lost });
    while lost_jobs.len() > LOST_JOBS_KEPT {
        let oldest = lost_jobs.iter().min_by_key(|(job_id, lost)| (lost.at, **job_id)).map(|(job_id, _)| *job_id);
        oldest.map(|job_id| lost_jobs.remove(&job_id));
    }
}

/// The task of this fleet and stack that has the job, by the runner's name.
fn own_runner(job: &JobEvent, stack: &StackId) -> Option<TaskId> {
    let name = RunnerName::parse(job.runner_name.as_deref().filter(|_| job.phase >= JobPhase::InProgress)?).ok()?;
    (name.stack == *stack && name.fleet == job.fleet).then_some(name.task)
}

fn apply_job(view: &mut View, event: &JobEvent, stack: &StackId, now: Timestamp) {
    let mut news = JobRecord::from_event(event);
    if let Some(task_id) = own_runner(event, stack) {
        let task = view.task_mut(&task_id, now);
        task.had_job(event.job_id, news.ended_at);
        news.runner_stopped_at = task.stop.as_ref().map(|stop| stop.at);
        // A task that had a job did register, also if word of that comes after word of its end.
        view.state.get_mut().failed_boots.remove(&task_id);
        view.state.get_mut().unnamed_jobs.remove(&task_id);
    }
    if mutant::is(Mutant::IncrementInsteadOfCompute) {
        let wanted = &mut view.state.get_mut().wanted;
        *wanted = match event.phase {
            JobPhase::Queued => *wanted + 1,
            JobPhase::Completed => wanted.saturating_sub(1),
            JobPhase::Waiting | JobPhase::InProgress => *wanted,
        };
    }
    join_job(view, &news, is_not_over(view, event, now));
}

fn apply_stopped(view: &mut View, event: &RunnerStopped, now: Timestamp) {
    let task = view.task_mut(&event.task_id, now);
    task.stopped(event.stop.clone());
    task.done_with_job |= ended_after_job(task, &event.stop);
    task.task_definition = task.task_definition.take().or_else(|| event.task_definition.clone());
    task.service = task.service.take().or_else(|| event.service.clone());
    task.hosting = task.hosting.join(&event.hosting);
    // Its launch is answered, whether or not the others that it started are in this view.
    let launch = task.launch.clone();
    let (unnamed, failed, job_id) = (task.has_unnamed_job(), is_failed_boot(task), task.job_id);
    // What the ledger takes for the end now: of two accounts that came, not always this one.
    let stop = task.stop.clone().unwrap_or_else(|| event.stop.clone());
    let state = view.state.get_mut();
    state.launches.retain(|due| Some(&due.token) != launch.as_ref());
    if unnamed {
        state.unnamed_jobs.insert(event.task_id.clone(), stop.at);
    }
    state.failed_boots.remove(&event.task_id);
    if failed {
        remember_failed_boot(&mut state.failed_boots, &event.task_id, &stop);
    }
    let job = job_id.and_then(|job_id| view.jobs.get_mut(&job_id));
    if let Some(job) = job {
        let stopped = JobRecord { runner_stopped_at: Some(stop.at), ..job.get().clone() };
        *job.get_mut() = job.get().join(&stopped);
    }
}

/// The count is asked for again; whether that is needed, ECS's answer says. A service that the ledger has forgotten, because it was empty, is taken in again.
/// Where nobody knows what ECS has, and nothing that was asked can still be under way, it is what was seen.
fn apply_drifted(view: &mut View, event: &ServiceDrifted, now: Timestamp) {
    if now.since(event.at) >= DRIFT_COUNTS_FOR {
        return;
    }
    let state = view.state.get_mut();
    let is_settled = event.at >= state.asked_at + ASKED_FOR;
    let known = state.services.entry(event.service.clone()).or_insert(ServiceState {
        desired: event.desired,
        applied: Some(event.desired),
        highest: event.desired,
        lowest: event.desired,
    });
    if known.applied.is_none() && is_settled {
        known.found(event.desired);
    } else if known.desired != event.desired {
        known.asked();
        // What ECS has is neither what was asked for nor what was believed: a count between the two may be a rise all the same. That it has more counts only
        // if it was seen after what was asked last: before, it is what that has put right.
        known.lowest = known.lowest.min(event.desired);
        if is_settled {
            known.highest = known.highest.max(event.desired);
        }
    }
}

/// Whether a job of which there is no record yet cannot be over, so that nobody has to look: it was queued a moment ago.
fn is_not_over(view: &View, event: &JobEvent, now: Timestamp) -> bool {
    is_queued(event) && view.state.get().early_ends.rule_out(event.job_id, event.at, now)
}

fn join_job(view: &mut View, news: &JobRecord, is_not_over: bool) {
    match view.jobs.get_mut(&news.job_id) {
        Some(known) if mutant::is(Mutant::LateEventReopens) => *known.get_mut() = news.clone(),
        Some(known) => *known.get_mut() = known.get().join(news),
        // Joined with itself, so that it is what any other order would have made of it.
        None => {
            let made = if is_not_over { Slot::fresh } else { Slot::new };
            view.jobs.insert(news.job_id, made(news.join(news)));
        }
    }
}

/// Whether a task has ended by itself, with a registration and without having been told to leave: then it had a job, and that is over. Tasks of launch mode
/// `tasks` say so by nothing else.
fn ended_after_job(task: &TaskRecord, stop: &Stop) -> bool {
    stop.exit_code == Some(0) && task.registered_at.is_some() && task.leaving.is_none()
}

/// Whether a task's end, if it has ended, says that something is wrong with starting tasks: it never registered and was not condemned. What the start script
/// calls a success does not, nor does what ECS or a person ended, nor what AWS took away.
pub(crate) fn is_failed_boot(task: &TaskRecord) -> bool {
    let ended_from_outside = ["ServiceSchedulerInitiated", "UserInitiated", "SpotInterruption", "TerminationNotice"];
    let is_wrong = |stop: &Stop| stop.exit_code != Some(0) && !stop.code.as_deref().is_some_and(|code| ended_from_outside.contains(&code));
    task.stop.as_ref().is_some_and(is_wrong) && task.never_registered() && task.condemned_at.is_none()
}

fn remember_failed_boot(boots: &mut BTreeMap<TaskId, FailedBoot>, task_id: &TaskId, stop: &Stop) {
    let exit = stop.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    let reason = stop.reason.as_deref().or(stop.code.as_deref()).unwrap_or("no reason given");
    boots.insert(task_id.clone(), FailedBoot { at: stop.at, reason: format!("{reason}{exit}") });
    while boots.len() > FAILED_BOOTS_KEPT {
        let oldest = boots.iter().min_by_key(|(task, boot)| (boot.at, (*task).clone())).map(|(task, _)| task.clone());
        oldest.map(|task| boots.remove(&task));
    }
}
