//! How much memory a look at a large fleet takes. Alone in its program, since what it counts is everything that the program allocates.

use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId};
use fargate_runners_core::job::{JobEvent, JobPhase, JobRecord};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::record::{Record, Version, Versioned, View};
use fargate_runners_core::shared::Shared;
use fargate_runners_core::time::Timestamp;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const JOBS: u64 = 10_000;

/// What a job that waits may take: what is known of it, its place in a map, and a name of its own. Its item in the table is twice as large.
const BYTES_MAX: usize = 270;

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
        at: Some(Timestamp::from_secs(1_800_000_000)),
        seen_at: Timestamp::from_secs(1_800_000_001),
        delivery: "d".to_owned(),
        noted: false,
    }))
}

#[test]
fn ten_thousand_jobs_that_wait_take_a_look_no_more_than_what_is_known_of_them() {
    let bodies: Vec<String> = (0..JOBS).map(|number| serde_json::to_string(&waiting(number)).unwrap()).collect();
    let region = Region::new(ALLOCATOR);
    let mut view = View::new(FleetName::parse("default").unwrap());
    let mut shared = Shared::default();
    view.add(bodies.iter().map(|body| shared.by(Versioned::new(serde_json::from_str(body).unwrap(), Version(1)))));
    drop(shared);
    let change = region.change();
    let bytes = (change.bytes_allocated - change.bytes_deallocated) / view.jobs.len();
    assert_eq!(view.jobs.len() as u64, JOBS);
    assert!(bytes <= BYTES_MAX, "{bytes} bytes a job");
    assert!(
        view.jobs.values().zip(0..).all(|(job, number)| Record::from(job.get().clone()) == waiting(number)),
        "nothing else is changed by it"
    );
}
