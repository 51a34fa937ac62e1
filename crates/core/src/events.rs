//! The public events on the stack's bus: what the webhook and `deregister` say, what `scale` reads, and what anybody may listen to.
//! Nothing secret ever stands in one. The envelope is EventBridge's; `detail` always names the fleet.

use crate::hosting::Hosting;
use crate::ids::{FleetName, JobId, RunId, ServiceName, TaskDefinition, TaskId};
use crate::job::{JobEvent, JobPhase};
use crate::task::Stop;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The `source` of every event.
pub const SOURCE: &str = "fargate-runners";

/// An event, with the fleet that it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `Job Waiting`, `Job Queued`, `Job In Progress`, `Job Completed`.
    Job(JobEvent),
    /// `Runner Stopped`: a task has ended.
    RunnerStopped(RunnerStopped),
    /// `Runner Interrupted`: AWS has warned that it takes a task away.
    RunnerInterrupted(RunnerInterrupted),
    /// `Runner Done`: a task has reported that it is ready to go.
    RunnerDone(RunnerDone),
    /// `Runner Lost`: a runner died in its job. For listeners; `scale` makes it and never reads it.
    RunnerLost(RunnerLost),
    /// `Service Drifted`: a service has another desired count than `scale` asked for.
    ServiceDrifted(ServiceDrifted),
    /// `Look Again`: nothing happened, but somebody wants the fleet looked at. Comes out of the wake-up queue.
    LookAgain(LookAgain),
}

/// A task has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerStopped {
    /// Its fleet.
    pub fleet: FleetName,
    /// The task.
    pub task_id: TaskId,
    /// Its task definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinition>,
    /// Its service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// What Fargate gave it.
    #[serde(default, skip_serializing_if = "Hosting::is_unknown")]
    pub hosting: Hosting,
    /// How it ended.
    #[serde(flatten)]
    pub stop: Stop,
}

/// AWS has warned that it takes a task away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerInterrupted {
    /// Its fleet.
    pub fleet: FleetName,
    /// The task.
    pub task_id: TaskId,
    /// When AWS warned.
    pub at: Timestamp,
}

/// A task has reported that it is ready to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerDone {
    /// Its fleet.
    pub fleet: FleetName,
    /// The task.
    pub task_id: TaskId,
}

/// A runner died in its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerLost {
    /// Its fleet.
    pub fleet: FleetName,
    /// The task.
    pub task_id: TaskId,
    /// The job that went down with it.
    pub job_id: JobId,
    /// The job's run, where the job is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The job's repository, where the job is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// How the task ended.
    #[serde(flatten)]
    pub stop: Stop,
}

/// A service has another desired count than `scale` asked for: CloudFormation or a person has changed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDrifted {
    /// The fleet.
    pub fleet: FleetName,
    /// The service.
    pub service: ServiceName,
    /// The desired count that ECS has.
    pub desired: u32,
    /// When that was seen.
    pub at: Timestamp,
}

/// Somebody wants the fleet looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookAgain {
    /// The fleet.
    pub fleet: FleetName,
    /// When it was to come, if `scale` has asked for it through the wake-up queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
}

impl LookAgain {
    /// A look at once.
    #[must_use]
    pub const fn now(fleet: FleetName) -> Self {
        Self { fleet, due: None }
    }
}

/// Why a message is not an event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It is no JSON, or a field is missing or of the wrong type.
    #[error("the event is not as expected")]
    Json(#[from] serde_json::Error),
    /// Nobody here knows events of this kind.
    #[error("the detail-type {0:?} is not known")]
    Unknown(String),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "detail-type")]
    detail_type: Cow<'a, str>,
    #[serde(borrow)]
    detail: &'a RawValue,
}

#[derive(Serialize)]
struct Message<'a> {
    detail: Detail<'a>,
    #[serde(rename = "detail-type")]
    detail_type: &'static str,
    source: &'static str,
}

/// The `detail` of any event, written as what it is.
#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Job(&'a JobEvent),
    RunnerStopped(&'a RunnerStopped),
    RunnerInterrupted(&'a RunnerInterrupted),
    RunnerDone(&'a RunnerDone),
    RunnerLost(&'a RunnerLost),
    ServiceDrifted(&'a ServiceDrifted),
    LookAgain(&'a LookAgain),
}

impl Event {
    /// The `detail-type`.
    #[must_use]
    pub const fn detail_type(&self) -> &'static str {
        match self {
            Self::Job(event) => match event.phase {
                JobPhase::Waiting => "Job Waiting",
                JobPhase::Queued => "Job Queued",
                JobPhase::InProgress => "Job In Progress",
                JobPhase::Completed => "Job Completed",
            },
            Self::RunnerStopped(_) => "Runner Stopped",
            Self::RunnerInterrupted(_) => "Runner Interrupted",
            Self::RunnerDone(_) => "Runner Done",
            Self::RunnerLost(_) => "Runner Lost",
            Self::ServiceDrifted(_) => "Service Drifted",
            Self::LookAgain(_) => "Look Again",
        }
    }

    /// The fleet that the event concerns.
    #[must_use]
    pub const fn fleet(&self) -> &FleetName {
        match self {
            Self::Job(event) => &event.fleet,
            Self::RunnerStopped(event) => &event.fleet,
            Self::RunnerInterrupted(event) => &event.fleet,
            Self::RunnerDone(event) => &event.fleet,
            Self::RunnerLost(event) => &event.fleet,
            Self::ServiceDrifted(event) => &event.fleet,
            Self::LookAgain(event) => &event.fleet,
        }
    }

    /// The `detail`, as JSON.
    pub fn detail(&self) -> Result<serde_json::Value, EventError> {
        Ok(serde_json::to_value(self.written())?)
    }

    /// Envelope and detail in EventBridge's form, for the queues that the bus does not feed.
    pub fn to_message(&self) -> Result<String, EventError> {
        Ok(serde_json::to_string(&Message { detail: self.written(), detail_type: self.detail_type(), source: SOURCE })?)
    }

    const fn written(&self) -> Detail<'_> {
        match self {
            Self::Job(event) => Detail::Job(event),
            Self::RunnerStopped(event) => Detail::RunnerStopped(event),
            Self::RunnerInterrupted(event) => Detail::RunnerInterrupted(event),
            Self::RunnerDone(event) => Detail::RunnerDone(event),
            Self::RunnerLost(event) => Detail::RunnerLost(event),
            Self::ServiceDrifted(event) => Detail::ServiceDrifted(event),
            Self::LookAgain(event) => Detail::LookAgain(event),
        }
    }

    /// Reads a message of the fleet's queue.
    pub fn from_message(body: &str) -> Result<Self, EventError> {
        let Envelope { detail_type, detail } = serde_json::from_str(body)?;
        let detail = detail.get();
        Ok(match detail_type.as_ref() {
            "Job Waiting" | "Job Queued" | "Job In Progress" | "Job Completed" => Self::Job(serde_json::from_str(detail)?),
            "Runner Stopped" => Self::RunnerStopped(serde_json::from_str(detail)?),
            "Runner Interrupted" => Self::RunnerInterrupted(serde_json::from_str(detail)?),
            "Runner Done" => Self::RunnerDone(serde_json::from_str(detail)?),
            "Runner Lost" => Self::RunnerLost(serde_json::from_str(detail)?),
            "Service Drifted" => Self::ServiceDrifted(serde_json::from_str(detail)?),
            "Look Again" => Self::LookAgain(serde_json::from_str(detail)?),
            _ => return Err(EventError::Unknown(detail_type.chars().take(80).collect())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_the_way_through_a_queue() {
        let fleet = FleetName::parse("default").unwrap();
        let task_id = TaskId::parse("0123456789abcdef0123456789abcdef").unwrap();
        let stop =
            Stop { at: Timestamp::from_secs(5), code: Some("EssentialContainerExited".to_owned()), reason: None, exit_code: Some(1) };
        for event in [
            Event::Job(crate::job::tests::event(7, JobPhase::Queued)),
            Event::RunnerStopped(RunnerStopped {
                fleet: fleet.clone(),
                task_id: task_id.clone(),
                task_definition: None,
                service: None,
                hosting: Hosting { cpu_units: Some(1024), ..Hosting::UNKNOWN },
                stop,
            }),
            Event::RunnerInterrupted(RunnerInterrupted { fleet: fleet.clone(), task_id: task_id.clone(), at: Timestamp::from_secs(4) }),
            Event::RunnerDone(RunnerDone { fleet: fleet.clone(), task_id }),
            Event::ServiceDrifted(ServiceDrifted {
                fleet: fleet.clone(),
                service: ServiceName::parse("runners-default-1").unwrap(),
                desired: 3,
                at: Timestamp::from_secs(6),
            }),
            Event::LookAgain(LookAgain { fleet, due: Some(Timestamp::from_secs(7)) }),
        ] {
            assert_eq!(Event::from_message(&event.to_message().unwrap()).unwrap(), event);
        }
    }

    #[test]
    fn a_message_of_another_kind_is_an_error_that_names_it() {
        let error = Event::from_message(r#"{"detail-type":"Pizza","detail":{}}"#).unwrap_err().to_string();
        assert!(error.contains("Pizza"), "{error}");
        assert!(Event::from_message("{").is_err());
    }
}
