//! What becomes of the messages that `scale` gets.

mod common;

use common::around::{job_event, registered, service};
use common::{World, scale, stack, task_id};
use fargate_runners_core::events::{Event, LookAgain, RunnerStopped};
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, ServiceName};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Expected, Key, Record, Versioned, View, Write};
use fargate_runners_core::state::{FleetState, ServiceState};
use fargate_runners_core::task::{Stop, TaskRecord};
use fargate_runners_use_cases::ports::{Clock, Ledger, Notes, Retry};
use fargate_runners_use_cases::scale::Message;
use std::time::Duration;

fn queued(fleet: &str, id: u64) -> Message {
    let event = Event::Job(JobEvent {
        fleet: FleetName::parse(fleet).unwrap(),
        home: true,
        job_id: JobId(id),
        run_id: RunId(id),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/hello").unwrap(),
        workflow_name: None,
        name: "build".to_owned(),
        labels: Labels::parse(["self-hosted", fleet]).unwrap(),
        phase: JobPhase::Queued,
        conclusion: None,
        runner_name: None,
        at: None,
        seen_at: common::NOW,
        delivery: format!("guid-{id}"),
        noted: false,
    });
    Message { id: format!("{fleet}-{id}"), body: event.to_message().unwrap() }
}

fn completed(fleet: &str, id: u64, runner: u64) -> Message {
    let Ok(Event::Job(event)) = Event::from_message(&queued(fleet, id).body) else { unreachable!() };
    let name = RunnerName { stack: stack(), fleet: event.fleet.clone(), task: task_id(runner), attempt: 1 };
    let (runner_name, conclusion) = (Some(name.to_string()), Some("failure".to_owned()));
    let at = Some(common::NOW + Duration::from_secs(900));
    let event = Event::Job(JobEvent { phase: JobPhase::Completed, runner_name, conclusion, at, ..event });
    Message { id: format!("{fleet}-{id}-over"), body: event.to_message().unwrap() }
}

fn taken(fleet: &str, id: u64, runner: u64) -> Message {
    let Ok(Event::Job(over)) = Event::from_message(&completed(fleet, id, runner).body) else { unreachable!() };
    let event = Event::Job(JobEvent { phase: JobPhase::InProgress, conclusion: None, ..over });
    Message { id: format!("{fleet}-{id}-taken"), body: event.to_message().unwrap() }
}

fn stopped(fleet: &str, task: u64) -> Message {
    let stop = Stop { at: common::NOW, code: None, reason: None, exit_code: Some(137) };
    let fleet = FleetName::parse(fleet).unwrap();
    let event = Event::RunnerStopped(RunnerStopped {
        fleet,
        task_id: task_id(task),
        task_definition: None,
        service: None,
        hosting: Hosting::UNKNOWN,
        stop,
    });
    Message { id: format!("stopped-{task}"), body: event.to_message().unwrap() }
}

fn look(fleet: &str) -> Message {
    let event = Event::LookAgain(LookAgain::now(FleetName::parse(fleet).unwrap()));
    Message { id: format!("look-{fleet}"), body: event.to_message().unwrap() }
}

#[tokio::test]
async fn the_same_delivery_twice_is_one_job_and_one_task() {
    let world = World::default();
    assert_eq!(scale(&world).handle(vec![queued("burst", 1), queued("burst", 1)]).await, Vec::<String>::new());
    world.passes(5);
    assert_eq!(scale(&world).handle(vec![queued("burst", 1)]).await, Vec::<String>::new());
    assert_eq!(world.with(|state| state.launches.iter().map(|launch| launch.count).sum::<u32>()), 1);
    assert_eq!(world.task("burst", 1000).await.unwrap().launched_with, 1);
}

#[tokio::test]
async fn a_late_repeat_of_a_closed_job_opens_nothing() {
    let world = World::default();
    world.knows_job(&job_event("burst", 1, JobPhase::Completed)).await;
    assert_eq!(scale(&world).handle(vec![queued("burst", 1)]).await, Vec::<String>::new());
    assert_eq!(world.with(|state| state.launches.len()), 0);
    assert_eq!(world.job("burst", 1).await.unwrap().phase, JobPhase::Completed);
}

#[tokio::test]
async fn both_launch_modes_get_what_their_jobs_want() {
    let world = World::default();
    let failed = scale(&world).handle(vec![queued("default", 1), queued("burst", 2), queued("default", 3)]).await;
    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(world.with(|state| state.wants.iter().map(|(_, count)| *count).collect::<Vec<_>>()), [2]);
    assert_eq!(world.with(|state| state.launches.len()), 1);
    assert_eq!(world.state("default").await.unwrap().wanted, 2);
}

#[tokio::test]
async fn a_message_that_nobody_can_read_is_put_aside_and_takes_nothing_with_it() {
    let world = World::default();
    let poison = Message { id: "poison".to_owned(), body: "{".to_owned() };
    assert_eq!(scale(&world).handle(vec![queued("burst", 1), poison, queued("default", 2)]).await, Vec::<String>::new());
    assert_eq!(world.with(|state| state.parked.clone()), ["poison"]);
    assert_eq!(world.with(|state| (state.launches.len(), state.wants.len())), (1, 1));
}

#[tokio::test]
async fn one_fleets_trouble_hands_back_its_own_messages_only() {
    let world = World::default();
    world.with(|state| state.ledger_fails = FleetName::parse("burst").ok());
    assert_eq!(scale(&world).handle(vec![queued("burst", 1), queued("default", 2)]).await, ["burst-1"]);
    assert_eq!(world.with(|state| state.wants.len()), 1);
}

#[tokio::test]
async fn when_ecs_throttles_the_message_is_dealt_with_and_the_fleet_is_looked_at_again() {
    let world = World::default();
    world.with(|state| state.ecs_fails = Some(Retry::Throttled));
    assert_eq!(scale(&world).handle(vec![queued("default", 1), queued("burst", 2)]).await, Vec::<String>::new());
    assert!(world.with(|state| state.wake_ups.len()) >= 2);
    world.with(|state| state.ecs_fails = None);
    world.passes(3);
    scale(&world).handle(vec![look("default"), look("burst")]).await;
    assert_eq!(world.with(|state| (state.wants.len(), state.launches.len())), (1, 1));
}

#[tokio::test]
async fn as_many_tasks_as_a_look_launches_are_in_the_ledger() {
    let world = World::default();
    world.with(|state| state.fleets[1].maximum = 100);
    assert_eq!(scale(&world).handle((1..=50).map(|id| queued("burst", id)).collect()).await, Vec::<String>::new());
    assert_eq!(world.with(|state| state.launches.iter().map(|launch| launch.count).collect::<Vec<_>>()), [10; 5]);
    scale(&world).handle(vec![look("burst")]).await;
    assert_eq!(world.with(|state| state.launches.len()), 5, "none is repeated");
    assert_eq!(world.state("burst").await.unwrap().launches, [], "each has its answer");
    for (launch, task) in (1..=5).flat_map(|launch| (0..10).map(move |task| (launch, task))) {
        assert!(world.task("burst", 1000 * launch + task).await.is_some(), "task {task} of launch {launch}");
    }
}

#[tokio::test]
async fn a_job_of_which_an_event_tells_is_known_from_the_list_however_many_wait() {
    let world = World::default();
    scale(&world).handle((1..=60).map(|id| queued("burst", id)).collect()).await;
    let reads = world.with(|state| state.reads);
    for id in [5, 55] {
        let before = known(&world, id).await;
        scale(&world).handle(vec![queued("burst", id)]).await;
        assert_eq!(known(&world, id).await, before, "a repeat changes nothing");
        assert_eq!(world.state("burst").await.unwrap().counts.queued, 60);
    }
    scale(&world).handle(vec![taken("burst", 5, 1000), taken("burst", 55, 1001)]).await;
    for id in [5, 55] {
        let job = known(&world, id).await;
        assert!(matches!(&job.record, Record::Job(job) if job.phase == JobPhase::InProgress && job.queued_at.is_some()), "{job:?}");
    }
    let state = world.state("burst").await.unwrap();
    assert_eq!((state.counts.queued, state.counts.busy, state.wanted), (58, 2, 10));
    assert_eq!(world.with(|state| state.reads), reads, "nothing was read by its key");
}

#[tokio::test]
async fn of_a_launch_only_its_task_is_written_and_the_next_look_forgets_it() {
    let world = World::default();
    scale(&world).handle(vec![queued("burst", 1)]).await;
    let version = |world: World| async move {
        world.1.active(View::new(FleetName::parse("burst").unwrap()), world.now()).await.unwrap().state.version().0
    };
    assert_eq!((version(world.clone()).await, world.state("burst").await.unwrap().launches.len()), (1, 1));
    assert_eq!(world.task("burst", 1000).await.unwrap().launch, Some(world.state("burst").await.unwrap().launches[0].token.clone()));
    world.passes(60);
    scale(&world).handle(vec![queued("burst", 2)]).await;
    assert_eq!(version(world.clone()).await, 2);
    let launches = world.state("burst").await.unwrap().launches;
    assert!(matches!(&launches[..], [second] if second.count == 1), "{launches:?}");
    assert_eq!(world.with(|state| state.launches.len()), 2);
}

#[tokio::test]
async fn a_launch_whose_answer_was_lost_starts_no_second_task() {
    let world = World::default();
    world.with(|state| state.ecs_fails = Some(Retry::UnknownEffect));
    scale(&world).handle(vec![queued("burst", 1)]).await;
    world.with(|state| state.ecs_fails = None);
    world.passes(6);
    scale(&world).handle(vec![look("burst")]).await;
    assert_eq!(world.with(|state| state.launches.len()), 1);
    assert_eq!(world.state("burst").await.unwrap().launches.len(), 0);
    assert!(world.task("burst", 1000).await.is_some());
}

#[tokio::test]
async fn a_job_that_went_down_with_its_runner_is_kept_as_lost_also_if_word_of_its_end_comes_before_word_of_its_tasks() {
    let world = World::default();
    scale(&world).handle(vec![queued("burst", 1)]).await;
    scale(&world).handle(vec![completed("burst", 1, 1000)]).await;
    scale(&world).handle(vec![stopped("burst", 1000)]).await;
    let lost = world.state("burst").await.unwrap().lost_jobs;
    assert_eq!(lost.keys().collect::<Vec<_>>(), [&JobId(1)]);
}

#[tokio::test]
async fn jobs_that_went_down_with_their_runners_are_told_of_also_if_a_part_of_the_look_was_written_before_it_began_anew() {
    // So many others that the parts end before, between and after the tasks.
    for others in 44..=52 {
        let world = World::default();
        scale(&world).handle(vec![queued("burst", 1)]).await;
        world.passes(60);
        scale(&world).handle(vec![queued("burst", 2)]).await;
        for (job, task) in [(1, 1000), (2, 2000)] {
            scale(&world).handle(vec![completed("burst", job, task)]).await;
        }
        let batch = (0..others).map(|id| queued("burst", 10 + id)).chain([stopped("burst", 1000), stopped("burst", 2000)]);
        world.with(|state| state.conflict_after = Some(1));
        assert_eq!(scale(&world).handle(batch.collect()).await, Vec::<String>::new());
        let lost = world.state("burst").await.unwrap().lost_jobs;
        assert_eq!(lost.keys().collect::<Vec<_>>(), [&JobId(1), &JobId(2)], "{others} others");
        let told = |event: &Event| if let Event::RunnerLost(lost) = event { Some(lost.job_id) } else { None };
        assert_eq!(
            world.with(|state| state.published.iter().filter_map(told).collect::<Vec<_>>()),
            [JobId(1), JobId(2)],
            "{others} others"
        );
    }
}

#[tokio::test]
async fn looking_again_at_a_fleet_that_has_what_it_wants_calls_nothing() {
    let world = World::default();
    scale(&world).handle(vec![queued("default", 1)]).await;
    world.passes(60);
    scale(&world).handle(vec![look("default")]).await;
    let version = |world: World| async move {
        world.1.active(View::new(FleetName::parse("default").unwrap()), world.now()).await.unwrap().state.version()
    };
    let before = version(world.clone()).await;
    world.passes(60);
    scale(&world).handle(vec![look("default")]).await;
    assert_eq!(version(world.clone()).await, before, "nothing was written");
    assert_eq!(world.with(|state| state.wants.len()), 1);
}

#[tokio::test]
async fn an_event_for_a_fleet_that_is_described_nowhere_is_kept() {
    let world = World::default();
    assert_eq!(scale(&world).handle(vec![queued("gone", 1)]).await, Vec::<String>::new());
    world.with(|state| state.fleets.push(common::fleet("gone", "tasks")));
    scale(&world).handle(vec![look("gone")]).await;
    assert_eq!(world.with(|state| state.launches.len()), 1);
}

#[tokio::test]
async fn wake_ups_only_go_into_their_fleets_group() {
    let world = World::default();
    let poison = Message { id: "poison".to_owned(), body: "?".to_owned() };
    assert_eq!(scale(&world).forward(vec![look("burst"), poison]).await, Vec::<String>::new());
    assert_eq!(world.with(|state| state.forwarded.clone()), [(FleetName::parse("burst").unwrap(), "look-burst".to_owned())]);
    assert_eq!(world.with(|state| (state.parked.len(), state.launches.len())), (1, 0));
    assert!(world.task("burst", 1).await.is_none());
    let _ = task_id(1);
}

/// The fleet has a replaced service with a desired count that ECS is to be asked for.
async fn with_a_replaced_service(world: &World) -> ServiceName {
    let old = ServiceName::parse("runners-default-0").unwrap();
    let mut state = FleetState::new(FleetName::parse("default").unwrap());
    state.services.insert(old.clone(), ServiceState { desired: 1, applied: None, ..ServiceState::default() });
    world.1.commit(&[Write { record: Record::Fleet(state), expected: Expected::Nothing }], world.now()).await.unwrap();
    old
}

#[tokio::test]
async fn a_replaced_service_that_is_gone_is_forgotten() {
    let world = World::default();
    let old = with_a_replaced_service(&world).await;
    world.with(|state| state.services_gone.push(old.clone()));
    assert_eq!(scale(&world).handle(vec![look("default")]).await, Vec::<String>::new());
    assert!(!world.state("default").await.unwrap().services.contains_key(&old));
}

#[tokio::test]
async fn a_replaced_service_that_ecs_refuses_to_change_is_asked_for_again() {
    let world = World::default();
    let old = with_a_replaced_service(&world).await;
    world.with(|state| state.ecs_fails = Some(Retry::Never));
    assert_eq!(scale(&world).handle(vec![look("default")]).await, Vec::<String>::new());
    assert!(world.state("default").await.unwrap().services.contains_key(&old));
    assert_eq!(world.with(|state| state.wake_ups.len()), 1);
}

/// A replaced service with so many idle runners, of which ECS has one place more than it is to have; there are more jobs than runners.
async fn with_a_place_to_take_out(world: &World, runners: u64) -> ServiceName {
    let old = ServiceName::parse("runners-default-0").unwrap();
    let desired = u32::try_from(runners).unwrap();
    let mut state = FleetState::new(FleetName::parse("default").unwrap());
    state.services.insert(old.clone(), ServiceState { desired, applied: Some(desired + 1), highest: desired + 1, lowest: desired + 1 });
    world.1.commit(&[Write { record: Record::Fleet(state), expected: Expected::Nothing }], world.now()).await.unwrap();
    for task in 1..=runners {
        world.knows(TaskRecord { service: Some(old.clone()), ..registered("default", task, world.now()) }).await;
    }
    world.with(|state| state.services_fail.push(old.clone()));
    assert_eq!(scale(world).handle((0..=runners).map(|job| queued("default", job)).collect()).await, Vec::<String>::new());
    old
}

#[tokio::test]
async fn no_count_is_raised_into_a_place_that_ecs_has_not_been_seen_to_take_out() {
    let world = World::default();
    let old = with_a_place_to_take_out(&world, 9).await;
    assert_eq!(world.with(|state| state.wants.clone()), [], "with the new one it would be 11 of 10");
    world.with(|state| state.services_fail.clear());
    world.passes(6);
    scale(&world).handle(vec![look("default")]).await;
    assert_eq!(world.with(|state| state.wants.clone()), [(old.clone(), 9)]);
    world.passes(6);
    scale(&world).handle(vec![look("default")]).await;
    assert_eq!(world.with(|state| state.wants.clone()), [(old, 9), (service(1), 1)]);
}

#[tokio::test]
async fn a_count_is_raised_as_far_as_there_is_room_beside_a_place_that_was_not_taken_out() {
    let world = World::default();
    with_a_place_to_take_out(&world, 8).await;
    assert_eq!(world.with(|state| state.wants.clone()), [(service(1), 1)]);
}

#[tokio::test]
async fn a_count_that_ecs_may_have_reached_already_is_never_set_to_less_for_want_of_room() {
    let world = World::default();
    let old = with_a_place_to_take_out(&world, 8).await;
    let mut state = world.state("default").await.unwrap();
    // The answer to the raise is lost, and the old service, which was to shrink, still cannot be asked.
    state.services.insert(service(1), ServiceState { desired: 2, applied: None, highest: 2, lowest: 1 });
    world.knows_fleet(state).await;
    world.passes(6);
    world.with(|state| state.wants.clear());
    scale(&world).handle(vec![look("default")]).await;
    assert_eq!(world.with(|state| state.wants.clone()), [], "with the old one it could be 11 of 10, and 1 would end a task");
    world.with(|state| state.services_fail.clear());
    for _ in 0..2 {
        world.passes(11);
        scale(&world).handle(vec![look("default")]).await;
    }
    assert_eq!(world.with(|state| state.wants.clone()), [(old, 8), (service(1), 2)]);
}

/// A runner of the fleet has taken its job, and ended it, as is noted.
async fn noted(world: &World, job: u64, task: u64) -> JobEvent {
    let Ok(Event::Job(over)) = Event::from_message(&completed("burst", job, task).body) else { unreachable!() };
    for phase in [JobPhase::InProgress, JobPhase::Completed] {
        assert!(world.1.note(&JobEvent { phase, ..over.clone() }).await.unwrap());
    }
    over
}

async fn known(world: &World, job: u64) -> Versioned {
    let key = Key::Job(FleetName::parse("burst").unwrap(), JobId(job));
    world.1.read(&[key], world.now()).await.unwrap().remove(0)
}

#[tokio::test]
async fn what_is_noted_of_a_job_is_written_when_its_task_has_ended() {
    let world = World::default();
    scale(&world).handle(vec![queued("burst", 1)]).await;
    let over = noted(&world, 1, 1000).await;
    scale(&world).handle(vec![stopped("burst", 1000)]).await;
    let fleet = FleetName::parse("burst").unwrap();
    let active = world.1.active(View::new(fleet), world.now()).await.unwrap();
    assert!(active.jobs.is_empty() && active.tasks.is_empty(), "{active:?}");
    let task = world.task("burst", 1000).await.unwrap();
    assert_eq!((task.job_id, task.job_ended_at), (Some(JobId(1)), over.at));
    let job = known(&world, 1).await;
    assert_eq!(job.noted, []);
    assert!(matches!(&job.record, Record::Job(job) if job.ended_at == over.at && job.taken_at.is_some()), "{job:?}");
}

#[tokio::test]
async fn what_is_noted_of_a_job_counts_before_it_is_written() {
    let world = World::default();
    scale(&world).handle(vec![queued("burst", 1)]).await;
    noted(&world, 1, 1000).await;
    let before = (known(&world, 1).await, world.task("burst", 1000).await);
    world.passes(60);
    scale(&world).handle(vec![look("burst")]).await;
    let state = world.state("burst").await.unwrap();
    assert_eq!((state.wanted, state.counts.finishing, state.launches.len()), (0, 1, 0));
    assert_eq!((known(&world, 1).await, world.task("burst", 1000).await), before, "as it was");
}
