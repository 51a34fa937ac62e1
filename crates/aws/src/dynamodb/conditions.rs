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

/// What stands there must be in the version that was read; what has expired is as if it were not there.
pub(super) fn in_version(expected: Version, now: Timestamp) -> Condition {
    let now = (":now".to_owned(), number(now.as_secs()));
    let names = |names: &[&str]| names.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect();
    if expected == Version(0) {
        return Condition {
            expression: "attribute_not_exists(#pk) OR #expires <= :now",
            names: names(&["pk", "expires"]),
            values: HashMap::from([now]),
        };
    }
    Condition {
        expression: "#version = :expected AND (attribute_not_exists(#expires) OR #expires > :now)",
        names: names(&["version", "expires"]),
        values: HashMap::from([now, (":expected".to_owned(), number(expected.0))]),
    }
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
