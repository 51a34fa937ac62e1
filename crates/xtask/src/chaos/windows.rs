//! How each fault that goes on for a while is switched on and off, and how what it hit is counted; and the tasks that faults take.

use std::collections::BTreeSet;

use fargate_runners_local_stack::ecs::{Events, now_ms};
use fargate_runners_local_stack::line::Condition;
use fargate_runners_model_ecs::Faults as EcsFaults;
use fargate_runners_model_github::{Faults as GithubFaults, Limits as GithubLimits, Status};

use crate::jobs::task_of;
use crate::stack::Stack;

use super::fault::Fault;

/// How often a call fails while calls fail: often enough to be seen, seldom enough that some get through.
const CALLS_FAIL: f64 = 0.4;

/// The same for each of the ways in which a call to GitHub or ECS can fail.
const EACH_WAY: f64 = CALLS_FAIL / 4.0;

/// How many deliveries are lost while deliveries are lost.
const LOST: f64 = 0.5;

/// How many come twice, how many late, and how many after their job's next one.
const AGAIN: f64 = 0.5;
const LATE: f64 = 0.3;
const OUT_OF_ORDER: f64 = 0.2;

/// How late, in milliseconds.
const LATE_MS: (u64, u64) = (1_000, 8_000);

/// Switches a fault on, and says how, where there are several ways.
pub fn begin(fault: Fault, draw: u64, stack: &Stack) -> &'static str {
    match fault {
        Fault::LineCut(between) => {
            let silent = draw.is_multiple_of(2);
            stack.lines.between(between).set(if silent { Condition::Silent } else { Condition::Cut });
            return if silent { " (silent)" } else { " (broken)" };
        }
        Fault::GithubFails => of_github(stack, |faults| {
            (faults.server_error, faults.server_error_after, faults.dropped, faults.dropped_after) =
                (EACH_WAY, EACH_WAY, EACH_WAY, EACH_WAY);
        }),
        Fault::GithubThrottles => stack.github.with(|model, _| model.config_mut().limits.points_per_minute = 0),
        Fault::DeliveriesLost => of_github(stack, |faults| (faults.lose, faults.lose_answer) = (LOST, LOST / 2.0)),
        Fault::DeliveriesRepeated => of_github(stack, |faults| {
            (faults.repeat, faults.delay, faults.late_ms, faults.reorder) = (AGAIN, LATE, LATE_MS, OUT_OF_ORDER);
        }),
        Fault::EcsFails => {
            let rates = EcsFaults {
                throttle: CALLS_FAIL,
                error_without_effect: EACH_WAY,
                error_with_effect: EACH_WAY,
                broken_without_effect: EACH_WAY,
                broken_with_effect: EACH_WAY,
                ..EcsFaults::default()
            };
            stack.ecs().config_mut().faults = rates;
        }
        Fault::TaskEventsLost => stack.ecs_server().set_events(Events::Lost, true),
        Fault::TaskEventsRepeated => stack.ecs_server().set_events(Events::Repeated, true),
        Fault::FunctionKilled(_) | Fault::TaskKilled | Fault::SpotInterruption | Fault::Redeploy => {}
    }
    ""
}

/// Switches a fault off.
pub fn end(fault: Fault, stack: &Stack) {
    match fault {
        Fault::LineCut(between) => stack.lines.between(between).set(Condition::Whole),
        Fault::GithubFails => of_github(stack, |faults| {
            (faults.server_error, faults.server_error_after, faults.dropped, faults.dropped_after) = (0.0, 0.0, 0.0, 0.0);
        }),
        Fault::GithubThrottles => {
            let usual = GithubLimits::default().points_per_minute;
            stack.github.with(|model, _| model.config_mut().limits.points_per_minute = usual);
        }
        Fault::DeliveriesLost => of_github(stack, |faults| (faults.lose, faults.lose_answer) = (0.0, 0.0)),
        Fault::DeliveriesRepeated => of_github(stack, |faults| (faults.repeat, faults.delay, faults.reorder) = (0.0, 0.0, 0.0)),
        Fault::EcsFails => stack.ecs().config_mut().faults = EcsFaults::default(),
        Fault::TaskEventsLost => stack.ecs_server().set_events(Events::Lost, false),
        Fault::TaskEventsRepeated => stack.ecs_server().set_events(Events::Repeated, false),
        Fault::FunctionKilled(_) | Fault::TaskKilled | Fault::SpotInterruption | Fault::Redeploy => {}
    }
}

/// What this fault has hit since the stack came up.
pub fn hits(fault: Fault, stack: &Stack) -> u64 {
    let github = |names: &[&str]| stack.github.with(|model, _| names.iter().filter_map(|name| model.struck().get(name)).sum());
    match fault {
        Fault::LineCut(between) => stack.lines.between(between).broken(),
        Fault::GithubFails => github(&["server_error", "server_error_after", "dropped", "dropped_after"]),
        Fault::GithubThrottles => github(&["throttled"]),
        Fault::DeliveriesLost => github(&["lose", "lose_answer"]),
        Fault::DeliveriesRepeated => github(&["repeat", "delay", "reorder"]),
        Fault::EcsFails => stack.ecs().calls().values().map(|count| count.throttled + count.failed).sum(),
        Fault::TaskEventsLost => stack.ecs_server().events_tampered_with().0,
        Fault::TaskEventsRepeated => stack.ecs_server().events_tampered_with().1,
        Fault::FunctionKilled(_) | Fault::TaskKilled | Fault::SpotInterruption | Fault::Redeploy => 0,
    }
}

/// Kills a task that runs, or has Spot take one, and gives its id; none where there is none. Every other time it is one in the middle of a job, if there is any:
/// most tasks that run at a moment chosen by chance boot, wait or leave.
pub fn take_task(fault: Fault, draw: u64, stack: &Stack) -> Option<String> {
    let spot_only = fault == Fault::SpotInterruption;
    let candidates: Vec<String> = {
        let ecs = stack.ecs();
        let running = ecs.tasks().filter(|task| task.is_running() && task.wanted && (task.spot || !spot_only));
        running.map(|task| task.id.clone()).collect()
    };
    let in_a_job = tasks_in_jobs(stack);
    let wants_busy = (draw >> 32).is_multiple_of(2);
    let (busy, others): (Vec<String>, Vec<String>) = candidates.into_iter().partition(|task| in_a_job.contains(task));
    let candidates = if others.is_empty() || (wants_busy && !busy.is_empty()) { busy } else { others };
    let most = u64::try_from(candidates.len()).unwrap_or_default();
    let task = candidates.get(usize::try_from(draw.checked_rem(most)?).ok()?)?.clone();
    let taken = if spot_only {
        let taken = stack.ecs().interrupt(now_ms(), &task);
        stack.ecs_server().nudge();
        taken
    } else {
        stack.kill_task(&task)
    };
    taken.then_some(task)
}

fn tasks_in_jobs(stack: &Stack) -> BTreeSet<String> {
    stack.github.with(|model, _| {
        let running = model.jobs().filter(|job| job.status == Status::InProgress);
        running.filter_map(|job| task_of(&job.runner.as_ref()?.name).map(str::to_owned)).collect()
    })
}

fn of_github(stack: &Stack, change: impl FnOnce(&mut GithubFaults)) {
    stack.github.with(|model, _| change(&mut model.config_mut().faults));
}
