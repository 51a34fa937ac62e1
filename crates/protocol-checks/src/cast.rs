//! Who and what the protocols are played with: fleets, tasks, jobs and their events, each known by a small number; and the times at which things happen.

use fargate_runners_core::events::{Event, LookAgain, RunnerStopped};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, StackId, TaskDefinition, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::task::Stop;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::FleetList;
use serde_json::json;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// When everything begins: so long after 1970 that nothing counts as young by accident.
pub const START: Timestamp = Timestamp::from_secs(10_000_000);

/// One step of time: longer than a mint's lock and than a function may take.
const PERIOD: Duration = Duration::from_secs(60);

/// The fleets by number.
static FLEETS: LazyLock<Vec<FleetName>> = LazyLock::new(|| ["a", "b"].into_iter().filter_map(|name| FleetName::parse(name).ok()).collect());

/// The tasks by number.
static TASKS: LazyLock<Vec<TaskId>> =
    LazyLock::new(|| (0..16).filter_map(|number| TaskId::parse(&format!("{number:032x}")).ok()).collect());

static STACK: LazyLock<Option<StackId>> = LazyLock::new(|| StackId::parse("0123abcd").ok());

/// The time after so many periods.
#[must_use]
pub fn time(periods: u8) -> Timestamp {
    START + PERIOD * u32::from(periods)
}

/// The installation.
///
/// # Panics
/// Never: the name is fixed.
#[must_use]
pub fn stack() -> &'static StackId {
    STACK.as_ref().expect("a fixed name")
}

/// The fleet of that number.
#[must_use]
pub fn fleet_name(number: u8) -> &'static FleetName {
    &FLEETS[usize::from(number)]
}

/// The number of the fleet.
#[must_use]
pub fn fleet_number(name: &FleetName) -> u8 {
    u8::from(name != fleet_name(0))
}

/// The task of that number.
#[must_use]
pub fn task_id(number: u8) -> &'static TaskId {
    &TASKS[usize::from(number)]
}

/// The number of the task.
#[must_use]
pub fn task_number(id: &TaskId) -> u8 {
    u8::try_from(TASKS.iter().position(|known| known == id).unwrap_or_default()).unwrap_or_default()
}

/// A fleet in launch mode `tasks` with this maximum.
///
/// # Panics
/// Never: the description is fixed.
#[must_use]
pub fn fleet(number: u8, maximum: u32) -> Fleet {
    let name = fleet_name(number).as_str();
    let description = json!({
        "fleet": name, "scope": "org/octo-org", "credential": "default", "labels": ["self-hosted", name], "launch_mode": "tasks",
        "maximum": maximum, "task_role": role(number), "cluster": "arn:aws:ecs:eu-west-1:1:cluster/runners",
        "task_definition": definition(number).as_str(), "subnets": ["subnet-1"],
    });
    Fleet::parse(&description.to_string()).expect("a fixed description")
}

/// A fleet in launch mode `service`.
///
/// # Panics
/// Never: the description is fixed.
#[must_use]
pub fn service_fleet(number: u8, maximum: u32) -> Fleet {
    use fargate_runners_core::fleet::LaunchMode;
    use fargate_runners_core::ids::ServiceName;
    let service = ServiceName::parse("runners-1").expect("a fixed name");
    Fleet { launch_mode: LaunchMode::Service(service), ..fleet(number, maximum) }
}

/// The role of a fleet's tasks.
#[must_use]
pub fn role(fleet: u8) -> String {
    format!("runners-{}-task", fleet_name(fleet))
}

/// A fleet's task definition.
///
/// # Panics
/// Never: the name is fixed.
#[must_use]
pub fn definition(fleet: u8) -> TaskDefinition {
    TaskDefinition::parse(&format!("arn:aws:ecs:eu-west-1:1:task-definition/runners-{}:1", fleet_name(fleet))).expect("a fixed name")
}

/// What the functions read when they ask for the fleets.
#[must_use]
pub fn list(fleets: Vec<Fleet>) -> Arc<FleetList> {
    Arc::new(FleetList { fleets, unreadable: vec![], read_at: START })
}

/// Something that a fleet is told. Numbers stand for names, so that a state stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum News {
    /// A job of this fleet waits.
    Queued(u8),
    /// A job runs on a task: of which fleet, and which.
    Taken(u8, u8, u8),
    /// A job that ran on a task is over.
    Over(u8, u8, u8),
    /// A task of this fleet has ended by itself.
    Stopped(u8),
    /// Somebody wants the fleet looked at.
    Again,
}

impl News {
    /// The event as the fleet gets it. A job's home is the fleet whose labels it bears.
    #[must_use]
    pub fn event(self, fleet: u8, home_of: fn(u8) -> u8) -> Event {
        match self {
            Self::Queued(id) => job(fleet, id, home_of(id), JobPhase::Queued, None),
            Self::Taken(id, of, task) => job(fleet, id, home_of(id), JobPhase::InProgress, Some((of, task))),
            Self::Over(id, of, task) => job(fleet, id, home_of(id), JobPhase::Completed, Some((of, task))),
            Self::Stopped(task) => Event::RunnerStopped(RunnerStopped {
                fleet: fleet_name(fleet).clone(),
                task_id: task_id(task).clone(),
                task_definition: Some(definition(fleet)),
                service: None,
                hosting: Hosting::UNKNOWN,
                stop: Stop { at: START, code: None, reason: None, exit_code: Some(0) },
            }),
            Self::Again => Event::LookAgain(LookAgain::now(fleet_name(fleet).clone())),
        }
    }
}

fn job(fleet: u8, id: u8, home: u8, phase: JobPhase, runner: Option<(u8, u8)>) -> Event {
    let runner_name = runner.map(|(fleet, task)| {
        RunnerName { stack: stack().clone(), fleet: fleet_name(fleet).clone(), task: task_id(task).clone(), attempt: 1 }.to_string()
    });
    Event::Job(JobEvent {
        fleet: fleet_name(fleet).clone(),
        home: fleet == home,
        job_id: JobId(id.into()),
        run_id: RunId(id.into()),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/hello").expect("a fixed name"),
        workflow_name: None,
        name: "build".to_owned(),
        labels: Labels::parse(["self-hosted", fleet_name(home).as_str()]).expect("fixed names"),
        phase,
        conclusion: (phase == JobPhase::Completed).then(|| "success".to_owned()),
        runner_name,
        at: Some(START),
        seen_at: START,
        delivery: "guid".to_owned(),
        noted: false,
    })
}
