//! Jobs that are new, and repeats of those that are over: whoever takes one for new does not look among those that are over, and a ledger in memory panics where that
//! would be a mistake.

mod common;

use common::around::job_event;
use common::{NOW, World, scale};
use fargate_runners_core::events::Event;
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::Clock;
use fargate_runners_use_cases::scale::Message;
use std::time::Duration;

/// Word of GitHub about a job that was queued then.
fn word(id: u64, phase: JobPhase, at: Timestamp) -> Message {
    let event = Event::Job(JobEvent { at: Some(at), ..job_event("burst", id, phase) });
    Message { id: format!("{id}-{phase:?}"), body: event.to_message().unwrap() }
}

async fn takes(world: &World, messages: Vec<Message>) {
    assert_eq!(scale(world).handle(messages).await, Vec::<String>::new());
}

/// What a fleet wants while nothing but these jobs is known.
async fn wanted(world: &World) -> u32 {
    world.state("burst").await.unwrap().wanted
}

#[tokio::test]
async fn a_job_that_was_cancelled_at_once_is_not_opened_by_a_repeat() {
    let world = World::default();
    takes(&world, vec![word(1, JobPhase::Queued, NOW)]).await;
    world.passes(5);
    takes(&world, vec![word(1, JobPhase::Completed, NOW + Duration::from_secs(4))]).await;
    for _ in 0..2 {
        world.passes(5);
        takes(&world, vec![word(1, JobPhase::Queued, NOW)]).await;
        assert_eq!((world.job("burst", 1).await.unwrap().phase, wanted(&world).await), (JobPhase::Completed, 0));
    }
}

#[tokio::test]
async fn an_end_that_comes_before_its_beginning_stays_an_end() {
    let world = World::default();
    takes(&world, vec![word(1, JobPhase::Completed, NOW)]).await;
    world.passes(1);
    takes(&world, vec![word(1, JobPhase::Queued, NOW - Duration::from_secs(1))]).await;
    assert_eq!((world.job("burst", 1).await.unwrap().phase, wanted(&world).await), (JobPhase::Completed, 0));
}

#[tokio::test]
async fn both_words_in_one_batch_are_one_job_that_is_over() {
    for turned in [false, true] {
        let world = World::default();
        let mut words = vec![word(1, JobPhase::Queued, NOW), word(1, JobPhase::Completed, NOW + Duration::from_secs(1))];
        if turned {
            words.reverse();
        }
        takes(&world, words).await;
        takes(&world, vec![word(1, JobPhase::Queued, NOW)]).await;
        assert_eq!((world.job("burst", 1).await.unwrap().phase, wanted(&world).await), (JobPhase::Completed, 0));
    }
}

#[tokio::test]
async fn more_early_ends_than_are_kept_in_mind_open_no_job_either() {
    let world = World::default();
    takes(&world, (0..30).map(|id| word(id, JobPhase::Completed, NOW)).collect()).await;
    world.passes(2);
    takes(&world, (0..30).map(|id| word(id, JobPhase::Queued, NOW - Duration::from_secs(1))).collect()).await;
    assert_eq!(wanted(&world).await, 0);
    takes(&world, vec![word(100, JobPhase::Queued, world.now())]).await;
    assert_eq!(wanted(&world).await, 1, "one that is new is taken in all the same");
}

#[tokio::test]
async fn a_repeat_that_comes_late_is_looked_for_among_those_that_are_over() {
    let world = World::default();
    takes(&world, vec![word(1, JobPhase::Queued, NOW)]).await;
    world.passes(600);
    takes(&world, vec![word(1, JobPhase::Completed, world.now())]).await;
    world.passes(600);
    takes(&world, vec![word(1, JobPhase::Queued, NOW)]).await;
    assert_eq!((world.job("burst", 1).await.unwrap().phase, wanted(&world).await), (JobPhase::Completed, 0));
}

#[tokio::test]
async fn more_new_jobs_than_one_transaction_holds_are_taken_in() {
    let world = World::default();
    takes(&world, (0..60).map(|id| word(id, JobPhase::Queued, NOW)).collect()).await;
    takes(&world, (0..60).map(|id| word(id, JobPhase::Queued, NOW)).collect()).await;
    assert_eq!(world.state("burst").await.unwrap().counts.queued, 60);
}
