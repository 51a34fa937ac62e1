//! Clusters and task definitions: only as much as services and tasks need.

use serde_json::{Value, json};

use super::{missing, required, strings};
use crate::arn;
use crate::error::AwsError;
use crate::fargate;
use crate::model::EcsModel;
use crate::service::{Cluster, TaskDefinition};

impl EcsModel {
    pub(super) fn create_cluster(&mut self, body: &Value) -> Result<Value, AwsError> {
        let name = body["clusterName"].as_str().unwrap_or("default").to_owned();
        if name.is_empty() || name.len() > 255 {
            return Err(AwsError::parameter("Invalid cluster name."));
        }
        let arn = format!("arn:aws:ecs:{}:{}:cluster/{name}", self.config.region, self.config.account);
        let cluster = self.clusters.entry(name.clone()).or_insert(Cluster { name, arn });
        Ok(json!({"cluster": document(cluster)}))
    }

    pub(super) fn describe_clusters(&self, body: &Value) -> Value {
        let asked = strings(body, "clusters");
        let asked = if asked.is_empty() { vec!["default"] } else { asked };
        let (found, lost): (Vec<_>, Vec<_>) = asked.into_iter().partition(|name| self.has_cluster(name));
        let found: Vec<_> = found.into_iter().filter_map(|name| self.clusters.get(arn::short(name))).map(document).collect();
        json!({"clusters": found, "failures": lost.into_iter().map(missing).collect::<Vec<_>>()})
    }

    pub(super) fn list_clusters(&self) -> Value {
        json!({"clusterArns": self.clusters.values().map(|cluster| cluster.arn.as_str()).collect::<Vec<_>>()})
    }

    pub(super) fn register_task_definition(&mut self, body: &Value) -> Result<Value, AwsError> {
        let family = required(body, "family")?.to_owned();
        if body["containerDefinitions"].as_array().is_none_or(Vec::is_empty) {
            return Err(AwsError::client("ClientException", "Container list cannot be empty."));
        }
        let cpu_units = fargate::cpu_units(&body["cpu"])
            .ok_or_else(|| AwsError::client("ClientException", "Fargate requires task definition to have cpu."))?;
        let memory_mib = fargate::memory_mib(&body["memory"])
            .ok_or_else(|| AwsError::client("ClientException", "Fargate requires task definition to have memory."))?;
        fargate::check(cpu_units, memory_mib)?;
        let revision = self.definitions.get(&family).and_then(|revisions| revisions.keys().next_back()).map_or(1, |last| last + 1);
        let arn = format!("arn:aws:ecs:{}:{}:task-definition/{family}:{revision}", self.config.region, self.config.account);
        let mut document = body.clone();
        document["taskDefinitionArn"] = json!(arn);
        document["revision"] = json!(revision);
        document["status"] = json!("ACTIVE");
        self.put_definition(TaskDefinition { arn, family, revision, document: document.clone(), cpu_units, memory_mib, active: true });
        Ok(json!({"taskDefinition": document}))
    }

    pub(super) fn describe_task_definition(&self, body: &Value) -> Result<Value, AwsError> {
        let definition = self.definition(required(body, "taskDefinition")?).ok_or_else(no_definition)?;
        Ok(json!({"taskDefinition": definition.document}))
    }

    pub(super) fn deregister_task_definition(&mut self, body: &Value) -> Result<Value, AwsError> {
        let (family, revision) = arn::family(required(body, "taskDefinition")?);
        let definition = self.definitions.get_mut(family).and_then(|revisions| revisions.get_mut(&revision?)).ok_or_else(no_definition)?;
        definition.active = false;
        definition.document["status"] = json!("INACTIVE");
        Ok(json!({"taskDefinition": definition.document}))
    }
}

pub(super) fn no_definition() -> AwsError {
    AwsError::client("ClientException", "Unable to describe task definition.")
}

fn document(cluster: &Cluster) -> Value {
    json!({
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
    })
}
