//! What `scale` does with events that come while it may not ask ECS for more.

mod common;

use common::around::job_event;
use common::{World, scale, stack, task_id};
use fargate_runners_core::events::{Event, LookAgain, RunnerStopped};
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::plan::COALESCE;
use fargate_runners_core::record::{Key, Version};
use fargate_runners_core::task::Stop;
use fargate_runners_use_cases::ports::{Clock, Ledger, Notes};
use fargate_runners_use_cases::scale::Message;
use std::time::Duration;

fn message(event: &Event) -> Message {
    Message { id: "message".to_owned(), body: event.to_message().unwrap() }
}

fn queued(id: u64) -> Message {
    message(&Event::Job(job_event("default", id, JobPhase::Queued)))
}

fn over(id: u64) -> Message {
    message(&Event::Job(job_event("default", id, JobPhase::Completed)))
}

fn wake_up() -> Message {
    message(&Event::LookAgain(LookAgain::now(FleetName::parse("default").unwrap())))
}

/// A wake-up that was asked for just now does not come, and should have.
fn late(world: &World) {
    world.with(|state| state.now = state.now + COALESCE + Duration::from_millis(600));
}

async fn version(world: &World) -> Version {
    let key = Key::Fleet(FleetName::parse("default").unwrap());
    common::TestLedger(world.clone()).read(&[key], common::NOW).await.unwrap()[0].version
}

async fn wanted(world: &World) -> u32 {
    world.state("default").await.unwrap().wanted
}

fn asked_for(world: &World) -> Vec<u32> {
    world.with(|state| state.wants.iter().map(|(_, count)| *count).collect())
}

#[tokio::test]
async fn jobs_are_written_at_once_and_counted_when_the_wake_up_comes() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![queued(1)]).await;
    process.handle(vec![wake_up()]).await;
    let before = version(&world).await;
    process.handle(vec![queued(2)]).await;
    process.handle(vec![queued(3), queued(4)]).await;
    assert_eq!((asked_for(&world), wanted(&world).await), (vec![1], 1), "nothing is counted");
    assert_eq!(version(&world).await, Version(before.0 + 2), "whoever has read the fleet before and writes it now begins anew");
    assert!(world.job("default", 2).await.is_some() && world.job("default", 3).await.is_some() && world.job("default", 4).await.is_some());
    assert_eq!(world.with(|state| state.wake_ups.len()), 1, "one wake-up will do");
    world.passes(1);
    process.handle(vec![wake_up()]).await;
    assert_eq!((asked_for(&world), wanted(&world).await), (vec![1, 4], 4));
}

#[tokio::test]
async fn once_the_wake_up_is_overdue_the_next_batch_is_looked_at() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![queued(1)]).await;
    process.handle(vec![wake_up()]).await;
    world.passes(1);
    process.handle(vec![queued(2)]).await;
    process.handle(vec![queued(3)]).await;
    assert_eq!(wanted(&world).await, 2);
    late(&world);
    process.handle(vec![queued(4)]).await;
    assert_eq!(
        (asked_for(&world), wanted(&world).await),
        (vec![1, 2], 4),
        "the next change waits for two seconds, and the wake-up was due after one"
    );
    process.handle(vec![queued(5)]).await;
    assert_eq!(wanted(&world).await, 4, "there is another wake-up");
    world.passes(1);
    process.handle(vec![queued(6)]).await;
    assert_eq!(asked_for(&world), [1, 2, 6]);
}

#[tokio::test]
async fn another_process_that_has_written_in_between_changes_nothing() {
    let world = World::default();
    let (process, other) = (scale(&world), scale(&world));
    process.handle(vec![queued(1)]).await;
    process.handle(vec![wake_up()]).await;
    process.handle(vec![queued(2)]).await;
    other.handle(vec![queued(3)]).await;
    assert_eq!(wanted(&world).await, 3, "it has not seen this fleet yet: it looks");
    process.handle(vec![queued(4)]).await;
    assert_eq!(wanted(&world).await, 3);
    world.passes(1);
    other.handle(vec![wake_up()]).await;
    assert_eq!(wanted(&world).await, 4);
}

#[tokio::test]
async fn a_repeat_of_a_job_that_is_known_changes_nothing() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![queued(1)]).await;
    process.handle(vec![wake_up()]).await;
    let known = world.job("default", 1).await;
    process.handle(vec![queued(2), queued(1)]).await;
    assert_eq!((wanted(&world).await, world.job("default", 1).await), (2, known));
}

#[tokio::test]
async fn a_job_that_is_over_is_closed_at_once() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![queued(1), queued(2)]).await;
    process.handle(vec![wake_up()]).await;
    process.handle(vec![queued(3), over(2)]).await;
    assert_eq!((wanted(&world).await, world.job("default", 2).await.unwrap().phase), (2, JobPhase::Completed));
    world.passes(1);
    process.handle(vec![queued(4)]).await;
    assert_eq!(wanted(&world).await, 3);
}

#[tokio::test]
async fn what_can_raise_nothing_is_looked_at_once_a_second() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![queued(1), queued(2), queued(3), queued(4)]).await;
    process.handle(vec![wake_up()]).await;
    world.passes(60);
    let looked = async |world: &World| world.state("default").await.unwrap().counts.queued;
    process.handle(vec![over(1)]).await;
    assert_eq!(world.job("default", 1).await.unwrap().phase, JobPhase::Completed);
    assert_eq!((looked(&world).await, world.with(|state| state.wake_ups.len())), (4, 1), "written, and a wake-up asked for");
    process.handle(vec![over(2)]).await;
    assert_eq!((looked(&world).await, world.with(|state| state.wake_ups.len())), (4, 1), "one wake-up will do");
    late(&world);
    process.handle(vec![over(3)]).await;
    assert_eq!(looked(&world).await, 1, "the wake-up is overdue");
    process.handle(vec![over(4)]).await;
    let wake_at = world.state("default").await.unwrap().wake_at.unwrap();
    assert_eq!(looked(&world).await, 1, "what comes after that look waits for the next");
    assert!(wake_at > world.now() && wake_at <= world.now() + COALESCE);
    world.passes(1);
    process.handle(vec![wake_up()]).await;
    assert_eq!(looked(&world).await, 0);
}

#[tokio::test]
async fn a_job_that_is_queued_in_a_fleet_that_rests_is_looked_at_at_once() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![queued(1)]).await;
    process.handle(vec![wake_up()]).await;
    world.passes(60);
    process.handle(vec![over(1)]).await;
    process.handle(vec![queued(2), queued(3)]).await;
    assert_eq!((asked_for(&world), wanted(&world).await), (vec![1, 2], 2));
}

#[tokio::test]
async fn an_earlier_wake_up_that_comes_late_does_not_have_the_next_asked_for_twice() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![queued(1), queued(2), queued(3)]).await;
    process.handle(vec![wake_up()]).await;
    world.passes(60);
    process.handle(vec![over(1)]).await;
    let asked = || world.with(|state| state.wake_ups.len());
    let fleet = FleetName::parse("default").unwrap();
    let earlier = LookAgain { fleet, due: Some(world.now()) };
    process.handle(vec![message(&Event::LookAgain(earlier))]).await;
    let before = asked();
    process.handle(vec![over(2)]).await;
    assert_eq!(asked(), before, "the one that was asked for is still to come");
}

/// The task of the fleet that launches tasks has ended.
fn stopped(task: u64, exit_code: i64) -> Message {
    let stop = Stop { at: common::NOW + Duration::from_secs(900), code: None, reason: None, exit_code: Some(exit_code) };
    let fleet = FleetName::parse("burst").unwrap();
    let (task_id, hosting) = (task_id(task), Hosting::UNKNOWN);
    message(&Event::RunnerStopped(RunnerStopped { fleet, task_id, task_definition: None, service: None, hosting, stop }))
}

#[tokio::test]
async fn what_is_noted_is_not_lost_when_word_of_the_tasks_end_is_only_written_down() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![message(&Event::Job(job_event("burst", 1, JobPhase::Queued)))]).await;
    let runner_name = Some(format!("{}-burst-{}-1", stack(), task_id(1000)));
    let at = Some(common::NOW + Duration::from_secs(600));
    let on_runner = |phase| JobEvent { runner_name: runner_name.clone(), at, ..job_event("burst", 1, phase) };
    process.handle(vec![message(&Event::Job(on_runner(JobPhase::InProgress)))]).await;
    assert_eq!(world.task("burst", 1000).await.unwrap().job_id, Some(JobId(1)), "it was no note");
    assert!(world.1.note(&on_runner(JobPhase::Completed)).await.unwrap());
    process.handle(vec![stopped(1000, 137)]).await;
    assert_eq!(world.task("burst", 1000).await.unwrap().job_ended_at, at);
    let job = world.job("burst", 1).await.unwrap();
    assert_eq!((job.phase, job.ended_at), (JobPhase::Completed, at));
    assert!(!world.with(|state| state.published.iter().any(|event| matches!(event, Event::RunnerLost(_)))), "its job was over before");
}

#[tokio::test]
async fn a_launch_is_answered_although_one_of_its_tasks_has_ended_before_the_next_look() {
    let world = World::default();
    let process = scale(&world);
    process.handle(vec![message(&Event::Job(job_event("burst", 1, JobPhase::Queued)))]).await;
    late(&world);
    process.handle([2, 3].map(|id| message(&Event::Job(job_event("burst", id, JobPhase::Queued)))).into()).await;
    let state = world.state("burst").await.unwrap();
    assert!(matches!(&state.launches[..], [launch] if launch.count == 2), "{state:?}");
    let before = (state.behind, world.with(|state| state.launches.len()));
    process.handle(vec![stopped(2000, 1)]).await;
    let state = world.state("burst").await.unwrap();
    assert_eq!((state.behind, state.launches), (before.0 + 1, vec![]), "it was only written down");
    late(&world);
    process.handle(vec![message(&Event::LookAgain(LookAgain::now(FleetName::parse("burst").unwrap())))]).await;
    let state = world.state("burst").await.unwrap();
    assert_eq!((state.counts.queued, state.counts.booting), (3, 3), "two of the three tasks, and one in the place of that which has ended");
    assert_eq!(world.with(|state| state.launches.len()), before.1 + 1);
}
