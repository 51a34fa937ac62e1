//! What a fleet has had: its jobs or tasks with those that are over, as long as the ledger keeps them. For people: what decides reads only what counts.

use super::item::{Item, number, partition, record_of, text};
use crate::config::Aws;
use crate::error::port_error;
use crate::limits::HISTORY_PAGES;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::job::TOMBSTONE;
use fargate_runners_core::record::{Place, Record};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::PortError;
use std::collections::BTreeMap;

/// Which records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Jobs.
    Jobs,
    /// Tasks.
    Tasks,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Jobs => "JOB#",
            Self::Tasks => "TASK#",
        }
    }
}

/// Some records of a fleet.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Those that were read.
    pub records: Vec<Record>,
    /// Whether there are more than were read.
    pub cut_off: bool,
}

impl History {
    /// The records of a kind that are open, or have ended at this time or later. Not strongly consistent: nothing is decided by it.
    pub async fn read(
        aws: &Aws,
        table: &str,
        fleet: &FleetName,
        kind: Kind,
        ended_since: Timestamp,
        now: Timestamp,
    ) -> Result<Self, PortError> {
        let mut records = BTreeMap::new();
        let mut pages = HISTORY_PAGES;
        // The open ones first, and then what is over in their stead: one that ends meanwhile is not told of twice.
        for place in [Place::Active, Place::Past] {
            let mut from = None;
            loop {
                if pages == 0 {
                    return Ok(Self { records: records.into_values().collect(), cut_off: true });
                }
                pages -= 1;
                let (items, next) = page(aws, table, (fleet, place, kind), ended_since, from).await?;
                for item in &items {
                    records.extend(record_of(item, now)?.map(|found| (found.record.key(), found.into_record())));
                }
                from = next;
                if from.is_none() {
                    break;
                }
            }
        }
        Ok(Self { records: records.into_values().collect(), cut_off: false })
    }
}

/// A page of them, and where the next one begins.
async fn page(
    aws: &Aws,
    table: &str,
    (fleet, place, kind): (&FleetName, Place, Kind),
    ended_since: Timestamp,
    from: Option<Item>,
) -> Result<(Vec<Item>, Option<Item>), PortError> {
    // A record that is over says when it may be forgotten, which is so long after its end.
    let expires = (ended_since + TOMBSTONE).as_secs();
    let call = aws.dynamodb().query().table_name(table).key_condition_expression("#pk = :pk AND begins_with(#sk, :kind)");
    let call = call.filter_expression("attribute_not_exists(#expires) OR #expires >= :expires");
    let call = call.expression_attribute_names("#pk", "pk").expression_attribute_names("#sk", "sk");
    let call = call.expression_attribute_names("#expires", "expires");
    let call = call.expression_attribute_values(":pk", text(partition(fleet, place)));
    let call = call.expression_attribute_values(":kind", text(kind.prefix())).expression_attribute_values(":expires", number(expires));
    let answer = call.set_exclusive_start_key(from).send().await;
    let answer = answer.map_err(|error| port_error(format!("reading what fleet {fleet} has had from the ledger"), error))?;
    Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key.filter(|key| !key.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use serde_json::json;

    #[tokio::test]
    async fn a_job_has_come_as_far_as_is_noted_with_it() {
        let job = json!({"job": {
            "job_id": 7, "fleet": "default", "home": true, "run_id": 1, "run_attempt": 1, "repository": "octo-org/hello", "name": "build", "labels": [],
            "phase": "queued", "seen_at": 1,
        }});
        let note = json!({"phase": "in_progress", "runner_name": "runner", "seen_at": 2, "delivery": "guid"});
        let item = json!({
            "pk": {"S": "FLEET#default"}, "sk": {"S": "JOB#7"}, "version": {"N": "2"},
            "body": {"S": job.to_string()}, "noted_in_progress": {"S": note.to_string()},
        });
        let (_, aws) = Answers::of([(200, json!({"Items": [item]})), (200, json!({"Items": []}))]);
        let fleet = FleetName::parse("default").unwrap();
        let history = History::read(&aws, "ledger", &fleet, Kind::Jobs, Timestamp::from_secs(1), Timestamp::from_secs(3)).await.unwrap();
        let [Record::Job(job)] = &history.records[..] else { panic!("{history:?}") };
        assert_eq!((job.phase, job.runner_name.as_deref()), (fargate_runners_core::job::JobPhase::InProgress, Some("runner")));
    }

    #[tokio::test]
    async fn what_ended_before_is_left_out_by_the_table_itself() {
        let (answers, aws) = Answers::of([(200, json!({"Items": []})), (200, json!({"Items": []}))]);
        let (fleet, since) = (FleetName::parse("default").unwrap(), Timestamp::from_secs(1_000_000));
        let history = History::read(&aws, "ledger", &fleet, Kind::Jobs, since, since).await.unwrap();
        assert!(history.records.is_empty() && !history.cut_off);
        for (request, partition) in answers.requests().iter().zip(["FLEET#default", "PAST#default"]) {
            let values = &request["ExpressionAttributeValues"];
            assert_eq!((&values[":pk"]["S"], &values[":kind"]["S"]), (&json!(partition), &json!("JOB#")));
            assert_eq!(values[":expires"]["N"], (1_000_000 + TOMBSTONE.as_secs()).to_string());
        }
    }
}
