//! When a look at a large fleet is put off.

use fargate_runners_core::ids::FleetName;
use fargate_runners_core::plan::{PutOff, put_off};
use fargate_runners_core::state::FleetState;
use fargate_runners_core::time::Timestamp;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

/// A fleet for which ECS was asked for something so long ago.
fn changed(ago: Duration) -> FleetState {
    FleetState { changed_at: NOW - ago, ..FleetState::new(FleetName::parse("default").unwrap()) }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_larger_a_fleet_is_the_further_apart_are_its_looks_up_to_four_seconds() {
    for (records, apart) in [(101, 1), (799, 1), (800, 2), (1_200, 3), (1_600, 4), (100_000, 4)] {
        let mut state = changed(Duration::ZERO);
        assert_eq!(put_off(&mut state, true, records, NOW), Some(PutOff::Wake(seconds(apart))), "{records}");
        assert_eq!(state.wake_at, Some(NOW + seconds(apart)));
        let mut rests = changed(seconds(apart));
        assert_eq!(put_off(&mut rests, true, records, NOW), None, "{records}: a job that is queued then is looked at at once");
    }
}

#[test]
fn a_job_that_is_queued_waits_for_a_wake_up_that_is_under_way_where_a_look_is_dear() {
    let on_its_way = |due| FleetState { wake_at: Some(due), ..changed(seconds(60)) };
    for (records, due, put) in [
        (1_000, NOW + seconds(2), Some(PutOff::UntilWoken)),
        (1_000, NOW + seconds(3), None),
        (1_000, NOW, None),
        (1_000, NOW - seconds(1), None),
        (500, NOW + seconds(1), None),
    ] {
        assert_eq!(put_off(&mut on_its_way(due), true, records, NOW), put, "{records} records, due {due}");
    }
}

#[test]
fn what_can_raise_nothing_waits_for_a_wake_up_however_long_ago_the_last_change_was() {
    assert_eq!(put_off(&mut changed(seconds(60)), false, 1_000, NOW), Some(PutOff::Wake(seconds(2))));
}
