//! Any order, with any repeats, of the same events gives the same jobs, the same runners and the same demand.

mod common;

use common::{World, fleet, interrupted, job, runner, stopped};
use fargate_runners_core::events::Event;
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::time::Timestamp;
use proptest::prelude::*;

/// A story of some jobs on some runners, as the events that it gives rise to.
fn story() -> impl Strategy<Value = Vec<Event>> {
    let part = (0u64..4, 0u64..4, 0u64..1000, prop_oneof![Just(0i64), Just(1), Just(137)], any::<[bool; 6]>());
    proptest::collection::vec(part, 1..6).prop_map(|parts| {
        let mut events = Vec::new();
        for (id, by, at, exit, happens) in parts {
            let at = |seconds: u64| Timestamp::from_secs(1_000_000 + at + seconds);
            // One task has at most one job, and a job one runner.
            let by = 10 * id + by;
            let all = [
                job(id, JobPhase::Waiting, None, at(0)),
                job(id, JobPhase::Queued, None, at(1)),
                job(id, JobPhase::InProgress, Some(runner(by)), at(2)),
                job(id, JobPhase::Completed, Some(runner(by)), at(3)),
                interrupted(by, at(3)),
                stopped(by, Some(exit), at(4)),
            ];
            events.extend(all.into_iter().zip(happens).filter(|(_, happens)| *happens).map(|(event, _)| event));
        }
        events
    })
}

/// A story, and the same story in another order with repeats.
fn told_twice() -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    story().prop_flat_map(|events| {
        let repeats = proptest::collection::vec(0..events.len().max(1), 0..6);
        (Just(events), repeats).prop_flat_map(|(events, repeats)| {
            let mut again = events.clone();
            again.extend(repeats.into_iter().filter_map(|position| events.get(position).cloned()));
            (Just(events), Just(again).prop_shuffle())
        })
    })
}

fn told(events: &[Event], mode: &str) -> World {
    let mut world = World::new(fleet(mode, 10, 1, 1));
    for event in events {
        world.happens(event);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5_000) })]

    #[test]
    fn order_and_repeats_play_no_part((events, again) in told_twice(), mode in prop_oneof![Just("service"), Just("tasks")]) {
        let (mut one, mut other) = (told(&events, mode), told(&again, mode));
        prop_assert_eq!(&one.view.jobs, &other.view.jobs);
        prop_assert_eq!(&one.view.tasks, &other.view.tasks);
        let (plan, other_plan) = (one.look(), other.look());
        prop_assert_eq!(one.view.state.get().wanted, other.view.state.get().wanted);
        prop_assert_eq!(one.view.state.get().counts, other.view.state.get().counts);
        prop_assert_eq!(plan, other_plan);
    }

    #[test]
    fn no_more_tasks_than_the_maximum_are_ever_asked_for(events in story(), maximum in 0u32..5, mode in prop_oneof![Just("service"), Just("tasks")]) {
        let mut world = World::new(fleet(mode, maximum, 0, 1));
        for event in &events {
            world.happens(event);
            world.passes(2);
            let plan = world.look();
            let launched: u32 = plan.launch.iter().map(|launch| launch.count).sum();
            prop_assert!(launched <= maximum);
            prop_assert!(world.desired(1) <= maximum);
        }
    }
}
