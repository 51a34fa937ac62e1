//! How a record stands in the table: its key, its version, when it expires, and the record itself as JSON.

use aws_sdk_dynamodb::types::AttributeValue;
use fargate_runners_core::record::{Key, Record, Version, Versioned, Write};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{PortError, Retry};
use std::collections::HashMap;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn number_of(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The partition of a fleet.
pub(super) fn partition(key: &Key) -> String {
    format!("FLEET#{}", key.fleet())
}

/// The place within the partition.
pub(super) fn place(key: &Key) -> String {
    match key {
        Key::Fleet(_) => "STATE".to_owned(),
        Key::Job(_, job) => format!("JOB#{job}"),
        Key::Task(_, task) => format!("TASK#{task}"),
    }
}

/// The key of an item.
pub(super) fn key_of(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), text(partition(key))), ("sk".to_owned(), text(place(key)))])
}

/// When a record expires, in the whole seconds that the table's time to live counts in, rounded up.
fn expiry(record: &Record) -> Option<u64> {
    record.expires_at().map(|at| at.as_millis().div_ceil(1000))
}

/// The item of a record that is to be written.
pub(super) fn item_of(write: &Write) -> Result<Item, PortError> {
    let key = write.record.key();
    let body =
        serde_json::to_string(&write.record).map_err(|error| PortError::new(format!("writing down the {key}"), Retry::Never, error))?;
    let mut item = key_of(&key);
    item.insert("version".to_owned(), number(write.expected.0 + 1));
    item.insert("body".to_owned(), text(body));
    if write.record.is_active() {
        item.insert("active".to_owned(), text(place(&key)));
    }
    if let Some(expires) = expiry(&write.record) {
        item.insert("expires".to_owned(), number(expires));
    }
    Ok(item)
}

/// The record of an item that was read; none if its time is over.
pub(super) fn record_of(item: &Item, now: Timestamp) -> Result<Option<Versioned>, PortError> {
    if number_of(item, "expires").is_some_and(|expires| expires <= now.as_secs()) {
        return Ok(None);
    }
    let place = || {
        let part = |name| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
        format!("reading the item {}/{}", part("pk"), part("sk"))
    };
    let version = number_of(item, "version").ok_or_else(|| PortError::new(place(), Retry::Never, "it has no version"))?;
    let body = item.get("body").and_then(|value| value.as_s().ok());
    let body = body.ok_or_else(|| PortError::new(place(), Retry::Never, "it has no body"))?;
    let record = serde_json::from_str(body).map_err(|error| PortError::new(place(), Retry::Never, error))?;
    Ok(Some(Versioned { record, version: Version(version) }))
}
