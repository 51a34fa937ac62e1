//! What an answer means, apart from what a single call makes of it. Pure.

use crate::call::Target;
use crate::error::{Failure, GithubError, WaitReason};
use crate::limits::MESSAGE_CHARS_MAX;
use crate::rate_limit;
use crate::transport::Raw;
use fargate_runners_core::time::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What to do with an answer.
pub(crate) enum Verdict {
    /// The call is done.
    Done(Raw),
    /// The server failed; the call may have had its effect.
    ServerFailed(Failure),
    /// The answer stands, whoever asks again.
    Refused(GithubError),
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    message: String,
}

/// Sorts an answer by its status.
pub(crate) fn judge(raw: Raw, target: &Target, needed: &'static str, bearer: &SecretString, now: Timestamp) -> Verdict {
    if (200..300).contains(&raw.status) {
        return Verdict::Done(raw);
    }
    let (target, message) = (target.clone(), message(&raw, bearer));
    if let Some(until) = rate_limit::not_before(&raw, &message, now) {
        return Verdict::Refused(GithubError::NotBefore { target, until, reason: WaitReason::RateLimit });
    }
    Verdict::Refused(match raw.status {
        401 => GithubError::Unauthorized { target, message },
        403 => GithubError::PermissionMissing { target, needed, message },
        404 => GithubError::NotFound { target, needed, message },
        300..=399 => {
            let problem =
                format!("status {}: it has moved; write the new name of the repository or organisation into the fleet's scope", raw.status);
            GithubError::Unreadable { target, problem }
        }
        500.. => match rate_limit::retry_after(&raw, now) {
            // A mint that met a 5xx may still have happened, so that for it no wait is enough.
            Some(until) if target.call.may_be_repeated() => GithubError::NotBefore { target, until, reason: WaitReason::Outage },
            _ => return Verdict::ServerFailed(format!("GitHub answered {} ({message})", raw.status).into()),
        },
        status => GithubError::Rejected { target, status, message },
    })
}

/// Reads the body of a success.
pub(crate) fn read<T: DeserializeOwned>(raw: &Raw, target: &Target) -> Result<T, GithubError> {
    serde_json::from_slice(&raw.body).map_err(|error| {
        // serde's own message may quote the content.
        let problem = format!("status {}, not the expected JSON at line {} column {}", raw.status, error.line(), error.column());
        GithubError::Unreadable { target: target.clone(), problem }
    })
}

/// GitHub's own words: one line, cut, and without the credential should a server have echoed it.
fn message(raw: &Raw, bearer: &SecretString) -> String {
    let body: ErrorBody = serde_json::from_slice(&raw.body).unwrap_or_default();
    let text = if body.message.is_empty() { format!("status {}", raw.status) } else { body.message };
    let secret = bearer.expose_secret();
    let text = if secret.is_empty() { text } else { text.replace(secret, "[secret]") };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Call;

    fn refused(status: u16, body: &str) -> String {
        let target = Target { call: Call::GetRunner, method: reqwest::Method::GET, path: "/orgs/o/actions/runners/1".to_owned() };
        match judge(Raw::of(status, &[], body.as_bytes()), &target, "it", &SecretString::from("sesame"), Timestamp::from_secs(1)) {
            Verdict::Refused(error) => format!("{error} {error:?}"),
            Verdict::ServerFailed(error) => format!("{error} {error:?}"),
            Verdict::Done(_) => "done".to_owned(),
        }
    }

    #[test]
    fn an_echoed_credential_and_floods_stay_out_of_the_message() {
        let shown = refused(403, r#"{"message":"no entry for Bearer sesame\nforged log line"}"#);
        assert!(!shown.contains("sesame") && shown.contains("[secret] forged"), "{shown}");
        assert!(!shown.contains('\n'));
        assert!(refused(500, &format!("{{\"message\":\"{}\"}}", "x".repeat(10_000))).len() < 1000);
    }

    #[test]
    fn a_body_that_is_no_json_is_left_out() {
        assert!(refused(502, "<html>bad gateway</html>").contains("status 502"));
    }

    #[test]
    fn a_moved_repository_is_said_to_have_moved() {
        assert!(refused(301, r#"{"message":"Moved Permanently"}"#).contains("has moved"));
    }
}
