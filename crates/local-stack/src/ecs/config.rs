//! What a caller decides about the server, and what it gets to see.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// Settings of the server and its host.
#[derive(Clone)]
pub struct EcsConfig {
    /// A copy of this folder becomes each task's home and `RUNNER_DIR`: the runner program.
    pub runner_folder: PathBuf,
    /// One folder per task is made here, with its home and the file of its output.
    pub work_folder: PathBuf,
    /// `PATH` of the tasks.
    pub path: String,
    /// The emulator's port: the host of `REGISTRATIONS_URL` becomes `APIID.execute-api.localhost:PORT`. `None` leaves it.
    pub emulator_port: Option<u16>,
    /// `AWS_REGION` of the tasks.
    pub region: String,
    /// Whether callers' requests are shown to the emulator first, which refuses what their role may not do.
    pub enforce_access: bool,
    /// More environment for the tasks; it wins over the task definition's.
    pub extra_environment: BTreeMap<String, String>,
    /// Sees what happens.
    pub observer: Option<Observer>,
    /// How long the emulator's list of rules is believed.
    pub rules_for: Duration,
    /// How many tasks are started at the same time: copying their folders keeps a small machine busy.
    pub starts_at_once: usize,
    /// Whether containers are started. Without, tasks are accepted and boot for ever: for bursts beyond what one machine can run.
    pub starts_containers: bool,
    /// Whether a task's home stays when it has ended. The file with its output always stays.
    pub keep_homes: bool,
    /// How many events are on their way at the same time.
    pub deliveries_at_once: usize,
}

impl EcsConfig {
    /// Settings with the usual values.
    #[must_use]
    pub fn new(runner_folder: impl Into<PathBuf>, work_folder: impl Into<PathBuf>) -> Self {
        Self {
            runner_folder: runner_folder.into(),
            work_folder: work_folder.into(),
            path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
            emulator_port: None,
            region: "us-east-1".to_owned(),
            enforce_access: true,
            extra_environment: BTreeMap::new(),
            observer: None,
            rules_for: Duration::from_secs(3),
            starts_at_once: 8,
            starts_containers: true,
            keep_homes: false,
            deliveries_at_once: 8,
        }
    }

    pub(super) fn observe(&self, observation: Observation) {
        if let Some(observer) = &self.observer {
            observer(observation);
        }
    }

    pub(super) fn problem(&self, text: impl Into<String>) {
        self.observe(Observation::Problem { text: text.into() });
    }
}

/// Called for everything that happens, from any thread; it should be quick.
pub type Observer = Arc<dyn Fn(Observation) + Send + Sync>;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Observation {
    /// A task's process runs.
    Started {
        /// The task.
        task_id: String,
        /// Its process, which leads a group of its own.
        pid: i32,
    },
    /// A task wrote a line.
    Line {
        /// The task.
        task_id: String,
        /// Where to.
        stream: Stream,
        /// What, without its end.
        line: String,
    },
    /// A task's process has ended, and everything that it had started.
    Exited {
        /// The task.
        task_id: String,
        /// Its exit code, or 128 and the signal's number.
        code: i32,
    },
    /// A task event was delivered to so many targets.
    Event {
        /// The whole event.
        envelope: Value,
        /// The functions that got it.
        targets: usize,
    },
    /// A call of the API was answered.
    Call {
        /// The action.
        action: String,
        /// The access key that signed it: whose it is, the emulator knows.
        access_key: String,
        /// The service that it is about, if it is about one.
        service: Option<String>,
        /// AWS's error code, where it failed.
        error: Option<String>,
    },
    /// The local stack itself could not do something.
    Problem {
        /// What, for people.
        text: String,
    },
}
