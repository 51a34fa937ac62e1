//! Launch mode `tasks`: RunTask for each wanted task. Nothing is ever scaled in; an exit is not replaced.

use super::{LOOK_AGAIN, Plan, Tally, booting_limit, changed, count, is_current, look_within, must_coalesce};
use crate::fleet::Fleet;
use crate::record::{Slot, View};
use crate::state::Launch;
use crate::task::TaskState;
use crate::time::Timestamp;
use std::time::Duration;

/// RunTask takes at most ten tasks a call.
pub const TASKS_PER_LAUNCH: u32 = 10;

/// Launches in one look: Fargate admits 100 tasks at once and 20 a second after that, RunTask 20 calls a second.
pub const LAUNCHES_PER_LOOK: u32 = 5;

/// After a full look: by then Fargate admits as many tasks again.
const NEXT_LAUNCHES: Duration = Duration::from_secs(3);

pub(super) fn plan(view: &mut View, fleet: &Fleet, tally: &mut Tally, breaker: bool, seed: &str, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let draining = super::service::drain(view, fleet, tally, &mut plan, now);
    let due: u32 = view.state.get().launches.iter().map(|launch| launch.count).sum();
    let live = count(view.tasks.values().filter(|task| task.get().state() != TaskState::Gone));
    tally.booting =
        due + count(view.tasks.values().map(Slot::get).filter(|task| task.state() == TaskState::Booting && is_current(task, fleet)));
    tally.counts.booting += due + draining;

    let room = super::maximum(fleet).saturating_sub(live + due + draining);
    let waiting = tally.booting;
    let pace = if breaker { 1u32.saturating_sub(waiting) } else { booting_limit().saturating_sub(waiting) };
    let deficit = tally.deficit().min(room);
    let launch = deficit.min(pace).min(TASKS_PER_LAUNCH * LAUNCHES_PER_LOOK);
    if deficit > launch && !breaker {
        look_within(&mut plan, if pace > launch { NEXT_LAUNCHES } else { LOOK_AGAIN });
    }
    // A full call gains nothing by waiting for company; the rest does.
    let rest = launch % TASKS_PER_LAUNCH;
    let launch = if rest > 0 && must_coalesce(tally, &mut plan) { launch - rest } else { launch };
    if launch > 0 {
        let state = view.state.get_mut();
        for position in 0..launch.div_ceil(TASKS_PER_LAUNCH) {
            state.launches.push(Launch {
                token: format!("{seed}-{position}"),
                count: TASKS_PER_LAUNCH.min(launch - position * TASKS_PER_LAUNCH),
                task_definition: fleet.task_definition.clone(),
                at: now,
            });
        }
        changed(state, tally, now);
        tally.booting += launch;
        tally.counts.booting += launch;
    }
    // Whatever is due is called, also what an earlier look wrote and could not call: the token keeps it from happening twice.
    plan.launch.clone_from(&view.state.get().launches);
    plan
}
