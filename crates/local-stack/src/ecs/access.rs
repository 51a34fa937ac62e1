//! Whether a caller may do what it asks: the permissions that a call needs on AWS, by action and resource.

use axum::http::{HeaderMap, header};
use fargate_runners_model_ecs::EcsModel;
use serde_json::Value;

use super::Shared;
use super::policy::Need;
use super::side::{AwsSide, Denial};

/// Headers that belong to one connection and are not passed on.
const OF_THE_CONNECTION: [header::HeaderName; 4] = [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT];

/// Why this call is refused, if it is.
pub(super) async fn denied<A: AwsSide>(
    shared: &Shared<A>,
    headers: &HeaderMap,
    body: &[u8],
    action: &str,
    request: &Value,
) -> Option<Denial> {
    if !shared.config.enforce_access {
        return None;
    }
    if !headers.contains_key(header::AUTHORIZATION) {
        let message = "Missing Authentication Token".to_owned();
        return Some(Denial { status: 400, kind: "MissingAuthenticationTokenException".to_owned(), message });
    }
    let mut headers = headers.clone();
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    let needs = needs(&shared.model(), action, request);
    shared.aws.authorize(headers, body.to_vec(), needs).await
}

/// The service authorization reference, for the actions that the model has. Of a list of tasks or services the first stands for all.
fn needs(model: &EcsModel, action: &str, request: &Value) -> Vec<Need> {
    let named = request["cluster"].as_str().unwrap_or("default");
    let Some(cluster) = model.cluster_arn(named).map(str::to_owned) else { return Vec::new() };
    let of_cluster = |kind: &str, name: &str| {
        let short = name.rsplit('/').next().unwrap_or(name);
        format!("{}/{short}", cluster.replacen(":cluster/", &format!(":{kind}/"), 1))
    };
    let first = |list: &str, single: &str| request[list][0].as_str().or_else(|| request[single].as_str()).unwrap_or("*").to_owned();
    let definition = model.task_definition(request["taskDefinition"].as_str().unwrap_or_default());
    let resource = match action {
        "UpdateService" | "CreateService" | "DeleteService" | "DescribeServices" => of_cluster("service", &first("services", "service")),
        "DescribeTasks" | "StopTask" | "UpdateTaskProtection" | "GetTaskProtection" => of_cluster("task", &first("tasks", "task")),
        "RunTask" => definition.map_or_else(|| "*".to_owned(), |definition| definition.arn.clone()),
        "DescribeClusters" => cluster.clone(),
        _ => "*".to_owned(),
    };
    let mut needs = vec![Need { action: format!("ecs:{action}"), resource, context: vec![("ecs:cluster".to_owned(), cluster.clone())] }];
    if let Some(definition) = definition.filter(|_| matches!(action, "RunTask" | "CreateService")) {
        let document = &definition.document;
        let overrides = &request["overrides"];
        for role in
            ["taskRoleArn", "executionRoleArn"].iter().filter_map(|field| overrides[*field].as_str().or_else(|| document[*field].as_str()))
        {
            let context = vec![("iam:PassedToService".to_owned(), "ecs-tasks.amazonaws.com".to_owned())];
            needs.push(Need { action: "iam:PassRole".to_owned(), resource: role.to_owned(), context });
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use fargate_runners_model_ecs::Config;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_resource_that_aws_checks() {
        let mut model = EcsModel::new(Config::default(), 1);
        let cluster = "arn:aws:ecs:r:1:cluster/c";
        model.import_cluster(&json!({"clusterName": "c", "clusterArn": cluster}));
        let definition = "arn:aws:ecs:r:1:task-definition/f:1";
        model.import_task_definition(&json!({"taskDefinitionArn": definition, "taskRoleArn": "role"})).unwrap();
        let ask = |action: &str, request: Value| needs(&model, action, &request);
        assert_eq!(ask("UpdateService", json!({"cluster": cluster, "service": "s"}))[0].resource, "arn:aws:ecs:r:1:service/c/s");
        assert_eq!(ask("DescribeTasks", json!({"cluster": "c", "tasks": ["x/c/t"]}))[0].resource, "arn:aws:ecs:r:1:task/c/t");
        let run = ask("RunTask", json!({"cluster": "c", "taskDefinition": definition}));
        assert_eq!((run[0].resource.as_str(), run[1].action.as_str(), run[1].resource.as_str()), (definition, "iam:PassRole", "role"));
        assert_eq!(ask("ListTasks", json!({"cluster": "c"}))[0].resource, "*");
    }
}
