//! The bounds of one inquiry. Somebody waits for the answer, and every call comes off the rate limit by which runners are made.

use super::{Failure, FailureKind};
use crate::ports::Clock;
use fargate_runners_core::time::Timestamp;
use std::time::Duration;

/// Nothing is asked any more after this. The function may take 5 minutes, but a person waits.
pub const TIME: Duration = Duration::from_secs(60);

/// Calls of one inquiry: a twentieth of what GitHub admits in an hour.
pub const CALLS_MAX: u32 = 250;

/// What is left of an inquiry's time and calls.
pub(super) struct Budget<'a, C> {
    clock: &'a C,
    deadline: Timestamp,
    calls: u32,
}

impl<'a, C: Clock> Budget<'a, C> {
    pub(super) fn new(clock: &'a C) -> Self {
        Self { clock, deadline: clock.now() + TIME, calls: CALLS_MAX }
    }

    /// Asks, if there is time and a call left.
    pub(super) async fn ask<T>(&mut self, question: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        if self.clock.now() >= self.deadline {
            return Err(Failure::new(FailureKind::LeftOut, format!("not asked: the inquiry's {} seconds were over", TIME.as_secs())));
        }
        let Some(left) = self.calls.checked_sub(1) else {
            return Err(Failure::new(FailureKind::LeftOut, format!("not asked: the inquiry's {CALLS_MAX} calls were used up")));
        };
        self.calls = left;
        question.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    struct Watch(Cell<Timestamp>);

    impl Clock for Watch {
        fn now(&self) -> Timestamp {
            self.0.get()
        }
    }

    #[tokio::test]
    async fn nothing_is_asked_once_the_calls_or_the_time_are_used_up() {
        let (watch, asked) = (Watch(Cell::new(Timestamp::from_secs(1))), Cell::new(0));
        let question = async || {
            asked.set(asked.get() + 1);
            Ok(())
        };
        let mut budget = Budget::new(&watch);
        for _ in 0..CALLS_MAX {
            assert_eq!(budget.ask(question()).await, Ok(()));
        }
        assert_eq!(budget.ask(question()).await.map_err(|failure| failure.kind), Err(FailureKind::LeftOut));
        assert_eq!(asked.get(), CALLS_MAX);
        let mut budget = Budget::new(&watch);
        watch.0.set(watch.now() + TIME);
        assert_eq!(budget.ask(question()).await.map_err(|failure| failure.kind), Err(FailureKind::LeftOut));
        assert_eq!(asked.get(), CALLS_MAX);
    }
}
