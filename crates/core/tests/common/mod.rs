//! A small language for what happens to a fleet: jobs are queued, taken and completed, tasks register, finish and stop.
#![allow(dead_code, reason = "each test file uses its own part of the language")]

use fargate_runners_core::apply::apply;
use fargate_runners_core::events::{Event, RunnerInterrupted, RunnerStopped};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, ServiceName, StackId, TaskDefinition, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::plan::{Plan, plan};
use fargate_runners_core::record::View;
use fargate_runners_core::register::PROTECTION;
use fargate_runners_core::task::Stop;
use fargate_runners_core::time::Timestamp;
use serde_json::json;
use std::time::Duration;

pub fn stack() -> StackId {
    StackId::parse("0123abcd").unwrap()
}

pub fn fleet_name() -> FleetName {
    FleetName::parse("default").unwrap()
}

pub fn task_id(number: u64) -> TaskId {
    TaskId::parse(&format!("{number:032x}")).unwrap()
}

pub fn definition(revision: u32) -> TaskDefinition {
    TaskDefinition::parse(&format!("arn:aws:ecs:eu-west-1:1:task-definition/runners-default:{revision}")).unwrap()
}

pub fn service(revision: u32) -> ServiceName {
    ServiceName::parse(&format!("runners-default-{revision}")).unwrap()
}

pub fn fleet(mode: &str, maximum: u32, warm: u32, revision: u32) -> Fleet {
    Fleet::parse(
        &json!({
            "fleet": "default", "scope": "org/octo-org", "credential": "default", "labels": ["self-hosted"], "launch_mode": mode, "maximum": maximum,
            "warm": warm, "task_role": "role", "cluster": "arn:aws:ecs:eu-west-1:1:cluster/runners", "task_definition": definition(revision).as_str(),
            "service": service(revision).as_str(), "subnets": ["subnet-1"],
        })
        .to_string(),
    )
    .unwrap()
}

pub fn runner(number: u64) -> String {
    RunnerName { stack: stack(), fleet: fleet_name(), task: task_id(number), attempt: 1 }.to_string()
}

pub fn job(id: u64, phase: JobPhase, runner_name: Option<String>, at: Timestamp) -> Event {
    Event::Job(JobEvent {
        fleet: fleet_name(),
        home: true,
        job_id: JobId(id),
        run_id: RunId(id),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/hello").unwrap(),
        workflow_name: None,
        name: "build".to_owned(),
        labels: Labels::parse(["self-hosted"]).unwrap(),
        phase,
        conclusion: (phase == JobPhase::Completed).then(|| "success".to_owned()),
        runner_name,
        at: Some(at),
        seen_at: at,
        delivery: "guid".to_owned(),
        noted: false,
    })
}

pub fn stopped(number: u64, exit_code: Option<i64>, at: Timestamp) -> Event {
    let stop = Stop {
        at,
        code: Some("EssentialContainerExited".to_owned()),
        reason: Some("Essential container in task exited".to_owned()),
        exit_code,
    };
    Event::RunnerStopped(RunnerStopped {
        fleet: fleet_name(),
        task_id: task_id(number),
        task_definition: None,
        service: None,
        hosting: Hosting::UNKNOWN,
        stop,
    })
}

pub fn interrupted(number: u64, at: Timestamp) -> Event {
    Event::RunnerInterrupted(RunnerInterrupted { fleet: fleet_name(), task_id: task_id(number), at })
}

/// A fleet, its part of the ledger, and the time.
pub struct World {
    pub fleet: Fleet,
    pub view: View,
    pub now: Timestamp,
    looks: u32,
}

impl World {
    pub fn new(fleet: Fleet) -> Self {
        Self { view: View::new(fleet.name.clone()), fleet, now: Timestamp::from_secs(1_000_000), looks: 0 }
    }

    pub fn passes(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    pub fn happens(&mut self, event: &Event) {
        apply(&mut self.view, event, &stack(), self.now);
    }

    pub fn queues(&mut self, ids: std::ops::RangeInclusive<u64>) {
        ids.for_each(|id| self.happens(&job(id, JobPhase::Queued, None, self.now)));
    }

    pub fn takes(&mut self, id: u64, by: u64) {
        self.happens(&job(id, JobPhase::InProgress, Some(runner(by)), self.now));
    }

    pub fn completes(&mut self, id: u64, by: u64) {
        self.happens(&job(id, JobPhase::Completed, Some(runner(by)), self.now));
    }

    pub fn registers(&mut self, number: u64) {
        let (now, revision) = (self.now, self.fleet.task_definition.clone());
        let service = self.fleet.service().cloned();
        let task = self.view.task_mut(&task_id(number), now);
        task.task_definition = Some(revision);
        task.protected_until = service.as_ref().map(|_| now + PROTECTION);
        task.service = service;
        task.registered_at = Some(now);
    }

    /// ECS has granted protection to a task that is not registered yet.
    pub fn is_protected(&mut self, number: u64) {
        let (now, revision, service) = (self.now, self.fleet.task_definition.clone(), self.fleet.service().cloned());
        let task = self.view.task_mut(&task_id(number), now);
        task.task_definition = Some(revision);
        task.service = service;
        task.protected_until = Some(now + PROTECTION);
    }

    pub fn reports_done(&mut self, number: u64) {
        let now = self.now;
        self.view.task_mut(&task_id(number), now).done_at = Some(now);
    }

    /// A runner ends the job that has its number, and says that it is ready to go.
    pub fn finishes(&mut self, number: u64) {
        self.completes(number, number);
        self.reports_done(number);
    }

    pub fn stops(&mut self, number: u64, exit_code: i64) {
        self.happens(&stopped(number, Some(exit_code), self.now));
    }

    /// Looks, and takes for granted that ECS did what was asked.
    pub fn look(&mut self) -> Plan {
        self.looks += 1;
        let plan = plan(&mut self.view, &self.fleet, &format!("seed-{}", self.looks), self.now);
        let state = self.view.state.get_mut();
        for (name, count) in &plan.want {
            state.services.get_mut(name).unwrap().applied = Some(*count);
        }
        state.services.retain(|name, service| self.fleet.service() == Some(name) || service.desired > 0);
        plan
    }

    /// Looks and dies before it could ask ECS for anything.
    pub fn looks_and_dies(&mut self) -> Plan {
        self.looks += 1;
        plan(&mut self.view, &self.fleet, &format!("seed-{}", self.looks), self.now)
    }

    /// ECS has started these tasks for the launches that are due.
    pub fn launched(&mut self, numbers: std::ops::RangeInclusive<u64>) {
        self.view.state.get_mut().launches.clear();
        let (now, revision) = (self.now, self.fleet.task_definition.clone());
        for number in numbers {
            self.view.task_mut(&task_id(number), now).task_definition = Some(revision.clone());
        }
    }

    pub fn desired(&self, revision: u32) -> u32 {
        self.view.state.get().services.get(&service(revision)).map_or(0, |service| service.desired)
    }
}

/// A fleet in launch mode `service`.
pub fn in_service(maximum: u32, warm: u32) -> World {
    World::new(fleet("service", maximum, warm, 1))
}

/// One whose runners have each taken a job.
pub fn busy(runners: u64, maximum: u32) -> World {
    let mut world = in_service(maximum, 0);
    world.queues(1..=runners);
    world.look();
    for number in 1..=runners {
        world.registers(number);
        world.takes(number, number);
    }
    world.passes(30);
    world.look();
    world
}
