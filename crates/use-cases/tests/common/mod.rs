//! The world around the use cases, small enough for a test to say what it does: it answers as it was told to, and remembers what it was asked.
#![allow(dead_code, reason = "each test file uses its own part of the world")]

pub mod around;

use fargate_runners_core::events::Event;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{FleetName, RunnerId, ServiceName, StackId, TaskDefinition, TaskId};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Key, Record, View};
use fargate_runners_core::state::{FleetState, Launch};
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use fargate_runners_ledger_memory::MemoryLedger;
use fargate_runners_use_cases::ports::{
    Bus, Capacity, Clock, DeadLetters, Deleted, FleetList, FleetQueue, Fleets, Github, GithubError, JitRunner, Launched, Ledger, MintError,
    PortError, Protection, Retry, RetryQueue, TaskFacts, Tasks, WakeUp, Wanted, WebhookSecrets,
};
use fargate_runners_use_cases::scale::{Scale, Sizes};
use secrecy::SecretString;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

pub fn stack() -> StackId {
    StackId::parse("0123abcd").unwrap()
}

pub fn task_id(number: u64) -> TaskId {
    TaskId::parse(&format!("{number:032x}")).unwrap()
}

pub fn fleet(name: &str, mode: &str) -> Fleet {
    Fleet::parse(
        &json!({
            "fleet": name, "scope": "org/octo-org", "credential": "default", "labels": ["self-hosted", name], "launch_mode": mode, "maximum": 10,
            "warm": 0, "task_role": format!("runners-{name}"), "cluster": "arn:aws:ecs:eu-west-1:1:cluster/runners",
            "task_definition": definition(name).as_str(), "service": format!("runners-{name}-1"), "subnets": ["subnet-1"],
        })
        .to_string(),
    )
    .unwrap()
}

pub fn definition(fleet: &str) -> TaskDefinition {
    TaskDefinition::parse(&format!("arn:aws:ecs:eu-west-1:1:task-definition/runners-{fleet}:1")).unwrap()
}

pub fn arn(fleet: &str, task: u64) -> String {
    format!("arn:aws:sts::111122223333:assumed-role/runners-{fleet}/{}", task_id(task))
}

fn broken(what: &str) -> PortError {
    PortError::bare(format!("{what} (by order of the test)"), Retry::UnknownEffect)
}

/// Everything that a use case can reach. Clones are the same world.
#[derive(Clone, Default)]
pub struct World(Arc<Mutex<State>>, pub MemoryLedger);

pub struct State {
    pub now: Timestamp,
    pub fleets: Vec<Fleet>,
    /// How often records were read by their keys.
    pub reads: usize,
    /// How often ECS was asked about a task.
    pub described: usize,
    /// Parameters that hold no description of a fleet.
    pub unreadable: Vec<String>,
    pub secrets: Vec<String>,
    pub published: Vec<Event>,
    pub parked: Vec<String>,
    pub forwarded: Vec<(FleetName, String)>,
    pub wake_ups: Vec<(FleetName, Duration)>,
    pub retried: Vec<(String, Duration)>,
    pub runners: BTreeMap<u64, String>,
    pub mints: Vec<String>,
    pub github_calls: Vec<String>,
    /// What the next mints answer; then they succeed.
    pub mint_answers: VecDeque<MintError>,
    /// What the next deletes answer; then they succeed.
    pub delete_answers: VecDeque<Result<Deleted, GithubError>>,
    pub facts: BTreeMap<TaskId, TaskFacts>,
    pub protection: Protection,
    pub protected: Vec<TaskId>,
    pub unprotected: Vec<TaskId>,
    pub wants: Vec<(ServiceName, u32)>,
    pub launches: Vec<Launch>,
    /// Services that ECS does not have any more.
    pub services_gone: Vec<ServiceName>,
    /// Services of which every change fails.
    pub services_fail: Vec<ServiceName>,
    /// What ECS fails with while this is set.
    pub ecs_fails: Option<Retry>,
    pub bus_fails: bool,
    /// What only the healer looks at.
    pub around: around::Around,
    /// The fleet whose part of the ledger cannot be read.
    pub ledger_fails: Option<FleetName>,
    /// After so many commits of `scale`, one meets another's write.
    pub conflict_after: Option<u32>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: NOW,
            fleets: vec![fleet("default", "service"), fleet("burst", "tasks")],
            reads: 0,
            described: 0,
            unreadable: vec![],
            secrets: vec!["It's a Secret to Everybody".to_owned()],
            published: vec![],
            parked: vec![],
            forwarded: vec![],
            wake_ups: vec![],
            retried: vec![],
            runners: BTreeMap::new(),
            mints: vec![],
            github_calls: vec![],
            mint_answers: VecDeque::new(),
            delete_answers: VecDeque::new(),
            facts: BTreeMap::new(),
            protection: Protection::Granted,
            protected: vec![],
            unprotected: vec![],
            wants: vec![],
            launches: vec![],
            services_gone: vec![],
            services_fail: vec![],
            ecs_fails: None,
            bus_fails: false,
            around: around::Around::default(),
            ledger_fails: None,
            conflict_after: None,
        }
    }
}

impl World {
    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    pub fn passes(&self, seconds: u64) {
        self.with(|state| state.now = state.now + Duration::from_secs(seconds));
    }

    /// ECS runs a task of the fleet.
    pub fn runs(&self, fleet: &str, task: u64, last_status: &str) {
        let service = (fleet == "default").then(|| ServiceName::parse("runners-default-1").unwrap());
        let facts = TaskFacts {
            last_status: last_status.to_owned(),
            desired_status: "RUNNING".to_owned(),
            task_definition: definition(fleet),
            service,
            hosting: Hosting::UNKNOWN,
        };
        self.with(|state| state.facts.insert(task_id(task), facts));
    }

    pub async fn task(&self, fleet: &str, task: u64) -> Option<TaskRecord> {
        let key = Key::Task(FleetName::parse(fleet).unwrap(), task_id(task));
        let found = self.1.read(&[key], self.now()).await.unwrap().into_iter().next()?;
        match found.record {
            Record::Task(task) => Some(task),
            _ => None,
        }
    }

    pub async fn state(&self, fleet: &str) -> Option<FleetState> {
        let key = Key::Fleet(FleetName::parse(fleet).unwrap());
        let found = self.1.read(&[key], self.now()).await.unwrap().into_iter().next()?;
        match found.record {
            Record::Fleet(state) => Some(state),
            _ => None,
        }
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }
}

impl Fleets for World {
    async fn fleets(&self, _max_age: Duration) -> Result<Arc<FleetList>, PortError> {
        let unreadable = |parameter: &String| (parameter.clone(), Fleet::parse("{").unwrap_err());
        Ok(Arc::new(self.with(|state| FleetList {
            fleets: state.fleets.clone(),
            unreadable: state.unreadable.iter().map(unreadable).collect(),
            read_at: state.now,
        })))
    }
}

impl WebhookSecrets for World {
    async fn webhook_secrets(&self, _max_age: Duration) -> Result<Arc<Vec<SecretString>>, PortError> {
        Ok(Arc::new(self.with(|state| state.secrets.iter().map(|secret| SecretString::from(secret.clone())).collect())))
    }
}

impl Bus for World {
    async fn publish(&self, events: &[Event]) -> Result<(), PortError> {
        self.with(|state| {
            if state.bus_fails {
                return Err(broken("PutEvents"));
            }
            state.published.extend_from_slice(events);
            Ok(())
        })
    }
}

impl WakeUp for World {
    async fn look_again(&self, fleet: &FleetName, delay: Duration, _: Timestamp) -> Result<(), PortError> {
        self.with(|state| state.wake_ups.push((fleet.clone(), delay)));
        Ok(())
    }
}

impl FleetQueue for World {
    async fn forward(&self, fleet: &FleetName, id: &str, _body: &str) -> Result<(), PortError> {
        self.with(|state| state.forwarded.push((fleet.clone(), id.to_owned())));
        Ok(())
    }
}

impl DeadLetters for World {
    async fn park(&self, id: &str, _body: &str, _reason: &str) -> Result<(), PortError> {
        self.with(|state| state.parked.push(id.to_owned()));
        Ok(())
    }
}

impl RetryQueue for World {
    async fn retry_later(&self, body: &str, delay: Duration) -> Result<(), PortError> {
        self.with(|state| state.retried.push((body.to_owned(), delay)));
        Ok(())
    }
}

impl Github for World {
    async fn jit_config(&self, _fleet: &Fleet, name: &RunnerName) -> Result<JitRunner, MintError> {
        self.with(|state| {
            state.github_calls.push(format!("mint {name}"));
            let answer = state.mint_answers.pop_front();
            let made = !matches!(answer, Some(MintError::NotBefore(_) | MintError::Refused(_)));
            if made && state.runners.values().any(|known| *known == name.to_string()) {
                return Err(MintError::NameTaken);
            }
            let id = state.mints.len() as u64 + 1;
            if made {
                state.mints.push(name.to_string());
                state.runners.insert(id, name.to_string());
            }
            match answer {
                Some(error) => Err(error),
                None => Ok(JitRunner { id: RunnerId(id), encoded_jit_config: SecretString::from("jit") }),
            }
        })
    }

    async fn registration_token(&self, _fleet: &Fleet) -> Result<SecretString, MintError> {
        Ok(SecretString::from("token"))
    }

    async fn delete(&self, _fleet: &Fleet, runner: RunnerId) -> Result<Deleted, GithubError> {
        self.with(|state| {
            state.github_calls.push(format!("delete {runner}"));
            let answer = state.delete_answers.pop_front().unwrap_or(Ok(Deleted::Gone));
            if matches!(answer, Ok(Deleted::Gone)) {
                state.runners.remove(&runner.0);
            }
            answer
        })
    }

    async fn find(&self, _fleet: &Fleet, name: &RunnerName) -> Result<Option<RunnerId>, GithubError> {
        self.with(|state| {
            state.github_calls.push(format!("find {name}"));
            Ok(state.runners.iter().find(|(_, known)| **known == name.to_string()).map(|(id, _)| RunnerId(*id)))
        })
    }
}

impl Tasks for World {
    async fn describe(&self, _fleet: &Fleet, task: &TaskId) -> Result<Option<TaskFacts>, PortError> {
        Ok(self.with(|state| {
            state.described += 1;
            state.facts.get(task).cloned()
        }))
    }

    async fn protect(&self, _fleet: &Fleet, task: &TaskId, _duration: Duration) -> Result<Protection, PortError> {
        self.with(|state| {
            state.protected.push(task.clone());
            Ok(state.protection.clone())
        })
    }
}

impl Capacity for World {
    async fn want(&self, _fleet: &Fleet, service: &ServiceName, count: u32) -> Result<Wanted, PortError> {
        self.with(|state| {
            if let Some(retry) = state.ecs_fails {
                return Err(PortError { retry, ..broken("UpdateService") });
            }
            if state.services_fail.contains(service) {
                return Err(broken("UpdateService"));
            }
            state.wants.push((service.clone(), count));
            Ok(if state.services_gone.contains(service) { Wanted::NoSuchService } else { Wanted::Accepted })
        })
    }

    async fn launch(&self, _fleet: &Fleet, launch: &Launch) -> Result<Launched, PortError> {
        self.with(|state| {
            let known = state.launches.iter().filter(|known| known.token == launch.token).count();
            if known == 0 && state.ecs_fails != Some(Retry::Throttled) {
                state.launches.push(launch.clone());
            }
            let position = state.launches.iter().position(|known| known.token == launch.token).unwrap_or_default() as u64;
            match state.ecs_fails {
                Some(retry) => Err(PortError { retry, ..broken("RunTask") }),
                None => Ok(Launched {
                    tasks: (0..u64::from(launch.count)).map(|task| task_id(1000 * (position + 1) + task)).collect(),
                    failures: vec![],
                }),
            }
        })
    }

    async fn unprotect(&self, _fleet: &Fleet, tasks: &[TaskId]) -> Result<(), PortError> {
        self.with(|state| state.unprotected.extend_from_slice(tasks));
        Ok(())
    }
}

/// The ledger, which cannot be read for one fleet while the world says so.
#[derive(Clone)]
pub struct TestLedger(pub World);

impl Ledger for TestLedger {
    async fn active(&self, empty: View, now: Timestamp) -> Result<View, PortError> {
        if self.0.with(|state| state.ledger_fails.as_ref() == Some(empty.fleet())) {
            return Err(broken("reading the ledger"));
        }
        self.0.with(|state| state.around.calls.push(format!("active {}", empty.fleet())));
        self.0.1.active(empty, now).await
    }

    async fn read(&self, keys: &[Key], now: Timestamp) -> Result<Vec<fargate_runners_core::record::Versioned>, PortError> {
        if self.0.with(|state| keys.iter().any(|key| state.ledger_fails.as_ref() == Some(key.fleet()))) {
            return Err(broken("reading the ledger"));
        }
        self.0.with(|state| state.reads += 1);
        self.0.1.read(keys, now).await
    }

    async fn commit(
        &self,
        writes: &[fargate_runners_core::record::Write],
        now: Timestamp,
    ) -> Result<(), fargate_runners_use_cases::ports::CommitError> {
        let left = self.0.with(|state| {
            let left = state.conflict_after;
            state.conflict_after = left.and_then(|left| left.checked_sub(1));
            left
        });
        if left == Some(0) {
            return Err(fargate_runners_use_cases::ports::CommitError::Conflict);
        }
        self.0.1.commit(writes, now).await
    }
}

pub type TestScale = Scale<TestLedger, World, World, World, World, World, World, World>;

/// `scale` in that world.
pub fn scale(world: &World) -> TestScale {
    Scale {
        ledger: TestLedger(world.clone()),
        capacity: world.clone(),
        fleets: world.clone(),
        bus: world.clone(),
        wake_up: world.clone(),
        queue: world.clone(),
        dead_letters: world.clone(),
        clock: world.clone(),
        sizes: Sizes::with_many(0),
        stack: stack(),
    }
}
