//! Scale-in protection. ECS answers a call that it took with what it did and, beside it, with what it did not: both are read.

use super::{Ecs, reason};
use crate::clock::SystemClock;
use crate::error::port_error;
use crate::limits::{PROTECT_MINUTES, PROTECT_TASKS};
use aws_sdk_ecs::operation::update_task_protection::UpdateTaskProtectionOutput;
use aws_sdk_ecs::types::Failure;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::TaskId;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Clock, PortError, Protection, Retry};
use std::time::Duration;

/// What ECS says of a task that has no protection to take away: it is gone, or no service's.
const NOTHING_TO_TAKE: [&str; 2] = ["MISSING", "TASK_NOT_VALID"];

/// A task that asks again asks within its boot time; protection that was granted longer ago is not taken for the one that is asked for.
const REPEATED_WITHIN: Duration = Duration::from_secs(1800);

impl Ecs {
    pub(super) async fn give_protection(&self, fleet: &Fleet, task: &TaskId, duration: Duration) -> Result<Protection, PortError> {
        let call = self.aws.ecs().update_task_protection().cluster(&fleet.cluster).tasks(task.as_str());
        let call = call.protection_enabled(true).expires_in_minutes(minutes(duration));
        let answer = call.send().await.map_err(|error| port_error(format!("protecting task {task} of fleet {}", fleet.name), error))?;
        if let Some(failure) = answer.failures().first() {
            // ECS refuses a repeat, too, while it refuses everybody: what counts is whether the task is protected.
            let granted = self.is_protected(fleet, task, duration).await?;
            return Ok(if granted { Protection::Granted } else { Protection::Refused(reason(failure)) });
        }
        Ok(granted(&answer, task))
    }

    /// Gives tasks protection anew, ten at a time; what ECS does not name as protected counts as refused.
    pub(super) async fn renew_protection(
        &self,
        fleet: &Fleet,
        tasks: &[TaskId],
        duration: Duration,
    ) -> Result<Vec<(TaskId, Protection)>, PortError> {
        let mut renewed = Vec::with_capacity(tasks.len());
        for some in tasks.chunks(PROTECT_TASKS) {
            let call = self.aws.ecs().update_task_protection().cluster(&fleet.cluster);
            let call = call.set_tasks(Some(some.iter().map(ToString::to_string).collect()));
            let answer = call.protection_enabled(true).expires_in_minutes(minutes(duration)).send().await;
            let what = || format!("renewing the protection of {} tasks of fleet {}", some.len(), fleet.name);
            let answer = answer.map_err(|error| port_error(what(), error))?;
            renewed.extend(some.iter().map(|task| (task.clone(), granted(&answer, task))));
        }
        Ok(renewed)
    }

    /// Whether the task has nearly all of the protection that it asked for.
    async fn is_protected(&self, fleet: &Fleet, task: &TaskId, duration: Duration) -> Result<bool, PortError> {
        let call = self.aws.ecs().get_task_protection().cluster(&fleet.cluster).tasks(task.as_str());
        let what = || format!("reading the protection of task {task} of fleet {}", fleet.name);
        let answer = call.send().await.map_err(|error| port_error(what(), error))?;
        let enough = SystemClock.now() + duration - REPEATED_WITHIN;
        Ok(answer.protected_tasks().iter().any(|known| {
            let until = known.expiration_date().and_then(|date| u64::try_from(date.secs()).ok()).map(Timestamp::from_secs);
            known.protection_enabled() && is_of(known.task_arn(), task) && until.is_some_and(|until| until > enough)
        }))
    }

    pub(super) async fn take_protection(&self, fleet: &Fleet, tasks: &[TaskId]) -> Result<(), PortError> {
        for some in tasks.chunks(PROTECT_TASKS) {
            let what = || {
                let names: Vec<&str> = some.iter().map(TaskId::as_str).collect();
                format!("taking protection from the tasks {} of fleet {}", names.join(", "), fleet.name)
            };
            let call = self.aws.ecs().update_task_protection().cluster(&fleet.cluster);
            let call = call.set_tasks(Some(some.iter().map(ToString::to_string).collect())).protection_enabled(false);
            let answer = call.send().await.map_err(|error| port_error(what(), error))?;
            if let Some(failure) = answer.failures().iter().find(|failure| !is_nothing_to_take(failure)) {
                return Err(PortError::new(what(), Retry::Never, reason(failure)));
            }
            let unnamed = some.iter().find(|task| !covers(&answer, task, false) && !is_failed(&answer, task));
            if let Some(task) = unnamed {
                return Err(PortError::new(what(), Retry::UnknownEffect, format!("ECS answered without naming task {task}")));
            }
        }
        Ok(())
    }
}

fn minutes(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs().div_ceil(60)).unwrap_or(i32::MAX).clamp(1, PROTECT_MINUTES)
}

fn granted(answer: &UpdateTaskProtectionOutput, task: &TaskId) -> Protection {
    if covers(answer, task, true) {
        return Protection::Granted;
    }
    let failure = answer.failures().iter().find(|failure| is_of(failure.arn(), task));
    Protection::Refused(failure.map_or_else(|| "ECS answered without naming the task as protected".to_owned(), reason))
}

fn is_nothing_to_take(failure: &Failure) -> bool {
    failure.reason().is_some_and(|reason| NOTHING_TO_TAKE.contains(&reason))
}

fn is_of(arn: Option<&str>, task: &TaskId) -> bool {
    arn.and_then(|arn| arn.rsplit('/').next()) == Some(task.as_str())
}

fn is_failed(answer: &UpdateTaskProtectionOutput, task: &TaskId) -> bool {
    answer.failures().iter().any(|failure| is_of(failure.arn(), task))
}

fn covers(answer: &UpdateTaskProtectionOutput, task: &TaskId, protected: bool) -> bool {
    answer.protected_tasks().iter().any(|answered| answered.protection_enabled() == protected && is_of(answered.task_arn(), task))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answers, fleet, task};
    use fargate_runners_use_cases::ports::{Capacity, Survey, Tasks};
    use serde_json::{Value, json};

    fn arn(number: u8) -> String {
        format!("arn:aws:ecs:eu-west-1:111122223333:task/runners/{}", task(number))
    }

    fn protected(numbers: impl IntoIterator<Item = u8>, enabled: bool) -> Value {
        numbers.into_iter().map(|number| json!({"taskArn": arn(number), "protectionEnabled": enabled})).collect()
    }

    async fn protect(answer: Value) -> (Vec<Value>, Protection) {
        let (answers, aws) = Answers::of([(200, answer)]);
        let answer = Ecs::new(&aws, "runners").protect(&fleet(&[]), &task(1), Duration::from_secs(2_880 * 60)).await;
        (answers.requests(), answer.unwrap())
    }

    #[tokio::test]
    async fn protection_is_granted_only_when_ecs_names_the_task_as_protected() {
        let (requests, granted) = protect(json!({"protectedTasks": protected([1], true), "failures": []})).await;
        assert_eq!(granted, Protection::Granted);
        assert_eq!(requests[0]["expiresInMinutes"], 2_880);
        let (_, empty) = protect(json!({"protectedTasks": [], "failures": []})).await;
        let (_, other) = protect(json!({"protectedTasks": protected([2], true), "failures": []})).await;
        assert!(matches!((empty, other), (Protection::Refused(_), Protection::Refused(_))));
    }

    #[tokio::test]
    async fn a_refusal_beside_an_empty_answer_is_read() {
        let failure = json!([{"arn": arn(1), "reason": "DEPLOYMENT_BLOCKED", "detail": "protected tasks"}]);
        let blocked = json!({"protectedTasks": [], "failures": failure});
        let answer = async |known: Value| {
            let (_, aws) = Answers::of([(200, blocked.clone()), (200, json!({"protectedTasks": known, "failures": []}))]);
            Ecs::new(&aws, "runners").protect(&fleet(&[]), &task(1), Duration::from_secs(2_880 * 60)).await.unwrap()
        };
        let refused = Protection::Refused("DEPLOYMENT_BLOCKED: protected tasks".to_owned());
        assert_eq!(answer(json!([])).await, refused);
        let until =
            |seconds: u64| json!([{"taskArn": arn(1), "protectionEnabled": true, "expirationDate": SystemClock.now().as_secs() + seconds}]);
        assert_eq!(answer(until(3_600)).await, refused, "that was granted long ago");
        assert_eq!(answer(until(2_880 * 60 - 60)).await, Protection::Granted, "it was granted, and the answer lost");
    }

    #[tokio::test]
    async fn protection_is_taken_from_ten_tasks_at_a_time_and_a_missing_one_needs_none() {
        let tasks: Vec<TaskId> = (0..12).map(task).collect();
        let missing = json!([{"arn": arn(9), "reason": "MISSING"}]);
        let (answers, aws) = Answers::of([
            (200, json!({"protectedTasks": protected(0..9, false), "failures": missing})),
            (200, json!({"protectedTasks": protected(10..12, false), "failures": []})),
        ]);
        Ecs::new(&aws, "runners").unprotect(&fleet(&[]), &tasks).await.unwrap();
        let sizes: Vec<usize> = answers.requests().iter().map(|request| request["tasks"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [10, 2]);
    }

    #[tokio::test]
    async fn protection_is_renewed_for_ten_tasks_at_a_time_and_each_is_told_of() {
        let tasks: Vec<TaskId> = (0..12).map(task).collect();
        let blocked = json!([{"arn": arn(9), "reason": "DEPLOYMENT_BLOCKED"}]);
        let (answers, aws) = Answers::of([
            (200, json!({"protectedTasks": protected(0..9, true), "failures": blocked})),
            (200, json!({"protectedTasks": protected([10], true), "failures": []})),
        ]);
        let renewed = Ecs::new(&aws, "runners").renew(&fleet(&[]), &tasks, Duration::from_secs(2_880 * 60)).await.unwrap();
        let refused: Vec<_> = renewed.into_iter().filter(|(_, protection)| *protection != Protection::Granted).collect();
        let unnamed = "ECS answered without naming the task as protected".to_owned();
        assert_eq!(refused, [(task(9), Protection::Refused("DEPLOYMENT_BLOCKED".to_owned())), (task(11), Protection::Refused(unnamed))]);
        assert_eq!(answers.requests()[1]["expiresInMinutes"], 2_880);
    }

    #[tokio::test]
    async fn protection_that_is_not_taken_is_an_error() {
        let failure = json!([{"arn": arn(1), "reason": "ACCESS_DENIED"}]);
        let (_, aws) = Answers::of([(200, json!({"protectedTasks": [], "failures": failure})), (200, json!({}))]);
        let ecs = Ecs::new(&aws, "runners");
        assert_eq!(ecs.unprotect(&fleet(&[]), &[task(1)]).await.unwrap_err().retry, Retry::Never);
        assert_eq!(ecs.unprotect(&fleet(&[]), &[task(1)]).await.unwrap_err().retry, Retry::UnknownEffect);
    }
}
