//! What the healer does about tasks: those that ended unseen, those that never register, those whose protection ends, those that GitHub has forgotten.

mod common;

use common::around::{registered, service};
use common::{World, task_id};
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::{FleetName, JobId};
use fargate_runners_core::register::PROTECTION;
use fargate_runners_core::task::{LeaveReason, TaskRecord, TaskState};
use fargate_runners_use_cases::deregister::Again;
use fargate_runners_use_cases::ports::Clock;
use fargate_runners_use_cases::sweep::{Healer, Outcome};
use futures_util::FutureExt as _;
use std::time::Duration;

fn booting(fleet: &str, task: u64, world: &World) -> TaskRecord {
    TaskRecord::new(FleetName::parse(fleet).unwrap(), task_id(task), world.now())
}

fn ends(world: &World) -> Vec<(u64, Option<i64>)> {
    let number = |task: &fargate_runners_core::ids::TaskId| u64::from_str_radix(task.as_str(), 16).unwrap();
    let ends = |event: &Event| match event {
        Event::RunnerStopped(stopped) => Some((number(&stopped.task_id), stopped.stop.exit_code)),
        _ => None,
    };
    world.with(|state| state.published.iter().filter_map(ends).collect())
}

#[tokio::test]
async fn a_task_that_ended_unseen_is_reported_and_its_runner_cleaned_up() {
    let world = World::default();
    world.knows(registered("burst", 1, world.now())).await;
    world.knows(registered("burst", 2, world.now())).await;
    world.ecs_runs("burst", 1, 0);
    world.ecs_runs("burst", 2, 0);
    world.ecs_stopped(1, Some(137));
    world.passes(180);
    assert_eq!(world.sweeps(Healer::StoppedTasks).await.healed, 1);
    assert_eq!(ends(&world), [(1, Some(137))]);
    let body = world.with(|state| state.retried[0].0.clone());
    let again: Again = serde_json::from_str(&body).unwrap();
    assert_eq!((again.stopped.task_id, again.tries), (task_id(1), 0));
}

#[tokio::test]
async fn an_orderly_end_that_nobody_reported_needs_no_cleaning_up() {
    let world = World::default();
    world.knows(registered("burst", 1, world.now())).await;
    world.ecs_runs("burst", 1, 0);
    world.ecs_stopped(1, Some(0));
    world.passes(180);
    world.sweeps(Healer::StoppedTasks).await;
    assert_eq!(ends(&world), [(1, Some(0))]);
    assert!(world.with(|state| state.retried.is_empty()));
}

#[tokio::test]
async fn a_task_that_has_said_since_the_list_that_it_is_ready_does_not_get_its_protection_back() {
    let world = World::default();
    let due = TaskRecord { protected_until: Some(world.now() + Duration::from_secs(3_600)), ..registered("default", 1, world.now()) };
    world.knows(due.clone()).await;
    world.ecs_runs("default", 1, 0);
    world.passes(180);
    let at = world.now();
    world.meanwhile("described", move |world| world.knows(TaskRecord { done_at: Some(at), ..due }).now_or_never().unwrap());
    common::around::sweep(&world).handle(&[Healer::StoppedTasks, Healer::Protection]).await;
    assert_eq!(world.around(|around| around.renewals.clone()), Vec::<Vec<_>>::new());
}

#[tokio::test]
async fn a_runner_that_got_a_job_since_the_list_is_not_told_to_leave_and_is_looked_at_again() {
    let world = World::default();
    let task = registered("burst", 1, world.now());
    world.knows(task.clone()).await;
    world.passes(600);
    world.meanwhile("runners", move |world| {
        let mut busy = task;
        busy.had_job(JobId(7), None);
        world.knows(busy).now_or_never().unwrap();
    });
    let sweep = common::around::sweep(&world);
    let report = sweep.handle(&[Healer::QueuedJobs, Healer::Ghosts, Healer::RunningJobs]).await;
    assert_eq!(report.healers[&Healer::Ghosts], Outcome::default(), "neither healed nor failed");
    assert_eq!(world.task("burst", 1).await.unwrap().leaving, None);
    assert_eq!(world.calls("active burst"), 2, "what was listed has changed");
}

#[tokio::test]
async fn a_task_that_ecs_does_not_know_has_ended_unless_it_is_young() {
    let world = World::default();
    world.knows(registered("burst", 1, world.now())).await;
    world.passes(200);
    assert_eq!(world.sweeps(Healer::StoppedTasks).await.healed, 0);
    world.passes(200);
    assert_eq!(world.sweeps(Healer::StoppedTasks).await.healed, 1);
    assert_eq!(ends(&world), [(1, None)]);
}

#[tokio::test]
async fn a_large_fleet_is_asked_about_in_several_sweeps() {
    let world = World::default();
    for task in 1..=1_100 {
        world.knows(booting("burst", task, &world)).await;
    }
    world.passes(600);
    assert_eq!(world.sweeps(Healer::StoppedTasks).await.healed, 1_000);
    assert_eq!(world.calls("described"), 10);
    world.with(|state| state.published.clear());
    world.sweeps(Healer::StoppedTasks).await;
    assert_eq!(ends(&world)[0].0, 1_001);
}

#[tokio::test]
async fn a_task_that_never_registers_is_condemned_and_then_stopped() {
    let world = World::default();
    world.knows(booting("burst", 1, &world)).await;
    world.ecs_runs("burst", 1, 0);
    world.ecs_runs("burst", 2, 0);
    world.passes(19 * 60);
    assert_eq!(world.sweeps(Healer::Unregistered).await.healed, 0);
    world.passes(60);
    assert_eq!(world.sweeps(Healer::Unregistered).await.healed, 2);
    assert_eq!(world.around(|around| around.stopped.clone()), [task_id(1), task_id(2)]);
    for task in [1, 2] {
        assert_eq!(world.task("burst", task).await.unwrap().state(), TaskState::Condemned, "also one that the ledger had never heard of");
    }
}

#[tokio::test]
async fn a_condemned_task_that_still_runs_is_stopped_again() {
    let world = World::default();
    world.ecs_runs("burst", 1, 30 * 60);
    world.around(|around| around.fails.insert("stop"));
    assert_eq!(world.sweeps(Healer::Unregistered).await.failures.len(), 1);
    world.around(|around| around.fails.clear());
    assert_eq!(world.sweeps(Healer::Unregistered).await.healed, 1);
}

#[tokio::test]
async fn a_task_with_a_runner_is_never_stopped() {
    let world = World::default();
    world.knows(registered("burst", 1, world.now())).await;
    let mut with_job = booting("burst", 2, &world);
    with_job.had_job(JobId(1), None);
    world.knows(with_job).await;
    let minting = TaskRecord { attempt: 1, minting_until: Some(world.now() + Duration::from_secs(9_999)), ..booting("burst", 3, &world) };
    world.knows(minting).await;
    for task in 1..=3 {
        world.ecs_runs("burst", task, 0);
    }
    world.passes(3_600);
    assert_eq!(world.sweeps(Healer::Unregistered).await.healed, 0);
    assert_eq!(world.around(|around| around.stopped.len()), 0);
}

#[tokio::test]
async fn protection_is_renewed_a_day_before_its_end_and_noted() {
    let world = World::default();
    for task in 1..=12 {
        world.knows(registered("default", task, world.now())).await;
    }
    world.knows(TaskRecord { done_at: Some(world.now()), ..registered("default", 13, world.now()) }).await;
    world.passes(23 * 3_600);
    assert_eq!(world.sweeps(Healer::Protection).await.healed, 0);
    world.passes(2 * 3_600);
    assert_eq!(world.sweeps(Healer::Protection).await.healed, 12);
    assert_eq!(world.around(|around| around.renewals.iter().map(Vec::len).collect::<Vec<_>>()), [10, 2]);
    assert_eq!(world.task("default", 1).await.unwrap().protected_until, Some(world.now() + PROTECTION));
    assert_eq!(world.sweeps(Healer::Protection).await.healed, 0);
}

#[tokio::test]
async fn protection_that_ecs_refuses_is_asked_for_again() {
    let world = World::default();
    world.knows(registered("default", 1, world.now())).await;
    world.passes(25 * 3_600);
    world.around(|around| around.renewal_refused = Some("DEPLOYMENT_BLOCKED".to_owned()));
    let before = world.task("default", 1).await.unwrap().protected_until;
    assert_eq!(world.sweeps(Healer::Protection).await.healed, 0);
    assert_eq!(world.task("default", 1).await.unwrap().protected_until, before);
    world.around(|around| around.renewal_refused = None);
    assert_eq!(world.sweeps(Healer::Protection).await.healed, 1);
}

#[tokio::test]
async fn an_idle_runner_that_github_has_forgotten_is_told_to_leave() {
    let world = World::default();
    for task in 1..=2 {
        world.knows(registered("default", task, world.now())).await;
    }
    world.with(|state| state.runners.insert(2, common::around::runner_name("default", 2, 1)));
    world.passes(299);
    assert_eq!(world.sweeps(Healer::Ghosts).await.healed, 0);
    world.passes(1);
    assert_eq!(world.sweeps(Healer::Ghosts).await.healed, 1);
    let ghost = world.task("default", 1).await.unwrap();
    assert_eq!(ghost.leaving, Some((world.now(), LeaveReason::Ghost)));
    assert_eq!(ghost.service, Some(service(1)));
    assert_eq!(world.task("default", 2).await.unwrap().state(), TaskState::Idle);
    assert_eq!(world.around(|around| around.stopped.len()), 0, "nobody is stopped");
}

#[tokio::test]
async fn a_ghost_whose_id_nobody_has_told_is_found_by_its_name() {
    let world = World::default();
    for task in 1..=2 {
        let mut idle = registered("default", task, world.now());
        idle.minted.as_mut().unwrap().runner_id = None;
        world.knows(idle).await;
    }
    world.with(|state| state.runners.insert(2, common::around::runner_name("default", 2, 1)));
    world.passes(300);
    assert_eq!(world.sweeps(Healer::Ghosts).await.healed, 1);
    assert_eq!(world.task("default", 1).await.unwrap().leaving, Some((world.now(), LeaveReason::Ghost)));
    assert_eq!(world.task("default", 2).await.unwrap().state(), TaskState::Idle);
    let asked = format!("find {}", common::around::runner_name("default", 1, 1));
    assert_eq!(world.with(|state| state.github_calls.clone()), [asked], "the list shows the other");
}

#[tokio::test]
async fn a_runner_that_has_a_job_is_no_ghost_although_github_does_not_show_it() {
    let world = World::default();
    let mut busy = registered("default", 1, world.now());
    busy.had_job(JobId(1), None);
    world.knows(busy).await;
    world.passes(900);
    assert_eq!(world.sweeps(Healer::Ghosts).await.healed, 0);
    assert_eq!(world.calls("runner"), 0);
}

#[tokio::test]
async fn many_ghosts_are_found_in_several_sweeps() {
    let world = World::default();
    for task in 1..=30 {
        world.knows(registered("default", task, world.now())).await;
    }
    world.passes(900);
    assert_eq!(world.sweeps(Healer::Ghosts).await.healed, 20);
    assert_eq!(world.sweeps(Healer::Ghosts).await.healed, 10);
}
