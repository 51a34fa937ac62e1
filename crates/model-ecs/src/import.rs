//! Takes over what somebody else created: clusters, task definitions and services, as Describe* shows them. Idempotent.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::arn;
use crate::bucket::Bucket;
use crate::config::Rate;
use crate::error::AwsError;
use crate::fargate;
use crate::model::EcsModel;
use crate::service::{Cluster, Service, TaskDefinition};

const SECONDS_PER_MINUTE: u64 = 60;

impl EcsModel {
    /// Takes over a cluster.
    pub fn import_cluster(&mut self, cluster: &Value) {
        if let (Some(name), Some(arn)) = (cluster["clusterName"].as_str(), cluster["clusterArn"].as_str()) {
            self.clusters.entry(name.to_owned()).or_insert_with(|| Cluster { name: name.to_owned(), arn: arn.to_owned() });
        }
    }

    /// Takes over a task definition, under its own revision.
    pub fn import_task_definition(&mut self, document: &Value) -> Result<(), AwsError> {
        let arn = document["taskDefinitionArn"].as_str().ok_or_else(|| AwsError::parameter("taskDefinitionArn is missing"))?;
        let (family, revision) = arn::family(arn);
        let revision = revision.ok_or_else(|| AwsError::parameter("taskDefinitionArn has no revision"))?;
        let (family, arn) = (family.to_owned(), arn.to_owned());
        self.put_definition(TaskDefinition {
            arn,
            family,
            revision,
            document: document.clone(),
            cpu_units: fargate::cpu_units(&document["cpu"]).unwrap_or(1_024),
            memory_mib: fargate::memory_mib(&document["memory"]).unwrap_or(2_048),
            active: document["status"].as_str() != Some("INACTIVE"),
        });
        Ok(())
    }

    /// Takes over a service with its desired count, unless there is or was one of that name: what was deleted here stays deleted.
    pub fn import_service(&mut self, now: u64, document: &Value) {
        self.advance(now);
        let (Some(name), Some(arn)) = (document["serviceName"].as_str(), document["serviceArn"].as_str()) else { return };
        let cluster = arn::short(document["clusterArn"].as_str().unwrap_or("default"));
        if !self.has_service(cluster, name) {
            self.put_service(document, cluster, name, arn.to_owned());
        }
    }

    /// Whether this cluster (name or ARN) is known.
    #[must_use]
    pub fn has_cluster(&self, name_or_arn: &str) -> bool {
        self.clusters.contains_key(arn::short(name_or_arn))
    }

    /// Whether this task definition (family, family:revision or ARN) is known.
    #[must_use]
    pub fn has_task_definition(&self, name_or_arn: &str) -> bool {
        self.definition(name_or_arn).is_some()
    }

    /// The ARN of a cluster (name or ARN).
    #[must_use]
    pub fn cluster_arn(&self, name_or_arn: &str) -> Option<&str> {
        self.clusters.get(arn::short(name_or_arn)).map(|cluster| cluster.arn.as_str())
    }

    /// A task definition (family, family:revision or ARN).
    #[must_use]
    pub fn task_definition(&self, name_or_arn: &str) -> Option<&TaskDefinition> {
        self.definition(name_or_arn)
    }

    /// Whether this service (name or ARN) of this cluster (name or ARN) is known.
    #[must_use]
    pub fn has_service(&self, cluster: &str, name_or_arn: &str) -> bool {
        self.services.contains_key(&Service::key(arn::short(cluster), arn::short(name_or_arn)))
    }

    pub(crate) fn put_definition(&mut self, definition: TaskDefinition) {
        self.definitions.entry(definition.family.clone()).or_default().entry(definition.revision).or_insert(definition);
    }

    /// Makes a service of a document in the spelling that CreateService and DescribeServices share.
    pub(crate) fn put_service(&mut self, document: &Value, cluster: &str, name: &str, arn: String) {
        let configuration = &document["deploymentConfiguration"];
        let deployment = self.next_serial();
        let service = Service {
            name: name.to_owned(),
            arn,
            cluster: cluster.to_owned(),
            desired: number(&document["desiredCount"]).unwrap_or(1),
            task_definition: self
                .definition(document["taskDefinition"].as_str().unwrap_or_default())
                .map_or_else(|| document["taskDefinition"].as_str().unwrap_or_default().to_owned(), |definition| definition.arn.clone()),
            status: "ACTIVE",
            strategy: strategy(&document["capacityProviderStrategy"]),
            launch_type: document["launchType"]
                .as_str()
                .filter(|_| document["capacityProviderStrategy"].as_array().is_none_or(Vec::is_empty))
                .map(str::to_owned),
            maximum_percent: number(&configuration["maximumPercent"]).unwrap_or(200),
            minimum_healthy_percent: number(&configuration["minimumHealthyPercent"]).unwrap_or(100),
            created_at: self.now,
            deployment,
            deployment_id: format!("ecs-svc/{}", self.random.next()),
            network: document["networkConfiguration"].clone(),
            members: BTreeSet::new(),
            failures_in_a_row: 0,
            not_before: 0,
            look_at: None,
            launches: Bucket::new(Rate {
                burst: self.config.limits.service_launches_per_minute.div_ceil(SECONDS_PER_MINUTE).max(1) * 5,
                per_second: self.config.limits.service_launches_per_minute.div_ceil(SECONDS_PER_MINUTE).max(1),
            }),
            notes: Vec::new(),
        };
        let key = Service::key(cluster, name);
        self.services.insert(key.clone(), service);
        self.look_soon(&key);
    }
}

/// A whole number, also one that CloudFormation left as text.
pub(crate) fn number(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_u64().and_then(|number| usize::try_from(number).ok()),
    }
}

/// A capacity provider strategy whose numbers are numbers.
fn strategy(value: &Value) -> Vec<Value> {
    let whole = |mut item: Value| {
        for field in ["weight", "base"] {
            if let Some(count) = number(&item[field]) {
                item[field] = Value::from(count);
            }
        }
        item
    };
    value.as_array().into_iter().flatten().cloned().map(whole).collect()
}
