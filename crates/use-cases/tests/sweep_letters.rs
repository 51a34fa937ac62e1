//! What the healer does about messages that were tried too often, and about webhook deliveries that failed.

mod common;

use common::around::job_event;
use common::{World, fleet, task_id};
use fargate_runners_core::events::{Event, LookAgain, RunnerStopped};
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::task::Stop;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::deregister::Again;
use fargate_runners_use_cases::ports::{Clock, DeadLetter, DeadLetterSource, Hook, LoggedDelivery};
use fargate_runners_use_cases::sweep::Healer;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

fn letter(world: &World, from: DeadLetterSource, id: &str, body: String, parked: bool) {
    let letter = DeadLetter { id: id.to_owned(), body, receipt: id.to_owned(), parked };
    world.around(|around| around.letters.entry(from).or_default().push(letter));
}

fn kept(world: &World) -> Vec<String> {
    world.around(|around| around.letters.values().flatten().map(|letter| letter.id.clone()).collect())
}

fn ecs_event(fleet: &str) -> serde_json::Value {
    json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": {
        "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/runners", "taskArn": format!("arn:aws:ecs:eu-west-1:1:task/runners/{}", task_id(1)),
        "taskDefinitionArn": format!("arn:aws:ecs:eu-west-1:1:task-definition/runners-{fleet}:1"), "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
        "containers": [{"name": "runner", "exitCode": 1}]
    }})
}

fn again(fleet: &str) -> String {
    let stop = Stop { at: common::NOW, code: None, reason: None, exit_code: Some(1) };
    let stopped = RunnerStopped {
        fleet: FleetName::parse(fleet).unwrap(),
        task_id: task_id(1),
        task_definition: None,
        service: None,
        hosting: Hosting::UNKNOWN,
        stop,
    };
    serde_json::to_string(&Again { stopped, tries: 3 }).unwrap()
}

#[tokio::test]
async fn every_kind_of_letter_goes_to_where_it_was_meant_for() {
    let world = World::default();
    let look = Event::LookAgain(LookAgain::now(FleetName::parse("burst").unwrap())).to_message().unwrap();
    let job = Event::Job(job_event("burst", 1, JobPhase::Queued)).to_message().unwrap();
    letter(&world, DeadLetterSource::Events, "bus", job.clone(), false);
    letter(&world, DeadLetterSource::Events, "ecs", ecs_event("burst").to_string(), false);
    let record = json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": ecs_event("burst")});
    letter(&world, DeadLetterSource::Events, "lambda", record.to_string(), false);
    letter(&world, DeadLetterSource::Fleets, "fleet", job, false);
    letter(&world, DeadLetterSource::WakeUps, "wake-up", look, false);
    letter(&world, DeadLetterSource::Retries, "retry", again("burst"), false);
    letter(&world, DeadLetterSource::Retries, "retried-event", ecs_event("burst").to_string(), false);
    assert_eq!(world.sweeps(Healer::DeadLetters).await.healed, 7);
    assert_eq!(kept(&world), Vec::<String>::new());
    let forwarded: Vec<String> = world.with(|state| state.forwarded.iter().map(|(_, id)| id.clone()).collect());
    assert_eq!(forwarded, ["bus", "fleet", "wake-up"]);
    assert_eq!(world.with(|state| (state.published.len(), state.retried.len())), (3, 4));
}

#[tokio::test]
async fn what_nobody_can_read_or_was_put_aside_stays_for_a_person() {
    let world = World::default();
    let job = |fleet| Event::Job(job_event(fleet, 1, JobPhase::Queued)).to_message().unwrap();
    letter(&world, DeadLetterSource::Fleets, "parked", job("burst"), true);
    letter(&world, DeadLetterSource::Fleets, "no fleet", job("gone"), false);
    letter(&world, DeadLetterSource::Events, "no json", "{".to_owned(), false);
    letter(
        &world,
        DeadLetterSource::Events,
        "no event",
        json!({"source": "fargate-runners", "detail-type": "Pizza", "detail": {}}).to_string(),
        false,
    );
    letter(&world, DeadLetterSource::Retries, "no fleet to clean", again("gone"), false);
    letter(&world, DeadLetterSource::Events, "no fleet of a task", ecs_event("gone").to_string(), false);
    let outcome = world.sweeps(Healer::DeadLetters).await;
    assert_eq!((outcome.healed, outcome.failures.len(), kept(&world).len()), (0, 0, 6));
}

#[tokio::test]
async fn a_letter_is_removed_only_after_it_was_sent() {
    let world = World::default();
    letter(&world, DeadLetterSource::Events, "ecs", ecs_event("burst").to_string(), false);
    let look = Event::LookAgain(LookAgain::now(FleetName::parse("burst").unwrap())).to_message().unwrap();
    letter(&world, DeadLetterSource::WakeUps, "wake-up", look, false);
    world.with(|state| state.bus_fails = true);
    let outcome = world.sweeps(Healer::DeadLetters).await;
    assert_eq!((outcome.healed, outcome.failures.len()), (1, 1), "one queue's trouble is not another's");
    assert_eq!(kept(&world), ["ecs"]);
    world.with(|state| state.bus_fails = false);
    world.around(|around| around.hidden.clear());
    assert_eq!(world.sweeps(Healer::DeadLetters).await.healed, 1);
}

#[tokio::test]
async fn many_letters_are_replayed_in_several_sweeps() {
    let world = World::default();
    for number in 0..1_020 {
        letter(
            &world,
            DeadLetterSource::Fleets,
            &number.to_string(),
            Event::Job(job_event("burst", number, JobPhase::Queued)).to_message().unwrap(),
            false,
        );
    }
    assert_eq!(world.sweeps(Healer::DeadLetters).await.healed, 1_000);
    assert_eq!(world.sweeps(Healer::DeadLetters).await.healed, 20);
}

#[tokio::test]
async fn letters_that_stay_for_a_person_do_not_keep_the_ones_behind_them() {
    let world = World::default();
    let body = Event::Job(job_event("burst", 1, JobPhase::Queued)).to_message().unwrap();
    for number in 0..300 {
        letter(&world, DeadLetterSource::Fleets, &format!("parked-{number}"), "no JSON".to_owned(), true);
    }
    letter(&world, DeadLetterSource::Fleets, "good", body, false);
    assert_eq!(world.sweeps(Healer::DeadLetters).await.healed, 1);
    assert_eq!(kept(&world).len(), 300);
}

fn hooked() -> World {
    let world = World::default();
    world.around(|around| around.hooks.push(Hook { key: "app default".to_owned(), fleet: fleet("default", "service"), id: None }));
    world
}

fn logs(world: &World, id: u64, guid: &str, at: Timestamp, ok: bool) {
    let delivery = LoggedDelivery { id, guid: guid.to_owned(), at, ok, event: "workflow_job".to_owned() };
    world.around(|around| around.log.insert(0, delivery));
}

fn redelivered(world: &World) -> Vec<String> {
    world.around(|around| around.redelivered.clone())
}

#[tokio::test]
async fn a_delivery_that_failed_is_redelivered_until_an_attempt_succeeds() {
    let world = hooked();
    logs(&world, 1, "a", world.now(), false);
    logs(&world, 2, "b", world.now(), true);
    world.passes(120);
    assert_eq!(world.sweeps(Healer::Deliveries).await.healed, 1);
    logs(&world, 3, "a", world.now(), false);
    world.passes(300);
    assert_eq!(world.sweeps(Healer::Deliveries).await.healed, 1);
    logs(&world, 4, "a", world.now(), true);
    for _ in 0..5 {
        world.passes(300);
        assert_eq!(world.sweeps(Healer::Deliveries).await.healed, 0);
    }
    assert_eq!(redelivered(&world), ["a", "a"]);
}

#[tokio::test]
async fn a_delivery_that_never_succeeds_is_given_up() {
    let world = hooked();
    logs(&world, 1, "a", world.now(), false);
    for _ in 0..40 {
        world.passes(300);
        world.sweeps(Healer::Deliveries).await;
    }
    assert_eq!(redelivered(&world).len(), 5);
}

#[tokio::test]
async fn a_long_log_is_read_in_several_sweeps_and_its_old_failures_are_found() {
    let world = hooked();
    world.around(|around| around.log_page = 1);
    logs(&world, 1, "old", world.now(), false);
    for id in 2..=50 {
        logs(&world, id, &format!("ok-{id}"), world.now() + Duration::from_secs(60), true);
    }
    world.passes(300);
    for _ in 0..2 {
        assert_eq!(world.sweeps(Healer::Deliveries).await.healed, 0);
        world.passes(300);
    }
    assert_eq!(world.calls("deliveries"), 40, "20 in a sweep");
    for _ in 0..3 {
        world.sweeps(Healer::Deliveries).await;
        world.passes(300);
    }
    assert_eq!(redelivered(&world)[0], "old");
}

#[tokio::test]
async fn at_a_rate_limit_the_next_sweep_goes_on() {
    let world = hooked();
    logs(&world, 1, "a", world.now(), false);
    world.passes(300);
    world.around(|around| around.limited = true);
    assert_eq!(world.sweeps(Healer::Deliveries).await.failures.len(), 1);
    world.around(|around| around.limited = false);
    assert_eq!(world.sweeps(Healer::Deliveries).await.healed, 1);
}

/// So many deliveries fail within an hour, and each redelivery succeeds; half a day of sweeps follows.
async fn outage(failed: u64) -> World {
    let world = hooked();
    logs(&world, 1, "fine", world.now(), true);
    world.passes(300);
    world.sweeps(Healer::Deliveries).await;
    for number in 0..failed {
        logs(&world, 10 + number, &format!("failed-{number}"), world.now() + Duration::from_secs(number), false);
    }
    world.passes(failed + 300);
    let (mut next, mut heard) = (1_000_000, 0);
    for _ in 0..144 {
        world.sweeps(Healer::Deliveries).await;
        let new: Vec<String> = redelivered(&world)[heard..].to_vec();
        heard += new.len();
        for guid in new {
            logs(&world, next, &guid, world.now(), true);
            next += 1;
        }
        world.passes(300);
    }
    world
}

#[tokio::test]
async fn however_many_deliveries_an_outage_has_failed_all_are_redelivered_and_so_is_what_fails_later() {
    for failed in [499, 500, 600, 1_700] {
        let world = outage(failed).await;
        let distinct: BTreeSet<String> = redelivered(&world).into_iter().collect();
        assert_eq!(distinct.len() as u64, failed);
        assert_eq!(redelivered(&world).len() as u64, failed, "each once");
        logs(&world, 2_000_000, "much later", world.now(), false);
        for _ in 0..3 {
            world.passes(300);
            world.sweeps(Healer::Deliveries).await;
        }
        assert!(redelivered(&world).contains(&"much later".to_owned()), "after {failed}");
    }
}

#[tokio::test]
async fn redeliveries_end_with_the_sweeps_time_and_what_was_not_asked_for_has_all_of_its_tries() {
    let world = hooked();
    for number in 0..50 {
        logs(&world, 10 + number, &format!("failed-{number}"), world.now(), false);
    }
    world.passes(300);
    world.around(|around| around.call_takes = Duration::from_secs(11));
    let began = world.now();
    let first = world.sweeps(Healer::Deliveries).await.healed as usize;
    let took = world.now().since(began).as_secs();
    assert!(took < 300, "Lambda ends it after 300 s; it took {took} s");
    assert!(first > 5 && first < 50, "{first}");
    let asked = redelivered(&world);
    for guid in &asked {
        logs(&world, 1_000 + asked.len() as u64, guid, world.now(), true);
    }
    world.around(|around| around.call_takes = Duration::ZERO);
    world.sweeps(Healer::Deliveries).await;
    let distinct: BTreeSet<String> = redelivered(&world).into_iter().collect();
    assert_eq!((distinct.len(), redelivered(&world).len()), (50, 50), "the others were still due, at once");
}
