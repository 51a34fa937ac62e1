//! The services of a fleet, one for each revision of its task definition, named `FAMILY-REVISION`.

use super::{Ecs, MISSING, reason, unusable};
use crate::error::port_error;
use crate::limits::{DESCRIBE_SERVICES, LIST_SERVICES, SERVICE_PAGES};
use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::Service;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{ServiceName, TaskDefinition};
use fargate_runners_use_cases::ports::{PortError, Retry, SeenService};

/// The status of a service that was not deleted.
const ACTIVE: &str = "ACTIVE";

/// What ECS answers to a deletion of a service that was deleted. (The SDK's model of this call lacks the second.)
const GONE: [&str; 2] = ["ServiceNotFoundException", "ServiceNotActiveException"];

/// By these an event of a service tells that its tasks find no place, or that ECS may not start them.
const NO_PLACE: [&str; 2] = ["unable to place", "failed to launch a task"];

impl Ecs {
    pub(super) async fn seen_services(&self, fleet: &Fleet) -> Result<Vec<SeenService>, PortError> {
        let names = self.service_names(fleet).await?;
        let what = || format!("describing the services of fleet {}", fleet.name);
        let mut seen = Vec::with_capacity(names.len());
        for some in names.chunks(DESCRIBE_SERVICES) {
            let call = self.aws.ecs().describe_services().cluster(&fleet.cluster).set_services(Some(some.to_vec()));
            let answer = call.send().await.map_err(|error| port_error(what(), error))?;
            if let Some(failure) = answer.failures().iter().find(|failure| failure.reason() != Some(MISSING)) {
                return Err(PortError::new(what(), Retry::Never, reason(failure)));
            }
            for service in answer.services().iter().filter(|service| service.status() == Some(ACTIVE) && is_of(service, fleet)) {
                seen.push(seen_service(fleet, &what(), service)?);
            }
        }
        Ok(seen)
    }

    async fn service_names(&self, fleet: &Fleet) -> Result<Vec<String>, PortError> {
        let what = || format!("listing the services of fleet {}", fleet.name);
        let (mut names, mut from) = (Vec::new(), None);
        for _ in 0..SERVICE_PAGES {
            let call = self.aws.ecs().list_services().cluster(&fleet.cluster).max_results(LIST_SERVICES).set_next_token(from);
            let answer = call.send().await.map_err(|error| port_error(what(), error))?;
            let listed = answer.service_arns().iter().filter_map(|arn| arn.rsplit('/').next());
            names.extend(listed.filter(|name| is_named_for(name, fleet)).map(str::to_owned));
            from = answer.next_token.filter(|token| !token.is_empty());
            if from.is_none() {
                return Ok(names);
            }
        }
        Err(PortError::new(what(), Retry::Never, format!("there are more than {SERVICE_PAGES} pages of them")))
    }

    pub(super) async fn delete_empty_service(&self, fleet: &Fleet, service: &ServiceName) -> Result<(), PortError> {
        let call = self.aws.ecs().delete_service().cluster(&fleet.cluster).service(service.as_str()).force(false);
        match call.send().await {
            Err(error) if error.code().is_some_and(|code| GONE.contains(&code)) => Ok(()),
            deleted => deleted.map(drop).map_err(|error| port_error(format!("deleting service {service}"), error)),
        }
    }
}

/// Whether the name is the family's with a revision. The services of fleet `a-b` are not those of fleet `a`: `b-3` is no revision.
fn is_named_for(name: &str, fleet: &Fleet) -> bool {
    let revision = name.strip_prefix(fleet.task_definition.family()).and_then(|rest| rest.strip_prefix('-'));
    revision.is_some_and(|revision| !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether its tasks are the fleet's.
fn is_of(service: &Service, fleet: &Fleet) -> bool {
    let definition = service.task_definition().and_then(|arn| TaskDefinition::parse(arn).ok());
    definition.is_some_and(|definition| definition.family() == fleet.task_definition.family())
}

fn seen_service(fleet: &Fleet, what: &str, service: &Service) -> Result<SeenService, PortError> {
    let count = |count: i32| u32::try_from(count).unwrap_or_default();
    Ok(SeenService {
        name: ServiceName::parse(service.service_name().unwrap_or_default()).map_err(|error| unusable(fleet, what, error))?,
        desired: count(service.desired_count()),
        tasks: count(service.running_count()) + count(service.pending_count()),
        trouble: trouble(service),
    })
}

fn trouble(service: &Service) -> Option<String> {
    // ECS tells the newest first; of two at the same time that is the one to take.
    let newest = service.events().iter().rev().max_by_key(|event| event.created_at().map(|at| (at.secs(), at.subsec_nanos())));
    newest.and_then(|event| event.message()).filter(|message| NO_PLACE.iter().any(|words| message.contains(words))).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answers, fleet};
    use fargate_runners_use_cases::ports::Survey;
    use serde_json::{Value, json};

    fn arn(name: &str) -> String {
        format!("arn:aws:ecs:eu-west-1:111122223333:service/runners/{name}")
    }

    fn service(revision: u32, changes: &[(&str, Value)]) -> Value {
        let definition = format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:{revision}");
        let mut value = json!({
            "serviceName": format!("runners-default-{revision}"), "status": "ACTIVE", "taskDefinition": definition,
            "desiredCount": 3, "runningCount": 1, "pendingCount": 1, "events": []
        });
        for (field, change) in changes {
            value[*field] = change.clone();
        }
        value
    }

    async fn seen(services: Vec<Value>) -> Vec<SeenService> {
        let listed = json!({"serviceArns": [arn("runners-default-3")]});
        let (_, aws) = Answers::of([(200, listed), (200, json!({"services": services, "failures": []}))]);
        Ecs::new(&aws, "runners").services(&fleet(&[])).await.unwrap()
    }

    #[tokio::test]
    async fn only_services_that_are_named_for_the_fleet_are_described_ten_at_a_time() {
        let own: Vec<String> = (1..=11).map(|revision| format!("runners-default-{revision}")).collect();
        let others = ["runners-default-b-3", "runners-default-", "runners-default2-3", "runners-3", "other"].map(arn);
        let listed: Vec<String> = own[..5].iter().map(|name| arn(name)).chain(others).collect();
        let rest: Vec<String> = own[5..].iter().map(|name| arn(name)).collect();
        let (answers, aws) = Answers::of([
            (200, json!({"serviceArns": listed, "nextToken": "more"})),
            (200, json!({"serviceArns": rest})),
            (200, json!({"services": [service(1, &[])], "failures": [{"arn": arn("runners-default-2"), "reason": "MISSING"}]})),
            (200, json!({"services": [], "failures": []})),
        ]);
        let services = Ecs::new(&aws, "runners").services(&fleet(&[])).await.unwrap();
        let name = ServiceName::parse("runners-default-1").unwrap();
        assert_eq!(services, [SeenService { name, desired: 3, tasks: 2, trouble: None }]);
        let requests = answers.requests();
        assert_eq!((&requests[1]["nextToken"], &requests[1]["maxResults"]), (&json!("more"), &json!(100)));
        assert_eq!((&requests[2]["services"], &requests[3]["services"]), (&json!(own[..10]), &json!(own[10..])));
    }

    #[tokio::test]
    async fn a_service_that_is_deleted_or_of_another_family_is_left_out() {
        let other = "arn:aws:ecs:eu-west-1:111122223333:task-definition/other:1";
        for change in [("status", json!("DRAINING")), ("status", json!("INACTIVE")), ("taskDefinition", json!(other))] {
            assert_eq!(seen(vec![service(3, &[change])]).await, []);
        }
    }

    #[tokio::test]
    async fn a_service_is_in_trouble_while_its_newest_event_says_that_it_finds_no_place() {
        let trouble = "(service runners-default-3) was unable to place a task. Reason: Capacity is unavailable at this time.";
        let event = |at: u32, message: &str| json!({"createdAt": at, "message": message});
        let steady = "(service runners-default-3) has reached a steady state.";
        for (events, expected) in [
            (json!([event(20, trouble), event(10, steady)]), Some(trouble)),
            (json!([event(20, steady), event(10, trouble)]), None),
            (json!([event(20, trouble), event(20, steady)]), Some(trouble)),
        ] {
            let services = seen(vec![service(3, &[("events", events)])]).await;
            assert_eq!(services[0].trouble.as_deref(), expected);
        }
    }

    #[tokio::test]
    async fn a_service_is_deleted_without_force_and_one_that_is_gone_is_success() {
        let refusal = |code: &str| (400, json!({"__type": code, "message": "says why"}));
        let (answers, aws) = Answers::of([
            (200, json!({})),
            refusal("ServiceNotFoundException"),
            refusal("ServiceNotActiveException"),
            refusal("InvalidParameterException"),
        ]);
        let (ecs, fleet) = (Ecs::new(&aws, "runners"), fleet(&[]));
        let delete = async || ecs.delete_service(&fleet, fleet.service().unwrap()).await;
        for _ in 0..3 {
            delete().await.unwrap();
        }
        assert_eq!(delete().await.unwrap_err().retry, Retry::Never, "tasks are left");
        assert_eq!(answers.requests()[0], json!({"cluster": fleet.cluster, "service": "runners-default-3", "force": false}));
    }
}
