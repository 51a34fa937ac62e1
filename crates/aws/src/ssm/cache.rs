//! Something that was read, and when.

use fargate_runners_core::time::Timestamp;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The newest reading. Wall-clock time counts, because it goes on while a function is frozen.
#[derive(Debug)]
pub(super) struct Cache<T>(Mutex<Option<(Timestamp, T)>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Cache<T> {
    /// What was read less than `max_age` before `now`; with an age of zero nothing is young enough. A reading from the future, by a clock that was put back, is of no use.
    pub(super) fn get(&self, max_age: Duration, now: Timestamp) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(at, _)| *at <= now && now.since(*at) < max_age).map(|(_, value)| value.clone())
    }

    pub(super) fn keep(&self, now: Timestamp, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_or_from_the_future_is_read_again() {
        let (cache, at) = (Cache::default(), Timestamp::from_secs);
        assert_eq!(cache.get(Duration::MAX, at(100)), None);
        cache.keep(at(100), 'a');
        assert_eq!(cache.get(Duration::from_secs(30), at(129)), Some('a'));
        assert_eq!(cache.get(Duration::from_secs(30), at(130)), None);
        assert_eq!(cache.get(Duration::from_secs(30), at(99)), None);
        assert_eq!(cache.get(Duration::ZERO, at(100)), None);
    }
}
