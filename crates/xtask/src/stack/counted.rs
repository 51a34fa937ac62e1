//! What the project's own functions and tasks asked of AWS, by name: out of the emulator's CloudTrail, which records every call with the key that signed it.

use std::collections::{BTreeMap, BTreeSet};

use fargate_runners_local_stack::aws;
use serde_json::{Value, json};

use crate::account;
use crate::problem::{Outcome, Problem};

/// As many as CloudTrail gives at once.
const PAGE: usize = 50;

/// More pages than any demo fills: a recording that never ends is an error.
const PAGES: usize = 4_000;

/// A moment just before another, in the recording's seconds.
const JUST_BEFORE: f64 = 1e-6;

/// Calls by `service:Operation`.
pub type Calls = BTreeMap<String, u64>;

/// Counts the calls made since a moment (in seconds since the epoch) by anybody but us.
pub async fn calls(aws: &aws::Emulator, since: f64) -> Outcome<Calls> {
    let mut calls = Calls::new();
    let mut seen = BTreeSet::new();
    let mut until = None;
    for _ in 0..PAGES {
        let mut question = json!({ "MaxResults": PAGE, "StartTime": since });
        if let Some(until) = until {
            question["EndTime"] = json!(until);
        }
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
        let answer = aws.json("cloudtrail", target, &question).await.map_err(|error| Problem::new(error.to_string()))?;
        let events = answer["Events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let new = events.iter().filter(|event| seen.insert(event["EventId"].to_string())).collect::<Vec<_>>();
        for event in &new {
            if let Some(name) = name_of(event) {
                *calls.entry(name).or_default() += 1;
            }
        }
        if events.len() < PAGE {
            return Ok(calls);
        }
        let oldest = events.last().and_then(|event| event["EventTime"].as_f64());
        until = oldest.map(|oldest| if new.is_empty() { oldest - JUST_BEFORE } else { oldest });
    }
    Err(Problem::new("the recording of AWS calls does not end"))
}

/// `None` for a call that we made ourselves, as the root user.
fn name_of(event: &Value) -> Option<String> {
    if event["AccessKeyId"].as_str() == Some(account::ROOT_USER) {
        return None;
    }
    let service = event["EventSource"].as_str()?.split('.').next()?;
    Some(format!("{service}:{}", event["EventName"].as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_calls_do_not_count() {
        let event = |key: &str| json!({ "EventName": "PutItem", "EventSource": "dynamodb.amazonaws.com", "AccessKeyId": key });
        assert_eq!(name_of(&event("ASIA0123")).as_deref(), Some("dynamodb:PutItem"));
        assert_eq!(name_of(&event(account::ROOT_USER)), None);
    }
}
