//! What `scale` does about a fleet, computed from the ledger alone: the wanted number, launches or desired counts, who may leave, and when
//! to look again. A decision changes the view; the calls that follow from it are returned. Nothing here stops a task: a place is only
//! ever taken away together with a task that has said that it is ready to go.

mod service;
mod tasks;

use crate::demand::{Demand, RAISED_PER_LOOK, Turn, is_unraised};
use crate::fleet::{Fleet, LaunchMode};
use crate::ids::{ServiceName, TaskId};
use crate::mint_pace::MINTS_PER_MINUTE;
use crate::mutant::{self, Mutant};
use crate::record::{Slot, View};
use crate::state::{Counts, FleetState, Launch};
use crate::task::{TaskRecord, TaskState};
use crate::time::Timestamp;
use std::time::Duration;

/// Changes that ECS is asked for are at least this far apart, unless nothing was asked for lately: a burst arrives in batches of ten, and
/// UpdateService admits 5 calls a second in a whole account.
pub const COALESCE: Duration = Duration::from_secs(1);

/// A message that is due passes two queues and a function before it is there. Whoever looked as soon as it is due would nearly always look twice.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// While a burst is still arriving, each change waits twice as long for company as the last, up to this: a fraction of the time in which a task starts.
/// Once a look finds that nothing has arrived, `COALESCE` is enough.
pub const COALESCE_MOST: Duration = Duration::from_secs(4);

/// A large fleet is looked at more seldom, since each look reads all that counts: once in so many seconds as it has so many records, which are some 50 read units.
/// `COALESCE_MOST` is the most.
const RECORDS_A_SECOND: usize = 400;

/// GitHub admits some 170 mints a minute and credential; `register` keeps to `mint_pace::MINTS_PER_MINUTE`. No more tasks may wait to register than can be minted for in this time,
/// so that none of them runs out of its boot time while it waits.
pub const MINT_BACKLOG: Duration = Duration::from_secs(90);

/// Boots in a row without a registration after which only one probe boots at a time.
pub const BREAKER_AFTER: usize = 3;

/// A failed boot older than this says nothing about now.
pub const BREAKER_MEMORY: Duration = Duration::from_secs(3600);

/// GitHub gives a job to a fitting idle runner within seconds; a job that waits this long beside idle runners means that a listener may hang.
pub const HUNG_AFTER: Duration = Duration::from_secs(180);

/// A task that has done its job says so at once; GitHub's deliveries about that job may come later. For this long after the task's end one queued job
/// is taken for that job. GitHub gives a delivery 10 s, and the queues behind the webhook are drained within seconds.
pub const UNNAMED_FOR: Duration = Duration::from_secs(120);

/// The webhook may know newer labels of the fleet than a look does, whose description is half a minute old at most: a job that has just come and does not
/// fit is looked at again after this.
const MISFIT_FOR: Duration = Duration::from_secs(60);

/// How often a few idle runners are told to leave on suspicion: never the whole fleet at once.
pub const HUNG_EVERY: Duration = Duration::from_secs(60);

/// When a wait has no better measure, look again after this: soon enough for a person, seldom enough to cost nothing.
pub const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What is to be done after the view has been written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Tasks that lose their protection, before any desired count is lowered.
    pub unprotect: Vec<TaskId>,
    /// Services whose desired count is to be set.
    pub want: Vec<(ServiceName, u32)>,
    /// Of these, the services whose count may fall by it: it must not, unless the named tasks have lost their protection.
    pub lowers: Vec<ServiceName>,
    /// RunTask calls that are due.
    pub launch: Vec<Launch>,
    /// The wake-up queue is to bring the fleet back after this time.
    pub look_again: Option<Duration>,
    /// Since when the oldest of the jobs has waited that wait here. For people; nothing is to be done about it.
    pub waiting_since: Option<Timestamp>,
    /// Boots fail: why, newest last. Only one probe boots at a time.
    pub breaker: Option<Vec<String>>,
}

/// Decides. `seed` makes this look's client tokens; it must differ from look to look (the fleet's version does).
pub fn plan(view: &mut View, fleet: &Fleet, seed: &str, now: Timestamp) -> Plan {
    notice_registrations(view);
    view.state.get_mut().unnamed_jobs.retain(|_, ended| now.since(*ended) < UNNAMED_FOR);
    let breaker = open_breaker(view, now);
    let demand = view.demand(&fleet.labels);
    let mut tally = Tally::of(view, &demand, fleet, now);
    let mut plan = match &fleet.launch_mode {
        LaunchMode::Service(current) => service::plan(view, fleet, current, &mut tally, breaker.is_some(), now),
        LaunchMode::Tasks => tasks::plan(view, fleet, &mut tally, breaker.is_some(), seed, now),
    };
    plan.breaker = breaker;
    if !view.state.get().unnamed_jobs.is_empty() {
        look_within(&mut plan, UNNAMED_FOR);
    }
    if demand.newest_misfit.is_some_and(|seen_at| now.since(seen_at) < MISFIT_FOR) {
        look_within(&mut plan, MISFIT_FOR);
    }
    grant_leaves(view, fleet, &demand, &tally, &mut plan, now);
    plan.waiting_since = demand.waiting_since;
    let raised = mark_raised(view, fleet, &demand, &tally, now);
    let state = view.state.get_mut();
    state.waiting_since = demand.oldest_raised.or(raised.then_some(now));
    state.behind = 0;
    // A message that is overdue was to bring this look, or one that is as good.
    state.wake_at = state.wake_at.filter(|due| !is_overdue(*due, now));
    state.wanted = tally.wanted;
    state.demand = tally.counts.queued + tally.counts.busy;
    state.current = Some(fleet.task_definition.clone());
    plan.look_again = plan.look_again.filter(|wait| take_wake_up(&mut state.wake_at, now + *wait, now));
    note_counts(&mut view.state, tally.counts);
    if view.state.is_changed() {
        view.state.get_mut().early_ends.forget_old(now);
    }
    plan
}

/// Takes the counts over. That only tasks on their way out have become more or fewer is not worth a write: each costs as much as all else that a look about
/// the end of a task has to say.
fn note_counts(state: &mut Slot<FleetState>, counts: Counts) {
    let Counts { finishing, leaving, interrupted, .. } = state.get().counts;
    state.get_mut().counts = Counts { finishing, leaving, interrupted, ..counts };
    if state.is_changed() {
        state.get_mut().counts = counts;
    }
}

/// `min(maximum, queued + busy + warm)`.
#[must_use]
pub fn wanted(fleet: &Fleet, queued: u32, busy: u32) -> u32 {
    maximum(fleet).min(queued.saturating_add(busy).saturating_add(fleet.warm))
}

/// What a look that is put off is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOff {
    /// A message that is under way.
    UntilWoken,
    /// A message that is to be sent, to come after this time.
    Wake(Duration),
}

/// Whether a look can be put off: nothing has happened that more runners could be wanted for (`apply::may_raise`), or ECS was asked for a change so lately that
/// the next one waits for company. `None` if the fleet is to be looked at now. What is to be sent is noted as sent.
pub fn put_off(state: &mut FleetState, may_raise: bool, records: usize, now: Timestamp) -> Option<PutOff> {
    let apart = apart(records);
    // A very large fleet has two looks at nearly the same time otherwise: this one, and that of the message.
    let will_be_woken = apart > COALESCE && state.wake_at.is_some_and(|due| due > now && due <= now + apart);
    if may_raise && !will_be_woken && now.since(state.changed_at) >= pause(state, true).max(apart) {
        return None;
    }
    // The message may stand behind a burst: the look that it asked for since the last change is due all the same.
    if state.wake_at.is_some_and(|due| due > state.changed_at && is_overdue(due, now)) {
        return None;
    }
    let is_to_be_sent = take_wake_up(&mut state.wake_at, now + apart, now);
    Some(if is_to_be_sent { PutOff::Wake(apart) } else { PutOff::UntilWoken })
}

/// How far apart the looks at a fleet of so many records are, where they can be put off.
fn apart(records: usize) -> Duration {
    let seconds = u32::try_from(records / RECORDS_A_SECOND).unwrap_or(u32::MAX);
    COALESCE.saturating_mul(seconds).clamp(COALESCE, COALESCE_MOST)
}

/// What a fleet has now, and since when the oldest of the jobs has waited that wait here.
#[must_use]
pub fn standing(view: &View, fleet: &Fleet, now: Timestamp) -> (Counts, Option<Timestamp>) {
    let demand = view.demand(&fleet.labels);
    (Tally::of(view, &demand, fleet, now).counts, demand.waiting_since)
}

/// The most tasks that a fleet may have.
fn maximum(fleet: &Fleet) -> u32 {
    if mutant::is(Mutant::IgnoreMaximum) { u32::MAX } else { fleet.maximum }
}

/// How many tasks may wait to register at once.
#[must_use]
pub fn booting_limit() -> u32 {
    u32::try_from(MINTS_PER_MINUTE * MINT_BACKLOG.as_secs() / 60).unwrap_or(u32::MAX)
}

/// What is counted before anything is decided.
struct Tally {
    counts: Counts,
    wanted: u32,
    /// Of the wanted, those that the current revision must provide: runners of replaced revisions with a job are wanted where they are.
    needed: u32,
    /// Of the idle, those of the current revision.
    idle: u32,
    /// Of the busy, those of the current revision.
    busy: u32,
    /// Tasks of the current revision that boot, launches and places that ECS is about to fill included. The launch mode fills it in.
    booting: u32,
    /// Of the booting, those that ECS has granted protection. `None` in launch mode `tasks`, where no place is ever filled again.
    protected: Option<u32>,
    /// Whether ECS was asked for nothing lately.
    quiet: bool,
    /// How far apart the looks at a fleet of this size are.
    apart: Duration,
    /// Whether there is more demand than at the last look.
    growing: bool,
}

impl Tally {
    fn of(view: &View, demand: &Demand, fleet: &Fleet, now: Timestamp) -> Self {
        let mut counts = Counts { queued: demand.queued, ..Counts::default() };
        let (mut idle, mut busy) = (0, 0);
        for task in view.tasks.values().map(Slot::get) {
            let current = is_current(task, fleet);
            match task.state() {
                TaskState::Booting => counts.booting += 1,
                TaskState::Idle => {
                    counts.idle += 1;
                    idle += u32::from(current);
                }
                TaskState::Busy => {
                    counts.busy += 1;
                    busy += u32::from(current);
                }
                TaskState::Finishing => counts.finishing += 1,
                TaskState::Leaving => counts.leaving += 1,
                TaskState::Interrupted => counts.interrupted += 1,
                TaskState::Condemned | TaskState::Gone => {}
            }
        }
        let unnamed = view.tasks.values().map(Slot::get).filter(|task| task.stop.is_none() && task.has_unnamed_job());
        let over = count(unnamed) + count(view.state.get().unnamed_jobs.iter());
        let wanted = wanted(fleet, counts.queued.saturating_sub(over), counts.busy);
        let wanted = if mutant::is(Mutant::IncrementInsteadOfCompute) { view.state.get().wanted.min(fleet.maximum) } else { wanted };
        let needed = wanted.saturating_sub(counts.busy - busy);
        let state = view.state.get();
        let growing = counts.queued + counts.busy > state.demand;
        let quiet = now.since(state.changed_at) >= pause(state, growing);
        Self { counts, wanted, needed, idle, busy, booting: 0, protected: None, quiet, apart: apart(view.records()), growing }
    }

    /// Runners that do or will serve the needed.
    const fn have(&self) -> u32 {
        self.booting + self.idle + self.busy
    }

    /// Those that are needed and must boot, or do.
    const fn needed_to_boot(&self) -> u32 {
        self.needed.saturating_sub(self.idle + self.busy)
    }

    const fn deficit(&self) -> u32 {
        self.needed.saturating_sub(self.have())
    }

    /// Runners beyond the needed. Also of those that boot: they ask once they are idle, and perhaps nothing happens in between that would make anybody look.
    fn surplus(&self) -> u32 {
        self.have().saturating_sub(self.needed).min(self.idle + self.booting)
    }

    /// How many of them may leave. While a needed task boots in a service no place is taken out, so that ECS would start another task for whoever leaves, which
    /// boots in turn: only so many leave that the others are enough without those that boot.
    fn may_leave(&self) -> u32 {
        match self.protected {
            Some(protected) if self.needed > 0 && self.booting > protected => {
                self.surplus().min((self.idle + self.busy + protected).saturating_sub(self.needed))
            }
            _ => self.surplus(),
        }
    }
}

/// A task of which nobody knows the revision counts as current: nothing is told to leave on a guess.
fn is_current(task: &TaskRecord, fleet: &Fleet) -> bool {
    let revision = task.task_definition.as_ref().is_none_or(|revision| *revision == fleet.task_definition);
    let service = task.service.as_ref().is_none_or(|service| fleet.service() == Some(service));
    revision && service
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

fn notice_registrations(view: &mut View) {
    let newest = view.tasks.values().filter_map(|task| task.get().registered_at).max();
    let state = view.state.get_mut();
    state.last_registered_at = state.last_registered_at.max(newest.unwrap_or_default());
}

/// The reasons of the newest failed boots, if there were enough of them since the last registration.
fn open_breaker(view: &mut View, now: Timestamp) -> Option<Vec<String>> {
    let state = view.state.get_mut();
    let since = state.last_registered_at.max(now - BREAKER_MEMORY);
    state.failed_boots.retain(|_, boot| boot.at > since);
    if state.failed_boots.len() < BREAKER_AFTER {
        return None;
    }
    let mut boots: Vec<_> = state.failed_boots.values().collect();
    boots.sort_by_key(|boot| boot.at);
    Some(boots.into_iter().map(|boot| boot.reason.clone()).collect())
}

/// Says how many runners may leave once they are idle: those beyond the needed, and a few that jobs wait beside for far too long.
fn grant_leaves(view: &mut View, fleet: &Fleet, demand: &Demand, tally: &Tally, plan: &mut Plan, now: Timestamp) {
    let stuck = tally.idle > 0 && demand.oldest_raised.is_some_and(|raised| now.since(raised) >= HUNG_AFTER);
    if tally.may_leave() < tally.surplus() {
        look_within(plan, LOOK_AGAIN);
    }
    let state = view.state.get_mut();
    state.surplus = tally.may_leave();
    if !stuck {
        state.hung = 0;
    } else if now.since(state.hung_granted_at) >= HUNG_EVERY {
        state.hung = (tally.idle / 10).max(1).min(fleet.maximum);
        state.hung_granted_at = now;
    }
}

/// Of the jobs without their milestone the oldest get it, until as many have it as runners do or will exist for jobs that wait. Returns whether any has got it.
fn mark_raised(view: &mut View, fleet: &Fleet, demand: &Demand, tally: &Tally, now: Timestamp) -> bool {
    let covered = (tally.booting + tally.idle).min(tally.counts.queued);
    let due = (covered.saturating_sub(demand.raised) as usize).min(RAISED_PER_LOOK);
    if due == 0 {
        return false;
    }
    let unraised = view.jobs.values().map(Slot::get).filter(|job| is_unraised(job, &fleet.labels));
    let mut line: Vec<Turn> = unraised.map(Turn::of).collect();
    line.sort_unstable();
    line.truncate(due);
    for turn in &line {
        if let Some(job) = view.jobs.get_mut(&turn.job_id) {
            job.get_mut().raised_at = Some(now);
        }
    }
    !line.is_empty()
}

fn look_within(plan: &mut Plan, wait: Duration) {
    plan.look_again = Some(plan.look_again.map_or(wait, |known| known.min(wait)));
}

/// Whether a message must be sent for a look at `at`; one that is under way and comes no later will do.
fn take_wake_up(wake_at: &mut Option<Timestamp>, at: Timestamp, now: Timestamp) -> bool {
    if wake_at.is_some_and(|due| due > now && due <= at) {
        return false;
    }
    *wake_at = Some(at);
    true
}

/// Whether a wake-up should have come by now.
fn is_overdue(due: Timestamp, now: Timestamp) -> bool {
    due + ON_ITS_WAY <= now
}

/// How long after the last change the next one is asked for.
fn pause(state: &FleetState, growing: bool) -> Duration {
    if growing { Duration::from_secs(state.pause_secs.into()).max(COALESCE) } else { COALESCE }
}

/// Notes that ECS is asked for a change, and how long the next one waits for company.
fn changed(state: &mut FleetState, tally: &Tally, now: Timestamp) {
    let longer = Duration::from_secs(u64::from(state.pause_secs) * 2).clamp(COALESCE, COALESCE_MOST);
    let pause = if tally.growing { longer } else { COALESCE };
    state.pause_secs = u32::try_from(pause.as_secs()).unwrap_or(u32::MAX);
    state.changed_at = now;
}

/// Whether ECS was asked for a change so lately that this one waits for company; then the fleet is looked at again in time.
fn must_coalesce(tally: &Tally, plan: &mut Plan) -> bool {
    if !tally.quiet {
        look_within(plan, tally.apart);
    }
    !tally.quiet
}
