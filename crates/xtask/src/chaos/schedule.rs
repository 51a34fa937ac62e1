//! When which fault strikes: drawn from the seed, so that the same seed gives the same schedule.

use std::collections::VecDeque;
use std::time::Duration;

use super::fault::Fault;

/// The load comes first: nothing is there to be hit before.
const FIRST_AFTER: Duration = Duration::from_secs(6);

/// From one fault to the next, in milliseconds: some overlap, and work gets done in between.
const BETWEEN_MS: (u64, u64) = (1_500, 6_000);

/// How long a windowed fault lasts, in milliseconds.
const WINDOW_MS: (u64, u64) = (1_000, 10_000);

/// Faults end this long before the load does, so that the last of them still hit something.
const LAST_BEFORE_END: Duration = Duration::from_secs(4);

/// One fault at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// Counted from the start.
    pub at: Duration,
    /// Which.
    pub fault: Fault,
    /// For how long, where it is windowed.
    pub lasts: Duration,
    /// Decides whatever else there is to decide.
    pub draw: u64,
}

/// The strikes of a run, in order. Kinds are dealt from a shuffled deck, so that each comes about as often as any other; in the middle comes the redeploy.
pub fn draw(seed: u64, length: Duration) -> VecDeque<Strike> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut strikes = VecDeque::new();
    let mut deck = Vec::new();
    let mut redeploy = Some(length / 2);
    let mut at = FIRST_AFTER;
    while at + LAST_BEFORE_END < length {
        if let Some(when) = redeploy.take_if(|when| *when <= at) {
            strikes.push_back(Strike { at: when, fault: Fault::Redeploy, lasts: Duration::ZERO, draw: random.u64(..) });
        }
        if deck.is_empty() {
            deck = Fault::deck();
            random.shuffle(&mut deck);
        }
        let Some(fault) = deck.pop() else { break };
        let lasts = Duration::from_millis(random.u64(WINDOW_MS.0..=WINDOW_MS.1)).min(length.saturating_sub(at));
        strikes.push_back(Strike { at, fault, lasts, draw: random.u64(..) });
        at += Duration::from_millis(random.u64(BETWEEN_MS.0..=BETWEEN_MS.1));
    }
    strikes
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(180);

    #[test]
    fn every_kind_strikes_within_three_minutes_and_the_redeploy_once() {
        for seed in 0..50 {
            let strikes = draw(seed, LENGTH);
            for fault in Fault::deck() {
                assert!(strikes.iter().any(|strike| strike.fault == fault), "seed {seed}: {fault}");
            }
            assert_eq!(strikes.iter().filter(|strike| strike.fault == Fault::Redeploy).count(), 1);
            assert!(strikes.iter().all(|strike| strike.at + strike.lasts <= LENGTH));
            assert!(strikes.iter().is_sorted_by_key(|strike| strike.at));
        }
    }

    #[test]
    fn a_seed_is_a_schedule() {
        assert_eq!(draw(3, LENGTH), draw(3, LENGTH));
        assert_ne!(draw(3, LENGTH), draw(4, LENGTH));
    }
}
