//! DynamoDB, as far as a function's way through it goes: what was put here before the invocation is read, and every write is answered as if its condition
//! held, then forgotten. It checks no condition and keeps nothing, so that each invocation is like the last; the project's own tests hold the adapter to a
//! real table.

use fargate_runners_core::record::{Key, Record};
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(super) struct Table {
    items: Vec<Value>,
}

impl Table {
    /// Puts a record where the ledger would have it.
    pub(super) fn put(&mut self, record: &Record) {
        let key = record.key();
        let place = match &key {
            Key::Fleet(_) => "STATE".to_owned(),
            Key::Job(_, job) => format!("JOB#{job}"),
            Key::Task(_, task) => format!("TASK#{task}"),
        };
        let body = serde_json::to_string(record).expect("a record is JSON");
        self.items.push(json!({
            "pk": {"S": format!("FLEET#{}", key.fleet())}, "sk": {"S": place}, "active": {"S": place}, "version": {"N": "1"}, "body": {"S": body},
        }));
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
                let items: Vec<&Value> = self.items.iter().filter(|item| partition == Some(&item["pk"])).collect();
                Ok(json!({"Count": items.len(), "ScannedCount": items.len(), "Items": items}))
            }
            "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" => Ok(json!({})),
            _ => Err(json!({"__type": "UnknownOperationException", "message": "the bench's table has no such call"})),
        }
    }

    fn one(&self, key: &Value) -> Option<&Value> {
        self.items.iter().find(|item| item["pk"] == key["pk"] && item["sk"] == key["sk"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::ids::FleetName;
    use fargate_runners_core::state::FleetState;

    #[test]
    fn what_was_put_is_read_in_each_way_and_what_is_written_is_forgotten() {
        let mut table = Table::default();
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
}
