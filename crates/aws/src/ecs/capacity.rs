//! How many tasks there are to be: the desired count of a service, and tasks started one by one.

use super::{Ecs, reason, unusable};
use crate::error::port_error;
use crate::limits::STARTED_BY;
use aws_sdk_ecs::operation::run_task::builders::RunTaskFluentBuilder;
use aws_sdk_ecs::operation::update_service::UpdateServiceError;
use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, NetworkConfiguration, PropagateTags};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{ServiceName, TaskId};
use fargate_runners_core::state::Launch;
use fargate_runners_use_cases::ports::{Capacity, Launched, PortError, Wanted};

impl Capacity for Ecs {
    async fn want(&self, fleet: &Fleet, service: &ServiceName, count: u32) -> Result<Wanted, PortError> {
        let what = || format!("setting the desired count of service {service} to {count}");
        let desired = i32::try_from(count).map_err(|error| unusable(fleet, &what(), error))?;
        let call = self.aws.ecs().update_service().cluster(&fleet.cluster).service(service.as_str()).desired_count(desired);
        match call.send().await {
            Ok(_) => Ok(Wanted::Accepted),
            Err(error) if error.as_service_error().is_some_and(is_no_service) => Ok(Wanted::NoSuchService),
            Err(error) => Err(port_error(what(), error)),
        }
    }

    async fn launch(&self, fleet: &Fleet, launch: &Launch) -> Result<Launched, PortError> {
        let answer = self.run_task(fleet, launch)?.send().await;
        let answer = answer.map_err(|error| port_error(format!("starting {} tasks for fleet {}", launch.count, fleet.name), error))?;
        let ids = answer.tasks().iter().filter_map(|task| task.task_arn()).map(TaskId::from_arn);
        Ok(Launched {
            tasks: ids.collect::<Result<_, _>>().map_err(|error| unusable(fleet, "reading the ids of started tasks", error))?,
            failures: answer.failures().iter().map(reason).collect(),
        })
    }

    async fn unprotect(&self, fleet: &Fleet, tasks: &[TaskId]) -> Result<(), PortError> {
        self.take_protection(fleet, tasks).await
    }
}

impl Ecs {
    fn run_task(&self, fleet: &Fleet, launch: &Launch) -> Result<RunTaskFluentBuilder, PortError> {
        let what = "starting tasks";
        let network = AwsVpcConfiguration::builder()
            .set_subnets(Some(fleet.subnets.clone()))
            .set_security_groups(Some(fleet.security_groups.clone()).filter(|groups| !groups.is_empty()))
            .assign_public_ip(AssignPublicIp::Enabled)
            .build()
            .map_err(|error| unusable(fleet, what, error))?;
        let started_by: String = format!("{}/{}", self.stack_name, fleet.name).chars().take(STARTED_BY).collect();
        let count = i32::try_from(launch.count).map_err(|error| unusable(fleet, what, error))?;
        Ok(self
            .aws
            .ecs()
            .run_task()
            .cluster(&fleet.cluster)
            .task_definition(launch.task_definition.as_str())
            .count(count)
            .client_token(&launch.token)
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
            .set_capacity_provider_strategy(Some(strategy(fleet)?))
            .started_by(started_by)
            .enable_ecs_managed_tags(true)
            .propagate_tags(PropagateTags::TaskDefinition))
    }
}

/// Whether ECS has no service of that name, or one that is being deleted.
fn is_no_service(error: &UpdateServiceError) -> bool {
    error.is_service_not_found_exception() || error.is_service_not_active_exception()
}

/// How the tasks are shared out among Spot and what is not interrupted.
fn strategy(fleet: &Fleet) -> Result<Vec<CapacityProviderStrategyItem>, PortError> {
    let spot = fleet.spot_percent.min(100);
    let shares = [("FARGATE_SPOT", spot), ("FARGATE", 100 - spot)];
    let items = shares.into_iter().filter(|(_, weight)| *weight > 0).map(|(provider, weight)| {
        let weight = i32::try_from(weight).unwrap_or_default();
        CapacityProviderStrategyItem::builder().capacity_provider(provider).weight(weight).build()
    });
    items.collect::<Result<_, _>>().map_err(|error| unusable(fleet, "starting tasks", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answers, fleet, task};
    use fargate_runners_core::time::Timestamp;
    use fargate_runners_use_cases::ports::Retry;
    use serde_json::json;

    fn launch(fleet: &Fleet) -> Launch {
        Launch { token: "token-1".to_owned(), count: 3, task_definition: fleet.task_definition.clone(), at: Timestamp::from_secs(0) }
    }

    #[tokio::test]
    async fn a_desired_count_is_asked_for_by_service_and_cluster() {
        let (answers, aws) = Answers::of([(200, json!({}))]);
        let fleet = fleet(&[]);
        Ecs::new(&aws, "runners").want(&fleet, fleet.service().unwrap(), 7).await.unwrap();
        let expected = json!({"cluster": fleet.cluster, "service": "runners-default-3", "desiredCount": 7});
        assert_eq!(answers.requests(), [expected]);
    }

    #[tokio::test]
    async fn a_launch_names_its_token_its_network_and_its_shares_of_spot() {
        for (spot, strategy) in [
            (0, json!([{"capacityProvider": "FARGATE", "weight": 100, "base": 0}])),
            (100, json!([{"capacityProvider": "FARGATE_SPOT", "weight": 100, "base": 0}])),
            (
                70,
                json!([{"capacityProvider": "FARGATE_SPOT", "weight": 70, "base": 0}, {"capacityProvider": "FARGATE", "weight": 30, "base": 0}]),
            ),
        ] {
            let arn = format!("arn:aws:ecs:eu-west-1:111122223333:task/runners/{}", task(1));
            let body = json!({"tasks": [{"taskArn": arn}], "failures": [{"reason": "RESOURCE:MEMORY", "detail": "none left"}]});
            let (answers, aws) = Answers::of([(200, body)]);
            let fleet = fleet(&[("spot_percent", json!(spot)), ("launch_mode", json!("tasks"))]);
            let launched = Ecs::new(&aws, "runners").launch(&fleet, &launch(&fleet)).await.unwrap();
            assert_eq!(launched, Launched { tasks: vec![task(1)], failures: vec!["RESOURCE:MEMORY: none left".to_owned()] });
            let request = &answers.requests()[0];
            assert_eq!(request["capacityProviderStrategy"], strategy);
            assert_eq!(request["clientToken"], "token-1");
            assert_eq!(request["count"], 3);
            assert_eq!(request["startedBy"], "runners/default");
            let network = json!({"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"});
            assert_eq!(request["networkConfiguration"]["awsvpcConfiguration"], network);
        }
    }

    #[tokio::test]
    async fn a_service_that_is_gone_is_no_failure() {
        for code in ["ServiceNotFoundException", "ServiceNotActiveException"] {
            let (_, aws) = Answers::of([(400, json!({"__type": code, "message": "says why"}))]);
            let fleet = fleet(&[]);
            let wanted = Ecs::new(&aws, "runners").want(&fleet, fleet.service().unwrap(), 7).await;
            assert_eq!(wanted.ok(), Some(Wanted::NoSuchService), "{code}");
        }
    }

    #[tokio::test]
    async fn a_throttled_call_is_told_from_one_that_broke_and_from_one_that_is_wrong() {
        for (status, code, retry, attempts) in [
            (400, "ThrottlingException", Retry::Throttled, 3),
            (500, "ServerException", Retry::UnknownEffect, 3),
            (400, "InvalidParameterException", Retry::Never, 1),
        ] {
            let (answers, aws) = Answers::of(std::iter::repeat_n((status, json!({"__type": code, "message": "says why"})), attempts));
            let fleet = fleet(&[]);
            let error = Ecs::new(&aws, "runners").want(&fleet, fleet.service().unwrap(), 7).await.unwrap_err();
            assert_eq!(error.retry, retry, "{code}");
            let said = fargate_runners_use_cases::ports::chain(&error);
            assert_eq!(said, format!("setting the desired count of service runners-default-3 to 7 failed: {code}: says why"));
            assert_eq!(answers.requests().len(), attempts, "{code}");
        }
    }
}
