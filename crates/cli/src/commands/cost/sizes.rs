//! How large tasks are, by the revisions of the task definition that they were started from.

use super::sum::Size;
use crate::error::CliError;
use crate::stack::Stack;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::TaskDefinition;
use fargate_runners_core::task::TaskRecord;
use std::collections::BTreeMap;

/// GB of disk that a task has for nothing: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html>.
const STORAGE_FOR_NOTHING: i32 = 20;

/// What has been asked of ECS: each revision once.
pub struct Sizes {
    ecs: aws_sdk_ecs::Client,
    known: BTreeMap<TaskDefinition, Size>,
}

impl Sizes {
    /// None is known yet.
    pub fn new(stack: &Stack) -> Self {
        Self { ecs: aws_sdk_ecs::Client::new(&stack.config), known: BTreeMap::new() }
    }

    /// The task's own; its fleet's where the ledger does not know what it was started from, or where somebody has deleted that revision.
    pub async fn of(&mut self, task: &TaskRecord, fleet: &Fleet) -> Result<Size, CliError> {
        let own = task.task_definition.as_ref().unwrap_or(&fleet.task_definition);
        let size = if let Some(size) = self.known.get(own) {
            *size
        } else {
            let size = match self.ask(own).await {
                Err(_) if *own != fleet.task_definition => self.ask(&fleet.task_definition).await?,
                size => size?,
            };
            self.known.insert(own.clone(), size);
            size
        };
        Ok(Size { spot_share: f64::from(fleet.spot_percent) / 100.0, lease_seconds: fleet.lease.as_secs_f64(), ..size })
    }

    async fn ask(&self, revision: &TaskDefinition) -> Result<Size, CliError> {
        let what = || format!("describing the task definition {revision}");
        let answer = self.ecs.describe_task_definition().task_definition(revision.as_str()).send().await;
        let found = answer.map_err(|error| CliError::call(what(), error))?.task_definition;
        let found = found.ok_or_else(|| CliError::call(what(), "ECS answered without one"))?;
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
        let storage = found.ephemeral_storage().map_or(STORAGE_FOR_NOTHING, aws_sdk_ecs::types::EphemeralStorage::size_in_gib);
        Ok(Size {
            // Fargate's tasks must have both: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html>.
            vcpus: number(found.cpu()).ok_or_else(|| CliError::call(what(), "it has no cpu"))? / 1024.0,
            gigabytes: number(found.memory()).ok_or_else(|| CliError::call(what(), "it has no memory"))? / 1024.0,
            extra_storage: f64::from((storage - STORAGE_FOR_NOTHING).max(0)),
            arm: found.runtime_platform().and_then(|platform| platform.cpu_architecture()).is_some_and(|cpu| cpu.as_str() == "ARM64"),
            spot_share: 0.0,
            lease_seconds: f64::INFINITY,
        })
    }
}
