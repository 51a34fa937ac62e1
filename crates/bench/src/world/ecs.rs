//! ECS: the project's model, with a service in which one task runs.

use fargate_runners_model_ecs::{Command, Config, EcsModel, Report};
use serde_json::{Value, json};

use super::parameters::{CLUSTER, SERVICE, TASK_DEFINITION};

/// The task is this old.
const AGE_MS: u64 = 5 * 60 * 1000;

/// The model's chance: always the same, so that the task's id is too.
const SEED: u64 = 1;

/// An account with its one running task, whose id is given too.
pub(super) fn account(now: u64) -> (EcsModel, String) {
    let mut model = EcsModel::new(Config::default(), SEED);
    model.import_cluster(&json!({"clusterName": "fargate-runners", "clusterArn": CLUSTER}));
    let container = json!({"name": "runner", "image": "ghcr.io/actions/actions-runner:latest", "command": ["bash"]});
    for family in ["default", "burst"] {
        let definition = TASK_DEFINITION.replace("default", family);
        // The model refuses nothing that is in this form.
        let _ = model.import_task_definition(
            &json!({"taskDefinitionArn": definition, "cpu": "1024", "memory": "2048", "containerDefinitions": [container]}),
        );
    }
    let born = now.saturating_sub(AGE_MS);
    model.advance(born);
    let service = CLUSTER.replace(":cluster/", ":service/");
    model.import_service(
        born,
        &json!({"serviceName": SERVICE, "serviceArn": format!("{service}/{SERVICE}"), "clusterArn": CLUSTER,
                "taskDefinition": TASK_DEFINITION, "desiredCount": 1, "launchType": "FARGATE"}),
    );
    while let Some(due) = model.next_due().filter(|due| *due < now) {
        model.advance(due);
        for command in model.take_commands() {
            if let Command::Start { task_id } = command {
                model.report(due, &Report::Started { task_id });
            }
        }
        model.take_events();
    }
    model.advance(now);
    let task = task_id(&model);
    (model, task)
}

/// The id of the running task.
pub(super) fn task_id(model: &EcsModel) -> String {
    model.tasks().next().map(|task| task.id.clone()).unwrap_or_default()
}

/// Protects it, as `register` had done before it had its runner.
pub(super) fn protect(model: &mut EcsModel, now: u64, task: &str) {
    let request = json!({"cluster": CLUSTER, "tasks": [task], "protectionEnabled": true, "expiresInMinutes": 2880});
    // Refused, it would show in the calls of whoever asks for it again.
    let _ = model.handle(now, "UpdateTaskProtection", &request);
}

pub(super) fn answer(model: &mut EcsModel, now: u64, action: &str, body: &Value) -> Result<Value, Value> {
    model.handle(now, action, body).map_err(|error| json!({"__type": error.kind, "message": error.message}))
}
