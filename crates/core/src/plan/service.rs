//! Launch mode `service`: the desired count is raised at once, and lowered only by places of tasks that have said that they are ready to go,
//! and only while ECS could pick no other task that is needed: every registered task is protected, and a task that boots without protection is
//! either not there or one too many. Every revision has a service of its own: the current one is scaled, a replaced one only ever shrinks.

use super::{COALESCE, LOOK_AGAIN, Plan, Tally, booting_limit, changed, look_within, must_coalesce};
use crate::fleet::Fleet;
use crate::ids::{ServiceName, TaskId};
use crate::mutant::{self, Mutant};
use crate::record::{Slot, View};
use crate::state::ServiceState;
use crate::task::{DoneAnswer, TaskRecord, TaskState};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Ready tasks are gathered for this long while others may follow, so that one call takes out the places of many; a task waits at most 30 s for it.
pub const RELEASE_GATHER: Duration = Duration::from_secs(8);

/// A task waits 30 s for its answer after `done`, then exits, and ECS fills its place. One that has waited for longer than this may be gone before ECS
/// could end it: its place is counted as one that is being filled.
pub const READY_FOR: Duration = Duration::from_secs(20);

/// Places taken out in one look. UpdateTaskProtection takes ten tasks a call.
pub const RELEASES_PER_LOOK: usize = 30;

/// While a boot keeps ready tasks waiting, look again after this.
const RELEASE_RETRY: Duration = Duration::from_secs(5);

/// Whoever said `done` so long ago has exited, whatever became of the answer: a task waits 30 s for it, and its calls may take some time.
const GONE_AFTER_DONE: Duration = Duration::from_secs(60);

/// A registered task whose protection ends within this could be picked by ECS: no count is lowered then. `sweep` renews it long before.
pub const PROTECTION_MARGIN: Duration = Duration::from_secs(600);

pub(super) fn plan(view: &mut View, fleet: &Fleet, current: &ServiceName, tally: &mut Tally, breaker: bool, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    view.state.get_mut().services.entry(current.clone()).or_default();
    // What an earlier look began and could not finish is tried again in a while, not at once: ECS may refuse it for long.
    let again = if falling(view).is_empty() { COALESCE } else { RELEASE_RETRY };
    forget_excess(view, fleet, current, now);
    take_back(view, Some(current), now);
    spare_the_needed(view, current, tally, now);
    let places = all_places(view, Some(current), now);
    make_good(view, fleet, current, places.get(current).copied().unwrap_or_default());
    let places = all_places(view, Some(current), now);
    tally.counts.booting = places.values().map(|places| places.booting).sum();
    tally.booting = places.get(current).map_or(0, |places| places.booting);
    tally.protected = Some(places.get(current).map_or(0, |places| places.protected));

    // Those whose place is wanted exit at once: ECS starts another task in it.
    let ready = ready(view, Some(current), current, now);
    let go = ready.len().min(tally.deficit() as usize);
    answer(view, &ready[..go], DoneAnswer::Go);
    tally.booting += u32::try_from(go).unwrap_or(u32::MAX);

    for (name, places) in &places {
        if name != current {
            abandon_boots(view, Some(current), name, *places, now);
        }
        let needed = if name == current { tally.needed_to_boot() } else { 0 };
        if places.free_to_lower(needed) {
            let most = if name == current { super::maximum(fleet).saturating_sub(elsewhere(view, current)) } else { u32::MAX };
            let taken_out = release(view, Some(current), name, most, tally, &mut plan, now);
            if name == current {
                tally.booting = tally.booting.saturating_sub(taken_out);
                tally.counts.booting = tally.counts.booting.saturating_sub(taken_out);
            }
        } else if !self::ready(view, Some(current), name, now).is_empty() {
            look_within(&mut plan, RELEASE_RETRY);
        }
    }
    if tally.deficit() > room(view, fleet, current) && !falling(view).is_empty() {
        look_within(&mut plan, again);
    }
    raise(view, fleet, current, tally, breaker, &mut plan, now);
    if breaker {
        keep_one_probe(view, current, tally, &mut plan, now);
    }
    call(view, fleet, Some(current), &mut plan, now);
    plan
}

/// Lets the services shrink that a fleet of launch mode `tasks` still has from another mode. Returns how many tasks boot in them.
pub(super) fn drain(view: &mut View, fleet: &Fleet, tally: &Tally, plan: &mut Plan, now: Timestamp) -> u32 {
    take_back(view, None, now);
    let places = all_places(view, None, now);
    for (name, places) in &places {
        abandon_boots(view, None, name, *places, now);
        release(view, None, name, u32::MAX, tally, plan, now);
    }
    call(view, fleet, None, plan, now);
    places.values().map(|places| places.booting).sum()
}

/// The calls that are due, a second apart: while ECS has no room, or answers get lost, each look would ask once more. A count that was to fall and is not to
/// any more is asked for only within the maximum, or for tasks that are surely there: ECS may have lowered it without anybody hearing of it, and would raise it
/// again. It becomes known with the next place that is taken out.
fn call(view: &mut View, fleet: &Fleet, current: Option<&ServiceName>, plan: &mut Plan, now: Timestamp) {
    spare_the_protected(view, current, now);
    let state = view.state.get();
    let is_too_many = |name, service: &ServiceState| {
        elsewhere(view, name) + service.desired > super::maximum(fleet)
            && service.desired > least(view, current, name, Leavers::AreGone, now)
    };
    let due = state.services.iter().filter(|(_, service)| service.applied != Some(service.desired));
    let (held, due): (Vec<_>, Vec<_>) = due.partition(|(name, service)| service.may_rise() && is_too_many(name, service));
    if !held.is_empty() {
        look_within(plan, LOOK_AGAIN);
    }
    if !due.is_empty() && now.since(state.asked_at) < COALESCE {
        return look_within(plan, COALESCE);
    }
    let due = due.into_iter();
    plan.want = due.clone().map(|(name, service)| (name.clone(), service.desired)).collect();
    plan.lowers = due.filter(|(_, service)| service.is_to_fall()).map(|(name, _)| name.clone()).collect();
    // Lowering is always both: the released tasks lose their protection, then the count falls. So also when an earlier look could not carry it out.
    for name in &plan.lowers {
        let released =
            view.tasks.values().map(Slot::get).filter(|task| of(task, current, name) && is_released(task) && task.stop.is_none());
        plan.unprotect.extend(released.map(|task| task.task_id.clone()));
    }
    let state = view.state.get_mut();
    if !plan.want.is_empty() {
        state.asked_at = now;
    }
    let services = &mut state.services;
    services.retain(|name, service| Some(name) == current || service.desired > 0 || service.applied != Some(0));
    for (name, _) in &plan.want {
        services.entry(name.clone()).and_modify(ServiceState::asked);
    }
}

/// A count that is known not to have been reached yet, and may not be any more since the maximum was lowered, is not wanted any more, but for those who run:
/// somebody may have lowered the count below them. Nothing falls by it.
fn forget_excess(view: &mut View, fleet: &Fleet, current: &ServiceName, now: Timestamp) {
    let run = least(view, Some(current), current, Leavers::AreGone, now);
    let most = super::maximum(fleet).saturating_sub(elsewhere(view, current)).max(run);
    if let Some(service) = view.state.get_mut().services.get_mut(current)
        && let Some(applied) = service.applied
        && service.desired > applied
    {
        service.desired = service.desired.min(most.max(applied));
    }
}

/// A count that was to fall, and perhaps has not yet, falls only by tasks that were released for it and are still there. Whoever else was counted may have
/// ended by itself meanwhile, or have registered: its place is one like any other now, and what becomes of it is decided anew.
fn take_back(view: &mut View, current: Option<&ServiceName>, now: Timestamp) {
    let falling = falling(view);
    for name in falling {
        let leavers = view.tasks.values().map(Slot::get).filter(|task| of(task, current, &name) && is_released(task));
        let there = super::count(leavers.filter(|task| task.stop.is_none() && is_surely_there(task, now)));
        raise_to(view, &name, |service| service.highest().saturating_sub(there));
    }
}

/// A count that was to fall, and perhaps has not yet, does not fall any more once a needed task boots without protection: ECS could pick that one. A place
/// that was to be taken out is filled again instead.
fn spare_the_needed(view: &mut View, current: &ServiceName, tally: &Tally, now: Timestamp) {
    let Some(service) = view.state.get().services.get(current).filter(|service| service.is_to_fall()) else { return };
    let held_back = service.highest() - service.desired;
    let mut places = places(view, Some(current), current, now);
    places.booting += held_back;
    if !places.free_to_lower(tally.needed_to_boot()) {
        raise_to(view, current, ServiceState::highest);
    }
}

/// The services whose count is to fall and perhaps has not fallen yet.
fn falling(view: &View) -> Vec<ServiceName> {
    view.state.get().services.iter().filter(|(_, service)| service.is_to_fall()).map(|(name, _)| name.clone()).collect()
}

fn raise_to(view: &mut View, name: &ServiceName, count: impl FnOnce(&ServiceState) -> u32) {
    if let Some(service) = view.state.get_mut().services.get_mut(name) {
        service.desired = service.desired.max(count(service));
    }
}

/// Whether a task that has said that it is ready to go has hardly gone by itself yet: it waits for 30 s from its first call, which may have been lost.
fn is_surely_there(task: &TaskRecord, now: Timestamp) -> bool {
    task.done_at.is_some_and(|at| now.since(at) < READY_FOR)
}

/// No count is lowered below the tasks that ECS protects: it would refuse protection to all others. One that was to fall, and perhaps has not yet, goes back
/// to where ECS had it: the released task may have ended by itself meanwhile, and its place be taken by one that is protected now. Never raised beyond that:
/// a task that crashed counts as protected until word of its end comes.
fn spare_the_protected(view: &mut View, current: Option<&ServiceName>, now: Timestamp) {
    for name in falling(view) {
        let least = least(view, current, &name, Leavers::DoNotCount, now);
        raise_to(view, &name, |service| least.min(service.highest()));
    }
}

/// Places of a replaced service in which tasks boot without protection are taken out at once: nobody is needed there, and places that never fill would
/// keep the new revision waiting for ever.
fn abandon_boots(view: &mut View, current: Option<&ServiceName>, name: &ServiceName, places: Places, now: Timestamp) {
    let boots = places.booting.saturating_sub(places.protected);
    let least = least(view, current, name, Leavers::Count, now);
    if boots > 0
        && all_protected(view, current, name, now)
        && let Some(service) = view.state.get_mut().services.get_mut(name)
    {
        service.desired = service.desired.min(service.desired.saturating_sub(boots).max(least));
    }
}

/// Whether tasks that are about to exit of themselves count as protected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leavers {
    /// They do: places in which others boot are to be taken out, and theirs may be among these.
    Count,
    /// They do not: whoever takes their place is counted already.
    DoNotCount,
    /// Nor does anybody else who has said that it is done: it may have exited, and whoever took its place be counted already.
    AreGone,
}

/// How many tasks of a service ECS protects, as far as anybody knows. Below that the count must not fall, or ECS would refuse protection to all others.
fn least(view: &View, current: Option<&ServiceName>, name: &ServiceName, leavers: Leavers, now: Timestamp) -> u32 {
    let tasks = view.tasks.values().map(Slot::get).filter(|task| of(task, current, name) && task.stop.is_none());
    let protected = tasks.filter(|task| task.protected_until.is_some_and(|until| until > now));
    let may_be_there = protected.filter(|task| task.done_at.is_none_or(|at| now.since(at) < GONE_AFTER_DONE));
    super::count(may_be_there.filter(|task| match task.done_answer {
        Some(DoneAnswer::Released) => false,
        _ if leavers == Leavers::Count => true,
        _ if leavers == Leavers::AreGone && task.done_at.is_some() => false,
        Some(DoneAnswer::Go) => false,
        // ECS replaces a task from the moment that Spot takes it, or that it is stopped.
        None => !matches!(task.state(), TaskState::Condemned | TaskState::Interrupted),
    }))
}

/// Whether a task belongs to the service. One of which nothing is known at all counts as the current service's; one that RunTask launched, as none's.
fn of(task: &TaskRecord, current: Option<&ServiceName>, name: &ServiceName) -> bool {
    match &task.service {
        Some(service) => service == name,
        None => task.task_definition.is_none() && current == Some(name),
    }
}

/// The places of a service.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    /// Those of which ECS protects the task, whether it is registered or not.
    held: u32,
    /// Those in which tasks boot, or are about to.
    booting: u32,
    /// Of those that boot, how many ECS has granted protection already: they wait for their registration.
    protected: u32,
}

impl Places {
    /// Whether ECS may be given the choice: no task boots without protection, or so many more boot than are needed that each of those is one too many.
    fn free_to_lower(self, needed: u32) -> bool {
        self.booting <= self.protected || needed <= self.protected || mutant::is(Mutant::LowerWhileSomethingBoots)
    }
}

fn all_places(view: &View, current: Option<&ServiceName>, now: Timestamp) -> BTreeMap<ServiceName, Places> {
    view.state.get().services.keys().map(|name| (name.clone(), places(view, current, name, now))).collect()
}

fn places(view: &View, current: Option<&ServiceName>, name: &ServiceName, now: Timestamp) -> Places {
    let (mut registered, mut protected, mut held) = (0, 0, 0);
    for task in view.tasks.values().map(Slot::get).filter(|task| of(task, current, name) && task.done_answer.is_none()) {
        let is_protected = u32::from(task.protected_until.is_some_and(|until| until > now));
        match task.state() {
            // ECS replaces a task from the moment that Spot takes it.
            TaskState::Condemned | TaskState::Gone | TaskState::Interrupted => continue,
            // It may be gone, and its place be filled again.
            _ if task.done_at.is_some_and(|at| now.since(at) >= READY_FOR) => continue,
            TaskState::Booting => protected += is_protected,
            _ => registered += 1,
        }
        held += is_protected;
    }
    let desired = view.state.get().services.get(name).map_or(0, |service| service.desired);
    Places { held, booting: desired.saturating_sub(registered), protected }
}

/// A count below the tasks that are protected would make ECS refuse protection to all others: whatever brought it there is made good.
/// Never beyond the maximum: a task that crashed counts as protected until word of its end comes.
fn make_good(view: &mut View, fleet: &Fleet, current: &ServiceName, places: Places) {
    let most = fleet.maximum.saturating_sub(elsewhere(view, current));
    raise_to(view, current, |_| places.held.min(most));
}

fn is_released(task: &TaskRecord) -> bool {
    task.done_answer == Some(DoneAnswer::Released)
}

/// Tasks that have said that they are ready to go and have no answer yet, the longest waiting first.
fn ready(view: &View, current: Option<&ServiceName>, name: &ServiceName, now: Timestamp) -> Vec<TaskId> {
    let mut ready: Vec<_> = view
        .tasks
        .values()
        .map(Slot::get)
        .filter(|task| task.stop.is_none() && task.done_answer.is_none() && of(task, current, name))
        .filter_map(|task| task.done_at.map(|at| (at, task.task_id.clone())))
        .filter(|(at, _)| now.since(*at) < READY_FOR)
        .collect();
    ready.sort();
    ready.into_iter().map(|(_, task)| task).collect()
}

fn answer(view: &mut View, tasks: &[TaskId], answer: DoneAnswer) {
    for task in tasks {
        if let Some(task) = view.tasks.get_mut(task).map(Slot::get_mut) {
            task.done_answer = task.done_answer.or(Some(answer));
        }
    }
}

/// Takes the places of ready tasks out of a service, and with them those beyond the `most` that it may have, in which nobody is needed to boot then: somebody
/// raised the count by hand, and may have lowered it again since, so that asking for it would start those boots anew. Returns how many places went beside
/// those of the ready tasks.
fn release(
    view: &mut View,
    current: Option<&ServiceName>,
    name: &ServiceName,
    most: u32,
    tally: &Tally,
    plan: &mut Plan,
    now: Timestamp,
) -> u32 {
    let ready = ready(view, current, name, now);
    let Some(oldest) = ready.first().and_then(|task| view.tasks.get(task)?.get().done_at) else { return 0 };
    if !all_protected(view, current, name, now) {
        look_within(plan, RELEASE_RETRY);
        return 0;
    }
    let more_to_come = view.tasks.values().map(Slot::get).any(|task| {
        // An idle one may have a job of which no delivery has told yet.
        task.state().is_registered() && task.done_at.is_none() && of(task, current, name)
    });
    let gathered = now.since(oldest);
    if more_to_come && gathered < RELEASE_GATHER {
        look_within(plan, whole_seconds(RELEASE_GATHER.saturating_sub(gathered)));
        return 0;
    }
    if must_coalesce(tally, plan) {
        return 0;
    }
    let released = &ready[..ready.len().min(RELEASES_PER_LOOK)];
    // For some that are there ECS may have no place: somebody raised the count by hand, and it was put right. Of those that go, so many go without one.
    let least = least(view, current, name, Leavers::Count, now);
    answer(view, released, DoneAnswer::Released);
    let mut taken_out = 0;
    let state = view.state.get_mut();
    if let Some(service) = state.services.get_mut(name) {
        let (without, released_count) = (least.saturating_sub(service.desired), super::count(released.iter()));
        let places = released_count.saturating_sub(without);
        if places > 0 {
            let stay = least.saturating_sub(released_count);
            let without_them = service.desired.saturating_sub(places);
            service.desired = without_them.min(most.max(stay));
            taken_out = without_them - service.desired;
        } else {
            // No count falls, with which they would lose their protection: ECS ends them as soon as they have.
            plan.unprotect.extend_from_slice(released);
        }
    }
    changed(state, tally, now);
    if released.len() < ready.len() {
        look_within(plan, COALESCE);
    }
    taken_out
}

/// Whether ECS can pick no registered task of the service but those that are ready to go.
fn all_protected(view: &View, current: Option<&ServiceName>, name: &ServiceName, now: Timestamp) -> bool {
    view.tasks
        .values()
        .map(Slot::get)
        .filter(|task| of(task, current, name) && task.done_at.is_none())
        .all(|task| !task.state().is_registered() || task.protected_until.is_some_and(|until| until > now + PROTECTION_MARGIN))
}

/// What the fleet has beside its current service. A service takes the places that ECS may have for it, also those that are to be taken out and perhaps are
/// not yet; more, if it has more tasks, because somebody raised its count by hand. Tasks without a service that counts are of themselves: RunTask launched
/// them when the fleet was in launch mode `tasks`, or their service was thought to be empty.
fn elsewhere(view: &View, current: &ServiceName) -> u32 {
    let services = &view.state.get().services;
    let mut tasks: BTreeMap<Option<&ServiceName>, u32> = BTreeMap::new();
    // A task of which nothing is known is taken for the current service's.
    for task in view.tasks.values().map(Slot::get).filter(|task| task.service.is_some() || task.task_definition.is_some()) {
        // For whom Spot takes and whom a place was taken out with, ECS has no place any more.
        let holds_a_place = task.stop.is_none() && task.state() != TaskState::Interrupted && !is_released(task);
        if holds_a_place && task.service.as_ref() != Some(current) {
            *tasks.entry(task.service.as_ref().filter(|name| services.contains_key(*name))).or_default() += 1;
        }
    }
    let alone = tasks.remove(&None).unwrap_or_default();
    let others = services.iter().filter(|(name, _)| *name != current);
    alone + others.map(|(name, service)| service.at_most().max(tasks.get(&Some(name)).copied().unwrap_or_default())).sum::<u32>()
}

/// By how much the current service's count may rise within the maximum.
fn room(view: &View, fleet: &Fleet, current: &ServiceName) -> u32 {
    let own = view.state.get().services.get(current).map_or(0, |service| service.desired);
    super::maximum(fleet).saturating_sub(elsewhere(view, current) + own)
}

/// Raises the current service's desired count to what is needed, within the maximum, the mint pace and the breaker.
fn raise(view: &mut View, fleet: &Fleet, current: &ServiceName, tally: &mut Tally, breaker: bool, plan: &mut Plan, now: Timestamp) {
    let deficit = tally.deficit();
    let room = room(view, fleet, current);
    let pace = if breaker { 1u32.saturating_sub(tally.booting) } else { booting_limit().saturating_sub(tally.booting) };
    let raise = deficit.min(room).min(pace);
    if deficit.min(room) > raise && !breaker {
        look_within(plan, LOOK_AGAIN);
    }
    if raise == 0 || must_coalesce(tally, plan) {
        return;
    }
    let state = view.state.get_mut();
    let ServiceState { desired, .. } = state.services.entry(current.clone()).or_default();
    *desired += raise;
    changed(state, tally, now);
    tally.booting += raise;
    tally.counts.booting += raise;
}

/// While boots fail, ECS would replace each of them without end: all places but one of those that boot are taken out. Every registered task, and every
/// one that waits for its registration, is protected, so that ECS can only pick tasks that never registered.
fn keep_one_probe(view: &mut View, current: &ServiceName, tally: &mut Tally, plan: &mut Plan, now: Timestamp) {
    let excess = tally.booting.saturating_sub(places(view, Some(current), current, now).protected.max(1));
    if excess == 0 {
        return;
    }
    // What cannot be taken out now, because somebody leaves or is not protected for long enough, may be in a while.
    look_within(plan, LOOK_AGAIN);
    if !all_protected(view, Some(current), current, now) {
        return;
    }
    let least = least(view, Some(current), current, Leavers::Count, now);
    let state = view.state.get_mut();
    if let Some(service) = state.services.get_mut(current)
        && service.desired > least
    {
        let excess = excess.min(service.desired - least);
        service.desired -= excess;
        changed(state, tally, now);
        tally.booting -= excess;
        tally.counts.booting = tally.counts.booting.saturating_sub(excess);
    }
}

/// The wake-up queue delays by whole seconds.
fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}
