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
