//! The calls that a function makes to the endpoints: by name, with the time that it had to wait for their answers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One call, from when all of it was here to when its answer was ready to be sent. The way there and back is not in it: that is left in the function's
/// account, which so is rather too long than too short.
#[derive(Debug, Clone)]
pub struct Call {
    /// Service and action, or method and kind of path.
    pub name: String,
    /// When all of it was here.
    pub came: Instant,
    /// When its answer was ready.
    pub left: Instant,
}

/// How often each was called.
#[must_use]
pub fn counted(calls: &[Call]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call.name.clone()).or_default() += 1;
    }
    counts
}

/// The time in which at least one answer was awaited.
#[must_use]
pub fn waited(calls: &[Call]) -> Duration {
    let mut spans: Vec<(Instant, Instant)> = calls.iter().map(|call| (call.came, call.left)).collect();
    spans.sort();
    let mut waited = Duration::ZERO;
    let mut until: Option<Instant> = None;
    for (came, left) in spans {
        let from = until.map_or(came, |until| came.max(until));
        waited += left.saturating_duration_since(from);
        until = Some(until.map_or(left, |until| left.max(until)));
    }
    waited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_at_the_same_time_are_waited_for_once() {
        let start = Instant::now();
        let call = |from: u64, to: u64| Call {
            name: "Any.Call".to_owned(),
            came: start + Duration::from_millis(from),
            left: start + Duration::from_millis(to),
        };
        // Out of order, overlapping, one within another, and one apart.
        let calls = [call(10, 20), call(0, 5), call(15, 30), call(16, 17), call(40, 41)];
        assert_eq!(waited(&calls), Duration::from_millis(5 + 20 + 1));
        assert_eq!(waited(&[]), Duration::ZERO);
        assert_eq!(counted(&calls), BTreeMap::from([("Any.Call".to_owned(), 5)]));
    }
}
