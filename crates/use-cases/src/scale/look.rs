//! One look at one fleet: read, apply, plan, write, act. It writes nothing when nothing has changed, and calls nothing when nothing is due.

use super::Scale;
use crate::find;
use crate::measure;
use crate::ports::{Bus, COMMIT_MAX, Capacity, Clock, CommitError, DeadLetters, FleetQueue, Fleets, Ledger, PortError, WakeUp, chain};
use crate::webhook::DOUBT;
use fargate_runners_core::apply::{
    apply, forget_answered, is_taken_for_new, jobs_of, keys_of, keys_of_stopped, leave_noted, note_early_ends, take_losses,
};
use fargate_runners_core::early_ends::EarlyEnds;
use fargate_runners_core::events::{Event, RunnerLost};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_core::news::Awaited;
use fargate_runners_core::plan::{Plan, plan};
use fargate_runners_core::record::{Expected, Key, Record, View, Write};
use fargate_runners_core::time::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a look is begun anew because a lease or a registration was written in between. Each of these makes progress, but in a large fleet whose runners
/// leave by the dozen each second most looks meet one; and a look that gives up hands its messages back, which hides them for three minutes. A look at 5,000
/// records takes some 0.4 s, the function has 30.
pub(super) const CONFLICTS_MAX: usize = 30;

/// Why a look's events are not in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Others wrote the same records again and again.
    #[error("fleet {0} was written by others {CONFLICTS_MAX} times in a row")]
    Contention(FleetName),
    /// A service could not be reached.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What a view has learned from a batch, to be told once it is written.
pub(super) struct TakenIn {
    awaited: Awaited,
    losses: Vec<RunnerLost>,
}

impl<L, P, F, B, W, Q, D, C> Scale<L, P, F, B, W, Q, D, C>
where
    L: Ledger,
    P: Capacity,
    F: Fleets,
    B: Bus,
    W: WakeUp,
    Q: FleetQueue,
    D: DeadLetters,
    C: Clock,
{
    /// Takes the events in and does what follows. An error means that the events are not in the ledger.
    pub async fn look(&self, name: &FleetName, events: &[Event]) -> Result<(), LookError> {
        if self.puts_off(name, events).await? {
            return Ok(());
        }
        let fleet = self.fleet(name).await?;
        let labels = fleet.as_ref().map(|fleet| fleet.labels.clone()).unwrap_or_default();
        let empty = View::counting(name.clone(), labels, jobs_of(events));
        // Some of a look's parts may be written before another is refused: whoever begins anew finds jobs that are over, and not that this look has ended them.
        let mut early_ends = EarlyEnds::default();
        for round in 0..CONFLICTS_MAX {
            let now = self.clock.now();
            let (mut view, noted) = self.read(empty.clone(), events, round > 0, now).await?;
            view.state.get_mut().early_ends.join(&early_ends);
            let taken_in = self.take_in(&mut view, &noted, events, now);
            let plan = fleet.as_ref().map(|fleet| {
                let seed = format!("{}-{name}-{}", self.stack, view.state.version().0);
                plan(&mut view, fleet, &seed, now)
            });
            // Before the commit: one wake-up too many is harmless, one too few is not.
            if let Some(wait) = plan.as_ref().and_then(|plan| plan.look_again)
                && !self.look_again(name, wait).await
            {
                view.state.get_mut().wake_at = None;
            }
            match commit(&self.ledger, &view.writes(), now).await {
                Err(CommitError::Conflict) => {
                    early_ends.join(&view.state.get().early_ends);
                    continue;
                }
                Err(CommitError::Failed(error)) => return Err(error.into()),
                Ok(()) => {}
            }
            self.tell_of(taken_in, &view, events).await;
            if let (Some(fleet), Some(plan)) = (fleet, plan) {
                tell(&fleet, &plan, &view);
                measure::fleet(name, &view.state.get().counts, plan.waiting_since, now);
                self.act(&fleet, plan, view, now).await;
            }
            return Ok(());
        }
        Err(LookError::Contention(name.clone()))
    }

    /// Adds to the view what was noted, and what the events say.
    pub(super) fn take_in(&self, view: &mut View, noted: &[Event], events: &[Event], now: Timestamp) -> TakenIn {
        let awaited = Awaited::of(view, noted.iter().chain(events));
        for event in noted.iter().chain(events) {
            apply(view, event, &self.stack, now);
        }
        forget_answered(view);
        note_early_ends(view, now);
        TakenIn { awaited, losses: take_losses(view, now) }
    }

    /// Tells people, metrics and the bus what is in the ledger now.
    pub(super) async fn tell_of(&self, taken_in: TakenIn, view: &View, events: &[Event]) {
        tell_events(events);
        measure::news(view.fleet(), &taken_in.awaited.told(view));
        self.report(taken_in.losses).await;
    }

    async fn fleet(&self, name: &FleetName) -> Result<Option<Fleet>, PortError> {
        let found = find::fleet(&self.fleets, [DOUBT, Duration::ZERO], |fleet| fleet.name == *name).await?;
        if found.is_none() {
            tracing::error!(fleet = %name, "events name a fleet that is described nowhere, or whose description cannot be read; they are kept, nothing is scaled");
            metrics::counter!("FleetsUnknown").increment(1);
        }
        Ok(found)
    }

    /// What counts, and what the events are about, and what was noted of jobs. Jobs that wait, and of which the events do not tell, are mostly but counted.
    async fn read(&self, empty: View, events: &[Event], doubts: bool, now: Timestamp) -> Result<(View, Vec<Event>), PortError> {
        let mut view = self.ledger.active(empty, now).await?;
        self.sizes.saw(view.fleet(), view.records());
        let missing: Vec<Key> = self.keys_about(events, doubts).into_iter().filter(|key| !view.holds(key)).collect();
        if !missing.is_empty() {
            view.add(self.ledger.read(&missing, now).await?);
        }
        self.read_closed(&mut view, events, now).await?;
        let noted = self.noted(&mut view, events, now).await?;
        Ok((view, noted))
    }

    /// What was noted with the jobs that were read and is to be written now, as events, with what these are about added to the view. The rest is in the view.
    pub(super) async fn noted(&self, view: &mut View, events: &[Event], now: Timestamp) -> Result<Vec<Event>, PortError> {
        view.noted.retain(|_| !mutant::is(Mutant::ForgetNotes));
        let noted = leave_noted(view, events, &self.stack, now);
        let missing: BTreeSet<Key> = noted.iter().flat_map(|event| keys_of(event, &self.stack)).filter(|key| !view.holds(key)).collect();
        if !missing.is_empty() {
            view.add(self.ledger.read(&Vec::from_iter(missing), now).await?);
        }
        Ok(noted)
    }

    /// What the events are about. Jobs that are taken for new ones are read only if somebody `doubts` it, since a write was refused.
    pub(super) fn keys_about(&self, events: &[Event], doubts: bool) -> BTreeSet<Key> {
        let asked = events.iter().filter(|event| doubts || !is_taken_for_new(event));
        asked.flat_map(|event| keys_of(event, &self.stack)).collect()
    }

    /// Adds the jobs of those tasks that have ended by these events.
    pub(super) async fn read_closed(&self, view: &mut View, events: &[Event], now: Timestamp) -> Result<(), PortError> {
        let closed = keys_of_stopped(view, events);
        if !closed.is_empty() {
            view.add(self.ledger.read(&closed, now).await?);
        }
        Ok(())
    }

    /// Whether the fleet will be brought back.
    pub(super) async fn look_again(&self, name: &FleetName, wait: Duration) -> bool {
        let sent = self.wake_up.look_again(name, wait, self.clock.now() + wait).await;
        if let Err(error) = &sent {
            tracing::error!(fleet = %name, error = chain(error), "the fleet cannot be looked at again in time; the next event or the healer will");
        }
        sent.is_ok()
    }

    async fn report(&self, losses: Vec<RunnerLost>) {
        for lost in &losses {
            metrics::counter!("RunnersLost").increment(1);
            tracing::error!(
                fleet = %lost.fleet, task_id = %lost.task_id, job_id = lost.job_id.0, stop_code = lost.stop.code, reason = lost.stop.reason,
                "a runner died in its job"
            );
        }
        let events: Vec<Event> = losses.into_iter().map(Event::RunnerLost).collect();
        if !events.is_empty()
            && let Err(error) = self.bus.publish(&events).await
        {
            tracing::error!(error = chain(&error), "lost runners could not be reported on the bus");
        }
    }
}

/// The fleet's own record goes with the last part: what is asked of ECS is in the ledger only when everything that it follows from is. So do the tasks, which
/// stand at the end: that a task's job was lost is noted with the task and kept in the fleet's record, and whoever begins anew must find neither or both. The
/// last part is therefore a full one, with room for more tasks than a batch can be about.
///
/// That a job is not over is known from the fleet's record, so that it must be written with it in one part. Otherwise it is looked for among those that are over.
pub(super) async fn commit(ledger: &impl Ledger, writes: &[Write], now: Timestamp) -> Result<(), CommitError> {
    let (state, others) = writes.split_at(usize::from(writes.first().is_some_and(is_state)));
    let is_vouched_for = !state.is_empty() && others.len() < COMMIT_MAX;
    let others: Vec<Write> = others.iter().cloned().map(|write| if is_vouched_for { write } else { without_word(write) }).collect();
    let mut parts: Vec<Vec<Write>> = others.rchunks(COMMIT_MAX - 1).rev().map(<[Write]>::to_vec).collect();
    match parts.last_mut() {
        Some(last) => last.extend_from_slice(state),
        None if !state.is_empty() => parts.push(state.to_vec()),
        None => {}
    }
    for part in parts {
        ledger.commit(&part, now).await?;
    }
    Ok(())
}

/// A job's way can be followed by these lines: GitHub's delivery stands in the webhook's log too.
fn tell_events(events: &[Event]) {
    for event in events {
        if let Event::Job(job) = event {
            tracing::info!(
                fleet = %job.fleet, job_id = job.job_id.0, phase = ?job.phase, delivery = job.delivery, runner_name = job.runner_name,
                "took in a job's event"
            );
        }
    }
}

fn tell(fleet: &Fleet, plan: &Plan, view: &View) {
    let state = view.state.get();
    measure::decided(&fleet.name, state.wanted, state.surplus);
    if let Some(reasons) = &plan.breaker {
        metrics::counter!("BootsFailing").increment(1);
        tracing::error!(fleet = %fleet.name, reasons = reasons.join(" | "), "tasks end before they register; only one probe boots at a time");
    }
}

/// The write of a job, for whose being new there is no word.
fn without_word(write: Write) -> Write {
    match write {
        Write { record: record @ Record::Job(_), expected: Expected::NothingYet } => Write { record, expected: Expected::Nothing },
        other => other,
    }
}

const fn is_state(write: &Write) -> bool {
    matches!(write.record, Record::Fleet(_))
}
