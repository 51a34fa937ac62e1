//! What healers keep in mind, in the ledger's table: `SWEEP#{healer}`, with the subject as the place in it. It is no record of a fleet, and lists of such
//! never show it.

use super::conditions::{in_version, put_error};
use super::item::{Item, number, number_of, text};
use crate::clock::SystemClock;
use crate::config::Aws;
use crate::error::port_error;
use fargate_runners_core::record::Version;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Clock, CommitError, Memory, PortError};
use std::collections::HashMap;

/// The memory in a table. Clones share the client.
#[derive(Clone, Debug)]
pub struct DynamoMemory {
    aws: Aws,
    table: String,
}

impl DynamoMemory {
    /// The memory in the table of that name.
    #[must_use]
    pub fn new(aws: &Aws, table: impl Into<String>) -> Self {
        Self { aws: aws.clone(), table: table.into() }
    }
}

impl Memory for DynamoMemory {
    async fn recall(&self, healer: &str, subject: &str, now: Timestamp) -> Result<(Option<String>, Version), PortError> {
        let call = self.aws.dynamodb().get_item().table_name(&self.table).set_key(Some(key(healer, subject))).consistent_read(true);
        let answer = call.send().await.map_err(|error| port_error(format!("recalling {healer}/{subject}"), error))?;
        let kept = answer.item.filter(|item| number_of(item, "expires").is_none_or(|expires| expires > now.as_secs()));
        Ok(kept.map_or((None, Version(0)), |item| {
            let text = item.get("text").and_then(|value| value.as_s().ok()).cloned();
            (text, Version(number_of(&item, "version").unwrap_or_default()))
        }))
    }

    async fn keep(&self, healer: &str, subject: &str, kept: &str, read: Version, expires: Timestamp) -> Result<(), CommitError> {
        let mut item = key(healer, subject);
        item.insert("version".to_owned(), number(read.0 + 1));
        item.insert("text".to_owned(), text(kept));
        // In the whole seconds that the table's time to live counts in, rounded up.
        item.insert("expires".to_owned(), number(expires.as_millis().div_ceil(1000)));
        let condition = in_version(read, SystemClock.now());
        let call = self.aws.dynamodb().put_item().table_name(&self.table).set_item(Some(item));
        let call = call
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values));
        call.send().await.map_err(|error| put_error(format!("keeping {healer}/{subject} in mind"), error))?;
        Ok(())
    }
}

fn key(healer: &str, subject: &str) -> Item {
    HashMap::from([("pk".to_owned(), text(format!("SWEEP#{healer}"))), ("sk".to_owned(), text(subject))])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::Answers;
    use serde_json::json;
    use std::time::Duration;

    const LATER: Duration = Duration::from_secs(3600);

    /// What every memory must do.
    pub async fn contract(memory: &impl Memory) {
        let now = SystemClock.now();
        assert_eq!(memory.recall("ghosts", "default", now).await.unwrap(), (None, Version(0)));
        memory.keep("ghosts", "default", "{\"a\":1}", Version(0), now + LATER).await.unwrap();
        let overtaken = memory.keep("ghosts", "default", "{}", Version(0), now + LATER).await;
        assert!(matches!(overtaken, Err(CommitError::Conflict)), "{overtaken:?}");
        assert_eq!(memory.recall("ghosts", "default", now).await.unwrap(), (Some("{\"a\":1}".to_owned()), Version(1)));
        memory.keep("ghosts", "default", "{}", Version(1), now + LATER).await.unwrap();
        assert_eq!(memory.recall("ghosts", "default", now).await.unwrap(), (Some("{}".to_owned()), Version(2)));
        assert_eq!(memory.recall("ghosts", "other", now).await.unwrap(), (None, Version(0)));
        assert_eq!(memory.recall("drift", "default", now).await.unwrap(), (None, Version(0)));
        assert_eq!(memory.recall("ghosts", "default", now + LATER + LATER).await.unwrap(), (None, Version(0)), "its time is over");
        memory.keep("ghosts", "old", "{}", Version(0), now - LATER).await.unwrap();
        memory.keep("ghosts", "old", "{}", Version(0), now + LATER).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_kept_stands_under_its_healer_with_version_and_time() {
        let (answers, aws) = Answers::of([(200, json!({})), (200, json!({}))]);
        let memory = DynamoMemory::new(&aws, "table");
        memory.keep("ghosts", "default", "{}", Version(4), Timestamp::from_millis(7_001)).await.unwrap();
        assert_eq!(memory.recall("ghosts", "default", Timestamp::from_secs(1)).await.unwrap(), (None, Version(0)));
        let [put, get] = &answers.requests()[..] else { panic!("two calls") };
        let item = json!({
            "pk": {"S": "SWEEP#ghosts"}, "sk": {"S": "default"}, "version": {"N": "5"}, "text": {"S": "{}"}, "expires": {"N": "8"}
        });
        assert_eq!((&put["Item"], &get["ConsistentRead"]), (&item, &json!(true)));
        assert_eq!(put["ExpressionAttributeValues"][":expected"], json!({"N": "4"}));
    }

    #[tokio::test]
    async fn what_has_expired_is_not_recalled_and_a_failed_condition_is_a_conflict() {
        let item = json!({"version": {"N": "3"}, "text": {"S": "{}"}, "expires": {"N": "8"}});
        let check = json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"});
        let (_, aws) = Answers::of([(200, json!({"Item": item})), (200, json!({"Item": item})), (400, check)]);
        let memory = DynamoMemory::new(&aws, "table");
        let recall = async |secs| memory.recall("ghosts", "default", Timestamp::from_secs(secs)).await.unwrap();
        assert_eq!(recall(7).await, (Some("{}".to_owned()), Version(3)));
        assert_eq!(recall(8).await, (None, Version(0)));
        let kept = memory.keep("ghosts", "default", "{}", Version(3), Timestamp::from_secs(9)).await;
        assert!(matches!(kept, Err(CommitError::Conflict)));
    }
}
