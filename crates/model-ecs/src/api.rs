//! The door of the API: counts, throttles, lets calls fail as told, and sends each action where it is done.

mod clusters;
mod protection;
mod run;
mod services;
mod tasks;

use serde_json::{Value, json};

use crate::arn;
use crate::error::AwsError;
use crate::model::EcsModel;

impl EcsModel {
    /// Answers one call of the API (AWS JSON 1.1); `action` is the target without its prefix, for example `RunTask`.
    pub fn handle(&mut self, now: u64, action: &str, body: &Value) -> Result<Value, AwsError> {
        self.advance(now);
        let answer = self.call(action, body);
        let count = self.calls.entry(action.to_owned()).or_default();
        count.asked += 1;
        match &answer {
            Err(error) if error.is_throttling() => count.throttled += 1,
            Err(_) => count.failed += 1,
            Ok(_) => {}
        }
        answer
    }

    fn call(&mut self, action: &str, body: &Value) -> Result<Value, AwsError> {
        let faults = self.config.faults;
        if !self.admit(action) || self.random.happens(faults.throttle) {
            return Err(AwsError::throttled());
        }
        if self.random.happens(faults.broken_without_effect) {
            return Err(AwsError::broken());
        }
        if self.random.happens(faults.error_without_effect) {
            return Err(AwsError::server());
        }
        let answer = self.act(action, body)?;
        if self.random.happens(faults.broken_with_effect) {
            return Err(AwsError::broken());
        }
        if self.random.happens(faults.error_with_effect) {
            return Err(AwsError::server());
        }
        Ok(answer)
    }

    fn admit(&mut self, action: &str) -> bool {
        let now = self.now;
        let buckets = &mut self.buckets;
        let bucket = match action {
            "UpdateService" | "CreateService" | "DeleteService" => &mut buckets.service_writes,
            "DescribeServices" | "ListServices" => &mut buckets.service_reads,
            "DescribeTasks" | "ListTasks" => &mut buckets.task_reads,
            "RunTask" => &mut buckets.run_task,
            "StopTask" => &mut buckets.stop_task,
            "UpdateTaskProtection" | "GetTaskProtection" => &mut buckets.protection,
            _ => return true,
        };
        bucket.take(now, 1)
    }

    fn act(&mut self, action: &str, body: &Value) -> Result<Value, AwsError> {
        match action {
            "CreateCluster" => self.create_cluster(body),
            "DescribeClusters" => Ok(self.describe_clusters(body)),
            "ListClusters" => Ok(self.list_clusters()),
            "RegisterTaskDefinition" => self.register_task_definition(body),
            "DescribeTaskDefinition" => self.describe_task_definition(body),
            "DeregisterTaskDefinition" => self.deregister_task_definition(body),
            "CreateService" => self.create_service(body),
            "UpdateService" => self.update_service(body),
            "DescribeServices" => self.describe_services(body),
            "ListServices" => self.list_services(body),
            "DeleteService" => self.delete_service(body),
            "RunTask" => self.run_task(body),
            "StopTask" => self.stop_task(body),
            "DescribeTasks" => self.describe_tasks(body),
            "ListTasks" => self.list_tasks(body),
            "UpdateTaskProtection" => self.update_task_protection(body),
            "GetTaskProtection" => self.get_task_protection(body),
            _ => Err(AwsError::client("UnknownOperationException", format!("this model has no {action}"))),
        }
    }

    /// The name of the cluster that a request means.
    fn cluster_of(&self, body: &Value) -> Result<String, AwsError> {
        let name = arn::short(body["cluster"].as_str().unwrap_or("default"));
        if self.clusters.contains_key(name) {
            Ok(name.to_owned())
        } else {
            Err(AwsError::client("ClusterNotFoundException", "Cluster not found."))
        }
    }
}

/// The strings of a list field.
fn strings<'a>(body: &'a Value, field: &str) -> Vec<&'a str> {
    body[field].as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn required<'a>(body: &'a Value, field: &str) -> Result<&'a str, AwsError> {
    body[field].as_str().filter(|text| !text.is_empty()).ok_or_else(|| AwsError::parameter(format!("{field} can not be blank.")))
}

fn missing(arn: &str) -> Value {
    json!({"arn": arn, "reason": "MISSING"})
}

/// One page of a list whose keys grow; the token is the last key that was shown.
fn page<'a>(body: &Value, most: usize, all: impl Iterator<Item = (String, &'a str)>) -> (Vec<&'a str>, Option<String>) {
    let size = body["maxResults"].as_u64().and_then(|n| usize::try_from(n).ok()).map_or(most, |n| n.clamp(1, most));
    let after = body["nextToken"].as_str().unwrap_or_default();
    let mut rest = all.filter(|(key, _)| key.as_str() > after);
    let mut shown = Vec::new();
    let mut last = None;
    for (key, arn) in rest.by_ref().take(size) {
        shown.push(arn);
        last = Some(key);
    }
    let more = rest.next().is_some();
    (shown, last.filter(|_| more))
}

fn listed(field: &str, (arns, token): (Vec<&str>, Option<String>)) -> Value {
    let mut answer = json!({ field: arns });
    if let Some(token) = token {
        answer["nextToken"] = json!(token);
    }
    answer
}
