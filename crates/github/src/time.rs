//! GitHub's way to write a point in time. Most of its answers end in `Z`; some, such as a registration token's, bear an offset.

use fargate_runners_core::time::Timestamp;
use std::time::Duration;

/// Reads `2026-01-22T12:13:35Z` and `2026-01-22T12:13:35.123-08:00`.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if text.ends_with('Z') {
        return Timestamp::parse_rfc3339(text);
    }
    let sign_at = text.len().checked_sub("+00:00".len())?;
    let (local, offset) = (text.get(..sign_at)?, text.get(sign_at..)?);
    let local = Timestamp::parse_rfc3339(&format!("{local}Z"))?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let offset_minutes = hours.parse::<u64>().ok()? * 60 + minutes.parse::<u64>().ok()?;
    let distance = Duration::from_secs(offset_minutes * 60);
    match offset.as_bytes().first()? {
        b'-' => Some(local + distance),
        b'+' => Some(local - distance),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_leads_to_the_same_moment() {
        let moment = parse("2026-01-22T20:13:35Z");
        assert!(moment.is_some());
        assert_eq!(parse("2026-01-22T12:13:35-08:00"), moment);
        assert_eq!(parse("2026-01-22T21:43:35+01:30"), moment);
        assert_eq!(parse("2026-01-22T12:13:35.250-08:00").map(Timestamp::as_secs), moment.map(Timestamp::as_secs));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["", "Z", "tomorrow", "2026-01-22", "2026-01-22T12:13:35", "2026-01-22T12:13:35*08:00", "é-08:00"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
