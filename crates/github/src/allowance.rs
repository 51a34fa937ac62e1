//! How many of an hour's calls GitHub leaves a credential, as it says with each answer: so that somebody is told before the calls run out.

use crate::limits::{ALLOWANCE_LOW_PERCENT, ALLOWANCE_TOLD_EVERY};
use crate::transport::Raw;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What this process has told of it last.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    told: Mutex<HashMap<CredentialName, (u64, Timestamp)>>,
}

impl Allowance {
    /// Takes note of an answer. It is told when less is left than was told last, and now and then anyway: an answer each would be more than one line of
    /// metrics holds.
    pub(crate) fn note(&self, credential: &CredentialName, raw: &Raw, now: Timestamp) {
        let Some(percent) = percent_left(raw) else { return };
        if !self.is_news(credential, percent, now) {
            return;
        }
        metrics::histogram!("GithubRateLimitLeftPercent").record(f64::from(u32::try_from(percent).unwrap_or(u32::MAX)));
        if percent < ALLOWANCE_LOW_PERCENT {
            tracing::warn!(credential = %credential, percent, "GitHub leaves a credential few calls for this hour");
        }
    }

    fn is_news(&self, credential: &CredentialName, percent: u64, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told.get(credential).is_none_or(|(known, at)| percent < *known || now.since(*at) >= ALLOWANCE_TOLD_EVERY);
        if news {
            told.insert(credential.clone(), (percent, now));
        }
        news
    }
}

/// In percent of the hour's calls, rounded down; `None` where GitHub says nothing, which a server of one's own does when it sets no limit.
fn percent_left(raw: &Raw) -> Option<u64> {
    let number = |name| raw.header(name)?.trim().parse::<u64>().ok();
    let (limit, left) = (number("x-ratelimit-limit")?, number("x-ratelimit-remaining")?);
    left.min(limit).saturating_mul(100).checked_div(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn percent(limit: &str, left: &str) -> Option<u64> {
        percent_left(&Raw::of(200, &[("x-ratelimit-limit", limit), ("x-ratelimit-remaining", left)], b""))
    }

    #[test]
    fn what_is_left_is_told_in_percent_and_rounded_down() {
        assert_eq!((percent("5000", "5000"), percent("5000", "499"), percent("15000", "0")), (Some(100), Some(9), Some(0)));
        assert_eq!((percent("0", "0"), percent("many", "1")), (None, None));
        assert_eq!(percent_left(&Raw::of(200, &[], b"")), None);
    }

    #[test]
    fn the_same_again_is_no_news_for_a_while_and_less_always_is() {
        let allowance = Allowance::default();
        let names = ["default", "second"].map(|name| CredentialName::parse(name).unwrap());
        assert!(allowance.is_news(&names[0], 90, NOW));
        assert!(!allowance.is_news(&names[0], 90, NOW + Duration::from_secs(1)));
        assert!(!allowance.is_news(&names[0], 99, NOW + Duration::from_secs(1)));
        assert!(allowance.is_news(&names[0], 89, NOW + Duration::from_secs(2)));
        assert!(allowance.is_news(&names[1], 90, NOW + Duration::from_secs(2)));
        assert!(allowance.is_news(&names[0], 99, NOW + Duration::from_secs(2) + ALLOWANCE_TOLD_EVERY));
    }
}
