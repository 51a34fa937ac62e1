//! Services: create, change the desired count or the task definition, describe, list, delete.

use serde_json::{Value, json};

use super::clusters::no_definition;
use super::{listed, missing, page, required, strings};
use crate::arn;
use crate::error::AwsError;
use crate::import::number;
use crate::model::EcsModel;
use crate::scheduler::notes;
use crate::service::Service;
use crate::task::{Status, StopCode};
use crate::time;

/// A service has at most this many tasks.
const MOST_TASKS: usize = 5_000;
/// DescribeServices takes at most this many.
const MOST_DESCRIBED: usize = 10;
/// ListServices shows at most this many a page.
const MOST_LISTED: usize = 100;

impl EcsModel {
    pub(super) fn create_service(&mut self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let name = required(body, "serviceName")?.to_owned();
        let key = Service::key(&cluster, &name);
        if self.services.get(&key).is_some_and(|service| service.status != "INACTIVE") {
            return Err(AwsError::parameter("Creation of service was not idempotent."));
        }
        self.definition(required(body, "taskDefinition")?).ok_or_else(no_definition)?;
        check_desired(body)?;
        let cluster_arn = self.clusters.get(&cluster).map(|c| c.arn.clone()).unwrap_or_default();
        let arn = format!("{}:service/{cluster}/{name}", arn::prefix(&cluster_arn));
        self.put_service(body, &cluster, &name, arn);
        Ok(json!({"service": self.services.get(&key).map(|service| self.service_document(service))}))
    }

    pub(super) fn update_service(&mut self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let key = Service::key(&cluster, arn::short(required(body, "service")?));
        check_desired(body)?;
        let definition = match body["taskDefinition"].as_str() {
            Some(name) => Some(self.definition(name).ok_or_else(no_definition)?.arn.clone()),
            None => None,
        };
        let now = self.now;
        let (deployment, deployment_id) = (self.next_serial(), format!("ecs-svc/{}", self.random.next()));
        let service = self.services.get_mut(&key).ok_or_else(no_service)?;
        if service.status != "ACTIVE" {
            return Err(AwsError::client("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        if let Some(desired) = number(&body["desiredCount"]) {
            service.desired = desired;
        }
        let configuration = &body["deploymentConfiguration"];
        service.maximum_percent = number(&configuration["maximumPercent"]).unwrap_or(service.maximum_percent);
        service.minimum_healthy_percent = number(&configuration["minimumHealthyPercent"]).unwrap_or(service.minimum_healthy_percent);
        let new_strategy = body["capacityProviderStrategy"].as_array();
        let redeploys = body["forceNewDeployment"].as_bool() == Some(true)
            || definition.as_ref().is_some_and(|arn| *arn != service.task_definition)
            || new_strategy.is_some_and(|strategy| *strategy != service.strategy);
        if redeploys {
            if let Some(strategy) = new_strategy {
                service.strategy.clone_from(strategy);
                service.launch_type = None;
            }
            service.task_definition = definition.unwrap_or_else(|| service.task_definition.clone());
            service.deployment = deployment;
            service.deployment_id = deployment_id;
            service.failures_in_a_row = 0;
            service.not_before = now;
        }
        self.look_soon(&key);
        Ok(json!({"service": self.services.get(&key).map(|service| self.service_document(service))}))
    }

    pub(super) fn describe_services(&self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let asked = strings(body, "services");
        if asked.is_empty() || asked.len() > MOST_DESCRIBED {
            return Err(AwsError::parameter("services must have between 1 and 10 elements."));
        }
        let (mut services, mut failures) = (Vec::new(), Vec::new());
        for name in asked {
            match self.services.get(&Service::key(&cluster, arn::short(name))) {
                Some(service) => services.push(self.service_document(service)),
                None => failures.push(missing(name)),
            }
        }
        Ok(json!({"services": services, "failures": failures}))
    }

    pub(super) fn list_services(&self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let all = self.services.iter().filter(|(_, service)| service.cluster == cluster && service.status != "INACTIVE");
        Ok(listed("serviceArns", page(body, MOST_LISTED, all.map(|(key, service)| (key.clone(), service.arn.as_str())))))
    }

    pub(super) fn delete_service(&mut self, body: &Value) -> Result<Value, AwsError> {
        let cluster = self.cluster_of(body)?;
        let key = Service::key(&cluster, arn::short(required(body, "service")?));
        let force = body["force"].as_bool() == Some(true);
        let service = self.services.get_mut(&key).ok_or_else(no_service)?;
        if service.status != "ACTIVE" {
            return Err(AwsError::client("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        if service.desired > 0 && !force {
            return Err(AwsError::parameter("The service cannot be stopped while it is scaled above 0."));
        }
        service.desired = 0;
        service.status = "DRAINING";
        let members: Vec<u64> = if force { service.members.iter().copied().collect() } else { Vec::new() };
        for serial in members {
            self.stop(serial, StopCode::ServiceSchedulerInitiated, "Service deleted");
        }
        self.look_soon(&key);
        Ok(json!({"service": self.services.get(&key).map(|service| self.service_document(service))}))
    }

    fn service_document(&self, service: &Service) -> Value {
        let of_it = |deployment: Option<u64>| {
            let tasks = service.members.iter().filter_map(|serial| self.tasks.get(serial));
            tasks.filter(move |task| deployment.is_none_or(|wanted| task.deployment == wanted))
        };
        let running = |deployment| of_it(deployment).filter(|task| task.last_status == Status::Running).count();
        let pending = |deployment| of_it(deployment).filter(|task| task.last_status < Status::Running).count();
        let old = of_it(None).filter(|task| task.deployment != service.deployment).count();
        let mut deployments = vec![json!({
            "id": service.deployment_id, "status": "PRIMARY", "taskDefinition": service.task_definition,
            "desiredCount": service.desired, "runningCount": running(Some(service.deployment)), "pendingCount": pending(Some(service.deployment)),
            "failedTasks": service.failures_in_a_row,
            "rolloutState": if old == 0 && running(Some(service.deployment)) == service.desired { "COMPLETED" } else { "IN_PROGRESS" },
        })];
        if old > 0 {
            deployments.push(json!({"status": "ACTIVE", "desiredCount": 0, "runningCount": old, "pendingCount": 0}));
        }
        let mut document = json!({
            "serviceArn": service.arn, "serviceName": service.name, "status": service.status,
            "clusterArn": self.clusters.get(&service.cluster).map(|cluster| cluster.arn.as_str()),
            "desiredCount": service.desired, "runningCount": running(None), "pendingCount": pending(None),
            "taskDefinition": service.task_definition, "deployments": deployments, "events": notes(service),
            "createdAt": time::number(service.created_at), "schedulingStrategy": "REPLICA", "platformVersion": "LATEST",
            "deploymentConfiguration": {
                "maximumPercent": service.maximum_percent, "minimumHealthyPercent": service.minimum_healthy_percent
            },
            "capacityProviderStrategy": service.strategy, "availabilityZoneRebalancing": "DISABLED",
        });
        if let Some(launch_type) = &service.launch_type {
            document["launchType"] = json!(launch_type);
        }
        if service.network.is_object() {
            document["networkConfiguration"] = service.network.clone();
        }
        document
    }
}

fn check_desired(body: &Value) -> Result<(), AwsError> {
    let desired = &body["desiredCount"];
    if desired.is_null() || number(desired).is_some_and(|count| count <= MOST_TASKS) {
        Ok(())
    } else {
        Err(AwsError::parameter("desiredCount must be between 0 and 5000."))
    }
}

fn no_service() -> AwsError {
    AwsError::client("ServiceNotFoundException", "Service not found.")
}
