//! What the server needs of the rest of AWS, narrow enough to be stubbed, and the emulator behind it.

use std::future::Future;

use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::policy::Need;
use super::roles;
use crate::aws::{Credentials, Emulator, Error};

/// A rule on the default bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its event pattern.
    pub pattern: String,
    /// The ARNs of its targets.
    pub targets: Vec<String>,
}

/// Why a caller may not do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The HTTP status.
    pub status: u16,
    /// AWS's error code.
    pub kind: String,
    /// The message for people.
    pub message: String,
}

/// The rest of AWS.
pub trait AwsSide: Send + Sync + 'static {
    /// Asks the ECS that the deploy wrote to, as its administrator.
    fn deployed(&self, action: &str, body: Value) -> impl Future<Output = Result<Value, Error>> + Send;
    /// Why the sender of this request may not do what it asks, which needs these permissions; what cannot be found out is allowed.
    fn authorize(&self, headers: HeaderMap, body: Vec<u8>, needs: Vec<Need>) -> impl Future<Output = Option<Denial>> + Send;
    /// The enabled rules of the default bus that have a pattern.
    fn rules(&self) -> impl Future<Output = Result<Vec<Rule>, Error>> + Send;
    /// Whether an event fits a pattern.
    fn fits(&self, pattern: &str, envelope: &Value) -> impl Future<Output = Result<bool, Error>> + Send;
    /// Hands an event to a target of a rule.
    fn deliver(&self, target_arn: &str, envelope: &Value) -> impl Future<Output = Result<(), Error>> + Send;
    /// Credentials of a task's role, in a session named by the task.
    fn task_credentials(&self, role_arn: &str, task_id: &str) -> impl Future<Output = Result<Credentials, Error>> + Send;
}

impl AwsSide for Emulator {
    async fn deployed(&self, action: &str, body: Value) -> Result<Value, Error> {
        self.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{action}"), &body).await
    }

    async fn authorize(&self, headers: HeaderMap, body: Vec<u8>, needs: Vec<Need>) -> Option<Denial> {
        self.callers().judge(self, headers, body, &needs).await
    }

    async fn rules(&self) -> Result<Vec<Rule>, Error> {
        let mut rules = Vec::new();
        let listed = self.json("events", "AWSEvents.ListRules", &json!({})).await?;
        for rule in listed["Rules"].as_array().into_iter().flatten() {
            let (Some(name), Some(pattern)) = (rule["Name"].as_str(), rule["EventPattern"].as_str()) else { continue };
            if rule["State"].as_str() == Some("DISABLED") {
                continue;
            }
            let targets = self.json("events", "AWSEvents.ListTargetsByRule", &json!({"Rule": name})).await?;
            let targets = targets["Targets"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|target| target["Arn"].as_str())
                .map(str::to_owned)
                .collect();
            rules.push(Rule { name: name.to_owned(), pattern: pattern.to_owned(), targets });
        }
        Ok(rules)
    }

    async fn fits(&self, pattern: &str, envelope: &Value) -> Result<bool, Error> {
        let body = json!({"EventPattern": pattern, "Event": envelope.to_string()});
        let answer = self.json("events", "AWSEvents.TestEventPattern", &body).await?;
        answer["Result"].as_bool().ok_or_else(|| Error::Unexpected("TestEventPattern without Result".to_owned()))
    }

    async fn deliver(&self, target_arn: &str, envelope: &Value) -> Result<(), Error> {
        if target_arn.contains(":lambda:") {
            self.invoke_event(target_arn, envelope).await
        } else {
            Err(Error::Unexpected(format!("task events are delivered to functions only, not to {target_arn}")))
        }
    }

    async fn task_credentials(&self, role_arn: &str, task_id: &str) -> Result<Credentials, Error> {
        roles::assume_as_ecs(self, role_arn, task_id).await
    }
}
