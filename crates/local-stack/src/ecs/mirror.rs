//! Copies what the deploy created in the emulator's own ECS: everything at the start, and later what a request names and the model does not know.

use serde_json::{Value, json};

use super::side::AwsSide;
use super::{Shared, now_ms};
use crate::aws::Error;

/// Services that one call describes.
const SERVICES_A_CALL: usize = 10;

/// Copies all clusters, services and the task definitions of the services.
pub(super) async fn copy_all<A: AwsSide>(shared: &Shared<A>) {
    if let Err(error) = try_all(shared).await {
        shared.config.problem(format!("what was deployed could not be copied: {error}"));
    }
}

async fn try_all<A: AwsSide>(shared: &Shared<A>) -> Result<(), Error> {
    let listed = shared.aws.deployed("ListClusters", json!({})).await?;
    for cluster in strings(&listed["clusterArns"]) {
        copy_cluster(shared, &cluster).await?;
        let mut token = Value::Null;
        loop {
            let mut body = json!({"cluster": cluster});
            if token.is_string() {
                body["nextToken"] = token;
            }
            let services = shared.aws.deployed("ListServices", body).await?;
            for names in strings(&services["serviceArns"]).chunks(SERVICES_A_CALL) {
                copy_services(shared, &cluster, names).await?;
            }
            token = services["nextToken"].clone();
            if !token.is_string() {
                break;
            }
        }
    }
    Ok(())
}

/// Copies what this request names, if the model does not know it. What the emulator does not know either is left for the model to refuse.
pub(super) async fn copy_for<A: AwsSide>(shared: &Shared<A>, action: &str, request: &Value) {
    if action.starts_with("Create") || action.starts_with("Register") {
        return;
    }
    if let Err(error) = try_for(shared, request).await {
        shared.config.problem(format!("what {action} names could not be copied: {error}"));
    }
}

async fn try_for<A: AwsSide>(shared: &Shared<A>, request: &Value) -> Result<(), Error> {
    let cluster = request["cluster"].as_str().unwrap_or("default");
    if request["cluster"].is_string() && !shared.model().has_cluster(cluster) {
        copy_cluster(shared, cluster).await?;
    }
    if let Some(name) = request["taskDefinition"].as_str() {
        copy_definition(shared, name).await?;
    }
    let mut names = strings(&request["services"]);
    names.extend(["service", "serviceName"].iter().filter_map(|field| request[*field].as_str()).map(str::to_owned));
    names.retain(|name| !shared.model().has_service(cluster, name));
    if names.is_empty() { Ok(()) } else { copy_services(shared, cluster, &names).await }
}

async fn copy_cluster<A: AwsSide>(shared: &Shared<A>, cluster: &str) -> Result<(), Error> {
    let answer = shared.aws.deployed("DescribeClusters", json!({"clusters": [cluster]})).await?;
    for cluster in answer["clusters"].as_array().into_iter().flatten() {
        shared.model().import_cluster(cluster);
    }
    Ok(())
}

async fn copy_services<A: AwsSide>(shared: &Shared<A>, cluster: &str, names: &[String]) -> Result<(), Error> {
    let answer = shared.aws.deployed("DescribeServices", json!({"cluster": cluster, "services": names})).await?;
    for service in answer["services"].as_array().into_iter().flatten() {
        if service["status"].as_str() == Some("INACTIVE") {
            continue;
        }
        if let Some(definition) = service["taskDefinition"].as_str() {
            copy_definition(shared, definition).await?;
        }
        shared.model().import_service(now_ms(), service);
        shared.changed.notify_one();
    }
    Ok(())
}

async fn copy_definition<A: AwsSide>(shared: &Shared<A>, name: &str) -> Result<(), Error> {
    if shared.model().has_task_definition(name) {
        return Ok(());
    }
    let answer = match shared.aws.deployed("DescribeTaskDefinition", json!({"taskDefinition": name})).await {
        Err(Error::Refused { status: 400..=499, .. }) => return Ok(()),
        answer => answer?,
    };
    if let Err(error) = shared.model().import_task_definition(&answer["taskDefinition"]) {
        shared.config.problem(format!("the task definition {name} could not be copied: {error}"));
    }
    Ok(())
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
