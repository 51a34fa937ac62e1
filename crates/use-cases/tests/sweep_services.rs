//! What the healer does about services and desired counts, and about fleets of which nobody hears.

mod common;

use common::World;
use common::around::{job_event, registered, service};
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::state::{FleetState, ServiceState};
use fargate_runners_use_cases::ports::Clock;
use fargate_runners_use_cases::sweep::Healer;
use futures_util::FutureExt as _;

const HOUR: u64 = 3_600;

async fn meant(world: &World, revision: u32, desired: u32) {
    let mut state = world.state("default").await.unwrap_or_else(|| FleetState::new(FleetName::parse("default").unwrap()));
    state.services.insert(service(revision), ServiceState { desired, applied: Some(desired), ..ServiceState::default() });
    world.knows_fleet(state).await;
}

fn drifted(world: &World) -> Vec<u32> {
    let drifted = |event: &Event| if let Event::ServiceDrifted(event) = event { Some(event.desired) } else { None };
    world.with(|state| state.published.iter().filter_map(drifted).collect())
}

#[tokio::test]
async fn a_desired_count_that_somebody_has_changed_is_told_to_scale() {
    let world = World::default();
    meant(&world, 1, 2).await;
    world.ecs_has(1, 2, 2);
    assert_eq!(world.sweeps(Healer::Drift).await.healed, 0);
    world.ecs_has(1, 7, 2);
    assert_eq!(world.sweeps(Healer::Drift).await.healed, 1);
    assert_eq!(drifted(&world), [7]);
}

#[tokio::test]
async fn a_count_that_scale_has_just_asked_for_has_not_drifted() {
    let world = World::default();
    meant(&world, 1, 2).await;
    let mut state = world.state("default").await.unwrap();
    state.changed_at = world.now();
    world.knows_fleet(state).await;
    world.ecs_has(1, 1, 2);
    world.passes(119);
    assert_eq!(world.sweeps(Healer::Drift).await.healed, 0);
    world.passes(1);
    assert_eq!(world.sweeps(Healer::Drift).await.healed, 1);
}

#[tokio::test]
async fn a_count_that_scale_changes_while_the_services_are_read_has_not_drifted() {
    let world = World::default();
    meant(&world, 1, 2).await;
    world.ecs_has(1, 2, 2);
    world.meanwhile("services default", |world| {
        world.ecs_has(1, 5, 2);
        meant(world, 1, 5).now_or_never().unwrap();
    });
    assert_eq!(world.sweeps(Healer::Drift).await.healed, 0);
    assert!(drifted(&world).is_empty());
}

#[tokio::test]
async fn a_service_that_came_into_use_after_the_list_is_not_counted_as_empty() {
    let world = World::default();
    meant(&world, 0, 0).await;
    world.ecs_has(0, 0, 0);
    world.ecs_has(1, 0, 0);
    let sweep = common::around::sweep(&world);
    sweep.handle(&[Healer::Drift, Healer::Services]).await;
    assert!(world.around(|around| around.memory.contains_key(&("services".to_owned(), "default".to_owned()))), "an empty one is noted");
    world.passes(HOUR);
    world.meanwhile("services default", |world| meant(world, 0, 1).now_or_never().unwrap());
    sweep.handle(&[Healer::Drift, Healer::Services]).await;
    assert_eq!(world.around(|around| around.deleted_services.clone()), []);
}

#[tokio::test]
async fn the_empty_service_of_a_replaced_revision_is_deleted_after_an_hour() {
    let world = World::default();
    meant(&world, 1, 0).await;
    world.ecs_has(0, 0, 0);
    world.ecs_has(1, 0, 0);
    world.sweeps(Healer::Services).await;
    world.passes(HOUR - 1);
    assert_eq!(world.sweeps(Healer::Services).await.healed, 0);
    world.passes(1);
    assert_eq!(world.sweeps(Healer::Services).await.healed, 1);
    assert_eq!(world.around(|around| around.deleted_services.clone()), [service(0)], "never the current one");
}

#[tokio::test]
async fn a_service_with_a_task_is_kept() {
    for (tasks, known) in [(1, false), (0, true)] {
        let world = World::default();
        world.ecs_has(0, 0, tasks);
        if known {
            let mut task = registered("default", 1, world.now());
            task.service = Some(service(0));
            world.knows(task).await;
        }
        world.sweeps(Healer::Services).await;
        world.passes(2 * HOUR);
        assert_eq!(world.sweeps(Healer::Services).await.healed, 0);
    }
}

#[tokio::test]
async fn a_fleet_with_a_job_is_looked_at_and_an_empty_one_is_not() {
    let world = World::default();
    assert_eq!(world.sweeps(Healer::Nudge).await.healed, 0);
    world.knows_job(&job_event("burst", 1, JobPhase::Queued)).await;
    assert_eq!(world.sweeps(Healer::Nudge).await.healed, 1);
    world.passes(300);
    world.sweeps(Healer::Nudge).await;
    let forwarded = world.with(|state| state.forwarded.clone());
    assert!(forwarded.iter().all(|(fleet, _)| fleet.as_str() == "burst"));
    assert_ne!(forwarded[0].1, forwarded[1].1, "each sweep's message counts");
}
