//! When GitHub asks to be left alone, and until when. Pure.

use crate::limits::{RATE_LIMIT_DEFAULT_WAIT, RATE_LIMIT_WAIT_MAX};
use crate::transport::Raw;
use fargate_runners_core::time::Timestamp;
use std::time::Duration;

/// The time before which GitHub wants no further call, if that is what this 403 or 429 means.
///
/// A 403 may also mean a missing permission; it is a rate limit when its headers or its message say so.
pub(crate) fn not_before(raw: &Raw, message: &str, now: Timestamp) -> Option<Timestamp> {
    let named = retry_after(raw, now).or_else(|| reset(raw, now));
    match raw.status {
        429 => Some(named.unwrap_or(now + RATE_LIMIT_DEFAULT_WAIT)),
        403 => named.or_else(|| says_rate_limit(message).then(|| now + RATE_LIMIT_DEFAULT_WAIT)),
        _ => None,
    }
}

/// The end of the time that `retry-after` names. Its other form, a date, is not GitHub's; it then counts as the default wait.
pub(crate) fn retry_after(raw: &Raw, now: Timestamp) -> Option<Timestamp> {
    let wait = match raw.header("retry-after")?.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds.max(1)),
        Err(_) => RATE_LIMIT_DEFAULT_WAIT,
    };
    Some(now + wait.min(RATE_LIMIT_WAIT_MAX))
}

fn reset(raw: &Raw, now: Timestamp) -> Option<Timestamp> {
    if raw.header("x-ratelimit-remaining")?.trim() != "0" {
        return None;
    }
    let Some(reset) = raw.header("x-ratelimit-reset").and_then(|reset| reset.trim().parse::<u64>().ok()) else {
        return Some(now + RATE_LIMIT_DEFAULT_WAIT);
    };
    // Compared in seconds first: a number from outside may be too large for milliseconds.
    let latest = now + RATE_LIMIT_WAIT_MAX;
    if reset >= latest.as_secs() { Some(latest) } else { Some(Timestamp::from_secs(reset).max(now + Duration::from_secs(1))) }
}

fn says_rate_limit(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("rate limit") || message.contains("abuse detection")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn wait(status: u16, headers: &[(&str, &str)], message: &str) -> Option<u64> {
        let raw = Raw::of(status, headers, b"");
        not_before(&raw, message, NOW).map(|until| until.since(NOW).as_secs())
    }

    #[test]
    fn retry_after_goes_first_then_the_reset_then_a_minute() {
        let reset = ("x-ratelimit-reset", "1700000900");
        assert_eq!(wait(403, &[("retry-after", "17"), ("x-ratelimit-remaining", "0"), reset], ""), Some(17));
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "0"), reset], ""), Some(900));
        assert_eq!(wait(429, &[("x-ratelimit-remaining", "12"), reset], ""), Some(60));
        assert_eq!(wait(403, &[], "You have exceeded a secondary rate limit."), Some(60));
        assert_eq!(wait(429, &[], ""), Some(60));
    }

    #[test]
    fn a_403_without_such_a_meaning_is_none() {
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "4999")], "Resource not accessible by integration"), None);
        assert_eq!(wait(404, &[("retry-after", "5")], ""), None);
    }

    #[test]
    fn unbelievable_waits_are_bounded() {
        assert_eq!(wait(429, &[("retry-after", "99999999999")], ""), Some(3600));
        assert_eq!(wait(429, &[("retry-after", "0")], ""), Some(1));
        assert_eq!(wait(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], ""), Some(60));
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "18446744073709551615")], ""), Some(3600));
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], ""), Some(1));
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "soon")], ""), Some(60));
    }
}
