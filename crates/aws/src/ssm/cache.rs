//! Something that was read, and when. Who wants it while it is being read waits for that.

use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::Clock;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The newest reading. Wall-clock time counts, because it goes on while a function is frozen.
#[derive(Debug)]
pub(super) struct Cache<T> {
    kept: Mutex<Option<(Timestamp, T)>>,
    /// Held by whoever reads.
    reading: tokio::sync::Mutex<()>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { kept: Mutex::new(None), reading: tokio::sync::Mutex::new(()) }
    }
}

impl<T: Clone> Cache<T> {
    /// What was read less than `max_age` ago, or what `read` reads now.
    ///
    /// A reading under way is waited for, once: if it fails, or began too long ago for the caller, all who have waited read for themselves at the same time,
    /// so that nobody waits for several failures one after the other.
    pub(super) async fn get_or_read<E, F: Future<Output = Result<T, E>>>(
        &self,
        max_age: Duration,
        clock: &impl Clock,
        read: impl FnOnce(Timestamp) -> F,
    ) -> Result<T, E> {
        if let Some(kept) = self.get(max_age, clock.now()) {
            return Ok(kept);
        }
        let mut reading = self.reading.try_lock().ok();
        // Nothing that is under way is young enough for an age of zero.
        if reading.is_none() && !max_age.is_zero() {
            drop(self.reading.lock().await);
            if let Some(kept) = self.get(max_age, clock.now()) {
                return Ok(kept);
            }
            reading = self.reading.try_lock().ok();
        }
        let now = clock.now();
        let value = read(now).await?;
        self.keep(now, value.clone());
        drop(reading);
        Ok(value)
    }

    /// What was read less than `max_age` before `now`; with an age of zero nothing is young enough. A reading from the future, by a clock that was put back, is of no use.
    fn get(&self, max_age: Duration, now: Timestamp) -> Option<T> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(at, _)| *at <= now && now.since(*at) < max_age).map(|(_, value)| value.clone())
    }

    fn keep(&self, now: Timestamp, value: T) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Ready, poll_fn, ready};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Poll;
    use tokio::sync::Notify;

    const HALF_A_MINUTE: Duration = Duration::from_secs(30);

    #[derive(Default)]
    struct Watch(AtomicU64);

    impl Clock for Watch {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(100 + self.0.load(Ordering::SeqCst))
        }
    }

    /// A place to read from, which answers when it is told to.
    #[derive(Default)]
    struct Source {
        asked: AtomicU64,
        answer: Notify,
    }

    impl Source {
        async fn slow(&self, outcome: Result<(), &'static str>) -> Result<u64, &'static str> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            self.answer.notified().await;
            outcome.map(|()| number)
        }

        fn quick(&self) -> Ready<Result<u64, &'static str>> {
            ready(Ok(self.asked.fetch_add(1, Ordering::SeqCst)))
        }

        /// Answers the slow ones, after so many seconds.
        fn answer_after(&self, secs: u64, watch: &Watch) -> impl Future<Output = ()> {
            poll_fn(move |_| {
                watch.0.fetch_add(secs, Ordering::SeqCst);
                self.answer.notify_waiters();
                Poll::Ready(())
            })
        }
    }

    #[test]
    fn what_is_too_old_or_from_the_future_is_read_again() {
        let (cache, at) = (Cache::default(), Timestamp::from_secs);
        assert_eq!(cache.get(Duration::MAX, at(100)), None);
        cache.keep(at(100), 'a');
        assert_eq!(cache.get(HALF_A_MINUTE, at(129)), Some('a'));
        assert_eq!(cache.get(HALF_A_MINUTE, at(130)), None);
        assert_eq!(cache.get(HALF_A_MINUTE, at(99)), None);
        assert_eq!(cache.get(Duration::ZERO, at(100)), None);
    }

    #[tokio::test]
    async fn who_comes_while_it_is_read_waits_for_that_reading() {
        let (cache, watch, source) = (Cache::default(), Watch::default(), Source::default());
        let read = || cache.get_or_read(HALF_A_MINUTE, &watch, |_| source.slow(Ok(())));
        let read = tokio::join!(read(), read(), read(), source.answer_after(1, &watch));
        assert_eq!((read.0, read.1, read.2, source.asked.load(Ordering::SeqCst)), (Ok(0), Ok(0), Ok(0), 1));
    }

    #[tokio::test]
    async fn who_wants_it_younger_than_the_reading_under_way_reads_too() {
        let (cache, watch, source) = (Cache::default(), Watch::default(), Source::default());
        let slow = cache.get_or_read(HALF_A_MINUTE, &watch, |_| source.slow(Ok(())));
        let now = cache.get_or_read(Duration::ZERO, &watch, |_| source.quick());
        // It began 20 seconds before the answer comes.
        let younger = cache.get_or_read(Duration::from_secs(20), &watch, |_| source.quick());
        let read = tokio::join!(slow, younger, now, source.answer_after(20, &watch));
        assert_eq!((read.0, read.2), (Ok(0), Ok(1)));
        assert_eq!((read.1, source.asked.load(Ordering::SeqCst)), (Ok(2), 3));
    }

    #[tokio::test]
    async fn a_reading_that_fails_is_waited_for_once_and_those_who_waited_read_at_the_same_time() {
        let (cache, watch, source) = (Cache::default(), Watch::default(), Source::default());
        let failing = cache.get_or_read(HALF_A_MINUTE, &watch, |_| source.slow(Err("out of order")));
        let own = || cache.get_or_read(HALF_A_MINUTE, &watch, |_| source.slow(Ok(())));
        let answers = async {
            source.answer_after(1, &watch).await;
            // Both have begun before either is answered.
            while source.asked.load(Ordering::SeqCst) < 3 {
                tokio::task::yield_now().await;
            }
            source.answer_after(1, &watch).await;
        };
        let read = tokio::join!(failing, own(), own(), answers);
        assert_eq!(read.0, Err("out of order"));
        assert!(read.1.is_ok() && read.2.is_ok(), "{read:?}");
    }
}
