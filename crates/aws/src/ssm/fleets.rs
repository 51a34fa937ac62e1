//! The fleets, each as its stack described it in a parameter. One that cannot be read is left out, told of, and keeps no other from working.
//!
//! Beside a fleet's parameter may stand another, `FLEET.drained`: a person wants it to take no jobs. It is read with the others, and no stack knows of it,
//! so that it outlives deployments.

use super::cache::Cache;
use super::path::{Reach, below};
use crate::clock::SystemClock;
use crate::config::Aws;
use crate::error::port_error;
use aws_sdk_ssm::operation::delete_parameter::DeleteParameterError;
use aws_sdk_ssm::types::ParameterType;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{FleetList, Fleets, PortError, chain};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

/// What the name of a wish ends with. No name of a fleet holds a dot.
const DRAINED: &str = ".drained";

/// The fleets' descriptions below `/{stack}/fleets`. Clones share what was read.
#[derive(Clone, Debug)]
pub struct FleetParameters {
    aws: Aws,
    path: Arc<str>,
    kept: Arc<Cache<Arc<FleetList>>>,
}

impl FleetParameters {
    /// The fleets of the stack of that name.
    #[must_use]
    pub fn new(aws: &Aws, stack_name: &str) -> Self {
        Self { aws: aws.clone(), path: format!("/{stack_name}/fleets").into(), kept: Arc::default() }
    }

    /// Writes down that a person wants the fleet drained, or wants it no more.
    pub async fn set_drained(&self, fleet: &FleetName, drained: bool) -> Result<(), PortError> {
        let name = format!("{}/{fleet}{DRAINED}", self.path);
        let what = || format!("writing the parameter {name}");
        if drained {
            let call = self.aws.ssm().put_parameter().name(&name).value("true").overwrite(true).r#type(ParameterType::String);
            return call.send().await.map(drop).map_err(|error| port_error(what(), error));
        }
        match self.aws.ssm().delete_parameter().name(&name).send().await {
            Err(error) if !matches!(error.as_service_error(), Some(DeleteParameterError::ParameterNotFound(_))) => {
                Err(port_error(what(), error))
            }
            _ => Ok(()),
        }
    }
}

impl Fleets for FleetParameters {
    async fn fleets(&self, max_age: Duration) -> Result<Arc<FleetList>, PortError> {
        self.kept.get_or_read(max_age, &SystemClock, |now| self.read(now)).await
    }
}

impl FleetParameters {
    async fn read(&self, now: Timestamp) -> Result<Arc<FleetList>, PortError> {
        let mut list = FleetList { read_at: now, ..FleetList::default() };
        let parameters = below(&self.aws, &self.path, Reach::Children).await?;
        let drained: Vec<String> = parameters.iter().filter_map(|(name, _)| Some(name.strip_suffix(DRAINED)?.to_owned())).collect();
        for (name, description) in parameters.into_iter().filter(|(name, _)| !name.ends_with(DRAINED)) {
            match Fleet::parse(description.expose_secret()) {
                Ok(fleet) => list.fleets.push(if drained.contains(&name) { fleet.drain() } else { fleet }),
                Err(error) => {
                    tracing::error!(parameter = name, error = chain(&error), "a fleet's description cannot be used; the fleet is left out");
                    metrics::counter!("FleetsUnreadable").increment(1);
                    list.unreadable.push((name, error));
                }
            }
        }
        Ok(Arc::new(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answers, description};
    use serde_json::json;

    #[tokio::test]
    async fn fleets_are_read_page_by_page_and_one_that_cannot_be_read_keeps_no_other_away() {
        let page = |name: &str, value: String, next: Option<&str>| {
            (200, json!({"Parameters": [{"Name": name, "Value": value}], "NextToken": next}))
        };
        let (answers, aws) = Answers::of([
            page("/runners/fleets/bad", "{}".to_owned(), Some("more")),
            page("/runners/fleets/default", description(&[]), None),
            page("/runners/fleets/gpu", description(&[("fleet", json!("gpu"))]), None),
        ]);
        let fleets = FleetParameters::new(&aws, "runners");
        let list = fleets.fleets(Duration::from_secs(60)).await.unwrap();
        assert_eq!(list.fleets.iter().map(|fleet| fleet.name.as_str()).collect::<Vec<_>>(), ["default"]);
        assert_eq!(list.unreadable[0].0, "/runners/fleets/bad");
        let requests = answers.requests();
        assert_eq!((&requests[0]["Path"], &requests[1]["NextToken"]), (&json!("/runners/fleets"), &json!("more")));
        // Kept by clones too, until something younger is asked for.
        assert_eq!(fleets.clone().fleets(Duration::from_secs(60)).await.unwrap().fleets.len(), 1);
        assert_eq!(answers.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_fleet_that_a_person_has_drained_wants_nothing_and_its_wish_is_no_fleet() {
        let parameters = json!([{"Name": "/runners/fleets/default", "Value": description(&[])}, {"Name": "/runners/fleets/default.drained", "Value": "true"}]);
        let (answers, aws) =
            Answers::of([(200, json!({"Parameters": parameters})), (200, json!({})), (400, json!({"__type": "ParameterNotFound"}))]);
        let fleets = FleetParameters::new(&aws, "runners");
        let list = fleets.fleets(Duration::ZERO).await.unwrap();
        assert!(list.unreadable.is_empty());
        assert!(list.fleets[0].drained && list.fleets[0].maximum == 0 && list.fleets[0].warm == 0);
        fleets.set_drained(&list.fleets[0].name, true).await.unwrap();
        fleets.set_drained(&list.fleets[0].name, false).await.unwrap();
        assert_eq!(answers.requests()[1]["Name"], "/runners/fleets/default.drained");
    }
}
