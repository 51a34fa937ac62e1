//! RunTask: up to ten tasks a call, once per client token.

use serde_json::{Map, Value, json};

use super::clusters::no_definition;
use super::required;
use crate::error::AwsError;
use crate::fargate;
use crate::lifecycle::NewTask;
use crate::model::{EcsModel, RememberedRun};
use crate::scheduler::{NO_CAPACITY, provider};
use crate::time;

/// Tasks a call.
const MOST_TASKS: u64 = 10;
/// Characters of a client token.
const LONGEST_TOKEN: usize = 64;
/// How long a client token is remembered.
const TOKEN_MS: u64 = 86_400_000;
/// So many remembered tokens are looked through for outdated ones.
const TOKENS_BEFORE_CLEANING: usize = 4_096;

impl EcsModel {
    pub(super) fn run_task(&mut self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let count = if body["count"].is_null() { 1 } else { body["count"].as_u64().unwrap_or(0) };
        if !(1..=MOST_TASKS).contains(&count) {
            return Err(AwsError::parameter("count must be between 1 and 10."));
        }
        let token = body["clientToken"].as_str().filter(|token| !token.is_empty());
        if token.is_some_and(|token| token.len() > LONGEST_TOKEN) {
            return Err(AwsError::parameter("clientToken must be at most 64 characters."));
        }
        if let Some(known) = token.and_then(|token| self.repeated(token, body)) {
            return known;
        }
        let new = self.wanted_task(cluster, body)?;
        let now = self.now;
        if !self.buckets.launches.take(now, count) {
            return Err(AwsError::throttled());
        }
        let (mut serials, mut failures) = (Vec::new(), Vec::new());
        let strategy = body["capacityProviderStrategy"].as_array().cloned().unwrap_or_default();
        let (mut on_demand, mut on_spot) = (0, 0);
        for _ in 0..count {
            let capacity_provider = provider(&strategy, on_demand, on_spot);
            let spot = capacity_provider.as_deref() == Some("FARGATE_SPOT");
            let placed = match self.quota(new.cpu_units) {
                Err(reason) => Err(reason),
                Ok(()) if spot && !self.spot_capacity => Err(NO_CAPACITY),
                Ok(()) => self.begin(NewTask { capacity_provider, ..new.again() }).ok_or("MISSING"),
            };
            match placed {
                Ok(serial) => serials.push(serial),
                Err(reason) => failures.push(json!({"reason": reason})),
            }
            if spot { on_spot += 1 } else { on_demand += 1 }
        }
        let answer = json!({"tasks": self.run_documents(&serials), "failures": failures});
        if let Some(token) = token {
            if self.runs.len() > TOKENS_BEFORE_CLEANING {
                self.runs.retain(|_, run| run.at.saturating_add(TOKEN_MS) > now);
            }
            self.runs.insert(token.to_owned(), RememberedRun { parameters: without_token(body), tasks: serials, at: now });
        }
        Ok(answer)
    }

    /// The answer to a call whose token is known: the same tasks, or a conflict.
    fn repeated(&self, token: &str, body: &Value) -> Option<Result<Value, AwsError>> {
        let run = self.runs.get(token).filter(|run| run.at.saturating_add(TOKEN_MS) > self.now)?;
        if run.parameters == without_token(body) {
            return Some(Ok(json!({"tasks": self.run_documents(&run.tasks), "failures": []})));
        }
        let message = "The RunTask request could not be processed due to conflicts. The provided clientToken is already in use with a different request.";
        Some(Err(AwsError::client("ConflictException", message)))
    }

    fn run_documents(&self, serials: &[u64]) -> Vec<Value> {
        serials.iter().filter_map(|serial| self.tasks.get(serial)).map(|task| task.document(time::number)).collect()
    }

    fn wanted_task(&self, cluster: String, body: &Value) -> Result<NewTask, AwsError> {
        let definition = self.definition(required(body, "taskDefinition")?).ok_or_else(no_definition)?;
        if !definition.active {
            return Err(AwsError::client("ClientException", "TaskDefinition is inactive"));
        }
        let overrides = &body["overrides"];
        let cpu_units = override_of(&overrides["cpu"], fargate::cpu_units, definition.cpu_units)?;
        let memory_mib = override_of(&overrides["memory"], fargate::memory_mib, definition.memory_mib)?;
        fargate::check(cpu_units, memory_mib)?;
        let group = body["group"].as_str().map_or_else(|| format!("family:{}", definition.family), str::to_owned);
        if group.starts_with("service:") {
            return Err(AwsError::parameter("The group must not begin with service:."));
        }
        Ok(NewTask {
            cluster,
            task_definition: definition.arn.clone(),
            service: None,
            deployment: 0,
            group,
            capacity_provider: None,
            started_by: body["startedBy"].as_str().map(str::to_owned),
            overrides: overrides.clone(),
            cpu_units,
            memory_mib,
        })
    }
}

impl NewTask {
    fn again(&self) -> Self {
        Self {
            cluster: self.cluster.clone(),
            task_definition: self.task_definition.clone(),
            service: None,
            deployment: 0,
            group: self.group.clone(),
            capacity_provider: None,
            started_by: self.started_by.clone(),
            overrides: self.overrides.clone(),
            cpu_units: self.cpu_units,
            memory_mib: self.memory_mib,
        }
    }
}

fn override_of(value: &Value, read: fn(&Value) -> Option<u64>, otherwise: u64) -> Result<u64, AwsError> {
    if value.is_null() { Ok(otherwise) } else { read(value).ok_or_else(|| AwsError::parameter("Invalid override.")) }
}

fn without_token(body: &Value) -> Value {
    let rest: Map<String, Value> =
        body.as_object().into_iter().flatten().filter(|(key, _)| *key != "clientToken").map(|(k, v)| (k.clone(), v.clone())).collect();
    Value::Object(rest)
}
