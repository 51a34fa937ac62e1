//! Everything that a fleet has at ECS. Lists lag behind what was just started, and are whole otherwise; what a list names is described before it counts.

use super::{Ecs, MISSING, reason, unusable};
use crate::clock::SystemClock;
use crate::error::{incomplete, port_error};
use crate::limits::DESCRIBE_TASKS;
use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::operation::stop_task::StopTaskError;
use aws_sdk_ecs::types::{DesiredStatus, Task};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use fargate_runners_core::ecs_event::{Container, TaskStateChange};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{ServiceName, TaskDefinition, TaskId};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Clock, PortError, Protection, Retry, SeenService, SeenTask, Survey, TaskPage};
use std::time::Duration;

/// What ECS says when it is to stop a task that it does not know, or no more.
const NOT_FOUND: &str = "not found";

impl Survey for Ecs {
    async fn running(&self, fleet: &Fleet, next: Option<&str>) -> Result<TaskPage, PortError> {
        let call = self.aws.ecs().list_tasks().cluster(&fleet.cluster).family(fleet.task_definition.family());
        let call = call.desired_status(DesiredStatus::Running).max_results(i32::try_from(DESCRIBE_TASKS).unwrap_or(i32::MAX));
        let answer = call.set_next_token(next.map(str::to_owned)).send().await;
        let answer = answer.map_err(|error| port_error(format!("listing the tasks of fleet {}", fleet.name), error))?;
        let tasks = self.seen(fleet, answer.task_arns().to_vec()).await?;
        Ok(TaskPage { tasks, next: answer.next_token.filter(|token| !token.is_empty()) })
    }

    async fn described(&self, fleet: &Fleet, tasks: &[TaskId]) -> Result<Vec<SeenTask>, PortError> {
        self.seen(fleet, tasks.iter().map(ToString::to_string).collect()).await
    }

    async fn services(&self, fleet: &Fleet) -> Result<Vec<SeenService>, PortError> {
        self.seen_services(fleet).await
    }

    async fn renew(&self, fleet: &Fleet, tasks: &[TaskId], duration: Duration) -> Result<Vec<(TaskId, Protection)>, PortError> {
        self.renew_protection(fleet, tasks, duration).await
    }

    async fn stop(&self, fleet: &Fleet, task: &TaskId, reason: &str) -> Result<(), PortError> {
        let call = self.aws.ecs().stop_task().cluster(&fleet.cluster).task(task.as_str()).reason(reason);
        match call.send().await {
            Err(error) if is_unknown_task(&error) => Ok(()),
            stopped => stopped.map(drop).map_err(|error| port_error(format!("stopping task {task} of fleet {}", fleet.name), error)),
        }
    }

    async fn delete_service(&self, fleet: &Fleet, service: &ServiceName) -> Result<(), PortError> {
        self.delete_empty_service(fleet, service).await
    }
}

impl Ecs {
    /// Those of the tasks (by id or ARN) that ECS knows.
    async fn seen(&self, fleet: &Fleet, tasks: Vec<String>) -> Result<Vec<SeenTask>, PortError> {
        let what = || format!("describing {} tasks of fleet {}", tasks.len(), fleet.name);
        let mut seen = Vec::with_capacity(tasks.len());
        for some in tasks.chunks(DESCRIBE_TASKS) {
            let call = self.aws.ecs().describe_tasks().cluster(&fleet.cluster).set_tasks(Some(some.to_vec()));
            let answer = call.send().await.map_err(|error| port_error(what(), error))?;
            // Whoever is not in the answer counts as gone: so nobody may be left out for another reason.
            if let Some(failure) = answer.failures().iter().find(|failure| failure.reason() != Some(MISSING)) {
                return Err(PortError::new(what(), Retry::Never, reason(failure)));
            }
            for task in answer.tasks() {
                seen.push(seen_task(fleet, &what(), task)?);
            }
        }
        Ok(seen)
    }
}

fn is_unknown_task<R>(error: &SdkError<StopTaskError, R>) -> bool {
    match error.as_service_error() {
        Some(StopTaskError::InvalidParameterException(refusal)) => {
            refusal.message.as_deref().is_some_and(|message| message.to_ascii_lowercase().contains(NOT_FOUND))
        }
        _ => false,
    }
}

fn seen_task(fleet: &Fleet, what: &str, task: &Task) -> Result<SeenTask, PortError> {
    let lacks = |field| incomplete(what, field);
    let arn = task.task_arn().ok_or_else(|| lacks("a task lacks taskArn"))?;
    let last_status = task.last_status().ok_or_else(|| lacks("a task lacks lastStatus"))?.to_owned();
    let desired_status = task.desired_status().ok_or_else(|| lacks("a task lacks desiredStatus"))?.to_owned();
    let definition = task.task_definition_arn().ok_or_else(|| lacks("a task lacks taskDefinitionArn"))?;
    let service = task.group().and_then(|group| group.strip_prefix("service:"));
    let event = as_event(task, arn);
    Ok(SeenTask {
        id: TaskId::from_arn(arn).map_err(|error| unusable(fleet, what, error))?,
        stop: (last_status == "STOPPED").then(|| event.stop(SystemClock.now())),
        last_status,
        desired_status,
        task_definition: TaskDefinition::parse(definition).map_err(|error| unusable(fleet, what, error))?,
        service: service.map(ServiceName::parse).transpose().map_err(|error| unusable(fleet, what, error))?,
        created_at: task.created_at().and_then(time),
        hosting: event.hosting(),
    })
}

/// The task as ECS's event tells of it, so that it is read in one way, whoever tells of it.
pub(super) fn as_event(task: &Task, arn: &str) -> TaskStateChange {
    let text = |time: Option<&DateTime>| DateTime::from_millis(millis(time?)?).fmt(Format::DateTime).ok();
    let containers = task.containers().iter().map(|container| Container {
        name: container.name().map(str::to_owned),
        exit_code: container.exit_code().map(i64::from),
        reason: container.reason().map(str::to_owned),
    });
    TaskStateChange {
        task_arn: arn.to_owned(),
        cluster_arn: task.cluster_arn().unwrap_or_default().to_owned(),
        task_definition_arn: task.task_definition_arn().map(str::to_owned),
        group: task.group().map(str::to_owned),
        last_status: task.last_status().map(str::to_owned),
        desired_status: task.desired_status().map(str::to_owned),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        stopped_at: text(task.stopped_at()),
        stopping_at: text(task.stopping_at()),
        pull_started_at: text(task.pull_started_at()),
        cpu: task.cpu().map(str::to_owned),
        memory: task.memory().map(str::to_owned),
        containers: containers.collect(),
    }
}

fn time(time: &DateTime) -> Option<Timestamp> {
    millis(time).and_then(|millis| u64::try_from(millis).ok()).map(Timestamp::from_millis)
}

/// ECS counts in milliseconds and writes them as a fraction of seconds, which the SDK reads with some nanoseconds too few.
fn millis(time: &DateTime) -> Option<i64> {
    const HALF_A_MILLISECOND_IN_NANOSECONDS: i128 = 500_000;
    i64::try_from((time.as_nanos() + HALF_A_MILLISECOND_IN_NANOSECONDS).div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answers, fleet, task};
    use fargate_runners_core::task::Stop;
    use serde_json::{Value, json};

    const DEFINITION: &str = "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3";

    fn arn(number: u8) -> String {
        format!("arn:aws:ecs:eu-west-1:111122223333:task/runners/{}", task(number))
    }

    fn described(number: u8, changes: &[(&str, Value)]) -> Value {
        let mut value = json!({
            "taskArn": arn(number), "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "taskDefinitionArn": DEFINITION,
            "group": "service:runners-default-3", "createdAt": 1_793_611_805.123
        });
        for (field, change) in changes {
            value[*field] = change.clone();
        }
        value
    }

    #[tokio::test]
    async fn the_tasks_of_a_family_are_listed_page_by_page_and_described() {
        let (answers, aws) = Answers::of([
            (200, json!({"taskArns": [arn(1), arn(2)], "nextToken": "more"})),
            (200, json!({"tasks": [described(1, &[])], "failures": [{"arn": arn(2), "reason": "MISSING"}]})),
            (200, json!({"taskArns": []})),
        ]);
        let ecs = Ecs::new(&aws, "runners");
        let fleet = fleet(&[]);
        let page = ecs.running(&fleet, None).await.unwrap();
        assert_eq!(page.next.as_deref(), Some("more"));
        let [seen] = &page.tasks[..] else { panic!("{page:?}") };
        assert_eq!((&seen.id, seen.created_at, &seen.stop), (&task(1), Some(Timestamp::from_millis(1_793_611_805_123)), &None));
        assert_eq!(seen.service.as_ref().map(ServiceName::as_str), Some("runners-default-3"));
        assert_eq!(ecs.running(&fleet, Some("more")).await.unwrap(), TaskPage::default());
        let asked = json!({"cluster": fleet.cluster, "family": "runners-default", "desiredStatus": "RUNNING", "maxResults": 100});
        assert_eq!(answers.requests()[0], asked);
        assert_eq!(answers.requests()[2]["nextToken"], "more");
    }

    #[tokio::test]
    async fn the_end_of_a_task_is_read_like_the_events() {
        let ended = [
            ("lastStatus", json!("STOPPED")),
            ("stopCode", json!("EssentialContainerExited")),
            ("stoppedAt", json!(1_793_611_960.123)),
            (
                "containers",
                json!([{"name": "aws-guardduty-agent-x", "exitCode": 137}, {"name": "runner", "exitCode": 14, "reason": "says why"}]),
            ),
        ];
        let (_, aws) = Answers::of([(200, json!({"tasks": [described(1, &ended)], "failures": []}))]);
        let seen = Ecs::new(&aws, "runners").described(&fleet(&[]), &[task(1)]).await.unwrap();
        let expected = Stop {
            at: Timestamp::from_millis(1_793_611_960_123),
            code: Some("EssentialContainerExited".to_owned()),
            reason: Some("says why".to_owned()),
            exit_code: Some(14),
        };
        assert_eq!(seen[0].stop, Some(expected));
    }

    #[tokio::test]
    async fn a_task_that_is_not_shown_for_another_reason_than_its_absence_is_not_taken_for_gone() {
        let denied = json!({"tasks": [], "failures": [{"arn": arn(1), "reason": "ACCESS_DENIED"}]});
        let (_, aws) = Answers::of([(200, denied)]);
        assert!(Ecs::new(&aws, "runners").described(&fleet(&[]), &[task(1)]).await.is_err());
    }

    #[tokio::test]
    async fn stopping_a_task_that_has_ended_is_success_and_another_refusal_is_not() {
        let refusal = |message: &str| (400, json!({"__type": "InvalidParameterException", "message": message}));
        let (answers, aws) =
            Answers::of([(200, json!({})), refusal("The referenced task was not found."), refusal("Identifier is too long.")]);
        let (ecs, fleet) = (Ecs::new(&aws, "runners"), fleet(&[]));
        ecs.stop(&fleet, &task(1), "never registered").await.unwrap();
        ecs.stop(&fleet, &task(1), "never registered").await.unwrap();
        assert_eq!(ecs.stop(&fleet, &task(1), "never registered").await.unwrap_err().retry, Retry::Never);
        let asked = json!({"cluster": fleet.cluster, "task": task(1), "reason": "never registered"});
        assert_eq!(answers.requests()[0], asked);
    }
}
