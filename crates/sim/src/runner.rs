//! The runner's program: a listener that connects, takes one job, runs it and ends. It can hang, die, and lose its registration.
//! What is drawn when it connects counts as a fault only once it strikes: by then it may have a job, or be gone.

use crate::engine::{First, first};
use crate::faults::Fault;
use crate::functions::{self, ApiAnswer, ApiCall};
use crate::task_host::{Phase, TaskLife};
use crate::world::World;
use fargate_runners_model_github::{Conclusion, JobId, ListenerCredentials, Message, RunnerId, SessionError, SessionId};
use fargate_runners_use_cases::register::{Answer, Route};
use std::cell::Cell;
use std::rc::Rc;

/// A listener whose session is held for another's tries again this often, each half a minute.
const CONFLICTS: u32 = 8;
const CONFLICT_PAUSE: u64 = 30_000;

/// A listener that lost its registration notices on one of its next polls.
const NOTICES: (u64, u64) = (10_000, 90_000);

/// What a listener is told of the end of its registration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// That it is gone.
    All,
    /// Nothing.
    Nothing,
}

/// From a job's message to the worker that the start script can see.
const WORKER_STARTS: (u64, u64) = (300, 3_000);

/// When an idle registration is removed, or an idle listener dies, if it is to: so long after the listener connected.
const IDLE_MISHAP: (u64, u64) = (30_000, 1_800_000);

/// Plays the runner's program, to its end.
pub async fn play(world: Rc<World>, life: Rc<TaskLife>, nonce: String, credentials: ListenerCredentials) {
    live(&world, &life, &nonce, &credentials).await;
    if let Some(session) = life.session.take() {
        let now = world.now();
        world.github.borrow_mut().close_session(now, session);
    }
    life.runner_ended.raise();
    life.news.raise();
}

/// What a runner leaves when its script has ended: its processes end with the container.
pub fn end_with_script(world: &World, life: &TaskLife) {
    if let Some(session) = life.session.take() {
        let now = world.now();
        world.github.borrow_mut().disconnect(now, session);
    }
    life.interrupted.raise();
}

async fn live(world: &Rc<World>, life: &Rc<TaskLife>, nonce: &str, credentials: &ListenerCredentials) {
    world.engine.sleep(world.between(1_000, 4_000)).await;
    let Some(session) = connect(world, life, credentials).await else { return };
    life.session.set(Some(session));
    world.tell(&life.short(), || "listens for jobs".to_owned());
    let mailbox = world.hosts.mailbox(session);
    let dies = world.faults.is_drawn(Fault::RunnerDies, world.now());
    let dies_idle_at = dies.then(|| world.now() + world.faults.between(Fault::RunnerDies, IDLE_MISHAP.0, IDLE_MISHAP.1));
    let removed = Rc::new(Cell::new(None));
    for (fault, told) in [(Fault::GhostMade, Told::Nothing), (Fault::RunnerDeleted, Told::All)] {
        if !world.faults.is_drawn(fault, world.now()) {
            continue;
        }
        let (world, runner, after) = (Rc::clone(world), credentials.runner_id, world.faults.between(fault, IDLE_MISHAP.0, IDLE_MISHAP.1));
        let removed = Rc::clone(&removed);
        world.clone().engine.spawn(async move {
            world.engine.sleep(after).await;
            if remove_if_idle(&world, runner) {
                removed.set(Some(told));
                world.struck(fault);
            }
        });
    }
    loop {
        if life.interrupted.is_raised() {
            return;
        }
        let now = world.now();
        let message = world.github.borrow_mut().poll(now, session);
        match message {
            Ok(Some(Message::Offer(job))) => return work(world, life, nonce, session, job, dies).await,
            Ok(Some(Message::Cancel(_)) | None) => {}
            Err(SessionError::Gone | SessionError::Conflict) => {
                // Where it is not said, some listeners notice that their registration is gone; some wait for ever.
                let notices = removed.get().map_or_else(|| world.between(0, 1) == 0, |told| told == Told::All);
                if notices {
                    first(life.interrupted.raised(), world.engine.sleep(world.between(NOTICES.0, NOTICES.1))).await;
                } else {
                    life.interrupted.raised().await;
                }
                return;
            }
        }
        mailbox.lower();
        let told = first(mailbox.raised(), life.interrupted.raised());
        if let Some(at) = dies_idle_at {
            if let First::Right(()) = first(told, world.engine.sleep_until(at)).await {
                return die(world, life);
            }
        } else {
            told.await;
        }
    }
}

/// The program is gone without a word to GitHub, which still holds its registration.
fn die(world: &World, life: &TaskLife) {
    world.struck(Fault::RunnerDies);
    world.tell(&life.short(), || "its runner dies".to_owned());
    if let Some(session) = life.session.take() {
        let now = world.now();
        world.github.borrow_mut().disconnect(now, session);
    }
}

async fn connect(world: &Rc<World>, life: &TaskLife, credentials: &ListenerCredentials) -> Option<SessionId> {
    for _ in 0..CONFLICTS {
        let now = world.now();
        let opened = world.github.borrow_mut().open_session(now, credentials);
        if opened.is_ok() && world.strikes(Fault::ListenerHangs) {
            world.github.borrow_mut().hang_runner(RunnerId(credentials.runner_id));
        }
        match opened {
            Ok(session) => return Some(session),
            Err(SessionError::Gone) => return None,
            Err(SessionError::Conflict) => {
                if let First::Left(()) = first(life.interrupted.raised(), world.engine.sleep(CONFLICT_PAUSE)).await {
                    return None;
                }
            }
        }
    }
    None
}

async fn work(world: &Rc<World>, life: &Rc<TaskLife>, nonce: &str, session: SessionId, job: JobId, dies: bool) {
    if life.phase.get() == Phase::Finishing || life.phase.get() == Phase::Ended {
        return;
    }
    life.phase.set(Phase::Running);
    world.tell(&life.short(), || format!("runs job {}", job.0));
    let Some(message) = world.github.borrow().job_message(job) else { return };
    // It is the listener's from here on, but the script does not see that yet.
    first(life.interrupted.raised(), world.engine.sleep(world.between(WORKER_STARTS.0, WORKER_STARTS.1))).await;
    life.has_job.set(true);
    life.news.raise();
    misbehave(world, life, nonce);
    let mailbox = world.hosts.mailbox(session);
    let end = world.now() + message.duration_ms;
    world.busy_until.set(world.busy_until.get().max(end));
    let dies_at = if dies { world.now() + message.duration_ms / 2 } else { u64::MAX };
    let mut conclusion = message.conclusion;
    loop {
        let until = end.min(dies_at);
        match first(world.engine.sleep_until(until), first(life.interrupted.raised(), mailbox.raised())).await {
            First::Left(()) if dies_at < end => {
                life.excused.set(true);
                return die(world, life);
            }
            First::Left(()) => break,
            First::Right(First::Left(())) => {
                conclusion = Conclusion::Cancelled;
                world.engine.sleep(world.between(500, 4_000)).await;
                break;
            }
            First::Right(First::Right(())) => {
                mailbox.lower();
                let now = world.now();
                let cancelled = matches!(world.github.borrow_mut().poll(now, session), Ok(Some(Message::Cancel(_))));
                if cancelled {
                    conclusion = Conclusion::Cancelled;
                    world.engine.sleep(world.between(500, 4_000)).await;
                    break;
                }
            }
        }
    }
    let now = world.now();
    world.oracle.job_over(world, life);
    let told = world.github.borrow_mut().finish_job(now, session, job, conclusion);
    world.tell(&life.short(), || format!("job {} is over: {} ({told:?})", job.0, conclusion.as_str()));
    life.job_over.set(true);
    life.news.raise();
    world.engine.sleep(world.between(200, 3_000)).await;
}

/// Job code has the task's role, and may have read the nonce: it must gain nothing by it.
fn misbehave(world: &Rc<World>, life: &Rc<TaskLife>, nonce: &str) {
    let nonces = [(Fault::JobReplaysNonce, nonce.to_owned()), (Fault::JobAsksWithOwnNonce, format!("{:064x}", world.between(0, u64::MAX)))];
    for (fault, nonce) in nonces {
        if !world.strikes(fault) {
            continue;
        }
        let (world, life) = (Rc::clone(world), Rc::clone(life));
        world.clone().engine.spawn(async move {
            for route in [Route::Ack, Route::Registration] {
                let request =
                    ApiCall { task_id: life.task_id.clone(), fleet: life.fleet.clone(), route, nonce: nonce.clone(), member: None };
                if let ApiAnswer::Answer(Answer::Jit(name, _) | Answer::Token(name, ..)) = functions::api(&world, request).await {
                    world.oracle.violation(&world, "R5", format!("job code got the registration {name}"));
                }
            }
        });
    }
}

/// The registration of an idle runner goes, by whoever's doing. Whether it has: it may have a job by now, or be gone.
fn remove_if_idle(world: &World, runner: u64) -> bool {
    let id = RunnerId(runner);
    let now = world.now();
    let mut github = world.github.borrow_mut();
    let Some(found) = github.runner(id).cloned() else { return false };
    let has_job = github.jobs().any(|job| job.completed_at.is_none() && job.runner.as_ref().is_some_and(|seen| seen.name == found.name));
    let removed = !has_job && github.delete_runner(now, &world.caller, &found.scope, id).is_ok();
    if removed {
        world.tell("github", || format!("the idle runner {} is removed", found.name));
    }
    removed
}
