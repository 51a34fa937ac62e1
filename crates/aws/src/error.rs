//! What a failed call to AWS means to the caller: whether it may be repeated. Nothing that was sent is repeated in an error.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use fargate_runners_use_cases::ports::{PortError, Retry};
use std::error::Error as StdError;

/// The codes by which services say that they are asked too much. Nothing has happened then.
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
    "TooManyUpdates",
];

/// The code by which DynamoDB says that an earlier attempt of the same transaction is still under way.
const IN_PROGRESS: &str = "TransactionInProgressException";

/// The status by which a service that has no such code says the same.
const TOO_MANY_REQUESTS: u16 = 429;

/// What a service answered instead of doing it.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
struct Refused {
    code: String,
    message: String,
}

/// Whether a service's error code says that it is asked too much.
pub(crate) fn is_throttling(code: &str) -> bool {
    THROTTLING.contains(&code)
}

/// What may be done about a failed call.
pub(crate) fn retry<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Retry {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => Retry::UnknownEffect,
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            match service.err().code() {
                Some(code) if is_throttling(code) => Retry::Throttled,
                Some(IN_PROGRESS) => Retry::UnknownEffect,
                _ if status == TOO_MANY_REQUESTS => Retry::Throttled,
                _ if status >= 500 => Retry::UnknownEffect,
                _ => Retry::Never,
            }
        }
        _ => Retry::Never,
    }
}

/// The port's error for a failed call: what was tried, and the service's code and words.
pub(crate) fn port_error<E>(what: impl Into<String>, error: SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let retry = retry(&error);
    let source: Box<dyn StdError + Send + Sync> = match &error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().map_or_else(|| service.raw().status().to_string(), str::to_owned);
            Box::new(Refused { code, message: service.err().message().unwrap_or("no reason given").to_owned() })
        }
        _ => error.into(),
    };
    PortError::new(what, retry, source)
}

/// The same for a call that sent a secret: services may quote what they refuse, so that their words are left out.
#[cfg(feature = "token-store")]
pub(crate) fn port_error_without_words<E>(what: impl Into<String>, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let code = match error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or("an error without a code").to_owned(),
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "the connection failed".to_owned(),
        _ => "the answer could not be read".to_owned(),
    };
    PortError::new(what, retry(error), code)
}

/// An answer that lacks what the service promises: whether the call had its effect is not known.
#[cfg(feature = "ecs")]
pub(crate) fn incomplete(what: impl Into<String>, lacks: &'static str) -> PortError {
    PortError::new(what, Retry::UnknownEffect, lacks)
}
