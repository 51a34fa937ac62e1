//! A task: its states, what is known about it, and what a host needs to run it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// `lastStatus`, in the order of a task's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Gets its network interface.
    Provisioning,
    /// Its image is pulled, its container started.
    Pending,
    /// Its container runs.
    Running,
    /// Its container has ended.
    Deprovisioning,
    /// Gone; described for an hour more.
    Stopped,
}

impl Status {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Why a task stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCode {
    /// It never ran.
    TaskFailedToStart,
    /// Its container ended by itself.
    EssentialContainerExited,
    /// StopTask.
    UserInitiated,
    /// Scale-in, a deployment, or the end of its service.
    ServiceSchedulerInitiated,
    /// AWS wants its Spot capacity back.
    SpotInterruption,
    /// Fargate retires the host.
    TerminationNotice,
}

impl StopCode {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
            Self::SpotInterruption => "SpotInterruption",
            Self::TerminationNotice => "TerminationNotice",
        }
    }
}

/// Where the container of a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// The host has not been asked for it.
    Waiting,
    /// The host was told to start it.
    Asked,
    /// The host says it runs.
    Running,
    /// The host says it ended.
    Ended,
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The name of its cluster.
    pub cluster: String,
    /// The ARN of its cluster.
    pub cluster_arn: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// The name of its service; `None` for RunTask.
    pub service: Option<String>,
    /// `service:NAME` or `family:FAMILY`, or what RunTask was told.
    pub group: String,
    /// How far it is.
    pub last_status: Status,
    /// Whether it is meant to run (`false`: `desiredStatus` is STOPPED).
    pub wanted: bool,
    /// Whether it runs on Spot capacity.
    pub spot: bool,
    /// Protected from scale-in until then.
    pub protected_until: Option<u64>,
    /// The container's exit code.
    pub exit_code: Option<i32>,
    /// Why it stops.
    pub stop_code: Option<StopCode>,
    /// The same for people.
    pub stopped_reason: Option<String>,
    /// Grows with every event.
    pub version: u64,
    /// When it was asked for.
    pub created_at: u64,
    /// When the pull of its image began.
    pub pull_started_at: Option<u64>,
    /// When its container ran.
    pub started_at: Option<u64>,
    /// When it was told to stop, or began to.
    pub stopping_at: Option<u64>,
    /// When it was gone.
    pub stopped_at: Option<u64>,
    /// What the caller says scale-in would destroy: the highest goes first.
    pub value: i64,
    /// What RunTask's caller put there.
    pub started_by: Option<String>,
    /// RunTask's overrides, or null.
    pub overrides: Value,
    pub(crate) container: Container,
    pub(crate) container_name: String,
    pub(crate) cpu_units: u64,
    pub(crate) memory_mib: u64,
    pub(crate) stop_timeout_ms: u64,
    pub(crate) deployment: u64,
    pub(crate) launch_type: String,
    pub(crate) zone: String,
    pub(crate) capacity_provider: Option<String>,
    pub(crate) never_started: bool,
}

impl Task {
    /// Whether scale-in must leave it alone.
    #[must_use]
    pub fn is_protected(&self, now: u64) -> bool {
        self.protected_until.is_some_and(|until| until > now)
    }

    /// Whether its container was started and has not ended.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self.container, Container::Running)
    }

    /// The document of DescribeTasks and of events, which spell times differently.
    pub(crate) fn document(&self, time: fn(u64) -> Value) -> Value {
        let mut container = json!({
            "containerArn": format!("{}/{}", self.arn.replacen(":task/", ":container/", 1), self.container_name),
            "name": self.container_name,
            "lastStatus": match self.container {
                Container::Waiting | Container::Asked => if self.last_status >= Status::Deprovisioning { "STOPPED" } else { "PENDING" },
                Container::Running => "RUNNING",
                Container::Ended => "STOPPED",
            },
            "taskArn": self.arn,
        });
        if let Some(code) = self.exit_code {
            container["exitCode"] = json!(code);
        }
        if self.never_started
            && let Some(reason) = &self.stopped_reason
        {
            container["reason"] = json!(reason);
        }
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| {
            map.insert(key.to_owned(), value);
        };
        put("availabilityZone", json!(self.zone));
        put("clusterArn", json!(self.cluster_arn));
        put("connectivity", json!("CONNECTED"));
        put("containers", json!([container]));
        put("cpu", json!(self.cpu_units.to_string()));
        put("createdAt", time(self.created_at));
        put("desiredStatus", json!(if self.wanted { "RUNNING" } else { "STOPPED" }));
        put("group", json!(self.group));
        put("lastStatus", json!(self.last_status.as_str()));
        put("launchType", json!(self.launch_type));
        put("memory", json!(self.memory_mib.to_string()));
        put("taskArn", json!(self.arn));
        put("taskDefinitionArn", json!(self.task_definition));
        put("version", json!(self.version));
        if !self.overrides.is_null() {
            put("overrides", self.overrides.clone());
        }
        let times = [
            ("pullStartedAt", self.pull_started_at),
            ("startedAt", self.started_at),
            ("stoppingAt", self.stopping_at),
            ("stoppedAt", self.stopped_at),
        ];
        for (key, at) in times {
            if let Some(at) = at {
                put(key, time(at));
            }
        }
        let words = [
            ("startedBy", self.started_by.as_deref()),
            ("stoppedReason", self.stopped_reason.as_deref()),
            ("stopCode", self.stop_code.map(StopCode::as_str)),
            ("capacityProviderName", self.capacity_provider.as_deref()),
        ];
        for (key, word) in words {
            if let Some(word) = word {
                put(key, json!(word));
            }
        }
        Value::Object(map)
    }
}

/// What a host needs to run a task's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The task's id.
    pub task_id: String,
    /// The task's ARN.
    pub task_arn: String,
    /// The ARN of its cluster.
    pub cluster_arn: String,
    /// Its task definition's family.
    pub family: String,
    /// Its task definition's revision.
    pub revision: u64,
    /// The container's name.
    pub container: String,
    /// The container's image.
    pub image: String,
    /// The container's entry point; empty when the image's is meant.
    pub entry_point: Vec<String>,
    /// The container's command.
    pub command: Vec<String>,
    /// The container's environment, overrides applied.
    pub environment: BTreeMap<String, String>,
    /// The role whose credentials the container gets.
    pub task_role_arn: Option<String>,
    /// CPU units.
    pub cpu_units: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
}
