//! Scale-in protection, with all its refusals.

use serde_json::{Value, json};

use super::{missing, strings};
use crate::arn;
use crate::config::BlockedReading;
use crate::error::AwsError;
use crate::lifecycle::service_key;
use crate::model::EcsModel;
use crate::task::{Status, Task};
use crate::time;

/// Tasks a call.
const MOST_TASKS: usize = 10;
/// Minutes of protection: by default, and at most.
const DEFAULT_MINUTES: u64 = 120;
const MOST_MINUTES: u64 = 2_880;
const MS_PER_MINUTE: u64 = 60_000;

impl EcsModel {
    pub(super) fn update_task_protection(&mut self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let enabled = body["protectionEnabled"].as_bool().ok_or_else(|| AwsError::parameter("protectionEnabled must be given."))?;
        let minutes = if body["expiresInMinutes"].is_null() { DEFAULT_MINUTES } else { body["expiresInMinutes"].as_u64().unwrap_or(0) };
        if !(1..=MOST_MINUTES).contains(&minutes) {
            return Err(AwsError::parameter("expiresInMinutes must be between 1 and 2880."));
        }
        let asked = strings(body, "tasks");
        if asked.is_empty() || asked.len() > MOST_TASKS {
            return Err(AwsError::parameter("tasks must have between 1 and 10 elements."));
        }
        let (mut protected, mut failures) = (Vec::new(), Vec::new());
        for name in asked {
            let id = arn::short(name);
            let Some(serial) = self.serial_in(&cluster, id) else {
                failures.push(missing(&self.task_arn(&cluster, id)));
                continue;
            };
            if let Some(refusal) = self.refuses(serial, enabled) {
                failures.push(refusal);
                continue;
            }
            let until = self.now + minutes * MS_PER_MINUTE;
            let Some(task) = self.tasks.get_mut(&serial) else { continue };
            task.protected_until = enabled.then_some(until);
            protected.push(document(task, self.now));
            if let Some(key) = service_key(task).filter(|_| !enabled) {
                self.look_soon(&key);
            }
        }
        Ok(json!({"protectedTasks": protected, "failures": failures}))
    }

    pub(super) fn get_task_protection(&self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let asked = strings(body, "tasks");
        let (mut protected, mut failures) = (Vec::new(), Vec::new());
        for name in asked {
            let id = arn::short(name);
            match self.serial_in(&cluster, id).and_then(|serial| self.tasks.get(&serial)) {
                None => failures.push(missing(&self.task_arn(&cluster, id))),
                Some(task) if task.service.is_none() => failures.push(not_valid(task)),
                Some(task) => protected.push(document(task, self.now)),
            }
        }
        Ok(json!({"protectedTasks": protected, "failures": failures}))
    }

    /// Why this task's protection cannot be changed now.
    fn refuses(&self, serial: u64, enabled: bool) -> Option<Value> {
        let task = self.tasks.get(&serial)?;
        let service = service_key(task).and_then(|key| self.services.get(&key));
        let Some(service) = service else { return Some(not_valid(task)) };
        if !task.wanted || task.last_status >= Status::Deprovisioning {
            return Some(not_valid(task));
        }
        if !enabled {
            return None;
        }
        let others = || service.members.iter().filter(|other| **other != serial).filter_map(|other| self.tasks.get(other));
        let too_many = others().filter(|other| other.is_protected(self.now)).count() + 1 > service.desired;
        let held_up = self.config.blocked == BlockedReading::AlsoOldDeployments
            && service
                .members
                .iter()
                .filter_map(|other| self.tasks.get(other))
                .any(|t| t.deployment != service.deployment && t.is_protected(self.now));
        (too_many || held_up).then(|| {
            json!({"arn": task.arn, "reason": "DEPLOYMENT_BLOCKED",
                   "detail": "The service has protected tasks that prevent its deployment from reaching a steady state."})
        })
    }
}

fn not_valid(task: &Task) -> Value {
    json!({"arn": task.arn, "reason": "TASK_NOT_VALID", "detail": "The task is not part of a service, or it is stopping."})
}

fn document(task: &Task, now: u64) -> Value {
    let mut document = json!({"taskArn": task.arn, "protectionEnabled": task.is_protected(now)});
    if let Some(until) = task.protected_until.filter(|until| *until > now) {
        document["expirationDate"] = time::number(until);
    }
    document
}
