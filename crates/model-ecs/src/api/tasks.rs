//! Tasks: stop, describe, list.

use serde_json::{Value, json};

use super::{listed, missing, page, required, strings};
use crate::arn;
use crate::error::AwsError;
use crate::model::EcsModel;
use crate::task::{Status, StopCode, Task};
use crate::time;

/// DescribeTasks takes, and ListTasks shows, at most this many.
const MOST_TASKS: usize = 100;
/// Digits that hold every serial, so that keys compare as numbers do.
const KEY_DIGITS: usize = 20;

impl EcsModel {
    pub(super) fn stop_task(&mut self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let id = arn::short(required(body, "task")?).to_owned();
        let serial = self.serial_in(&cluster, &id).ok_or_else(|| AwsError::parameter("The referenced task was not found."))?;
        let reason = body["reason"].as_str().unwrap_or("Task stopped by user").to_owned();
        self.stop(serial, StopCode::UserInitiated, &reason);
        Ok(json!({"task": self.tasks.get(&serial).map(|task| task.document(time::number))}))
    }

    pub(super) fn describe_tasks(&self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let asked = strings(body, "tasks");
        if asked.is_empty() {
            return Err(AwsError::parameter("Tasks cannot be empty."));
        }
        if asked.len() > MOST_TASKS {
            return Err(AwsError::parameter("tasks must have at most 100 elements."));
        }
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for name in asked {
            let id = arn::short(name);
            let found = self.serial_in(&cluster, id).and_then(|serial| self.tasks.get(&serial)).filter(|task| self.shows(task));
            match found {
                Some(task) => tasks.push(task.document(time::number)),
                None => failures.push(missing(&self.task_arn(&cluster, id))),
            }
        }
        Ok(json!({"tasks": tasks, "failures": failures}))
    }

    pub(super) fn list_tasks(&self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let service = body["serviceName"].as_str().map(arn::short);
        let family = body["family"].as_str();
        let started_by = body["startedBy"].as_str();
        let wanted = match body["desiredStatus"].as_str().unwrap_or("RUNNING") {
            "RUNNING" | "PENDING" => true,
            "STOPPED" => false,
            _ => return Err(AwsError::parameter("desiredStatus must be RUNNING, PENDING or STOPPED.")),
        };
        if let Some(name) = service
            && !self.has_service(&cluster, name)
        {
            return Err(AwsError::client("ServiceNotFoundException", "Service not found."));
        }
        let fits = |task: &Task| {
            task.cluster == cluster
                && task.wanted == wanted
                && self.shows(task)
                && service.is_none_or(|name| task.service.as_deref() == Some(name))
                && family.is_none_or(|name| arn::family(&task.task_definition).0 == name)
                && started_by.is_none_or(|name| task.started_by.as_deref() == Some(name))
        };
        let all = self.tasks.iter().filter(|(_, task)| fits(task));
        Ok(listed("taskArns", page(body, MOST_TASKS, all.map(|(serial, task)| (format!("{serial:0KEY_DIGITS$}"), task.arn.as_str())))))
    }

    pub(super) fn serial_in(&self, cluster: &str, id: &str) -> Option<u64> {
        let serial = *self.serials.get(id)?;
        self.tasks.get(&serial).filter(|task| task.cluster == cluster).map(|_| serial)
    }

    pub(super) fn task_arn(&self, cluster: &str, id: &str) -> String {
        let prefix = self.clusters.get(cluster).map(|c| arn::prefix(&c.arn).to_owned()).unwrap_or_default();
        format!("{prefix}:task/{cluster}/{id}")
    }

    /// Whether reading calls know this task yet.
    fn shows(&self, task: &Task) -> bool {
        task.last_status == Status::Stopped || task.created_at.saturating_add(self.config.timing.describe_lag_ms) <= self.now
    }
}
