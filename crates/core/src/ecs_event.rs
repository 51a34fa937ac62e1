//! ECS's "Task State Change" event: which fields are read of it, and what it means for a fleet.
//! Source: the ECS developer guide, "Amazon ECS task state change events". Almost every field may be missing; containers that somebody
//! else put into the task (a security agent's) may appear beside ours.

use crate::events::{Event, RunnerInterrupted, RunnerStopped};
use crate::hosting::Hosting;
use crate::ids::{FleetName, InvalidName, ServiceName, TaskDefinition, TaskId};
use crate::task::Stop;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of the container that runs the start script.
pub const CONTAINER: &str = "runner";

/// The `detail` of the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStateChange {
    /// Which task.
    pub task_arn: String,
    /// Of which cluster.
    pub cluster_arn: String,
    /// Of which task definition.
    pub task_definition_arn: Option<String>,
    /// `service:NAME`, or `family:NAME`.
    pub group: Option<String>,
    /// Where it stands.
    pub last_status: Option<String>,
    /// Where it is to get.
    pub desired_status: Option<String>,
    /// Why it stops.
    pub stop_code: Option<String>,
    /// Why it stops, in words.
    pub stopped_reason: Option<String>,
    /// When it stopped.
    pub stopped_at: Option<String>,
    /// When ECS began to stop it.
    pub stopping_at: Option<String>,
    /// When Fargate began to pull the image.
    pub pull_started_at: Option<String>,
    /// Its CPU units.
    pub cpu: Option<String>,
    /// Its memory in MiB.
    pub memory: Option<String>,
    /// Its containers.
    #[serde(default)]
    pub containers: Vec<Container>,
}

/// A container of the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name in the task definition.
    pub name: Option<String>,
    /// How it ended.
    pub exit_code: Option<i64>,
    /// Why it did not start, for example `CannotPullContainerError: …`.
    pub reason: Option<String>,
}

impl TaskStateChange {
    /// The event for the fleet; `None` when the task is none of this stack's, or when nothing follows from the change.
    /// `now` stands in where ECS names no time.
    pub fn to_event(&self, stack_name: &str, now: Timestamp) -> Result<Option<Event>, InvalidName> {
        let Some(definition) = self.task_definition_arn.as_deref() else { return Ok(None) };
        let definition = TaskDefinition::parse(definition)?;
        let Some(fleet) = definition.family().strip_prefix(stack_name).and_then(|rest| rest.strip_prefix('-')) else { return Ok(None) };
        let Ok(fleet) = FleetName::parse(fleet) else { return Ok(None) };
        let task_id = TaskId::from_arn(&self.task_arn)?;
        if self.last_status.as_deref() == Some("STOPPED") {
            let service = self.group.as_deref().and_then(|group| group.strip_prefix("service:"));
            return Ok(Some(Event::RunnerStopped(RunnerStopped {
                fleet,
                task_id,
                service: service.map(ServiceName::parse).transpose()?,
                task_definition: Some(definition),
                hosting: self.hosting(),
                stop: self.stop(now),
            })));
        }
        if self.last_status.as_deref() == Some("RUNNING") && self.stop_code.as_deref() == Some("SpotInterruption") {
            let at = self.stopping_at.as_deref().and_then(Timestamp::parse_rfc3339).unwrap_or(now);
            return Ok(Some(Event::RunnerInterrupted(RunnerInterrupted { fleet, task_id, at })));
        }
        Ok(None)
    }

    /// What Fargate gives the task.
    #[must_use]
    pub fn hosting(&self) -> Hosting {
        let number = |text: &Option<String>| text.as_deref()?.parse().ok();
        Hosting {
            pull_started_at: self.pull_started_at.as_deref().and_then(Timestamp::parse_rfc3339),
            cpu_units: number(&self.cpu),
            memory_mib: number(&self.memory),
        }
    }

    /// How the task ended, once it has. `now` stands in where ECS names no time.
    #[must_use]
    pub fn stop(&self, now: Timestamp) -> Stop {
        let container = self.containers.iter().find(|container| container.name.as_deref() == Some(CONTAINER));
        let container_reason = container.and_then(|container| container.reason.clone());
        Stop {
            at: self.stopped_at.as_deref().and_then(Timestamp::parse_rfc3339).unwrap_or(now),
            code: self.stop_code.clone(),
            reason: self.stopped_reason.clone().or(container_reason),
            exit_code: container.and_then(|container| container.exit_code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(changes: &[(&str, serde_json::Value)]) -> TaskStateChange {
        let mut value = json!({
            "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/runners",
            "taskArn": format!("arn:aws:ecs:eu-west-1:1:task/runners/{}", "a".repeat(32)),
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/runners-default:3",
            "group": "service:runners-default-3", "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
            "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
            "stoppedAt": "2026-11-01T10:00:00.5Z", "pullStartedAt": "2026-11-01T09:59:00Z", "cpu": "1024", "memory": "2048",
            "containers": [{"name": "aws-guardduty-agent-x", "exitCode": 137}, {"name": "runner", "exitCode": 0}]
        });
        for (field, change) in changes {
            value[*field] = change.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    fn stopped(change: &TaskStateChange) -> RunnerStopped {
        match change.to_event("runners", Timestamp::from_secs(1)).unwrap() {
            Some(Event::RunnerStopped(stopped)) => stopped,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_exit_code_is_that_of_our_container() {
        let event = stopped(&change(&[]));
        assert_eq!(event.stop.exit_code, Some(0));
        assert_eq!(event.service.as_ref().map(ServiceName::as_str), Some("runners-default-3"));
        assert_eq!(event.fleet.as_str(), "default");
        let pulled = Timestamp::parse_rfc3339("2026-11-01T09:59:00Z");
        assert_eq!(event.hosting, Hosting { pull_started_at: pulled, cpu_units: Some(1024), memory_mib: Some(2048) });
    }

    #[test]
    fn a_task_that_never_started_has_a_reason_and_no_exit_code() {
        let event = stopped(&change(&[
            ("containers", json!([])),
            ("stopCode", json!("TaskFailedToStart")),
            ("stoppedReason", json!("CannotPullContainerError: pull access denied")),
            ("stoppedAt", json!(null)),
        ]));
        assert_eq!(event.stop.exit_code, None);
        assert_eq!(event.stop.at, Timestamp::from_secs(1));
        assert!(event.stop.reason.unwrap().starts_with("CannotPull"));
    }

    #[test]
    fn a_spot_warning_is_not_yet_an_end() {
        let warning = change(&[("lastStatus", json!("RUNNING")), ("stopCode", json!("SpotInterruption"))]);
        assert!(matches!(warning.to_event("runners", Timestamp::from_secs(1)), Ok(Some(Event::RunnerInterrupted(_)))));
        let deprovisioning = change(&[("lastStatus", json!("DEPROVISIONING"))]);
        assert_eq!(deprovisioning.to_event("runners", Timestamp::from_secs(1)), Ok(None));
    }

    #[test]
    fn a_task_of_another_stack_is_left_alone() {
        assert_eq!(change(&[]).to_event("runners2", Timestamp::from_secs(1)), Ok(None));
        assert_eq!(change(&[]).to_event("run", Timestamp::from_secs(1)), Ok(None));
    }
}
