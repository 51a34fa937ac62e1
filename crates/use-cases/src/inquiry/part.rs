//! One part of an answer: what GitHub said, or why that part could not be asked. One that failed keeps no other from being asked.

use fargate_runners_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What was answered, or why nothing was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part<T> {
    /// It was asked and answered.
    Answer(T),
    /// It could not be asked, or was refused.
    Failed(Failure),
}

impl<T> Part<T> {
    /// What was answered.
    pub const fn answer(&self) -> Option<&T> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Failed(_) => None,
        }
    }

    /// Why nothing was.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Answer(_) => None,
            Self::Failed(failure) => Some(failure),
        }
    }
}

impl<T> From<Result<T, Failure>> for Part<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(answer) => Self::Answer(answer),
            Err(failure) => Self::Failed(failure),
        }
    }
}

impl<T> Default for Part<T> {
    /// A part that the answer does not have at all: whoever reads is newer than whoever was asked.
    fn default() -> Self {
        Self::Failed(Failure::new(FailureKind::Other, "the function `sweep` is of another version and does not tell this"))
    }
}

/// Why a part could not be asked. It holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// Which kind of failure.
    pub kind: FailureKind,
    /// The HTTP status, where GitHub answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// GitHub's own words where there are any, otherwise what went wrong, with its causes.
    pub message: String,
    /// What was asked, as `GET /orgs/octo/installation`; without host and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// What the credential has to be allowed for it, in the words of GitHub's settings pages; where GitHub refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed: Option<String>,
    /// From when on it may be asked again, in milliseconds since 1970; where GitHub says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Failure {
    /// A failure without an answer of GitHub's.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), ..Self::default() }
    }
}

/// Kinds of failures, by what there is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The credential could not be read from the parameter store, or is none.
    Credential,
    /// GitHub does not accept the credential (401).
    Unauthorized,
    /// GitHub does not accept the times in the App's JWT: a clock is wrong, ours or GitHub's (401).
    Clock,
    /// The credential may not (403).
    Forbidden,
    /// There is no such thing, or the credential may not know of it (404).
    NotFound,
    /// The rate limit is used up, or GitHub is out of service and says until when.
    RateLimited,
    /// No usable answer came: no connection, no answer in time, or 5xx.
    Unavailable,
    /// The time or the calls of the inquiry were used up before.
    LeftOut,
    /// Anything else, or a kind that this version does not know.
    #[default]
    #[serde(other)]
    Other,
}
