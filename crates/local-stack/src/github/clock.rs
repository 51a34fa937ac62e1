//! Real time, as the model counts it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The model's time: starts at the real one and may pass faster. It never goes back.
pub(super) struct Clock {
    started: Instant,
    origin_ms: u64,
    scale: f64,
}

impl Clock {
    pub(super) fn new(scale: f64) -> Self {
        Self { started: Instant::now(), origin_ms: now_ms(), scale: if scale > 0.0 { scale } else { 1.0 } }
    }

    pub(super) fn now(&self) -> u64 {
        let passed = self.started.elapsed().mul_f64(self.scale);
        self.origin_ms + u64::try_from(passed.as_millis()).unwrap_or(0)
    }

    /// When, in real time, the model's clock shows this.
    pub(super) fn instant_of(&self, at_ms: u64) -> Instant {
        self.started + self.real(at_ms.saturating_sub(self.origin_ms))
    }

    /// How long the model's milliseconds take.
    pub(super) fn real(&self, length_ms: u64) -> Duration {
        // A year is as good as never, and fits every clock.
        const LONGEST_MS: u64 = 365 * 86_400_000;
        Duration::from_millis(length_ms.min(LONGEST_MS)).div_f64(self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn a_scaled_clock_comes_back_to_its_own_time() {
        let clock = Clock::new(60.0);
        let later = clock.now() + 60_000;
        let wait = clock.instant_of(later).duration_since(tokio::time::Instant::now());
        assert!(wait.as_millis() <= 1001, "a minute takes a second: {wait:?}");
    }
}
