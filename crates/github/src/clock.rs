//! How GitHub's clock differs from ours. GitHub refuses the JWT of an App whose clock is wrong, and says when it answered in every answer.

use crate::transport::Raw;
use fargate_runners_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

/// The difference that was seen last, by the API's address.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    ahead: Mutex<HashMap<String, i64>>,
}

impl Clocks {
    /// Takes note of when an answer was made, whatever it says.
    pub(crate) fn note(&self, api: &str, raw: &Raw, now: Timestamp) {
        if let Some(ahead) = raw.header("date").and_then(|date| ahead_seconds(date, now)) {
            self.ahead.lock().unwrap_or_else(PoisonError::into_inner).insert(api.to_owned(), ahead);
        }
    }

    pub(crate) fn ahead(&self, api: &str) -> Option<i64> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).get(api).copied()
    }
}

/// By how many whole seconds the date is ahead of now. A date has no fractions, and lags behind by the way of the answer.
fn ahead_seconds(date: &str, now: Timestamp) -> Option<i64> {
    let date = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(date.as_secs()).ok()?.checked_sub(i64::try_from(now.as_secs()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_told_with_its_sign() {
        let now = Timestamp::from_millis(784_111_777_900);
        assert_eq!(ahead_seconds("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(0));
        assert_eq!(ahead_seconds("Sun, 06 Nov 1994 08:51:37 GMT", now), Some(120));
        assert_eq!(ahead_seconds("Sun, 06 Nov 1994 08:48:37 GMT", now), Some(-60));
        assert_eq!(ahead_seconds("yesterday", now), None);
    }

    #[test]
    fn each_api_has_its_own() {
        let clocks = Clocks::default();
        let raw = Raw::of(401, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT")], b"");
        clocks.note("a", &raw, Timestamp::from_secs(784_111_770));
        assert_eq!((clocks.ahead("a"), clocks.ahead("b")), (Some(7), None));
    }
}
