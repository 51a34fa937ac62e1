//! What healers keep in mind, in the ledger's table: all of it in the partition `SWEEP`, which is read whole, each under `{healer}#{subject}`. It is no record
//! of a fleet, and lists of such never show it.

use super::conditions::{in_version, nothing, put_error};
use super::item::{Item, number, number_of, text};
use crate::clock::SystemClock;
use crate::config::Aws;
use crate::error::port_error;
use crate::limits::MEMORY_PAGES;
use fargate_runners_core::record::Version;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Clock, CommitError, Kept, Memory, PortError, Retry};
use std::collections::HashMap;

/// The partition of what is kept.
const PARTITION: &str = "SWEEP";

/// What stands between a healer and what it keeps something about. No healer has it in its name.
const BETWEEN: char = '#';

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
    async fn recall_all(&self, now: Timestamp) -> Result<Vec<Kept>, PortError> {
        const WHAT: &str = "recalling what the healers keep in mind";
        let mut all = Vec::new();
        let mut from = None;
        for _ in 0..MEMORY_PAGES {
            let call = self.aws.dynamodb().query().table_name(&self.table).consistent_read(true).key_condition_expression("#pk = :pk");
            let call = call.expression_attribute_names("#pk", "pk").expression_attribute_values(":pk", text(PARTITION));
            let answer = call.set_exclusive_start_key(from).send().await.map_err(|error| port_error(WHAT, error))?;
            let items = answer.items.unwrap_or_default();
            all.extend(items.iter().filter_map(|item| kept_of(item, now)));
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(all);
            }
        }
        Err(PortError::new(WHAT, Retry::Never, format!("it takes more than {MEMORY_PAGES} pages")))
    }

    async fn keep(&self, healer: &str, subject: &str, kept: &str, read: Version, expires: Timestamp) -> Result<(), CommitError> {
        let mut item = key(healer, subject);
        item.insert("version".to_owned(), number(read.0 + 1));
        item.insert("text".to_owned(), text(kept));
        // In the whole seconds that the table's time to live counts in, rounded up.
        item.insert("expires".to_owned(), number(expires.as_millis().div_ceil(1000)));
        let now = SystemClock.now();
        let condition = if read == Version(0) { nothing(now) } else { in_version(read, now) };
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
    HashMap::from([("pk".to_owned(), text(PARTITION)), ("sk".to_owned(), text(format!("{healer}{BETWEEN}{subject}")))])
}

/// What an item keeps; none if its time is over. Without a text it is as if it kept what nobody can read.
fn kept_of(item: &Item, now: Timestamp) -> Option<Kept> {
    let said = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let (healer, subject) = said("sk")?.split_once(BETWEEN)?;
    number_of(item, "expires").is_none_or(|expires| expires > now.as_secs()).then(|| Kept {
        healer: healer.to_owned(),
        subject: subject.to_owned(),
        text: said("text").cloned().unwrap_or_default(),
        version: Version(number_of(item, "version").unwrap_or_default()),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::Answers;
    use serde_json::json;
    use std::time::Duration;

    const LATER: Duration = Duration::from_secs(3600);

    /// What is kept there, and in which version; nothing in version 0.
    async fn recalled(memory: &impl Memory, healer: &str, subject: &str, now: Timestamp) -> (Option<String>, Version) {
        let all = memory.recall_all(now).await.unwrap();
        let mut found = all.into_iter().filter(|kept| kept.healer == healer && kept.subject == subject);
        let kept = found.next().map_or((None, Version(0)), |kept| (Some(kept.text), kept.version));
        assert_eq!(found.next(), None, "once");
        kept
    }

    /// What every memory must do.
    pub async fn contract(memory: &impl Memory) {
        let now = SystemClock.now();
        assert_eq!(memory.recall_all(now).await.unwrap(), []);
        memory.keep("ghosts", "default", "{\"a\":1}", Version(0), now + LATER).await.unwrap();
        let overtaken = memory.keep("ghosts", "default", "{}", Version(0), now + LATER).await;
        assert!(matches!(overtaken, Err(CommitError::Conflict)), "{overtaken:?}");
        assert_eq!(recalled(memory, "ghosts", "default", now).await, (Some("{\"a\":1}".to_owned()), Version(1)));
        memory.keep("ghosts", "default", "{}", Version(1), now + LATER).await.unwrap();
        assert_eq!(recalled(memory, "ghosts", "default", now).await, (Some("{}".to_owned()), Version(2)));
        assert_eq!(recalled(memory, "ghosts", "other", now).await, (None, Version(0)));
        assert_eq!(recalled(memory, "ghosts", "default", now + LATER + LATER).await, (None, Version(0)), "its time is over");
        // A subject may hold anything, also what stands between it and its healer.
        memory.keep("left_runners", "https://api.github.com org#1 app", "[]", Version(0), now + LATER).await.unwrap();
        assert_eq!(recalled(memory, "left_runners", "https://api.github.com org#1 app", now).await, (Some("[]".to_owned()), Version(1)));
        memory.keep("ghosts", "old", "{}", Version(0), now - LATER).await.unwrap();
        memory.keep("ghosts", "old", "{}", Version(0), now + LATER).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_kept_stands_under_its_healer_with_version_and_time() {
        let (answers, aws) = Answers::of([(200, json!({})), (200, json!({"Items": []}))]);
        let memory = DynamoMemory::new(&aws, "table");
        memory.keep("ghosts", "default", "{}", Version(4), Timestamp::from_millis(7_001)).await.unwrap();
        assert_eq!(memory.recall_all(Timestamp::from_secs(1)).await.unwrap(), []);
        let [put, query] = &answers.requests()[..] else { panic!("two calls") };
        let item = json!({
            "pk": {"S": "SWEEP"}, "sk": {"S": "ghosts#default"}, "version": {"N": "5"}, "text": {"S": "{}"}, "expires": {"N": "8"}
        });
        assert_eq!((&put["Item"], &query["ConsistentRead"]), (&item, &json!(true)));
        assert_eq!(query["ExpressionAttributeValues"], json!({":pk": {"S": "SWEEP"}}));
        assert_eq!(put["ExpressionAttributeValues"][":expected"], json!({"N": "4"}));
    }

    #[tokio::test]
    async fn what_has_expired_is_not_recalled_and_a_failed_condition_is_a_conflict() {
        let item = json!({"sk": {"S": "ghosts#default"}, "version": {"N": "3"}, "text": {"S": "{}"}, "expires": {"N": "8"}});
        let check = json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"});
        let (_, aws) = Answers::of([(200, json!({"Items": [item]})), (200, json!({"Items": [item]})), (400, check)]);
        let memory = DynamoMemory::new(&aws, "table");
        let recall = async |secs| recalled(&memory, "ghosts", "default", Timestamp::from_secs(secs)).await;
        assert_eq!(recall(7).await, (Some("{}".to_owned()), Version(3)));
        assert_eq!(recall(8).await, (None, Version(0)));
        let kept = memory.keep("ghosts", "default", "{}", Version(3), Timestamp::from_secs(9)).await;
        assert!(matches!(kept, Err(CommitError::Conflict)));
    }

    #[tokio::test]
    async fn what_takes_several_pages_is_recalled_whole() {
        let item = |subject: &str| json!({"sk": {"S": format!("ghosts#{subject}")}, "version": {"N": "1"}, "text": {"S": "{}"}});
        let key = json!({"pk": {"S": "SWEEP"}, "sk": {"S": "ghosts#a"}});
        let (answers, aws) =
            Answers::of([(200, json!({"Items": [item("a")], "LastEvaluatedKey": key})), (200, json!({"Items": [item("b")]}))]);
        let all = DynamoMemory::new(&aws, "table").recall_all(Timestamp::from_secs(1)).await.unwrap();
        assert_eq!(all.iter().map(|kept| kept.subject.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(answers.requests()[1]["ExclusiveStartKey"], key);
    }
}
