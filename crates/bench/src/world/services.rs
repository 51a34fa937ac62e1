//! EventBridge and SQS: everything is taken, and no queue holds a message.

use serde_json::{Value, json};

pub(super) fn answer(action: &str, body: &Value) -> Result<Value, Value> {
    let count = |field: &str| body[field].as_array().map_or(0, Vec::len);
    match action {
        "PutEvents" => {
            let entries: Vec<Value> = (0..count("Entries")).map(|id| json!({"EventId": format!("event-{id}")})).collect();
            Ok(json!({"FailedEntryCount": 0, "Entries": entries}))
        }
        "SendMessage" => Ok(json!({"MessageId": "message"})),
        "SendMessageBatch" => {
            let ids = body["Entries"].as_array().into_iter().flatten().map(|entry| json!({"Id": entry["Id"], "MessageId": "message"}));
            Ok(json!({"Successful": ids.collect::<Vec<_>>(), "Failed": []}))
        }
        "ReceiveMessage" => Ok(json!({"Messages": []})),
        "DeleteMessage" => Ok(json!({})),
        _ => Err(json!({"__type": "UnknownOperationException", "message": "the bench has no such call"})),
    }
}
