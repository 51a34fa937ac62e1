//! What can go wrong with a call, sorted by what the caller does next. No variant holds a secret, and no message shows one.

use crate::call::Target;
use crate::credential::CredentialError;
use fargate_runners_core::time::Timestamp;

/// The cause below an error, for its chain of sources.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Why a call has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// GitHub said that this credential calls too often.
    RateLimit,
    /// GitHub is unavailable and said for how long.
    Outage,
    /// Another process is fetching the installation token.
    TokenExchange,
}

impl std::fmt::Display for WaitReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RateLimit => "the credential's rate limit is used up",
            Self::Outage => "GitHub is out of service",
            Self::TokenExchange => "another process is fetching the installation token",
        })
    }
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum GithubError {
    /// The same call may succeed from this time on. Nothing was done.
    #[error("{target}: {reason}; ask again after {until} (seconds since the epoch)")]
    NotBefore {
        /// The call.
        target: Target,
        /// The earliest time for another attempt.
        until: Timestamp,
        /// Why.
        reason: WaitReason,
    },
    /// The call could not be completed within its attempts or its time. It is one that may be repeated, or it was never sent.
    #[error("{target}: no usable answer after {attempts} attempt(s); ask again later, and look at githubstatus.com if it lasts")]
    Unavailable {
        /// The call.
        target: Target,
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt met.
        source: Failure,
    },
    /// The answer to a call that must not be made twice was lost: the runner may exist, the re-run may have begun.
    #[error("{target}: the answer was lost, so that {}", target.call.after_a_lost_answer())]
    UnknownEffect {
        /// The call.
        target: Target,
        /// How it was lost.
        source: Failure,
    },
    /// The credential was refused, and a fresh token did not help.
    #[error(
        "{target}: GitHub refused the credential ({message}); check that the App or PAT exists and is not expired, suspended or revoked"
    )]
    Unauthorized {
        /// The call.
        target: Target,
        /// GitHub's own words.
        message: String,
    },
    /// The credential is good but may not do this.
    #[error("{target}: GitHub forbids it ({message}); the credential needs {needed}")]
    PermissionMissing {
        /// The call.
        target: Target,
        /// What has to be granted.
        needed: &'static str,
        /// GitHub's own words.
        message: String,
    },
    /// What the path names does not exist, or the credential may not know that it does.
    #[error(
        "{target}: GitHub knows no such thing ({message}); check the fleet's scope for typing errors, and that the credential has {needed}"
    )]
    NotFound {
        /// The call.
        target: Target,
        /// What would have to be granted if it does exist.
        needed: &'static str,
        /// GitHub's own words.
        message: String,
    },
    /// A runner of this name exists, perhaps from a mint whose answer was lost.
    #[error("{target}: a runner of this name exists ({message}); delete it, or mint under another name")]
    NameTaken {
        /// The call.
        target: Target,
        /// GitHub's own words.
        message: String,
    },
    /// GitHub understood the request and refuses it; repeating it is no use.
    #[error("{target}: GitHub answered {status} ({message}); {}", target.call.after_a_rejection())]
    Rejected {
        /// The call.
        target: Target,
        /// The HTTP status.
        status: u16,
        /// GitHub's own words.
        message: String,
    },
    /// The answer bears no meaning that this client knows.
    #[error("{target}: the answer cannot be read ({problem}); check that the API URL leads to GitHub's REST API")]
    Unreadable {
        /// The call.
        target: Target,
        /// What was wrong with it, without its content.
        problem: String,
    },
    /// The credential itself cannot be used.
    #[error("the GitHub credential cannot be used")]
    Credential(#[from] CredentialError),
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up; check the further root certificates if any were given")]
    Setup(#[source] Failure),
}

impl GithubError {
    /// Whether the same operation may succeed later without anyone changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::NotBefore { .. } | Self::Unavailable { .. } | Self::UnknownEffect { .. } | Self::NameTaken { .. })
    }

    /// The time before which no attempt makes sense, when GitHub named one.
    #[must_use]
    pub const fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::NotBefore { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Whether something may have been made at GitHub although the call failed.
    #[must_use]
    pub const fn may_have_had_effect(&self) -> bool {
        matches!(self, Self::UnknownEffect { .. })
    }
}
