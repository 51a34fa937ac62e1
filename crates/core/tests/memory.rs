//! How much memory a look at a large fleet takes. Alone in its program, since what it counts is everything that the program allocates.

use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId};
use fargate_runners_core::job::{JobEvent, JobPhase, JobRecord};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::record::{Record, Version, Versioned, View};
use fargate_runners_core::shared::Shared;
use fargate_runners_core::time::Timestamp;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::collections::BTreeSet;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const JOBS: u64 = 10_000;

/// What a job that waits may take: what is known of it, its place in a map, and a name of its own. Its item in the table is twice as large.
const BYTES_MAX: usize = 270;

/// What a view that counts them may take for all of them: the few that it holds.
const COUNTED_BYTES_MAX: usize = 20_000;

fn waiting(number: u64) -> Record {
    Record::Job(JobRecord::from_event(&JobEvent {
        fleet: FleetName::parse("default").unwrap(),
        home: true,
        job_id: JobId(21_000_000_000 + number),
        run_id: RunId(7_000_000_000 + number / 4),
        run_attempt: 1,
        repository: RepositoryName::parse(&format!("octo-org/service-{}", number % 100)).unwrap(),
        workflow_name: Some("Build, test and publish".to_owned()),
        name: format!("test ({number})"),
        labels: Labels::parse(["self-hosted", "linux", "x64"]).unwrap(),
        phase: JobPhase::Queued,
        conclusion: None,
        runner_name: None,
        at: Some(Timestamp::from_secs(1_800_000_000 + number)),
        seen_at: Timestamp::from_secs(1_800_000_001),
        delivery: "d".to_owned(),
        noted: false,
    }))
}

/// Lists the records that these are the bodies of into an empty view, and returns it with the bytes that it takes then.
fn listed(mut view: View, bodies: &[String]) -> (View, usize) {
    let region = Region::new(ALLOCATOR);
    let mut shared = Shared::default();
    for body in bodies {
        view.list(Versioned::new(serde_json::from_str(body).unwrap(), Version(1)), &mut shared);
    }
    drop(shared);
    let change = region.change();
    (view, change.bytes_allocated - change.bytes_deallocated)
}

fn bodies(numbers: impl Iterator<Item = u64>) -> Vec<String> {
    numbers.map(|number| serde_json::to_string(&waiting(number)).unwrap()).collect()
}

/// In one test, since two would count each other's.
#[test]
fn ten_thousand_jobs_that_wait_take_what_is_known_of_them_where_they_are_held_and_nothing_where_they_are_counted() {
    let fleet = FleetName::parse("default").unwrap();
    let (view, bytes) = listed(View::new(fleet.clone()), &bodies(0..JOBS));
    assert_eq!(view.jobs.len() as u64, JOBS);
    let bytes = bytes / view.jobs.len();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes a job");
    assert!(
        view.jobs.values().zip(0..).all(|(job, number)| Record::from(job.get().clone()) == waiting(number)),
        "nothing else is changed by it"
    );
    let counting = || View::counting(fleet.clone(), Labels::parse(["self-hosted", "linux", "x64"]).unwrap(), BTreeSet::new());
    for numbers in [(0..JOBS).collect::<Vec<_>>(), (0..JOBS).rev().collect()] {
        let (view, bytes) = listed(counting(), &bodies(numbers.into_iter()));
        assert_eq!(view.records() as u64, JOBS);
        assert!(bytes <= COUNTED_BYTES_MAX, "{bytes} bytes for all");
    }
}
