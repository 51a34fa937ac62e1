//! How a record stands in the table: its place, its version, when it expires, and the record itself as JSON.

use aws_sdk_dynamodb::types::AttributeValue;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::record::{Key, Place, Record, Version, Versioned, Write};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{PortError, Retry};
use std::collections::HashMap;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Where notes stand beside a job's body until the record is written again, in the order in which they are taken in.
pub(super) const NOTES: [&str; 2] = ["noted_in_progress", "noted_completed"];

/// The attribute for a note that a job has come so far; none if nothing is noted of that.
pub(super) const fn note_of(phase: JobPhase) -> Option<&'static str> {
    match phase {
        JobPhase::InProgress => Some(NOTES[0]),
        JobPhase::Completed => Some(NOTES[1]),
        JobPhase::Waiting | JobPhase::Queued => None,
    }
}

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn number_of(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The partition of a fleet's records at a place.
pub(super) fn partition(fleet: &FleetName, place: Place) -> String {
    match place {
        Place::Active => format!("FLEET#{fleet}"),
        Place::Past => format!("PAST#{fleet}"),
    }
}

/// The places at which a record may stand. A fleet's own is never over.
pub(super) const fn places(key: &Key) -> &'static [Place] {
    match key {
        Key::Fleet(_) => &[Place::Active],
        Key::Job(..) | Key::Task(..) => &[Place::Active, Place::Past],
    }
}

fn sort_key(key: &Key) -> String {
    match key {
        Key::Fleet(_) => "STATE".to_owned(),
        Key::Job(_, job) => format!("JOB#{job}"),
        Key::Task(_, task) => format!("TASK#{task}"),
    }
}

/// The key of the item of a record at a place.
pub(super) fn key_at(key: &Key, place: Place) -> Item {
    HashMap::from([("pk".to_owned(), text(partition(key.fleet(), place))), ("sk".to_owned(), text(sort_key(key)))])
}

/// An item's name for people: what it has of its keys.
pub(super) fn name_of(item: &Item) -> String {
    let parts = ["pk", "sk"].into_iter().filter_map(|name| item.get(name)?.as_s().ok());
    parts.map(String::as_str).collect::<Vec<_>>().join("/")
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
    let mut item = key_at(&key, write.record.place());
    item.insert("version".to_owned(), number(write.expected.next().0));
    item.insert("body".to_owned(), text(body));
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
    let what = || format!("reading the item {}", name_of(item));
    let version = number_of(item, "version").ok_or_else(|| PortError::new(what(), Retry::Never, "it has no version"))?;
    let body = item.get("body").and_then(|value| value.as_s().ok());
    let body = body.ok_or_else(|| PortError::new(what(), Retry::Never, "it has no body"))?;
    let record = serde_json::from_str(body).map_err(|error| PortError::new(what(), Retry::Never, error))?;
    let mut noted = Vec::new();
    for attribute in NOTES {
        if let Some(text) = item.get(attribute).and_then(|value| value.as_s().ok()) {
            noted.push(serde_json::from_str(text).map_err(|error| PortError::new(what(), Retry::Never, error))?);
        }
    }
    Ok(Some(Versioned { record, version: Version(version), noted }))
}
