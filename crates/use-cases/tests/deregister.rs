//! What follows from a task's end.

mod common;

use common::{TestLedger, World, stack, task_id};
use fargate_runners_core::ecs_event::TaskStateChange;
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::{FleetName, RunnerId};
use fargate_runners_core::record::{Expected, Record, Write};
use fargate_runners_core::task::{Minted, TaskRecord};
use fargate_runners_use_cases::deregister::{Again, Deregister, TRIES_MAX};
use fargate_runners_use_cases::ports::{Clock, Deleted, GithubError, Ledger};
use serde_json::json;
use std::time::Duration;

type TestDeregister = Deregister<TestLedger, World, World, World, World, World>;

fn deregister(world: &World) -> TestDeregister {
    Deregister {
        ledger: TestLedger(world.clone()),
        github: world.clone(),
        fleets: world.clone(),
        bus: world.clone(),
        retries: world.clone(),
        clock: world.clone(),
        stack_name: "runners".to_owned(),
        stack: stack(),
    }
}

fn stopped(exit_code: Option<i64>) -> TaskStateChange {
    serde_json::from_value(json!({
        "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/runners",
        "taskArn": format!("arn:aws:ecs:eu-west-1:1:task/runners/{}", task_id(1)),
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/runners-burst:1",
        "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stopCode": "EssentialContainerExited",
        "containers": [{ "name": "runner", "exitCode": exit_code }]
    }))
    .unwrap()
}

/// A task whose runner, number 1, is in GitHub.
async fn minted(world: &World, runner_id: Option<RunnerId>) {
    let mut task = TaskRecord::new(FleetName::parse("burst").unwrap(), task_id(1), world.now());
    task.attempt = 1;
    task.minted = runner_id.map(|id| Minted { attempt: 1, runner_id: Some(id), at: world.now() });
    world.1.commit(&[Write { record: Record::Task(task), expected: Expected::Nothing }], world.now()).await.unwrap();
    world.with(|state| state.runners.insert(1, format!("{}-burst-{}-1", stack(), task_id(1))));
}

#[tokio::test]
async fn after_an_orderly_end_nothing_is_asked_of_github() {
    let world = World::default();
    minted(&world, Some(RunnerId(1))).await;
    deregister(&world).handle(&stopped(Some(0))).await.unwrap();
    assert_eq!(world.with(|state| state.github_calls.len()), 0);
    assert!(world.with(|state| matches!(&state.published[..], [Event::RunnerStopped(event)] if event.stop.exit_code == Some(0))));
}

#[tokio::test]
async fn a_runner_that_was_left_behind_is_deleted_by_its_id_or_by_its_name() {
    for id in [Some(RunnerId(1)), None] {
        let world = World::default();
        minted(&world, id).await;
        deregister(&world).handle(&stopped(Some(1))).await.unwrap();
        assert_eq!(world.with(|state| state.runners.len()), 0);
        assert_eq!(world.with(|state| state.github_calls.len()), if id.is_some() { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_runner_that_github_still_believes_busy_is_deleted_later() {
    let world = World::default();
    minted(&world, Some(RunnerId(1))).await;
    world.with(|state| state.delete_answers.push_back(Ok(Deleted::Busy)));
    deregister(&world).handle(&stopped(None)).await.unwrap();
    let (body, delay) = world.with(|state| state.retried.pop()).unwrap();
    assert_eq!(delay, Duration::from_secs(120));
    let again: Again = serde_json::from_str(&body).unwrap();
    deregister(&world).clean_up(again).await.unwrap();
    assert_eq!(world.with(|state| (state.runners.len(), state.retried.len(), state.published.len())), (0, 0, 1));
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_in_the_queue_and_not_in_the_function() {
    let world = World::default();
    minted(&world, Some(RunnerId(1))).await;
    let until = world.now() + Duration::from_secs(3600);
    world.with(|state| state.delete_answers.push_back(Err(GithubError::NotBefore(until))));
    deregister(&world).handle(&stopped(Some(1))).await.unwrap();
    assert_eq!(world.with(|state| state.retried[0].1), Duration::from_secs(900));
}

#[tokio::test]
async fn it_gives_up_after_a_while_and_says_so() {
    let world = World::default();
    minted(&world, Some(RunnerId(1))).await;
    world.with(|state| state.delete_answers.push_back(Ok(Deleted::Busy)));
    let Some(Event::RunnerStopped(event)) = stopped(Some(1)).to_event("runners", world.now()).unwrap() else { panic!("a stop") };
    deregister(&world).clean_up(Again { stopped: event, tries: TRIES_MAX }).await.unwrap();
    assert_eq!(world.with(|state| state.retried.len()), 0);
}

#[tokio::test]
async fn a_task_that_never_claimed_anything_has_no_runner() {
    let world = World::default();
    deregister(&world).handle(&stopped(Some(11))).await.unwrap();
    assert_eq!(world.with(|state| (state.github_calls.len(), state.published.len())), (0, 1));
}

#[tokio::test]
async fn when_the_bus_fails_the_event_comes_again() {
    let world = World::default();
    world.with(|state| state.bus_fails = true);
    assert!(deregister(&world).handle(&stopped(Some(0))).await.is_err());
}
