//! Milliseconds since the epoch in the two spellings of AWS: seconds as a number in answers, ISO 8601 in events.

use serde_json::Value;

const MS_PER_SECOND: u64 = 1_000;
const SECONDS_PER_DAY: u64 = 86_400;

/// Seconds with a fraction, as AWS JSON 1.1 writes times.
pub(crate) fn number(ms: u64) -> Value {
    let seconds = u32::try_from(ms / MS_PER_SECOND).unwrap_or(u32::MAX);
    let rest = u32::try_from(ms % MS_PER_SECOND).unwrap_or(0);
    Value::from(f64::from(seconds) + f64::from(rest) / 1_000.0)
}

/// ISO 8601 with milliseconds, as in an event's detail.
pub(crate) fn text(ms: u64) -> Value {
    let (date, second) = parts(ms);
    Value::from(format!("{date}T{}.{:03}Z", clock(second), ms % MS_PER_SECOND))
}

/// ISO 8601 in whole seconds, as in an event's envelope.
pub(crate) fn whole_seconds(ms: u64) -> String {
    let (date, second) = parts(ms);
    format!("{date}T{}Z", clock(second))
}

fn clock(second: u64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// The civil date, counted in eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
fn parts(ms: u64) -> (String, u64) {
    let seconds = ms / MS_PER_SECOND;
    let days = seconds / SECONDS_PER_DAY + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (format!("{year:04}-{month:02}-{day:02}"), seconds % SECONDS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_leap_day_and_the_epoch() {
        assert_eq!(whole_seconds(0), "1970-01-01T00:00:00Z");
        assert_eq!(whole_seconds(1_709_210_096_789), "2024-02-29T12:34:56Z");
        assert_eq!(text(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
    }
}
