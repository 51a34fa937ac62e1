//! The pace of mints: how many registrations may be made with a credential, and when whoever must wait may come. GitHub shuts out who goes beyond its limits,
//! with all that he does. What is counted here is who asks; nothing is reserved for anybody.

use crate::time::Timestamp;
use std::time::Duration;

/// Mints are counted in windows of this length.
pub const MINT_WINDOW: Duration = Duration::from_secs(5);

/// Any 65 seconds lie in so many windows: a minute, and five seconds for clocks that differ and for mints that reach GitHub later than their slots were taken.
const WINDOWS_IN_SIGHT: usize = 14;

/// How many mints these windows admit together. GitHub's secondary limit: a write costs 5 of 900 points a minute, so that these take 825 and leave the rest for
/// deletions and questions.
const MINTS_IN_SIGHT: u64 = 165;

/// How many mints a credential makes in a minute, in the long run.
pub const MINTS_PER_MINUTE: u64 = MINTS_IN_SIGHT * 60 / (WINDOWS_IN_SIGHT as u64 * MINT_WINDOW.as_secs());

/// How many mints one window admits, if those before it leave so many. GitHub admits 100 requests at once (its documentation, *secondary rate limits*), and all
/// tasks of a burst may ask in the same second.
pub const MINTS_AT_ONCE: u64 = 75;

/// Nobody is told to come later than after so many windows: by then the count is another one.
const TURNS_MAX: u32 = 14;

/// What is known of a credential's mints while a window is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mints {
    /// The window that is counted, by its start.
    pub window: Timestamp,
    /// How often a slot of it was asked for, by those who got one and those who did not.
    pub asked: u64,
    /// How many slots were given in each of the windows before it, the latest first.
    pub given: [u64; WINDOWS_IN_SIGHT - 1],
}

/// The window that a time lies in, by its start.
#[must_use]
pub fn mint_window(now: Timestamp) -> Timestamp {
    let length = u64::try_from(MINT_WINDOW.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(now.as_millis() / length * length)
}

/// A window that began before this is of no account any more for one that begins now.
#[must_use]
pub fn out_of_sight(window: Timestamp) -> Timestamp {
    window - MINT_WINDOW * (u32::try_from(WINDOWS_IN_SIGHT).unwrap_or(u32::MAX) - 1)
}

impl Mints {
    /// What is known when the first asks in a window before which there was none in sight.
    #[must_use]
    pub fn first(window: Timestamp) -> Self {
        Self { window, asked: 1, given: [0; WINDOWS_IN_SIGHT - 1] }
    }

    /// What is known when the first asks in a later window.
    #[must_use]
    pub fn begun(&self, window: Timestamp) -> Self {
        let passed = window.since(self.window).as_millis() / MINT_WINDOW.as_millis();
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        let known = std::iter::once(self.asked.min(self.admits())).chain(self.given);
        let mut given = [0; WINDOWS_IN_SIGHT - 1];
        for (known, given) in known.zip(given.iter_mut().skip(passed.saturating_sub(1))) {
            *given = known;
        }
        Self { window, asked: 1, given }
    }

    /// How many slots the window has.
    #[must_use]
    pub fn admits(&self) -> u64 {
        MINTS_AT_ONCE.min(MINTS_IN_SIGHT.saturating_sub(self.given.iter().sum()))
    }

    /// When the one may mint who asked last: `None` is now; otherwise it asks again in the window that begins then. Nothing is reserved there: it is counted
    /// anew. Were all of them told to come with the next window, most would find that full, too.
    #[must_use]
    pub fn turn(&self) -> Option<Timestamp> {
        let (mut asked, mut at) = (self.asked, *self);
        for ahead in 0..TURNS_MAX {
            if asked <= at.admits() {
                return (ahead > 0).then_some(at.window);
            }
            asked -= at.admits();
            at = at.begun(at.window + MINT_WINDOW);
            // As many will ask as there are slots.
            at.asked = u64::MAX;
        }
        Some(at.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Timestamp = Timestamp::from_secs(1_000);

    fn after(windows: u32) -> Timestamp {
        WINDOW + MINT_WINDOW * windows
    }

    fn turn(mints: Mints, asked: u64) -> Option<u32> {
        let wait = Mints { asked, ..mints }.turn()?.since(mints.window).as_millis() / MINT_WINDOW.as_millis();
        u32::try_from(wait).ok()
    }

    #[test]
    fn a_burst_after_a_quiet_minute_is_admitted_within_seconds_and_the_rest_a_minute_later() {
        let mints = Mints::first(WINDOW);
        assert_eq!((turn(mints, 1), turn(mints, 75)), (None, None));
        assert_eq!((turn(mints, 76), turn(mints, 150)), (Some(1), Some(1)));
        assert_eq!((turn(mints, 151), turn(mints, 165)), (Some(2), Some(2)));
        assert_eq!((turn(mints, 166), turn(mints, 100_000)), (Some(14), Some(14)), "that burst is out of sight then");
    }

    #[test]
    fn a_window_admits_what_those_before_it_have_left() {
        let mut mints = Mints { asked: 400, ..Mints::first(WINDOW) };
        for (ahead, admits) in [(1, 75), (2, 15), (3, 0), (13, 0), (14, 75), (15, 75), (16, 15), (17, 0)] {
            let later = mints.begun(after(ahead));
            assert_eq!(later.admits(), admits, "{ahead}");
            if ahead != 13 {
                mints = Mints { asked: 400, ..later };
            }
        }
    }

    #[test]
    fn a_window_that_is_out_of_sight_counts_no_more() {
        let mints = Mints { asked: 50, ..Mints::first(WINDOW) };
        assert_eq!(mints.begun(after(13)).given[12], 50);
        assert_eq!(mints.begun(after(14)), Mints::first(after(14)));
        assert_eq!(out_of_sight(after(14)), after(1));
    }

    proptest! {
        #[test]
        fn no_minute_has_more_mints_than_github_admits(asked in proptest::collection::vec((0_u32..4, 0_u64..120), 1..200)) {
            let (mut mints, mut at) = (Mints::first(WINDOW), 0);
            let mut given = vec![(0, 1)];
            for (passed, asked) in asked {
                at += passed;
                if passed > 0 {
                    mints = mints.begun(after(at));
                }
                for _ in 0..asked {
                    mints.asked += 1;
                    if mints.turn().is_none() {
                        given.push((at, 1));
                    }
                }
                let in_sight: u64 = given.iter().filter(|(window, _)| window + 14 > at).map(|(_, count)| count).sum();
                prop_assert!(in_sight <= 165, "{in_sight}");
            }
        }

        #[test]
        fn who_comes_when_told_to_finds_a_slot_if_nobody_else_comes(before in proptest::collection::vec(0_u64..14, 13), asked in 1_u64..300) {
            let mut mints = Mints::first(WINDOW);
            mints.given.copy_from_slice(&before);
            if mints.given.iter().sum::<u64>() > 165 {
                return Ok(());
            }
            let told = Mints { asked, ..mints };
            if let Some(turn) = told.turn() {
                prop_assert!(told.begun(turn).turn().is_none());
            }
        }
    }
}
