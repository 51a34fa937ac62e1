//! The fleets, each as its stack described it in a parameter. One that cannot be read is left out, told of, and keeps no other from working.

use super::cache::Cache;
use super::path::below;
use crate::clock::SystemClock;
use crate::config::Aws;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_use_cases::ports::{Clock, FleetList, Fleets, PortError, chain};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

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
}

impl Fleets for FleetParameters {
    async fn fleets(&self, max_age: Duration) -> Result<Arc<FleetList>, PortError> {
        let now = SystemClock.now();
        if let Some(kept) = self.kept.get(max_age, now) {
            return Ok(kept);
        }
        let mut list = FleetList { read_at: now, ..FleetList::default() };
        for (name, description) in below(&self.aws, &self.path).await? {
            match Fleet::parse(description.expose_secret()) {
                Ok(fleet) => list.fleets.push(fleet),
                Err(error) => {
                    tracing::error!(parameter = name, error = chain(&error), "a fleet's description cannot be used; the fleet is left out");
                    metrics::counter!("FleetsUnreadable").increment(1);
                    list.unreadable.push((name, error));
                }
            }
        }
        let list = Arc::new(list);
        self.kept.keep(now, Arc::clone(&list));
        Ok(list)
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
}
