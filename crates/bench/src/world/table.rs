//! DynamoDB, as far as a function's way through it goes: what was put here before the invocation is read, and every write is answered as if its condition
//! held, then forgotten. It checks no condition and keeps nothing, so that each invocation is like the last; the project's own tests hold the adapter to a
//! real table.

use fargate_runners_core::record::{Key, Place, Record};
use serde_json::{Value, json};
use std::sync::Arc;

/// DynamoDB reads so much of a table for a page (*Querying tables in DynamoDB: paginating the results*).
const PAGE_BYTES: usize = 1_048_576;

#[derive(Debug)]
pub(super) struct Table {
    /// What stands in it from the first.
    waiting: Arc<[Value]>,
    items: Vec<Value>,
}

/// A record as the ledger would have it.
pub(super) fn item(record: &Record) -> Value {
    let key = record.key();
    let partition = match record.place() {
        Place::Active => "FLEET",
        Place::Past => "PAST",
    };
    let sort_key = match &key {
        Key::Fleet(_) => "STATE".to_owned(),
        Key::Job(_, job) => format!("JOB#{job}"),
        Key::Task(_, task) => format!("TASK#{task}"),
    };
    let body = serde_json::to_string(record).expect("a record is JSON");
    json!({
        "pk": {"S": format!("{partition}#{}", key.fleet())}, "sk": {"S": sort_key}, "version": {"N": "1"}, "body": {"S": body},
    })
}

/// About what DynamoDB counts for an item: its names and values.
fn bytes(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| {
            name.len() + value.as_object().into_iter().flatten().map(|(_, v)| v.as_str().map_or(0, str::len)).sum::<usize>()
        })
        .sum()
}

/// The attributes that a query asks for; none if it asks for all.
fn projected(query: &Value) -> Vec<&str> {
    let names = query["ProjectionExpression"].as_str().into_iter().flat_map(|text| text.split(','));
    names.map(|name| query["ExpressionAttributeNames"][name.trim()].as_str().unwrap_or(name.trim())).collect()
}

fn project(item: &Value, names: &[&str]) -> Value {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Table {
    pub(super) const fn new(waiting: Arc<[Value]>) -> Self {
        Self { waiting, items: Vec::new() }
    }

    /// Puts a record where the ledger would have it.
    pub(super) fn put(&mut self, record: &Record) {
        self.items.push(item(record));
    }

    pub(super) fn answer(&self, action: &str, body: &Value) -> Result<Value, Value> {
        match action {
            "GetItem" => Ok(self.one(&body["Key"]).map_or_else(|| json!({}), |item| json!({"Item": item}))),
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().into_iter().flatten();
                let found = tables.map(|(table, asked)| {
                    let keys = asked["Keys"].as_array().into_iter().flatten();
                    (table.clone(), keys.filter_map(|key| self.one(key)).cloned().collect())
                });
                Ok(json!({"Responses": found.collect::<serde_json::Map<String, Value>>(), "UnprocessedKeys": {}}))
            }
            "Query" => {
                let values = body["ExpressionAttributeValues"].as_object();
                let partition = values.and_then(|values| values.values().next());
                let mut items = self.all().filter(|item| partition == Some(&item["pk"]));
                let names = projected(body);
                let last = &body["ExclusiveStartKey"]["sk"];
                if !last.is_null() {
                    items.find(|item| item["sk"] == *last);
                }
                let limit = body["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
                let (mut page, mut size) = (Vec::new(), 0);
                for item in items.by_ref() {
                    size += bytes(item);
                    page.push(item);
                    if size > PAGE_BYTES || page.len() == limit {
                        break;
                    }
                }
                let more = items.next().is_some();
                let items: Vec<Value> = page.iter().map(|item| project(item, &names)).collect();
                let mut answer = json!({"Count": items.len(), "ScannedCount": items.len(), "Items": items});
                if let Some(last) = page.last().filter(|_| more) {
                    answer["LastEvaluatedKey"] = json!({"pk": last["pk"], "sk": last["sk"]});
                }
                Ok(answer)
            }
            // The only item whose values are ever asked for: how often a mint slot was asked for in its window.
            "UpdateItem" => Ok(json!({"Attributes": {"window": body["ExpressionAttributeValues"][":window"], "used": {"N": "1"}}})),
            "PutItem" | "DeleteItem" | "TransactWriteItems" => Ok(json!({})),
            _ => Err(json!({"__type": "UnknownOperationException", "message": "the bench's table has no such call"})),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        self.items.iter().chain(self.waiting.iter())
    }

    fn one(&self, key: &Value) -> Option<&Value> {
        self.all().find(|item| item["pk"] == key["pk"] && item["sk"] == key["sk"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::ids::FleetName;
    use fargate_runners_core::state::FleetState;

    #[test]
    fn what_was_put_is_read_in_each_way_and_what_is_written_is_forgotten() {
        let mut table = Table::new(Arc::default());
        table.put(&Record::Fleet(FleetState::new(FleetName::parse("default").unwrap())));
        let key = json!({"pk": {"S": "FLEET#default"}, "sk": {"S": "STATE"}});
        let other = json!({"pk": {"S": "FLEET#default"}, "sk": {"S": "JOB#1"}});
        assert_eq!(table.answer("GetItem", &json!({"Key": key})).unwrap()["Item"]["version"]["N"], "1");
        assert_eq!(table.answer("PutItem", &json!({"Item": other})), Ok(json!({})));
        assert_eq!(table.answer("GetItem", &json!({"Key": other})), Ok(json!({})));
        let batch = table.answer("BatchGetItem", &json!({"RequestItems": {"t": {"Keys": [key, other]}}})).unwrap();
        assert_eq!(batch["Responses"]["t"].as_array().map(Vec::len), Some(1));
        let query = json!({"ExpressionAttributeValues": {":pk": {"S": "FLEET#default"}}});
        assert_eq!(table.answer("Query", &query).unwrap()["Count"], 1);
        assert!(table.answer("Scan", &json!({})).is_err());
    }

    #[test]
    fn many_records_come_in_pages_and_each_of_them_once() {
        let record =
            |number: usize| json!({"pk": {"S": "FLEET#default"}, "sk": {"S": format!("JOB#{number}")}, "body": {"S": "x".repeat(1_000)}});
        let table = Table::new((0..2_500).map(record).collect());
        let (mut query, mut seen) = (json!({"ExpressionAttributeValues": {":pk": {"S": "FLEET#default"}}}), Vec::new());
        for left in [true, true, false] {
            let answer = table.answer("Query", &query).unwrap();
            seen.extend(answer["Items"].as_array().unwrap().iter().map(|item| item["sk"]["S"].as_str().unwrap().to_owned()));
            assert_eq!(answer.get("LastEvaluatedKey").is_some(), left);
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"].clone();
        }
        assert_eq!(seen.len(), 2_500);
        assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 2_500);
        query["Limit"] = json!(2);
        query["ProjectionExpression"] = json!("#sk");
        query["ExpressionAttributeNames"] = json!({"#sk": "sk"});
        query["ExclusiveStartKey"] = json!({"sk": {"S": "JOB#0"}});
        assert_eq!(table.answer("Query", &query).unwrap()["Items"], json!([{"sk": {"S": "JOB#1"}}, {"sk": {"S": "JOB#2"}}]));
    }
}
