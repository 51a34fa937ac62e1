//! What the operations work on: a fleet in the middle of a large burst, its ledger, the events that come next, and many fleets. Always the same for a size.

use fargate_runners_core::apply::apply;
use fargate_runners_core::delivery::JobDelivery;
use fargate_runners_core::events::{Event, RunnerStopped};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, ServiceName, StackId, TaskDefinition, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Version, Versioned, View};
use fargate_runners_core::register::PROTECTION;
use fargate_runners_core::task::Stop;
use fargate_runners_core::time::Timestamp;
use serde_json::json;
use std::time::Duration;

/// The jobs for each runner in the ledger: 100,000 jobs beside 10,000 runners.
pub const JOBS_PER_RUNNER: usize = 10;

/// SQS hands a function at most ten messages of a FIFO queue at a time.
pub const BATCH: usize = 10;

/// What has been made for one size.
pub struct Material {
    /// The installation.
    pub stack: StackId,
    /// The fleet.
    pub fleet: Fleet,
    /// The time.
    pub now: Timestamp,
    /// Its records, as a ledger lists them.
    pub records: Vec<Versioned>,
}

impl Material {
    /// A fleet with so many jobs that count, and a tenth as many runners: half of these are busy, each with one of the jobs, the others idle or booting; the
    /// other jobs wait.
    ///
    /// # Panics
    /// Never: all names are constants that parse.
    #[must_use]
    pub fn new(jobs: usize) -> Self {
        let (stack, fleet) = (parsed(StackId::parse("0123abcd")), fleet(0));
        let now = Timestamp::from_secs(1_700_000_000);
        let mut view = View::new(fleet.name.clone());
        let runners = jobs / JOBS_PER_RUNNER;
        for number in 0..runners {
            let task = view.task_mut(&task_id(number), now);
            task.task_definition = Some(fleet.task_definition.clone());
            task.service = fleet.service().cloned();
            task.protected_until = Some(now + PROTECTION);
            // The last tenth still boots.
            task.registered_at = (number % 10 != 9).then_some(now);
        }
        for id in 0..jobs {
            apply(&mut view, &job(id, JobPhase::Queued, None, &fleet.name, now), &stack, now);
        }
        for number in (0..runners).filter(|number| number % 2 == 0) {
            apply(&mut view, &job(number, JobPhase::InProgress, Some(&stack), &fleet.name, now), &stack, now);
        }
        view.state.get_mut().services.entry(service(&fleet)).or_default().desired = u32::try_from(runners).unwrap_or(u32::MAX);
        let records = view.writes().into_iter().map(|write| Versioned::new(write.record, Version(1))).collect();
        Self { stack, fleet, now: now + Duration::from_secs(30), records }
    }

    /// The view of the fleet that a look makes of its records.
    #[must_use]
    pub fn view(&self) -> View {
        let mut view = View::new(self.fleet.name.clone());
        view.add(self.records.iter().cloned());
        view
    }

    /// One event of each kind that a look takes in, for jobs and tasks in the middle of the ledger; as many as a batch holds.
    #[must_use]
    pub fn batch(&self) -> Vec<Event> {
        let jobs = self.records.len() * JOBS_PER_RUNNER / (JOBS_PER_RUNNER + 1);
        let runners = jobs / JOBS_PER_RUNNER;
        let (name, now) = (&self.fleet.name, self.now);
        (0..BATCH)
            .map(|position| {
                // A busy one, and an idle one.
                let (busy, idle) = (runners / 2 / 2 * 2, runners / 2 / 2 * 2 + 1);
                match position % 4 {
                    0 => job(jobs + position, JobPhase::Queued, None, name, now),
                    1 => job(idle, JobPhase::InProgress, Some(&self.stack), name, now),
                    2 => job(busy, JobPhase::Completed, Some(&self.stack), name, now),
                    _ => stopped(busy, name, now),
                }
            })
            .collect()
    }

    /// So many events: each job is queued, taken and completed, and its task stops.
    #[must_use]
    pub fn history(&self, events: usize) -> Vec<Event> {
        let (name, now) = (&self.fleet.name, self.now);
        (0..events)
            .map(|position| match (position / 4, position % 4) {
                (id, 0) => job(id, JobPhase::Queued, None, name, now),
                (id, 1) => job(id, JobPhase::InProgress, Some(&self.stack), name, now),
                (id, 2) => job(id, JobPhase::Completed, Some(&self.stack), name, now),
                (id, _) => stopped(id, name, now),
            })
            .collect()
    }
}

/// So many fleets of one organisation, whose labels overlap as real ones do: a size and an architecture each, and one of its own.
#[must_use]
pub fn fleets(count: usize) -> Vec<Fleet> {
    (0..count).map(fleet).collect()
}

/// A job for the last of so many fleets: all of them are looked at.
///
/// # Panics
/// Never: the delivery is a constant that parses.
#[must_use]
pub fn delivery(fleets: usize) -> JobDelivery {
    let body = json!({
        "action": "queued",
        "workflow_job": {
            "id": 1, "run_id": 2, "name": "build", "status": "queued", "conclusion": null, "labels": labels(fleets - 1),
            "runner_name": null, "created_at": "2026-11-01T10:00:00Z", "started_at": "2026-11-01T10:00:00Z"
        },
        "repository": { "full_name": "octo-org/hello", "private": true }
    });
    parsed(JobDelivery::parse(body.to_string().as_bytes(), "guid"))
}

fn labels(number: usize) -> [String; 4] {
    let architecture = if number.is_multiple_of(2) { "x64" } else { "arm64" };
    ["self-hosted".to_owned(), "linux".to_owned(), architecture.to_owned(), format!("pool-{number}")]
}

fn fleet(number: usize) -> Fleet {
    let name = format!("fleet-{number}");
    let description = json!({
        "fleet": name, "scope": "org/octo-org", "credential": "default", "labels": labels(number), "launch_mode": "service", "maximum": 5_000,
        "warm": 0, "task_role": "role", "cluster": "arn:aws:ecs:eu-west-1:1:cluster/runners",
        "task_definition": format!("arn:aws:ecs:eu-west-1:1:task-definition/runners-{name}:1"), "service": format!("runners-{name}-1"),
        "subnets": ["subnet-1"],
    });
    parsed(Fleet::parse(&description.to_string()))
}

fn service(fleet: &Fleet) -> ServiceName {
    parsed(fleet.service().cloned().ok_or("a fleet of launch mode service"))
}

fn task_id(number: usize) -> TaskId {
    parsed(TaskId::parse(&format!("{number:032x}")))
}

/// A job's news; with a stack, that its runner is the task of the same number.
fn job(id: usize, phase: JobPhase, stack: Option<&StackId>, fleet: &FleetName, at: Timestamp) -> Event {
    let runner = stack.map(|stack| RunnerName { stack: stack.clone(), fleet: fleet.clone(), task: task_id(id), attempt: 1 }.to_string());
    Event::Job(JobEvent {
        fleet: fleet.clone(),
        home: true,
        job_id: JobId(id as u64),
        run_id: RunId(id as u64 / 4),
        run_attempt: 1,
        repository: parsed(RepositoryName::parse("octo-org/hello")),
        workflow_name: Some("ci".to_owned()),
        name: "build".to_owned(),
        labels: parsed(Labels::parse(labels(0).iter().map(String::as_str))),
        phase,
        conclusion: (phase == JobPhase::Completed).then(|| "success".to_owned()),
        runner_name: runner,
        at: Some(at),
        seen_at: at,
        delivery: "0b989ba4-242f-11e5-81e1-c7b6966d2516".to_owned(),
        noted: false,
    })
}

fn stopped(number: usize, fleet: &FleetName, at: Timestamp) -> Event {
    let stop = Stop {
        at,
        code: Some("EssentialContainerExited".to_owned()),
        reason: Some("Essential container in task exited".to_owned()),
        exit_code: Some(0),
    };
    Event::RunnerStopped(RunnerStopped {
        fleet: fleet.clone(),
        task_id: task_id(number),
        task_definition: None::<TaskDefinition>,
        service: None,
        hosting: Hosting::UNKNOWN,
        stop,
    })
}

#[expect(clippy::expect_used, reason = "only ever constants")]
fn parsed<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.expect("a constant that parses")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::delivery::{Route, route};

    #[test]
    fn a_fleet_has_its_jobs_and_a_tenth_as_many_runners() {
        let view = Material::new(1_000).view();
        assert_eq!((view.jobs.len(), view.tasks.len()), (1_000, 100));
        assert_eq!(view.writes(), vec![], "it is as it was read");
    }

    #[test]
    fn the_job_goes_to_the_last_fleet() {
        let fleets = fleets(100);
        let to = route(&delivery(100), &fleets, &parsed(StackId::parse("0123abcd")));
        assert_eq!(to, Route::To(vec![(fleets[99].name.clone(), true)]));
    }
}
