//! The model itself: its state, its timers, and what a caller drives it with.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::arn;
use crate::bucket::Bucket;
use crate::config::Config;
use crate::event::TaskEvent;
use crate::random::Random;
use crate::service::{Cluster, Service, TaskDefinition};
use crate::task::{Launch, Task};

/// What the host of the containers is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start the container ([`EcsModel::launch`] says how), and report.
    Start {
        /// The task.
        task_id: String,
    },
    /// Send SIGTERM to the container's first process.
    Terminate {
        /// The task.
        task_id: String,
    },
    /// Send SIGKILL to everything in the container.
    Kill {
        /// The task.
        task_id: String,
    },
}

/// What the host of the containers says has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The container runs.
    Started {
        /// The task.
        task_id: String,
    },
    /// The container could not be started.
    FailedToStart {
        /// The task.
        task_id: String,
        /// Why, for people.
        reason: String,
    },
    /// The container has ended.
    Exited {
        /// The task.
        task_id: String,
        /// Its exit code; 137 after SIGKILL.
        code: i32,
    },
}

/// How often an action was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallCount {
    /// In all.
    pub asked: u64,
    /// Of these, throttled.
    pub throttled: u64,
    /// Of these, failed in another way (also: no answer).
    pub failed: u64,
}

#[derive(Debug)]
pub(crate) enum Timer {
    Provisioned(u64),
    Pulled(u64),
    Terminate(u64),
    Kill(u64),
    Stopped(u64),
    Forget(u64),
    Look(String),
    Deliver(Box<TaskEvent>),
}

#[derive(Debug)]
pub(crate) struct Buckets {
    pub(crate) service_writes: Bucket,
    pub(crate) service_reads: Bucket,
    pub(crate) task_reads: Bucket,
    pub(crate) run_task: Bucket,
    pub(crate) stop_task: Bucket,
    pub(crate) protection: Bucket,
    pub(crate) launches: Bucket,
}

#[derive(Debug)]
pub(crate) struct RememberedRun {
    pub(crate) parameters: Value,
    pub(crate) tasks: Vec<u64>,
    pub(crate) at: u64,
}

/// ECS and Fargate.
#[derive(Debug)]
pub struct EcsModel {
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) now: u64,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) definitions: BTreeMap<String, BTreeMap<u64, TaskDefinition>>,
    pub(crate) services: BTreeMap<String, Service>,
    pub(crate) tasks: BTreeMap<u64, Task>,
    pub(crate) serials: HashMap<String, u64>,
    pub(crate) runs: BTreeMap<String, RememberedRun>,
    pub(crate) buckets: Buckets,
    pub(crate) spot_capacity: bool,
    /// Sums over the tasks that are not stopped, so that the quotas need no scan.
    pub(crate) cpu_in_use: u64,
    pub(crate) tasks_in_use: usize,
    timers: BTreeMap<(u64, u64), Timer>,
    serial: u64,
    commands: Vec<Command>,
    events: Vec<TaskEvent>,
    pub(crate) calls: BTreeMap<String, CallCount>,
    pub(crate) tasks_started: u64,
}

impl EcsModel {
    /// An account without clusters.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        let limits = config.limits;
        Self {
            buckets: Buckets {
                service_writes: Bucket::new(limits.service_writes),
                service_reads: Bucket::new(limits.service_reads),
                task_reads: Bucket::new(limits.task_reads),
                run_task: Bucket::new(limits.run_task),
                stop_task: Bucket::new(limits.stop_task),
                protection: Bucket::new(limits.protection),
                launches: Bucket::new(limits.launches),
            },
            config,
            random: Random::new(seed),
            now: 0,
            clusters: BTreeMap::new(),
            definitions: BTreeMap::new(),
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            serials: HashMap::new(),
            runs: BTreeMap::new(),
            spot_capacity: true,
            cpu_in_use: 0,
            tasks_in_use: 0,
            timers: BTreeMap::new(),
            serial: 0,
            commands: Vec::new(),
            events: Vec::new(),
            calls: BTreeMap::new(),
            tasks_started: 0,
        }
    }

    /// Lets time pass up to `now`: everything that is due happens, in order. Time never goes back.
    pub fn advance(&mut self, now: u64) {
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((due, _), timer) = entry.remove_entry();
            self.now = self.now.max(due);
            self.fire(timer);
        }
        self.now = self.now.max(now);
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Provisioned(serial) => self.provisioned(serial),
            Timer::Pulled(serial) => self.pulled(serial),
            Timer::Terminate(serial) => self.terminate(serial),
            Timer::Kill(serial) => self.kill(serial),
            Timer::Stopped(serial) => self.stopped(serial),
            Timer::Forget(serial) => self.forget(serial),
            Timer::Look(service) => self.look(&service),
            Timer::Deliver(event) => self.events.push(*event),
        }
    }

    /// When something happens next by itself; at once while commands or events wait to be taken.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        if self.commands.is_empty() && self.events.is_empty() { self.timers.keys().next().map(|key| key.0) } else { Some(self.now) }
    }

    /// What the host is to do, in order.
    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// The events that are delivered now.
    pub fn take_events(&mut self) -> Vec<TaskEvent> {
        std::mem::take(&mut self.events)
    }

    /// The knobs that may be turned while it runs (rates, delays, quotas).
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Says what scale-in would destroy with this task: the unprotected task with the highest value goes first.
    pub fn set_value(&mut self, task_id: &str, value: i64) {
        if let Some(task) = self.serials.get(task_id).and_then(|serial| self.tasks.get_mut(serial)) {
            task.value = value;
        }
    }

    /// Whether Spot tasks can be placed at all.
    pub const fn set_spot_capacity(&mut self, there_is: bool) {
        self.spot_capacity = there_is;
    }

    /// All tasks in the order of their creation, stopped ones for an hour.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// One task by its id.
    #[must_use]
    pub fn task(&self, task_id: &str) -> Option<&Task> {
        self.serials.get(task_id).and_then(|serial| self.tasks.get(serial))
    }

    /// All services, deleted ones too.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// How often each action was called.
    #[must_use]
    pub const fn calls(&self) -> &BTreeMap<String, CallCount> {
        &self.calls
    }

    /// How many tasks were ever asked for, by calls and by services.
    #[must_use]
    pub const fn tasks_started(&self) -> u64 {
        self.tasks_started
    }

    /// What a host needs to run a task's container.
    #[must_use]
    pub fn launch(&self, task_id: &str) -> Option<Launch> {
        let task = self.task(task_id)?;
        let definition = self.definition(&task.task_definition)?;
        let container = definition.container();
        let overrides = task.overrides["containerOverrides"]
            .as_array()
            .and_then(|all| all.iter().find(|o| o["name"].as_str() == Some(task.container_name.as_str())))
            .unwrap_or(&Value::Null);
        let mut environment = BTreeMap::new();
        for pair in [container, overrides].iter().filter_map(|c| c["environment"].as_array()).flatten() {
            environment.insert(pair["name"].as_str()?.to_owned(), word(&pair["value"]));
        }
        let command = if overrides["command"].is_array() { &overrides["command"] } else { &container["command"] };
        let role = task.overrides["taskRoleArn"].as_str().or_else(|| definition.document["taskRoleArn"].as_str());
        Some(Launch {
            task_id: task.id.clone(),
            task_arn: task.arn.clone(),
            cluster_arn: task.cluster_arn.clone(),
            family: definition.family.clone(),
            revision: definition.revision,
            container: task.container_name.clone(),
            image: container["image"].as_str().unwrap_or_default().to_owned(),
            entry_point: words(&container["entryPoint"]),
            command: words(command),
            environment,
            task_role_arn: role.map(str::to_owned),
            cpu_units: task.cpu_units,
            memory_mib: task.memory_mib,
        })
    }

    pub(crate) fn after(&mut self, delay_ms: u64, timer: Timer) {
        let serial = self.next_serial();
        self.timers.insert((self.now.saturating_add(delay_ms), serial), timer);
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(crate) const fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn definition(&self, name_or_arn: &str) -> Option<&TaskDefinition> {
        let (family, revision) = arn::family(name_or_arn);
        let revisions = self.definitions.get(family)?;
        match revision {
            Some(revision) => revisions.get(&revision),
            None => revisions.values().rev().find(|definition| definition.active),
        }
    }
}

/// A value as text: CloudFormation lets numbers through where the API has strings.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect()).unwrap_or_default()
}
