//! Points in time, as plain data. Nothing here reads a clock: time always comes in as an argument.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Milliseconds since the Unix epoch. Kept as one more than that, so that a time that may be unknown takes no more memory: records hold many of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Timestamp(NonZeroU64);

impl Timestamp {
    /// The time that is so many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(millis))
    }

    /// The time that is so many seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs * 1000)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get() - 1
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.as_millis() / 1000
    }

    /// How long ago `earlier` was; zero when it lies in the future (clocks of two functions differ).
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// Reads the form that GitHub and AWS write, `2021-09-13T02:21:13Z` or `2021-09-13T02:21:13.123Z`; an offset other than `Z` is refused.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let text = text.strip_suffix('Z')?;
        let (date, clock) = text.split_once('T')?;
        let mut date = date.splitn(3, '-').map(str::parse::<u64>);
        let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
        let (clock, millis) = match clock.split_once('.') {
            None => (clock, 0),
            Some((clock, fraction)) => {
                let digits = fraction.get(..fraction.len().min(3))?;
                (clock, format!("{digits:0<3}").parse::<u64>().ok()?)
            }
        };
        let mut clock = clock.splitn(3, ':').map(str::parse::<u64>);
        let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
        if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        Some(Self::from_millis((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis))
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, for years from 1970 on.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl Default for Timestamp {
    /// The epoch.
    fn default() -> Self {
        Self::from_millis(0)
    }
}

impl From<u64> for Timestamp {
    fn from(millis: u64) -> Self {
        Self::from_millis(millis)
    }
}

impl From<Timestamp> for u64 {
    fn from(time: Timestamp) -> Self {
        time.as_millis()
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timestamp").field(&self.as_millis()).finish()
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self::from_millis(self.as_millis().saturating_sub(u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.as_secs(), self.as_millis() % 1000)
    }
}

/// The earlier of two times of which each may be unknown.
#[must_use]
pub fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_may_be_unknown_takes_no_more_memory_and_stands_in_json_as_ever() {
        assert_eq!(size_of::<Option<Timestamp>>(), size_of::<u64>());
        assert_eq!(serde_json::to_string(&[Some(Timestamp::default()), Some(Timestamp::from_secs(2)), None]).unwrap(), "[0,2000,null]");
        assert_eq!(serde_json::from_str::<Option<Timestamp>>("0").unwrap(), Some(Timestamp::from_millis(0)));
    }

    #[test]
    fn reads_the_times_that_github_and_aws_write() {
        assert_eq!(Timestamp::parse_rfc3339("1970-01-01T00:00:00Z"), Some(Timestamp::from_millis(0)));
        assert_eq!(Timestamp::parse_rfc3339("2021-09-13T02:21:13Z"), Some(Timestamp::from_secs(1_631_499_673)));
        assert_eq!(Timestamp::parse_rfc3339("2024-02-29T23:59:59.25Z"), Some(Timestamp::from_millis(1_709_251_199_250)));
        assert_eq!(Timestamp::parse_rfc3339("2021-09-13T02:21:13+02:00"), None);
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }
}
