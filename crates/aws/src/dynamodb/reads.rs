//! Strongly consistent reads, bounded in calls: records by their keys, and the records of a fleet that count.

use super::item::{Item, NOTES, key_at, name_of, partition, places, record_of};
use crate::config::Aws;
use crate::error::port_error;
use crate::limits::{ACTIVE_PAGE_ITEMS, ACTIVE_PAGES, BATCH_GET_ITEMS, BATCH_GET_PAUSE, BATCH_GET_ROUNDS};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use fargate_runners_core::record::{Key, Place, Versioned, View};
use fargate_runners_core::shared::Shared;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{PortError, Retry};
use std::collections::{BTreeSet, HashMap};

/// The records of these keys, in any order. Nearly all that are read by their keys count, so that those that are over are looked for only where none counts: that
/// takes a second call, and saves a unit for each of the others.
///
/// A record that ends meanwhile may be missing, since these reads are no snapshot: DynamoDB carries a transaction out item by item, and the old place may be empty
/// before the new one is filled. Nothing is made in its stead, because a record is made only where both places are free, or where what it is
/// about has only begun. Only a fleet's `scale` ends its records,
/// and it reads none while it does: whoever finds none is a task that has ended, or looks at one, and comes again or is healed as if nothing had been known yet.
pub(super) async fn by_key(aws: &Aws, table: &str, keys: &[Key], now: Timestamp) -> Result<Vec<Versioned>, PortError> {
    // DynamoDB refuses a batch that names a key twice.
    let mut missing: BTreeSet<&Key> = keys.iter().collect();
    let mut records = Vec::with_capacity(missing.len());
    for place in [Place::Active, Place::Past] {
        let asked: Vec<Item> = missing.iter().filter(|key| places(key).contains(&place)).map(|key| key_at(key, place)).collect();
        for batch in asked.chunks(BATCH_GET_ITEMS) {
            for item in some(aws, table, batch).await? {
                records.extend(record_of(&item, now)?);
            }
        }
        for found in &records {
            missing.remove(&found.record.key());
        }
    }
    Ok(records)
}

async fn some(aws: &Aws, table: &str, keys: &[Item]) -> Result<Vec<Item>, PortError> {
    match keys {
        [key] => Ok(one(aws, table, key).await?.into_iter().collect()),
        keys => one_batch(aws, table, keys).await,
    }
}

async fn one(aws: &Aws, table: &str, key: &Item) -> Result<Option<Item>, PortError> {
    let call = aws.dynamodb().get_item().table_name(table).set_key(Some(key.clone())).consistent_read(true);
    let answer = call.send().await.map_err(|error| port_error(format!("reading the item {} from the ledger", name_of(key)), error))?;
    Ok(answer.item)
}

async fn one_batch(aws: &Aws, table: &str, keys: &[Item]) -> Result<Vec<Item>, PortError> {
    let what = || format!("reading {} records from the ledger", keys.len());
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys.to_vec())).consistent_read(true).build();
    let mut wanted = HashMap::from([(table.to_owned(), wanted.map_err(|error| PortError::new(what(), Retry::Never, error))?)]);
    let mut items = Vec::with_capacity(keys.len());
    for round in 0..BATCH_GET_ROUNDS {
        if round > 0 {
            tokio::time::sleep(BATCH_GET_PAUSE * 2_u32.pow(round - 1)).await;
        }
        let call = aws.dynamodb().batch_get_item().set_request_items(Some(wanted));
        let answer = call.send().await.map_err(|error| port_error(what(), error))?;
        items.extend(answer.responses.unwrap_or_default().into_values().flatten());
        wanted = answer.unprocessed_keys.unwrap_or_default();
        if wanted.values().all(|left| left.keys().is_empty()) {
            return Ok(items);
        }
    }
    Err(PortError::new(what(), Retry::Throttled, "DynamoDB left some unread again and again"))
}

/// What a list has of each item: all that `record_of` looks at, and the key by which an error names it.
const LISTED: &str = "#sk, #version, #body, #expires, #in_progress, #completed";

/// The records of a fleet that count: all of one partition. Of the items themselves, which take several times as much memory, there is never more than a page, and in
/// it only what is looked at: the partition is the same in all of them.
pub(super) async fn active(aws: &Aws, table: &str, empty: View, now: Timestamp) -> Result<View, PortError> {
    let (mut view, mut shared) = (empty, Shared::default());
    let fleet = view.fleet().clone();
    let what = || format!("reading what counts of fleet {fleet} from the ledger");
    let fleet_partition = super::item::text(partition(&fleet, Place::Active));
    let mut from = None;
    for _ in 0..ACTIVE_PAGES {
        let call = aws.dynamodb().query().table_name(table).consistent_read(true);
        let call = call.key_condition_expression("#pk = :pk").expression_attribute_names("#pk", "pk");
        let call = call.expression_attribute_values(":pk", fleet_partition.clone()).set_exclusive_start_key(from);
        let call = call.limit(ACTIVE_PAGE_ITEMS).projection_expression(LISTED);
        let call = call.expression_attribute_names("#sk", "sk").expression_attribute_names("#version", "version");
        let call = call.expression_attribute_names("#body", "body").expression_attribute_names("#expires", "expires");
        let call = call.expression_attribute_names("#in_progress", NOTES[0]).expression_attribute_names("#completed", NOTES[1]);
        let answer = call.send().await.map_err(|error| port_error(what(), error))?;
        for item in answer.items.unwrap_or_default() {
            if let Some(found) = record_of(&item, now)? {
                view.list(found, &mut shared);
            }
        }
        from = answer.last_evaluated_key.filter(|key| !key.is_empty());
        if from.is_none() {
            return Ok(view);
        }
    }
    Err(PortError::new(what(), Retry::Never, format!("it takes more than {ACTIVE_PAGES} pages")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use fargate_runners_core::ids::{FleetName, TaskId};
    use fargate_runners_core::record::Record;
    use fargate_runners_core::task::TaskRecord;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn what_counts_is_read_page_by_page_without_the_partition() {
        let (fleet, now) = (FleetName::parse("default").unwrap(), Timestamp::from_secs(1));
        let task = |number: u8| TaskId::parse(&format!("{number:032x}")).unwrap();
        let item = |number: u8| {
            let body = serde_json::to_string(&Record::Task(TaskRecord::new(fleet.clone(), task(number), now))).unwrap();
            json!({"sk": {"S": format!("TASK#{}", task(number))}, "version": {"N": "7"}, "body": {"S": body}})
        };
        let last = json!({"pk": {"S": "FLEET#default"}, "sk": {"S": "TASK#1"}});
        let pages = [json!({"Items": [item(1)], "LastEvaluatedKey": last}), json!({"Items": [item(2)]})];
        let (answers, aws) = Answers::of(pages.map(|page| (200, page)));
        let view = active(&aws, "ledger", View::new(fleet.clone()), now).await.unwrap();
        assert_eq!(view.tasks.keys().cloned().collect::<Vec<_>>(), [task(1), task(2)]);
        assert!(view.tasks.values().all(|task| task.version().0 == 7 && !task.is_changed()));
        let requests = answers.requests();
        assert_eq!(requests.iter().map(|request| &request["ExclusiveStartKey"]).collect::<Vec<_>>(), [&Value::Null, &last]);
        assert!(requests.iter().all(|request| request["Limit"] == ACTIVE_PAGE_ITEMS && request["ConsistentRead"] == true));
        assert!(requests.iter().all(|request| request["ProjectionExpression"] == LISTED));
    }
}
