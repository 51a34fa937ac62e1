//! How the REST interface says no.

use std::fmt;

/// What a caller gets instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// An answer other than 2xx.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The `message` of the body.
        message: String,
        /// The `retry-after` header, in seconds.
        retry_after: Option<u64>,
    },
    /// No answer at all; whether the call had its effect, nobody knows.
    Dropped,
}

impl ApiError {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self::Refused { status, message: message.into(), retry_after: None }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Dropped => None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, message, .. } => write!(formatter, "{status}: {message}"),
            Self::Dropped => formatter.write_str("the connection broke"),
        }
    }
}

impl std::error::Error for ApiError {}
