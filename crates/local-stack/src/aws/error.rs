//! How a call to the emulator fails.

use serde_json::Value;

use super::xml::tag_value;

/// A call to the emulator failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be reached, or did not answer in time.
    #[error("the emulator could not be reached")]
    Unreachable(#[from] reqwest::Error),
    /// The request could not be signed.
    #[error("the request could not be signed: {0}")]
    Unsigned(String),
    /// It refused.
    #[error("{status} {kind}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// AWS's error code.
        kind: String,
        /// The message for people.
        message: String,
    },
    /// It answered something else than it should.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

impl Error {
    /// Reads an error body of either protocol.
    pub(crate) fn refused(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let (kind, message) = match serde_json::from_slice::<Value>(body) {
            Ok(json) => {
                let word = |keys: [&str; 3]| keys.iter().find_map(|key| json[key].as_str()).unwrap_or_default().to_owned();
                (word(["__type", "code", "Type"]), word(["message", "Message", "errorMessage"]))
            }
            Err(_) => (tag_value(&text, "Code").unwrap_or_default(), tag_value(&text, "Message").unwrap_or_default()),
        };
        let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
        Self::Refused { status, kind, message }
    }

    /// AWS's error code, where there is one.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Refused { kind, .. } => Some(kind),
            _ => None,
        }
    }

    /// Whether the caller lacks a permission.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        self.kind().is_some_and(|kind| kind.starts_with("AccessDenied"))
    }
}
