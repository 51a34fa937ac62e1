//! One line of a diagnosis.

use serde::Serialize;
use std::fmt::Display;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth a look, or it could not be found out.
    Warning,
    /// Jobs suffer from it, or will.
    Wrong,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found, with the thing that it was found on.
    pub says: String,
    /// What to do.
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, says: says.into(), remedy: None }
    }

    /// Worth a look.
    pub fn warning(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, says: says.into(), remedy: Some(remedy.into()) }
    }

    /// Jobs suffer.
    pub fn wrong(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Wrong, says: says.into(), remedy: Some(remedy.into()) }
    }

    /// It could not be found out.
    pub fn unknown(check: &'static str, on: impl Display, why: &str) -> Self {
        Self::warning(
            check,
            format!("{on} could not be asked: {why}"),
            "If access is denied: your role needs the managed policy of the output OperatorPolicyArn.",
        )
    }
}
