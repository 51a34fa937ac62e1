//! Under which condition a record is written, and what it means when a write is refused.

use super::item::number;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use fargate_runners_core::record::Version;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{CommitError, PortError, Retry};
use std::collections::HashMap;

/// A condition with the names and values that it uses. Names are spelled out apart, because some are words of DynamoDB's own.
pub(super) struct Condition {
    pub expression: &'static str,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

impl Condition {
    fn new(expression: &'static str, names: &[&str], values: &[(&str, u64)]) -> Self {
        Self {
            expression,
            names: names.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect(),
            values: values.iter().map(|(name, value)| (format!(":{name}"), number(*value))).collect(),
        }
    }
}

/// Nothing may stand there; what has expired is as if it were not there.
pub(super) fn nothing(now: Timestamp) -> Condition {
    Condition::new("attribute_not_exists(#pk) OR #expires <= :now", &["pk", "expires"], &[("now", now.as_secs())])
}

/// What stands there must be in the version that was read, and its time not over.
pub(super) fn in_version(version: Version, now: Timestamp) -> Condition {
    Condition::new(
        "#version = :expected AND (attribute_not_exists(#expires) OR #expires > :now)",
        &["version", "expires"],
        &[("now", now.as_secs()), ("expected", version.0)],
    )
}

/// What the refusal of a single write means.
pub(super) fn put_error(what: String, error: SdkError<PutItemError, HttpResponse>) -> CommitError {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(_) | PutItemError::TransactionConflictException(_)) => CommitError::Conflict,
        _ => crate::error::port_error(what, error).into(),
    }
}

/// What the refusal of a transaction means: DynamoDB says for each write why it was not made.
pub(super) fn transaction_error(what: String, error: SdkError<TransactWriteItemsError, HttpResponse>) -> CommitError {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return crate::error::port_error(what, error).into();
    };
    let codes: Vec<&str> =
        cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).filter(|code| *code != "None").collect();
    if codes.iter().any(|code| ["ConditionalCheckFailed", "TransactionConflict"].contains(code)) {
        return CommitError::Conflict;
    }
    let throttled = codes.iter().any(|code| ["ThrottlingError", "ProvisionedThroughputExceeded"].contains(code));
    let retry = if throttled { Retry::Throttled } else { Retry::Never };
    PortError::new(what, retry, format!("the transaction was cancelled: {}", codes.join(", "))).into()
}

#[cfg(test)]
mod tests {
    use crate::dynamodb::DynamoLedger;
    use crate::testing::Answers;
    use fargate_runners_core::ids::FleetName;
    use fargate_runners_core::record::{Expected, Place, Record, Version, Write};
    use fargate_runners_core::state::FleetState;
    use fargate_runners_core::time::Timestamp;
    use fargate_runners_use_cases::ports::{CommitError, Ledger, Retry};
    use serde_json::{Value, json};

    fn writes(count: usize, expected: Expected) -> Vec<Write> {
        let name = |number: usize| FleetName::parse(&format!("fleet-{number}")).unwrap();
        let record = |number| Record::Fleet(FleetState::new(name(number)));
        (0..count).map(|number| Write { record: record(number), expected }).collect()
    }

    async fn refused(count: usize, answers: impl IntoIterator<Item = (u16, Value)>) -> CommitError {
        let (_, aws) = Answers::of(answers);
        DynamoLedger::new(&aws, "table")
            .commit(&writes(count, Expected::Record(Place::Active, Version(1))), Timestamp::from_secs(5))
            .await
            .unwrap_err()
    }

    fn cancelled(codes: &[&str]) -> (u16, Value) {
        let reasons: Vec<Value> = codes.iter().map(|code| json!({"Code": code})).collect();
        (400, json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": reasons}))
    }

    #[tokio::test]
    async fn a_condition_that_does_not_hold_is_a_conflict() {
        let check = (400, json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}));
        assert!(matches!(refused(1, [check]).await, CommitError::Conflict));
        for codes in [["None", "ConditionalCheckFailed"], ["TransactionConflict", "None"], ["ThrottlingError", "ConditionalCheckFailed"]] {
            assert!(matches!(refused(2, [cancelled(&codes)]).await, CommitError::Conflict), "{codes:?}");
        }
    }

    #[tokio::test]
    async fn a_transaction_that_was_cancelled_otherwise_is_a_failure() {
        for (code, retry) in [("ThrottlingError", Retry::Throttled), ("ValidationError", Retry::Never)] {
            let CommitError::Failed(error) = refused(2, [cancelled(&["None", code])]).await else { panic!("{code} is no conflict") };
            assert_eq!(error.retry, retry, "{code}");
        }
    }

    #[tokio::test]
    async fn a_transaction_carries_a_token_and_each_write_its_condition() {
        let (answers, aws) = Answers::of([(200, json!({}))]);
        DynamoLedger::new(&aws, "table").commit(&writes(2, Expected::Nothing), Timestamp::from_secs(5)).await.unwrap();
        let request = &answers.requests()[0];
        assert!(request["ClientRequestToken"].as_str().is_some_and(|token| !token.is_empty()));
        let put = &request["TransactItems"][1]["Put"];
        assert_eq!(put["ConditionExpression"], "attribute_not_exists(#pk) OR #expires <= :now");
        assert_eq!(put["ExpressionAttributeValues"], json!({":now": {"N": "5"}}));
        assert_eq!((&put["Item"]["pk"]["S"], &put["Item"]["version"]["N"]), (&json!("FLEET#fleet-1"), &json!("1")));
    }
}
