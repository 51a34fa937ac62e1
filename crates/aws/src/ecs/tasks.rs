//! Single tasks: what ECS knows of one, and its protection.

use super::survey::as_event;
use super::{Ecs, MISSING, reason, unusable};
use crate::error::{incomplete, port_error};
use aws_sdk_ecs::types::Task;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{ServiceName, TaskDefinition, TaskId};
use fargate_runners_use_cases::ports::{PortError, Protection, Retry, TaskFacts, Tasks};
use std::time::Duration;

impl Tasks for Ecs {
    async fn describe(&self, fleet: &Fleet, task: &TaskId) -> Result<Option<TaskFacts>, PortError> {
        let what = || format!("describing task {task} of fleet {}", fleet.name);
        let call = self.aws.ecs().describe_tasks().cluster(&fleet.cluster).tasks(task.as_str());
        let answer = call.send().await.map_err(|error| port_error(what(), error))?;
        if let Some(described) = answer.tasks().first() {
            return facts(fleet, &what(), described).map(Some);
        }
        match answer.failures().first() {
            Some(failure) if failure.reason() != Some(MISSING) => Err(PortError::new(what(), Retry::Never, reason(failure))),
            _ => Ok(None),
        }
    }

    async fn protect(&self, fleet: &Fleet, task: &TaskId, duration: Duration) -> Result<Protection, PortError> {
        self.give_protection(fleet, task, duration).await
    }
}

fn facts(fleet: &Fleet, what: &str, task: &Task) -> Result<TaskFacts, PortError> {
    let lacks = |field| incomplete(what, field);
    let definition = task.task_definition_arn().ok_or_else(|| lacks("the answer lacks taskDefinitionArn"))?;
    let service = task.group().and_then(|group| group.strip_prefix("service:"));
    Ok(TaskFacts {
        last_status: task.last_status().ok_or_else(|| lacks("the answer lacks lastStatus"))?.to_owned(),
        desired_status: task.desired_status().ok_or_else(|| lacks("the answer lacks desiredStatus"))?.to_owned(),
        task_definition: TaskDefinition::parse(definition).map_err(|error| unusable(fleet, what, error))?,
        service: service.map(ServiceName::parse).transpose().map_err(|error| unusable(fleet, what, error))?,
        hosting: as_event(task, task.task_arn().unwrap_or_default()).hosting(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answers, fleet, task};
    use fargate_runners_core::hosting::Hosting;
    use fargate_runners_core::time::Timestamp;
    use serde_json::json;

    #[tokio::test]
    async fn a_task_is_described_with_its_service_and_a_missing_one_is_none() {
        let definition = "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3";
        let running = json!({"lastStatus": "RUNNING", "desiredStatus": "RUNNING", "taskDefinitionArn": definition, "group": "service:runners-default-3",
            "pullStartedAt": 1_793_611_805.5, "cpu": "1024", "memory": "2048"});
        let (_, aws) = Answers::of([
            (200, json!({"tasks": [running], "failures": []})),
            (200, json!({"tasks": [], "failures": [{"arn": "x", "reason": "MISSING"}]})),
            (200, json!({"tasks": [], "failures": [{"arn": "x", "reason": "ACCESS"}]})),
        ]);
        let ecs = Ecs::new(&aws, "runners");
        let facts = ecs.describe(&fleet(&[]), &task(1)).await.unwrap().unwrap();
        assert_eq!((facts.last_status.as_str(), facts.task_definition.as_str()), ("RUNNING", definition));
        assert_eq!(facts.service.as_ref().map(ServiceName::as_str), Some("runners-default-3"));
        let pulled = Some(Timestamp::from_millis(1_793_611_805_500));
        assert_eq!(facts.hosting, Hosting { pull_started_at: pulled, cpu_units: Some(1024), memory_mib: Some(2048) });
        assert_eq!(ecs.describe(&fleet(&[]), &task(1)).await.unwrap(), None);
        assert!(ecs.describe(&fleet(&[]), &task(1)).await.is_err());
    }
}
