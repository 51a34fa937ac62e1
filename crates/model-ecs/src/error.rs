//! How a call fails.

use std::fmt;

/// An error answer of the API, or (status 0) no answer at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The `__type`, for example `ThrottlingException`.
    pub kind: String,
    /// The message for people.
    pub message: String,
    /// The HTTP status; 0 means that the connection breaks without an answer, whether or not the call had its effect.
    pub status: u16,
}

impl AwsError {
    pub(crate) fn client(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into(), status: 400 }
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::client("InvalidParameterException", message)
    }

    pub(crate) fn throttled() -> Self {
        Self::client("ThrottlingException", "Rate exceeded")
    }

    pub(crate) fn server() -> Self {
        Self { kind: "ServerException".to_owned(), message: "Service Unavailable. Please try again later.".to_owned(), status: 500 }
    }

    pub(crate) fn broken() -> Self {
        Self { kind: "NoAnswer".to_owned(), message: "the connection broke".to_owned(), status: 0 }
    }

    /// Whether the caller got no answer.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        self.status == 0
    }

    /// Whether the caller is told to slow down.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.kind == "ThrottlingException"
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for AwsError {}
