//! The system's clock. It is the only place of this crate that reads the time.

use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::Clock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time by the system's wall clock, which goes on while a function is frozen.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}
