//! The start script, played: the same calls in the same order, the same waits and limits and exit codes as the one in the fleet's template.

use crate::engine::{First, Millis, first};
use crate::functions::{self, ApiAnswer, ApiCall};
use crate::runner;
use crate::task_host::{Phase, TaskLife};
use crate::world::World;
use fargate_runners_core::names::RunnerName;
use fargate_runners_model_github::ListenerCredentials;
use fargate_runners_use_cases::register::{Announces, Answer, Route};
use secrecy::ExposeSecret;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

// The template's defaults.
const BOOT: Millis = 600_000;
const GRACE: Millis = 15_000;
const DONE: Millis = 30_000;
const STOP: Millis = 120_000;
const ORPHAN: Millis = 3_600_000;
const END: Millis = 30_000;
const MARGIN: Millis = 30_000;
/// The script gives up on a call after this; as the gateway does.
const CALL: Millis = 30_000;
/// The same for `lease` and `done`. The function may go on, so that a runner can be told to leave and not hear it.
const SHORT_CALL: Millis = 10_000;
const BACKOFF_MOST: Millis = 30_000;
const AGAIN_LEAST: Millis = 1_000;
const AGAIN_MOST: Millis = 300_000;
/// Of a wait so much at most has a quarter added to it by chance.
const JITTERED: Millis = 16_000;

/// Plays the script; returns its exit code.
pub async fn play(world: &Rc<World>, life: &Rc<TaskLife>) -> i32 {
    let nonce = format!("{:032x}{:032x}", world.between(0, u64::MAX), world.between(0, u64::MAX));
    let script = Script { world, life, nonce, boot_over: world.now() + BOOT, announces: Cell::new(true) };
    let (name, credentials) = match script.registers().await {
        Ok(registration) => registration,
        Err(code) => return code,
    };
    if let Err(code) = script.acknowledges(&name).await {
        return code;
    }
    let actor = world.engine.spawn(runner::play(Rc::clone(world), Rc::clone(life), script.nonce.clone(), credentials));
    life.played_by(actor);
    script.supervises().await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    ByItself,
    Left,
    Orphaned,
    Stopped,
    Cancelled,
}

struct Script<'a> {
    world: &'a Rc<World>,
    life: &'a Rc<TaskLife>,
    nonce: String,
    /// Until when it may boot: one time for the registration and its acknowledgement together.
    boot_over: Millis,
    /// Whether its end is to be announced.
    announces: Cell<bool>,
}

/// The waits between tries: as long as the answer says, else twice as long each time, and a little chance on top.
struct Backoff {
    next: Millis,
    deadline: Millis,
}

impl Script<'_> {
    async fn call(&self, route: Route, member: Option<(&'static str, String)>) -> ApiAnswer {
        let (task_id, fleet) = (self.life.task_id.clone(), self.life.fleet.clone());
        let request = ApiCall { task_id, fleet, route, nonce: self.nonce.clone(), member };
        let limit = match route {
            Route::Registration | Route::Ack => CALL,
            Route::Lease | Route::Done => SHORT_CALL,
        };
        match first(functions::api(self.world, request), self.world.engine.sleep(limit)).await {
            First::Left(answer) => answer,
            First::Right(()) => ApiAnswer::Silence,
        }
    }

    /// A call that SIGTERM ends at once (`None`), whatever the function is still doing: so it is while no runner runs.
    async fn call_unless_stopped(&self, route: Route, member: Option<(&'static str, String)>) -> Option<ApiAnswer> {
        match first(self.life.stopped.raised(), self.call(route, member)).await {
            First::Left(()) => None,
            First::Right(answer) => Some(answer),
        }
    }

    /// Waits for a time, or for SIGTERM; whether it came.
    async fn pause(&self, millis: Millis) -> bool {
        first(self.life.stopped.raised(), self.world.engine.sleep(millis)).await;
        self.life.stopped.is_raised()
    }

    /// Waits before the next try. An error is the end of the deadline.
    async fn backs_off(&self, backoff: &mut Backoff, asked: Option<Duration>) -> Result<(), ()> {
        let rest = backoff.deadline.saturating_sub(self.world.now());
        if rest == 0 {
            return Err(());
        }
        let delay = asked.map_or(backoff.next, bounded);
        let delay = delay + self.world.between(0, delay.min(JITTERED) / 4 + 1000);
        if asked.is_none() {
            backoff.next = (backoff.next * 2).min(BACKOFF_MOST);
        }
        self.pause(delay.min(rest)).await;
        Ok(())
    }

    async fn registers(&self) -> Result<(RunnerName, ListenerCredentials), i32> {
        let mut backoff = Backoff { next: 1000, deadline: self.boot_over };
        loop {
            let answer = self.call_unless_stopped(Route::Registration, None).await.ok_or(15)?;
            let again = match answer {
                ApiAnswer::Answer(Answer::Jit(name, jit)) => {
                    self.world.tell(&self.life.short(), || format!("has the registration {name}"));
                    return credentials(jit.encoded_jit_config.expose_secret()).map(|credentials| (name, credentials)).ok_or(11);
                }
                ApiAnswer::Answer(Answer::Leave) => return Err(0),
                ApiAnswer::Answer(Answer::Forbidden) => return Err(10),
                other => asked(&other),
            };
            self.backs_off(&mut backoff, again).await.map_err(|()| 11)?;
            if self.life.stopped.is_raised() {
                return Err(15);
            }
        }
    }

    async fn acknowledges(&self, name: &RunnerName) -> Result<(), i32> {
        let mut backoff = Backoff { next: 1000, deadline: self.boot_over };
        loop {
            let answer = self.call_unless_stopped(Route::Ack, Some(("runner_name", name.to_string()))).await.ok_or(15)?;
            let again = match answer {
                ApiAnswer::Answer(Answer::Acknowledged(Announces(announces))) => {
                    self.announces.set(announces);
                    self.life.phase.set(Phase::Listening);
                    return Ok(());
                }
                ApiAnswer::Answer(Answer::Leave) => return Err(0),
                ApiAnswer::Answer(Answer::Forbidden) => return Err(13),
                other => asked(&other),
            };
            self.backs_off(&mut backoff, again).await.map_err(|()| 13)?;
            if self.life.stopped.is_raised() {
                return Err(15);
            }
        }
    }

    fn lease(&self) -> Millis {
        let book = self.world.book.borrow();
        book.lease_of(&self.life.fleet)
    }

    async fn supervises(&self) -> i32 {
        let ended = self.watches().await;
        self.life.phase.set(Phase::Finishing);
        if self.life.job_over.get() && ended != Ended::Cancelled {
            if self.announces.get() {
                self.announce("job").await;
            }
            return 0;
        }
        match ended {
            Ended::Cancelled => 16,
            Ended::Stopped => 15 + i32::from(self.life.has_job.get()),
            Ended::Left if self.life.has_job.get() => 14,
            Ended::Left => {
                self.announce("left").await;
                0
            }
            Ended::ByItself if self.life.stopped.is_raised() => 16,
            Ended::Orphaned | Ended::ByItself => 14,
        }
    }

    async fn watches(&self) -> Ended {
        let (world, life) = (self.world, self.life);
        let mut lease_due = world.now() + self.lease();
        let mut heard_at = world.now();
        let mut stopped_at = None;
        let mut over_at = None;
        while !life.runner_ended.is_raised() {
            life.news.lower();
            let now = world.now();
            if life.stopped.is_raised() {
                stopped_at = stopped_at.or(Some(now));
            }
            let mut wake = Millis::MAX;
            if life.job_over.get() {
                let until = *over_at.get_or_insert(now) + END;
                if now >= until {
                    self.ends_runner().await;
                    continue;
                }
                wake = until;
            } else if let Some(at) = stopped_at {
                if !life.has_job.get() {
                    self.ends_runner().await;
                    return Ended::Stopped;
                }
                if now >= at + STOP - MARGIN {
                    self.ends_runner().await;
                    return Ended::Cancelled;
                }
                wake = at + STOP - MARGIN;
            } else if !life.has_job.get() {
                if now >= lease_due {
                    let answer = self.call(Route::Lease, None).await;
                    lease_due = world.now() + self.lease();
                    let leaves = match &answer {
                        ApiAnswer::Answer(Answer::Stay(again)) => {
                            heard_at = world.now();
                            lease_due = world.now() + bounded(*again);
                            false
                        }
                        ApiAnswer::Answer(Answer::LeaveLease | Answer::Leave) => {
                            heard_at = world.now();
                            self.announces.set(true);
                            true
                        }
                        other => {
                            lease_due = world.now() + asked(other).map_or(self.lease(), bounded);
                            false
                        }
                    };
                    if leaves && self.passes_grace().await {
                        self.ends_runner().await;
                        return Ended::Left;
                    }
                    if world.now() >= heard_at + ORPHAN && !life.has_job.get() && self.passes_grace().await {
                        self.ends_runner().await;
                        return Ended::Orphaned;
                    }
                    continue;
                }
                wake = lease_due;
            }
            first(life.news.raised(), world.engine.sleep_until(wake.min(now + 48 * 3_600_000))).await;
        }
        Ended::ByItself
    }

    /// Whether no job came while it waited for one.
    async fn passes_grace(&self) -> bool {
        let (world, life) = (self.world, self.life);
        if life.has_job.get() {
            return false;
        }
        life.phase.set(Phase::Leaving);
        let until = world.now() + GRACE;
        while world.now() < until && !life.runner_ended.is_raised() && !life.stopped.is_raised() && !life.has_job.get() {
            life.news.lower();
            first(life.news.raised(), world.engine.sleep_until(until)).await;
        }
        if life.has_job.get() {
            return false;
        }
        if life.stopped.is_raised() {
            life.phase.set(Phase::Listening);
            return false;
        }
        true
    }

    /// Ends the listener: in a job, the job is cancelled.
    async fn ends_runner(&self) {
        self.life.interrupted.raise();
        first(self.life.runner_ended.raised(), self.world.engine.sleep(END)).await;
        if !self.life.runner_ended.is_raised() {
            runner::end_with_script(self.world, self.life);
            self.life.runner_ended.raise();
        }
    }

    async fn announce(&self, outcome: &'static str) {
        if self.life.stopped.is_raised() {
            return;
        }
        let mut backoff = Backoff { next: 1000, deadline: self.world.now() + DONE };
        loop {
            let Some(answer) = self.call_unless_stopped(Route::Done, Some(("outcome", outcome.to_owned()))).await else { return };
            let again = match answer {
                ApiAnswer::Answer(Answer::Wait(again)) => Some(again),
                ApiAnswer::Answer(Answer::Go | Answer::Forbidden | Answer::Leave) => return,
                other => asked(&other),
            };
            if self.backs_off(&mut backoff, again).await.is_err() || self.life.stopped.is_raised() {
                return;
            }
        }
    }
}

/// As long as an answer asks for, within the script's bounds.
fn bounded(asked: Duration) -> Millis {
    (asked.as_secs() * 1000).clamp(AGAIN_LEAST, AGAIN_MOST)
}

fn asked(answer: &ApiAnswer) -> Option<Duration> {
    match answer {
        ApiAnswer::Answer(Answer::TooMany(after) | Answer::Unavailable(after)) => Some(*after),
        _ => None,
    }
}

fn credentials(text: &str) -> Option<ListenerCredentials> {
    let mut parts = text.split('|');
    Some(ListenerCredentials {
        runner_id: parts.next()?.parse().ok()?,
        client_id: parts.next()?.to_owned(),
        version: parts.next()?.to_owned(),
    })
}
