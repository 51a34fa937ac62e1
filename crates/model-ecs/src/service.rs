//! Clusters, task definitions and services, as the model holds them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bucket::Bucket;

/// A cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// One revision of a task definition.
#[derive(Debug, Clone)]
pub struct TaskDefinition {
    /// Its ARN, which ends in `family:revision`.
    pub arn: String,
    /// Its family.
    pub family: String,
    /// Its revision within the family.
    pub revision: u64,
    /// The whole document, as DescribeTaskDefinition gives it.
    pub document: Value,
    pub(crate) cpu_units: u64,
    pub(crate) memory_mib: u64,
    pub(crate) active: bool,
}

impl TaskDefinition {
    /// The container whose end ends the task: the first that is essential.
    pub(crate) fn container(&self) -> &Value {
        let containers = self.document["containerDefinitions"].as_array();
        containers
            .and_then(|all| all.iter().find(|c| c["essential"].as_bool() != Some(false)).or_else(|| all.first()))
            .unwrap_or(&Value::Null)
    }

    pub(crate) fn container_name(&self) -> &str {
        self.container()["name"].as_str().unwrap_or("main")
    }
}

/// A service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The name of its cluster.
    pub cluster: String,
    /// How many tasks are wanted.
    pub desired: usize,
    /// The ARN of the task definition of its newest deployment.
    pub task_definition: String,
    /// `ACTIVE`, `DRAINING` (deleted, with tasks) or `INACTIVE`.
    pub status: &'static str,
    pub(crate) strategy: Vec<Value>,
    pub(crate) launch_type: Option<String>,
    pub(crate) maximum_percent: usize,
    pub(crate) minimum_healthy_percent: usize,
    pub(crate) created_at: u64,
    pub(crate) deployment: u64,
    pub(crate) deployment_id: String,
    pub(crate) network: Value,
    /// Serials of the tasks that are meant to run.
    pub(crate) members: BTreeSet<u64>,
    pub(crate) failures_in_a_row: u32,
    pub(crate) not_before: u64,
    pub(crate) look_at: Option<u64>,
    pub(crate) launches: Bucket,
    pub(crate) notes: Vec<(u64, String)>,
}

impl Service {
    pub(crate) fn key(cluster: &str, name: &str) -> String {
        format!("{cluster}/{name}")
    }
}
