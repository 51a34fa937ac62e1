//! What the project's own functions asked of AWS, call by call: out of the emulator's CloudTrail, which records every call with the session that signed it and
//! the units that DynamoDB would bill, and out of the ECS model, which answers what is about ECS. Our own calls, as the root user, are left out, and
//! so are those of a person at the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use fargate_runners_local_stack::aws;
use fargate_runners_local_stack::ecs::Observation;
use serde_json::{Value, json};

use crate::account;
use crate::problem::{Outcome, Problem};

use crate::demo::PERSON;

use super::deploy::CONTROL_PLANE;

/// As many as CloudTrail gives at once.
const PAGE: usize = 50;

/// More pages than any run fills: a recording that never ends is an error.
const PAGES: usize = 4_000;

/// A moment just before another, in the recording's seconds.
const JUST_BEFORE: f64 = 1e-6;

/// The parameters that are no secrets: reading them asks nothing of KMS.
const NO_SECRETS: &str = "/fleets";

/// A call of AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `service:Operation`, with what it is about where one operation serves several ends.
    pub name: String,
    /// The function that made it.
    pub by: String,
    /// When, in seconds since the epoch.
    pub at: f64,
    /// DynamoDB's read units.
    pub read_units: f64,
    /// DynamoDB's write units.
    pub write_units: f64,
    /// Requests that it makes of KMS in turn.
    pub kms: u32,
    /// What it is about: an ECS service.
    pub service: Option<String>,
}

/// A call that the ECS model has answered.
#[derive(Debug, Clone)]
struct EcsCall {
    action: String,
    access_key: String,
    at: f64,
    service: Option<String>,
}

/// The calls that the ECS model has answered so far. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct EcsCalls(Arc<Mutex<Vec<EcsCall>>>);

impl EcsCalls {
    /// Takes note of what the ECS model does at `millis` since the epoch.
    pub fn note(&self, millis: u64, observation: &Observation) {
        if let Observation::Call { action, access_key, service, .. } = observation {
            let at = std::time::Duration::from_millis(millis).as_secs_f64();
            let call = EcsCall { action: action.clone(), access_key: access_key.clone(), at, service: service.clone() };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        }
    }

    /// Those since a moment, by the names of the sessions that signed them.
    fn since(&self, since: f64, sessions: &BTreeMap<String, String>) -> Vec<Call> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = calls.iter().filter(|call| call.at >= since && call.access_key != account::ROOT_USER);
        let call = |call: &EcsCall| Call {
            name: format!("ecs:{}", call.action),
            by: sessions.get(&call.access_key).cloned().unwrap_or_else(|| "unknown".into()),
            at: call.at,
            read_units: 0.0,
            write_units: 0.0,
            kms: 0,
            service: call.service.clone(),
        };
        theirs.map(call).collect()
    }
}

/// The calls made since a moment (in seconds since the epoch), the oldest first.
pub async fn calls(aws: &aws::Emulator, ecs: &EcsCalls, since: f64) -> Outcome<Vec<Call>> {
    let recorded = recorded(aws, since).await?;
    let sessions = recorded.iter().filter_map(|event| Some((event["AccessKeyId"].as_str()?.to_owned(), session_of(event)?))).collect();
    let counts = |call: &Call| !call.name.starts_with("ecs:") && call.by != PERSON;
    let mut calls: Vec<Call> = recorded.iter().filter_map(call_of).filter(counts).collect();
    calls.extend(ecs.since(since, &sessions));
    calls.sort_by(|one, other| one.at.total_cmp(&other.at));
    Ok(calls)
}

async fn recorded(aws: &aws::Emulator, since: f64) -> Outcome<Vec<Value>> {
    let (mut all, mut seen, mut until) = (Vec::new(), BTreeSet::new(), None);
    for _ in 0..PAGES {
        let mut question = json!({ "MaxResults": PAGE, "StartTime": since });
        if let Some(until) = until {
            question["EndTime"] = json!(until);
        }
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
        let answer = aws.json("cloudtrail", target, &question).await.map_err(|error| Problem::new(error.to_string()))?;
        let events = answer["Events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let known = seen.len();
        all.extend(events.iter().filter(|event| seen.insert(event["EventId"].to_string())).cloned());
        if events.len() < PAGE {
            return Ok(all);
        }
        let oldest = events.last().and_then(|event| event["EventTime"].as_f64());
        until = oldest.map(|oldest| if seen.len() == known { oldest - JUST_BEFORE } else { oldest });
    }
    Err(Problem::new("the recording of AWS calls does not end"))
}

/// `None` for a call that we made ourselves, as the root user.
fn call_of(event: &Value) -> Option<Call> {
    if event["AccessKeyId"].as_str() == Some(account::ROOT_USER) {
        return None;
    }
    let service = event["EventSource"].as_str()?.split('.').next()?;
    let said: Value = event["CloudTrailEvent"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let subject = subject(&said["requestParameters"]).map(|subject| format!(" {subject}")).unwrap_or_default();
    let name = format!("{service}:{}{subject}", event["EventName"].as_str()?);
    let units = |kind: &str| said["additionalEventData"][kind].as_f64().unwrap_or_default();
    let is_of_secrets = service == "ssm" && !said["requestParameters"]["Path"].as_str().is_some_and(|path| path.ends_with(NO_SECRETS));
    Some(Call {
        name,
        by: session_of(event)?,
        at: event["EventTime"].as_f64()?,
        read_units: units("read"),
        write_units: units("write"),
        kms: if is_of_secrets { decrypted(&said["requestParameters"]) } else { 0 },
        service: None,
    })
}

/// What a call is about, where that says more than its operation: the kind of a single item, the parameter, the queue.
fn subject(request: &Value) -> Option<&str> {
    let place = [&request["Item"]["sk"]["S"], &request["Key"]["sk"]["S"]].into_iter().find_map(Value::as_str);
    let partitions = [&request["Item"]["pk"]["S"], &request["ExpressionAttributeValues"][":pk"]["S"]];
    let healer = partitions.into_iter().find_map(Value::as_str).filter(|pk| *pk == "SWEEP");
    let parameter = [&request["Name"], &request["Names"][0], &request["Path"]].into_iter().find_map(Value::as_str);
    let queue = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()?.strip_prefix(CONTROL_PLANE)?.strip_prefix('-'));
    healer
        .map(|_| "memo")
        .or(place.and_then(|place| place.split('#').next()))
        .or(parameter.and_then(|name| name.split('/').nth(2)))
        .or(queue)
}

/// How many secrets a call of SSM has KMS decrypt: each that is there. Of the two names that a token can have, one is at most.
fn decrypted(request: &Value) -> u32 {
    if request["Names"].as_array().is_some_and(|names| names.len() > 1) { 2 } else { 1 }
}

/// The function whose session it is.
fn session_of(event: &Value) -> Option<String> {
    let session = event["Username"].as_str()?;
    Some(session.strip_prefix(CONTROL_PLANE).and_then(|name| name.strip_prefix('-')).unwrap_or(session).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(key: &str) -> Value {
        let said = json!({ "requestParameters": { "Item": { "sk": { "S": "TASK#1" } } }, "additionalEventData": { "write": 4.0 } });
        json!({
            "EventName": "PutItem", "EventSource": "dynamodb.amazonaws.com", "AccessKeyId": key, "EventTime": 2.0, "Username": "fargate-runners-scale",
            "CloudTrailEvent": said.to_string(),
        })
    }

    #[test]
    fn a_call_is_its_functions_with_its_units_and_our_own_do_not_count() {
        let call = call_of(&event("ASIA0123")).unwrap();
        assert_eq!((call.name.as_str(), call.by.as_str(), call.write_units, call.kms), ("dynamodb:PutItem TASK", "scale", 4.0, 0));
        assert_eq!(call_of(&event(account::ROOT_USER)), None);
    }

    #[test]
    fn a_call_is_told_apart_by_what_it_is_about() {
        for (request, about) in [
            (json!({ "Key": { "pk": { "S": "CREDENTIAL#a" }, "sk": { "S": "PACE" } } }), Some("PACE")),
            (json!({ "Item": { "pk": { "S": "SWEEP" }, "sk": { "S": "ghosts#default" } } }), Some("memo")),
            (json!({ "ExpressionAttributeValues": { ":pk": { "S": "SWEEP" } } }), Some("memo")),
            (json!({ "ExpressionAttributeValues": { ":pk": { "S": "FLEET#default" } } }), None),
            (json!({ "Name": "/fargate-runners/tokens/app-1" }), Some("tokens")),
            (json!({ "Names": ["/fargate-runners/credentials/app-1", "/fargate-runners/tokens/app-1"] }), Some("credentials")),
            (json!({ "QueueUrl": "http://127.0.0.1:1/000000000000/fargate-runners-wake-up" }), Some("wake-up")),
            (json!({ "TransactItems": [] }), None),
        ] {
            assert_eq!(subject(&request), about, "{request}");
        }
    }

    #[test]
    fn what_the_ecs_model_answered_is_told_by_the_key_that_signed_it() {
        let calls = EcsCalls::default();
        for key in ["ASIA0123", account::ROOT_USER] {
            let (action, access_key, service) = ("UpdateService".to_owned(), key.to_owned(), Some("runners-default-1".to_owned()));
            calls.note(3_000, &Observation::Call { action, access_key, service, error: None });
        }
        let sessions = BTreeMap::from([("ASIA0123".to_owned(), "scale".to_owned())]);
        let found = calls.since(2.0, &sessions);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].by.as_str()), ("ecs:UpdateService", "scale"));
        assert!(calls.since(4.0, &sessions).is_empty());
    }
}
