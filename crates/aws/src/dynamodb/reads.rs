//! Strongly consistent reads, bounded in calls: one item, many items, and the items of a fleet that count.

use super::item::{Item, key_of, partition, record_of};
use crate::config::Aws;
use crate::error::port_error;
use crate::limits::{ACTIVE_PAGES, BATCH_GET_ITEMS, BATCH_GET_PAUSE, BATCH_GET_ROUNDS};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::record::{Key, Versioned};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{PortError, Retry};
use std::collections::{BTreeSet, HashMap};

/// One item.
pub(super) async fn one(aws: &Aws, table: &str, key: &Key) -> Result<Option<Item>, PortError> {
    let call = aws.dynamodb().get_item().table_name(table).set_key(Some(key_of(key))).consistent_read(true);
    let answer = call.send().await.map_err(|error| port_error(format!("reading the {key} from the ledger"), error))?;
    Ok(answer.item)
}

/// Many items, in any order.
pub(super) async fn many(aws: &Aws, table: &str, keys: &[Key]) -> Result<Vec<Item>, PortError> {
    // DynamoDB refuses a batch that names a key twice.
    let distinct: Vec<&Key> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
    let mut items = Vec::with_capacity(distinct.len());
    for batch in distinct.chunks(BATCH_GET_ITEMS) {
        items.extend(one_batch(aws, table, batch).await?);
    }
    Ok(items)
}

async fn one_batch(aws: &Aws, table: &str, keys: &[&Key]) -> Result<Vec<Item>, PortError> {
    let what = || format!("reading {} records from the ledger", keys.len());
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys.iter().map(|key| key_of(key)).collect())).consistent_read(true).build();
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

/// The records of a fleet that count, from the local index, which alone can be read strongly consistent. Of the items themselves, which take several times as
/// much memory, there is never more than a page.
pub(super) async fn active(aws: &Aws, table: &str, fleet: &FleetName, now: Timestamp) -> Result<Vec<Versioned>, PortError> {
    let what = || format!("reading what counts of fleet {fleet} from the ledger");
    let fleet_partition = super::item::text(partition(&Key::Fleet(fleet.clone())));
    let mut records = Vec::new();
    let mut from = None;
    for _ in 0..ACTIVE_PAGES {
        let call = aws.dynamodb().query().table_name(table).index_name("active").consistent_read(true);
        let call = call.key_condition_expression("#pk = :pk").expression_attribute_names("#pk", "pk");
        let call = call.expression_attribute_values(":pk", fleet_partition.clone()).set_exclusive_start_key(from);
        let answer = call.send().await.map_err(|error| port_error(what(), error))?;
        for item in answer.items.unwrap_or_default() {
            records.extend(record_of(&item, now)?);
        }
        from = answer.last_evaluated_key.filter(|key| !key.is_empty());
        if from.is_none() {
            return Ok(records);
        }
    }
    Err(PortError::new(what(), Retry::Never, format!("it takes more than {ACTIVE_PAGES} pages")))
}
