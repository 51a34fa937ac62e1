//! A sweep as a whole: each healer by itself, within its time.

mod common;

use common::World;
use common::around::{job_event, registered};
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::job::JobPhase;
use fargate_runners_use_cases::ports::Clock;
use fargate_runners_use_cases::sweep::Healer;
use futures_util::FutureExt as _;
use std::time::Duration;

#[tokio::test]
async fn a_world_in_which_nothing_is_lost_is_left_as_it_is() {
    let world = World::default();
    world.ecs_has(1, 0, 0);
    let report = world.sweeps_all().await;
    assert_eq!(report.healers.len(), Healer::ALL.len());
    assert!(report.healers.values().all(|outcome| outcome.healed == 0 && outcome.failures.is_empty()), "{report:?}");
    assert_eq!(world.with(|state| (state.published.len(), state.forwarded.len(), state.retried.len())), (0, 0, 0));
    let remembered: Vec<String> =
        world.around(|around| around.memory.keys().map(|(healer, subject)| format!("{healer} {subject}")).collect());
    assert_eq!(remembered, ["sweep next"], "only where the next one begins");
}

#[tokio::test]
async fn a_healer_that_fails_does_not_keep_the_others_from_healing() {
    let world = World::default();
    world.knows(registered("burst", 1, world.now())).await;
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    world.passes(600);
    world.around(|around| around.fails.extend(["described", "runners", "services", "hooks", "receive"]));
    let report = world.sweeps_all().await;
    for healer in [Healer::StoppedTasks, Healer::Ghosts, Healer::LeftRunners, Healer::Drift, Healer::Deliveries, Healer::DeadLetters] {
        assert!(!report.healers[&healer].failures.is_empty(), "{healer:?}");
    }
    assert_eq!(report.healers[&Healer::Nudge].healed, 1);
    assert_eq!(world.calls("job"), 1);
}

#[tokio::test]
async fn one_fleets_trouble_is_not_anothers() {
    let world = World::default();
    world.knows(registered("burst", 1, world.now())).await;
    world.passes(600);
    world.with(|state| state.ledger_fails = FleetName::parse("default").ok());
    let outcome = world.sweeps(Healer::StoppedTasks).await;
    assert_eq!((outcome.healed, outcome.failures.len()), (1, 1));
}

#[tokio::test]
async fn when_the_time_is_over_the_next_sweep_goes_on_where_this_one_stopped() {
    let world = World::default();
    world.ecs_has(1, 0, 0);
    world.around(|around| around.call_takes = Duration::from_secs(100));
    let mut reached = Vec::new();
    for _ in 0..6 {
        let report = world.sweeps_all().await;
        let Some(next) = report.cut_off else { break };
        assert!(!report.healers.contains_key(&next));
        reached.extend(report.healers.keys().copied());
    }
    reached.sort();
    reached.dedup();
    assert_eq!(reached, Healer::ALL, "none waits for ever");
}

#[tokio::test]
async fn a_healer_in_which_every_sweep_dies_does_not_keep_those_behind_it_from_their_turn() {
    let world = World::default();
    world.ecs_has(1, 0, 0);
    world.around(|around| around.hooks_hang = true);
    let deliveries = Healer::ALL.iter().position(|healer| *healer == Healer::Deliveries).unwrap();
    for _ in 0..=deliveries {
        assert!(common::around::sweep(&world).handle(&Healer::ALL).now_or_never().is_none(), "it dies at the hooks");
        assert_eq!(world.calls("runners"), 0, "the healer of left runners comes after");
    }
    assert!(common::around::sweep(&world).handle(&Healer::ALL).now_or_never().is_none());
    assert_eq!(world.calls("runners"), 1, "this one began behind the hooks");
}

#[tokio::test]
async fn what_a_person_asks_for_leaves_the_schedules_position_alone() {
    let world = World::default();
    world.ecs_has(1, 0, 0);
    world.around(|around| around.call_takes = Duration::from_secs(100));
    let next = world.sweeps_all().await.cut_off.unwrap();
    world.around(|around| around.call_takes = Duration::ZERO);
    world.sweeps(Healer::Deliveries).await;
    world.around(|around| around.call_takes = Duration::from_secs(1_000));
    let report = world.sweeps_all().await;
    assert!(report.healers.contains_key(&next) && !report.healers.contains_key(&Healer::Nudge), "{report:?}");
}

#[tokio::test]
async fn an_operator_may_call_one_healer() {
    let world = World::default();
    world.sweeps("dead-letters".parse().unwrap()).await;
    assert_eq!(world.around(|around| around.calls.iter().filter(|call| !call.starts_with("receive")).count()), 0);
}

#[tokio::test]
async fn a_sweep_without_anything_to_do_lists_each_fleet_once_and_recalls_once() {
    let world = World::default();
    world.ecs_has(1, 0, 0);
    world.sweeps_all().await;
    assert_eq!((world.calls("active default"), world.calls("active burst"), world.calls("recall_all")), (1, 1, 1));
    assert_eq!(world.with(|state| state.reads), 0, "no record is read by itself");
}

#[tokio::test]
async fn a_list_serves_for_ten_seconds() {
    for (call_takes, lists) in [(2, 1), (3, 2)] {
        let world = World::default();
        world.around(|around| around.call_takes = Duration::from_secs(call_takes));
        // Four queues are received from in between.
        common::around::sweep(&world).handle(&[Healer::Nudge, Healer::DeadLetters, Healer::QueuedJobs]).await;
        assert_eq!(world.calls("active burst"), lists, "{call_takes}");
    }
}

#[tokio::test]
async fn whoever_follows_a_healer_that_did_something_lists_anew() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    common::around::sweep(&world).handle(&[Healer::Nudge, Healer::QueuedJobs, Healer::RunningJobs]).await;
    assert_eq!((world.calls("active default"), world.calls("active burst")), (2, 2), "a look was asked for, and may be under way");
}

#[tokio::test]
async fn without_its_memory_a_healer_fails_and_the_others_go_on() {
    let world = World::default();
    world.knows(registered("burst", 1, world.now())).await;
    world.passes(600);
    world.around(|around| around.fails.insert("recall_all"));
    let report = world.sweeps_all().await;
    assert_eq!(report.healers[&Healer::Nudge].healed, 1);
    for healer in [Healer::StoppedTasks, Healer::Unregistered, Healer::LeftRunners] {
        assert!(!report.healers[&healer].failures.is_empty(), "{healer:?}");
    }
    world.around(|around| around.fails.clear());
    assert_eq!(world.sweeps(Healer::StoppedTasks).await.healed, 1);
}

#[tokio::test]
async fn the_report_is_the_functions_answer() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    let report = serde_json::to_value(common::around::sweep(&world).handle(&[Healer::Nudge]).await).unwrap();
    assert_eq!(report, serde_json::json!({"healers": {"nudge": {"healed": 1, "failures": []}}, "cut_off": null}));
    assert!(world.now() >= common::NOW);
}
