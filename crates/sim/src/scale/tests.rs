use super::*;
use crate::meter::Pace;

fn scenery(fleets: u32, maximum: u32) -> Scenery {
    Scenery { seed: 1, fleets, maximum, launches: 20, vcpus: None, pace: Pace { page_millis: 15, record_micros: 70 } }
}

fn burst(jobs: u32, fleets: u32) -> Work {
    let jobs = (0..jobs).map(|number| Coming { at: 1_000, fleet: number % fleets, length: 60_000 }).collect();
    Work { jobs, counted_from: 0, until: 3_600_000 }
}

#[test]
fn every_job_of_a_burst_runs_and_each_has_a_mint_and_a_task_of_its_own() {
    let outcome = run(scenery(2, 100), &burst(40, 2));
    assert_eq!(outcome.violation, None);
    assert_eq!((outcome.jobs, outcome.open, outcome.waits.len()), (40, 0, 40));
    assert!(outcome.counts.mints.total >= 40 && outcome.tasks >= 40);
}

#[test]
fn the_wanted_number_reaches_the_demand_and_counts_are_set_once_a_second_at_most() {
    let outcome = run(scenery(1, 100), &burst(60, 1));
    assert!(outcome.wanted_at(60).is_some());
    assert_eq!(outcome.counts.updates.most, 1);
}

#[test]
fn the_wanted_number_stops_at_the_maximum() {
    let outcome = run(scenery(1, 20), &burst(30, 1));
    assert!(outcome.wanted_at(20).is_some());
    assert_eq!((outcome.wanted_at(21), outcome.open), (None, 0));
}

#[test]
fn the_quota_of_vcpus_bounds_what_runs_at_once() {
    let outcome = run(Scenery { vcpus: Some(6), ..scenery(1, 100) }, &burst(12, 1));
    assert_eq!((outcome.violation, outcome.open), (None, 0));
    assert!(outcome.moments.iter().all(|moment| moment.running <= 6));
}
