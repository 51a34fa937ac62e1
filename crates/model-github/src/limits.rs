//! Rate limits: calls an hour, points a minute and endpoint, registrations in five minutes.

use std::collections::BTreeMap;

use crate::Millis;
use crate::auth::Principal;
use crate::config::Limits;
use crate::counters::Endpoint;
use crate::error::ApiError;
use crate::random::Random;

const MINUTE: Millis = 60_000;
const FIVE_MINUTES: Millis = 5 * MINUTE;
const HOUR: Millis = 60 * MINUTE;

/// What the `x-ratelimit-*` headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) used: u32,
    pub(crate) reset_at: Millis,
}

impl Standing {
    pub(crate) fn remaining(self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

/// A count that begins anew after a while.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    ends_at: Millis,
    used: u32,
}

impl Window {
    fn at(&mut self, now: Millis, length: Millis) -> &mut Self {
        if now >= self.ends_at {
            *self = Self { ends_at: now + length, used: 0 };
        }
        self
    }
}

#[derive(Debug, Default)]
pub(crate) struct Meter {
    primary: BTreeMap<Principal, Window>,
    points: BTreeMap<(Principal, Endpoint), Window>,
    registrations: BTreeMap<String, Window>,
}

impl Meter {
    /// Counts a call, or says until when none is allowed. A refused call costs nothing here.
    pub(crate) fn admit(
        &mut self,
        now: Millis,
        who: Principal,
        what: Endpoint,
        limits: &Limits,
        random: &mut Random,
    ) -> Result<(), ApiError> {
        // Asking what is left costs nothing.
        if what == Endpoint::RateLimit {
            return Ok(());
        }
        let status = |random: &mut Random| if random.below(2) == 0 { 403 } else { 429 };
        let primary = self.primary.entry(who).or_default().at(now, HOUR);
        if primary.used >= limits.primary_per_hour {
            // GitHub sends no retry-after here: the reset stands in the headers.
            return Err(ApiError::new(status(random), "API rate limit exceeded for installation."));
        }
        let cost = if what.writes() { limits.write_points } else { 1 };
        let points = self.points.entry((who, what)).or_default().at(now, MINUTE);
        if points.used + cost > limits.points_per_minute {
            return Err(ApiError::Refused {
                status: status(random),
                message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.".to_owned(),
                retry_after: Some((points.ends_at - now).div_ceil(1000)),
            });
        }
        points.used += cost;
        primary.used += 1;
        Ok(())
    }

    /// Counts a registration for an organisation, repository or enterprise.
    pub(crate) fn admit_registration(&mut self, now: Millis, scope: &str, limits: &Limits) -> Result<(), ApiError> {
        let window = self.registrations.entry(scope.to_lowercase()).or_default().at(now, FIVE_MINUTES);
        if window.used >= limits.registrations_per_five_minutes {
            let message = "You have exceeded a secondary rate limit for runner registrations.".to_owned();
            return Err(ApiError::Refused { status: 403, message, retry_after: Some((window.ends_at - now).div_ceil(1000)) });
        }
        window.used += 1;
        Ok(())
    }

    pub(crate) fn standing(&self, now: Millis, who: Principal, limits: &Limits) -> Standing {
        let window = self.primary.get(&who).copied().filter(|window| window.ends_at > now);
        let window = window.unwrap_or(Window { ends_at: now + HOUR, used: 0 });
        Standing { limit: limits.primary_per_hour, used: window.used, reset_at: window.ends_at }
    }
}

#[cfg(test)]
mod tests {
    use super::{HOUR, MINUTE, Meter};
    use crate::auth::Principal;
    use crate::config::Limits;
    use crate::counters::Endpoint;
    use crate::error::ApiError;
    use crate::random::Random;

    const WHO: Principal = Principal::Installation(1);

    #[test]
    fn a_credential_mints_180_times_a_minute() {
        let (mut meter, mut random, limits) = (Meter::default(), Random::new(1), Limits::default());
        let mut mint = |now| meter.admit(now, WHO, Endpoint::JitConfig, &limits, &mut random);
        let minted = (0..500).filter(|call| mint(call * 10).is_ok()).count();
        assert_eq!(minted, 180);
        let Err(ApiError::Refused { status, retry_after, .. }) = mint(10_000) else { panic!("refused") };
        assert!(status == 403 || status == 429);
        assert_eq!(retry_after, Some(50));
        assert!(mint(MINUTE).is_ok(), "the next minute begins anew");
    }

    #[test]
    fn the_hour_is_counted_over_all_endpoints_and_says_when_it_ends() {
        let (mut meter, mut random) = (Meter::default(), Random::new(1));
        let limits = Limits { primary_per_hour: 3, ..Limits::default() };
        for endpoint in [Endpoint::GetRunner, Endpoint::ListRunners, Endpoint::JitConfig] {
            assert!(meter.admit(5, WHO, endpoint, &limits, &mut random).is_ok());
        }
        assert!(matches!(meter.admit(6, WHO, Endpoint::GetJob, &limits, &mut random), Err(ApiError::Refused { retry_after: None, .. })));
        let standing = meter.standing(6, WHO, &limits);
        assert_eq!((standing.remaining(), standing.reset_at), (0, 5 + HOUR));
        assert!(meter.admit(6, Principal::Installation(2), Endpoint::GetJob, &limits, &mut random).is_ok(), "another's are its own");
    }
}
