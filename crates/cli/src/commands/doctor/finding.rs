//! One line of a diagnosis.

use crate::pages::runbook;
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
    /// The address of the page that says more.
    pub runbook: Option<&'static str>,
}

/// The pages on what is looked at.
const RUNBOOKS: &[(&[&str], &str)] = &[
    (&["waiting jobs"], runbook!("oldest-queued.md")),
    (&["image", "network", "log group", "starts"], runbook!("boots-failing.md")),
    (&["vCPU quota", "capacity", "roles", "subnets", "stack drift", "throttling", "protection"], runbook!("tasks-missing.md")),
    (&["credential", "installation", "permissions", "runner group", "clock", "registrations"], runbook!("mints-failed.md")),
    (&["webhook", "webhook secret", "events", "deliveries"], runbook!("webhook-failing.md")),
    (&["functions", "errors", "ledger", "triggers"], runbook!("functions.md")),
    (&["dead letters"], runbook!("dead-letters.md")),
    (&["rate limit"], runbook!("rate-limit-low.md")),
    (&["runner version"], runbook!("runner-version.md")),
];

/// The page on what was looked at.
fn page(check: &str) -> Option<&'static str> {
    RUNBOOKS.iter().find(|(checks, _)| checks.contains(&check)).map(|(_, page)| *page)
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, says: says.into(), remedy: None, runbook: None }
    }

    /// Worth a look.
    pub fn warning(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, says: says.into(), remedy: Some(remedy.into()), runbook: page(check) }
    }

    /// Jobs suffer.
    pub fn wrong(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Wrong, says: says.into(), remedy: Some(remedy.into()), runbook: page(check) }
    }

    /// It could not be found out.
    pub fn unknown(check: &'static str, on: impl Display, why: &str) -> Self {
        let says = format!("{on} could not be asked: {why}");
        let low = why.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
        // What is not there is wrong, and not only unknown.
        if has(&["clusternotfound", "cluster not found", "resourcenotfound", "queuedoesnotexist", "nonexistentqueue", "does not exist"]) {
            return Self::wrong(
                check,
                says,
                "It is gone: deploy the stack again, after CloudFormation's \"drift\" has shown what else is.",
            );
        }
        let remedy = if has(&["expired"]) {
            "Your AWS credentials have expired: log in anew."
        } else if has(&["throttl", "rate exceeded"]) {
            "AWS throttles; ask again in a minute."
        } else if has(&["denied", "not authorized"]) {
            "Your role needs the managed policy of the output OperatorPolicyArn."
        } else {
            "Ask again. If it stays so: https://health.aws.amazon.com, and the way from here to AWS."
        };
        Self::warning(check, says, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_runbook_that_is_named_is_there_and_can_be_opened_without_the_repository() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let web = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");
        for (checks, page) in RUNBOOKS {
            // Whoever has the program alone has no file of the repository.
            let path = page.strip_prefix(web).unwrap_or_else(|| panic!("{page} is no address"));
            assert!(web.starts_with("https://") && root.join(path).exists(), "{page}");
            assert_eq!(Finding::wrong(checks[0], "x", "y").runbook, Some(*page));
        }
    }

    #[test]
    fn what_cannot_be_asked_is_told_with_the_reason_for_that() {
        let of = |why: &str| Finding::unknown("services", "fleet default", why);
        assert_eq!(of("ClusterNotFoundException: Cluster not found.").verdict, Verdict::Wrong);
        assert!(of("AccessDeniedException: not authorized").remedy.unwrap().contains("OperatorPolicyArn"));
        assert!(of("ExpiredTokenException").remedy.unwrap().contains("log in"));
        assert!(of("dispatch failure").remedy.unwrap().contains("Ask again"));
    }
}
