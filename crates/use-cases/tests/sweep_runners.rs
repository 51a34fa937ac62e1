//! What the healer does about runners in GitHub that their tasks have left behind, and about their versions.

mod common;

use common::World;
use common::around::{registered, runner_name};
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::task::{Minted, Stop, TaskRecord};
use fargate_runners_use_cases::ports::{Clock, Deleted, GithubError};
use fargate_runners_use_cases::sweep::Healer;
use std::time::Duration;

const FIVE_MINUTES: u64 = 300;

fn shows(world: &World, id: u64, name: &str) {
    world.with(|state| state.runners.insert(id, name.to_owned()));
}

fn ended(task: TaskRecord, world: &World) -> TaskRecord {
    TaskRecord { stop: Some(Stop { at: world.now(), code: None, reason: None, exit_code: Some(1) }), ..task }
}

fn left(world: &World) -> Vec<u64> {
    world.with(|state| state.runners.keys().copied().collect())
}

#[tokio::test]
async fn a_runner_whose_task_has_ended_is_deleted_once_that_is_sure() {
    let world = World::default();
    world.knows(ended(registered("burst", 1, world.now()), &world)).await;
    shows(&world, 1, &runner_name("burst", 1, 1));
    shows(&world, 2, &runner_name("burst", 2, 1));
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 0);
    world.passes(FIVE_MINUTES - 1);
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 0);
    world.passes(1);
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 2);
    assert!(left(&world).is_empty());
}

#[tokio::test]
async fn a_living_runner_is_never_deleted() {
    let world = World::default();
    // The ledger knows it; the ledger has lost it and ECS runs it; the ledger calls it ended and ECS runs it.
    world.knows(registered("burst", 1, world.now())).await;
    world.ecs_runs("burst", 2, 0);
    world.knows(ended(registered("burst", 3, world.now()), &world)).await;
    world.ecs_runs("burst", 3, 0);
    for task in 1..=3 {
        shows(&world, task, &runner_name("burst", task, 1));
    }
    for _ in 0..5 {
        assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 0);
        world.passes(FIVE_MINUTES);
    }
    assert_eq!(left(&world), [1, 2, 3]);
}

#[tokio::test]
async fn a_runner_of_an_earlier_attempt_is_deleted_and_the_tasks_own_stays() {
    let world = World::default();
    let second = Some(Minted { attempt: 2, runner_id: None, at: world.now() });
    world.knows(TaskRecord { attempt: 2, minted: second, ..registered("burst", 1, world.now()) }).await;
    shows(&world, 1, &runner_name("burst", 1, 1));
    shows(&world, 2, &runner_name("burst", 1, 2));
    world.sweeps(Healer::LeftRunners).await;
    world.passes(FIVE_MINUTES);
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 1);
    assert_eq!(left(&world), [2]);
}

#[tokio::test]
async fn what_others_have_made_is_left_alone() {
    let world = World::default();
    shows(&world, 1, "somebodys-runner");
    shows(&world, 2, &runner_name("burst", 2, 1).replacen("0123abcd", "ffffffff", 1));
    for _ in 0..3 {
        world.sweeps(Healer::LeftRunners).await;
        world.passes(FIVE_MINUTES);
    }
    assert_eq!(left(&world), [1, 2]);
}

#[tokio::test]
async fn a_runner_that_github_holds_for_busy_is_deleted_later() {
    let world = World::default();
    shows(&world, 1, &runner_name("burst", 1, 1));
    world.sweeps(Healer::LeftRunners).await;
    world.passes(FIVE_MINUTES);
    world.with(|state| state.delete_answers.push_back(Ok(Deleted::Busy)));
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 0);
    world.around(|around| around.busy.insert(1));
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 0);
    world.around(|around| around.busy.clear());
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 1);
}

#[tokio::test]
async fn runners_of_a_fleet_that_is_gone_are_deleted_by_another_of_its_scope() {
    let world = World::default();
    world.knows(registered("gone", 1, world.now())).await;
    world.knows(registered("gone", 2, world.now())).await;
    world.ecs_runs("gone", 1, 0);
    world.ecs_stopped(1, Some(1));
    world.ecs_runs("gone", 2, 0);
    shows(&world, 1, &runner_name("gone", 1, 1));
    shows(&world, 2, &runner_name("gone", 2, 1));
    world.sweeps(Healer::LeftRunners).await;
    world.passes(FIVE_MINUTES);
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 1);
    assert_eq!(left(&world), [2], "its task lives");
}

#[tokio::test]
async fn a_runner_of_a_fleet_that_is_gone_is_deleted_although_ecs_has_forgotten_its_task() {
    let world = World::default();
    world.knows(registered("gone", 1, world.now())).await;
    shows(&world, 1, &runner_name("gone", 1, 1));
    // In a fleet that is described, somebody else asks about the task, and the ledger's word stands until then.
    world.knows(registered("burst", 2, world.now())).await;
    shows(&world, 2, &runner_name("burst", 2, 1));
    world.sweeps(Healer::LeftRunners).await;
    world.passes(FIVE_MINUTES);
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 1);
    assert_eq!(left(&world), [2]);
}

#[tokio::test]
async fn one_fleets_unreadable_records_do_not_keep_anothers_left_runners() {
    let world = World::default();
    world.knows(ended(registered("default", 1, world.now()), &world)).await;
    shows(&world, 1, &runner_name("default", 1, 1));
    shows(&world, 2, &runner_name("burst", 2, 1));
    world.with(|state| state.ledger_fails = FleetName::parse("burst").ok());
    assert_eq!(world.sweeps(Healer::LeftRunners).await.failures.len(), 1);
    world.passes(FIVE_MINUTES);
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 1);
    assert_eq!(left(&world), [2]);
}

#[tokio::test]
async fn a_long_list_is_read_and_mended_in_several_sweeps() {
    let world = World::default();
    for task in 1..=1_010 {
        shows(&world, task, &runner_name("burst", task, 1));
    }
    let mut deleted = Vec::new();
    for _ in 0..6 {
        deleted.push(world.sweeps(Healer::LeftRunners).await.healed);
        world.passes(FIVE_MINUTES);
    }
    assert_eq!(deleted, [0, 0, 50, 0, 50, 50], "pages 1 to 10, then what follows them, and so on");
}

#[tokio::test]
async fn at_a_rate_limit_the_suspects_are_remembered() {
    let world = World::default();
    shows(&world, 1, &runner_name("burst", 1, 1));
    world.sweeps(Healer::LeftRunners).await;
    world.passes(FIVE_MINUTES);
    let until = world.now() + Duration::from_secs(60);
    world.with(|state| state.delete_answers.push_back(Err(GithubError::NotBefore(until))));
    assert_eq!(world.sweeps(Healer::LeftRunners).await.failures.len(), 1);
    assert_eq!(world.sweeps(Healer::LeftRunners).await.healed, 1);
}

#[tokio::test]
async fn a_version_is_asked_about_once_an_hour() {
    let world = World::default();
    shows(&world, 1, &runner_name("burst", 1, 1));
    world.around(|around| around.version = Some("2.330.0".to_owned()));
    world.around(|around| around.refused_from = Some(common::NOW + Duration::from_secs(3 * 24 * 3600)));
    for _ in 0..3 {
        assert_eq!(world.sweeps(Healer::RunnerVersion).await.failures.len(), 0);
        world.passes(FIVE_MINUTES);
    }
    assert_eq!(world.calls("refused_from 2.330.0"), 1);
    world.passes(3_600);
    world.sweeps(Healer::RunnerVersion).await;
    assert_eq!(world.calls("refused_from 2.330.0"), 2);
}
