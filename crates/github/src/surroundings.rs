//! What the client needs from around it besides GitHub: the time, chance and a way to wait. All three come in, so that a test or a simulation
//! decides them.

use fargate_runners_core::time::Timestamp;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time, chance and pauses.
pub trait Surroundings {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Any number. It spreads pauses and need not be unguessable.
    fn random(&self) -> u64;
    /// Ends after this time has passed.
    async fn pause(&self, duration: Duration);
}

impl<T: Surroundings> Surroundings for &T {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
    fn random(&self) -> u64 {
        (**self).random()
    }
    async fn pause(&self, duration: Duration) {
        (**self).pause(duration).await;
    }
}

/// The real clock, the standard library's random hash seeds, and tokio's timer.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Surroundings for System {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
    fn random(&self) -> u64 {
        RandomState::new().hash_one(())
    }
    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Between half of the duration and all of it.
pub(crate) fn jittered(duration: Duration, random: u64) -> Duration {
    const STEPS: u64 = 1000;
    let part = u32::try_from(random % STEPS).unwrap_or_default();
    duration / 2 + duration / 2 * part / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_half_and_all() {
        let whole = Duration::from_millis(300);
        for random in [0, 1, 499, 999, 1000, u64::MAX] {
            let pause = jittered(whole, random);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?}");
        }
        assert_ne!(jittered(whole, 0), jittered(whole, 999));
    }
}
