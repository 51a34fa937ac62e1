//! What a listener hands to its worker, on one line of its standard input.

use serde::{Deserialize, Serialize};

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) job: u64,
    pub(super) title: String,
    pub(super) duration_ms: u64,
    pub(super) conclusion: String,
    pub(super) step: Option<String>,
    #[serde(default)]
    pub(super) runner_name: String,
}

/// How a worker ends: the exit codes of the real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
    Canceled,
}

impl Outcome {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Succeeded => 100,
            Self::Failed => 102,
            Self::Canceled => 103,
        }
    }

    /// A worker that ended any other way (it was killed, say) has failed its job.
    pub(super) fn of_code(code: Option<i32>) -> Self {
        match code {
            Some(100) => Self::Succeeded,
            Some(103) => Self::Canceled,
            _ => Self::Failed,
        }
    }

    /// As the listener prints it.
    pub(super) fn printed(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }

    /// As it reports it.
    pub(super) fn reported(self) -> &'static str {
        match self {
            Self::Succeeded => "success",
            Self::Failed => "failure",
            Self::Canceled => "cancelled",
        }
    }
}
