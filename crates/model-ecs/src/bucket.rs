//! A token bucket in whole thousandths of a token, so that it is exact: a rate per second is that many thousandths per millisecond.

use crate::config::Rate;

const THOUSAND: u64 = 1_000;

#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    capacity: u64,
    per_ms: u64,
    level: u64,
    at: u64,
}

impl Bucket {
    pub(crate) const fn new(rate: Rate) -> Self {
        let capacity = rate.burst.saturating_mul(THOUSAND);
        Self { capacity, per_ms: rate.per_second, level: capacity, at: 0 }
    }

    fn fill(&mut self, now: u64) {
        if now > self.at {
            let gained = now.saturating_sub(self.at).saturating_mul(self.per_ms);
            self.level = self.level.saturating_add(gained).min(self.capacity);
            self.at = now;
        }
    }

    /// Takes `count` tokens, or none.
    pub(crate) fn take(&mut self, now: u64, count: u64) -> bool {
        self.fill(now);
        let wanted = count.saturating_mul(THOUSAND);
        let enough = self.level >= wanted;
        if enough {
            self.level -= wanted;
        }
        enough
    }

    /// When one token will be there.
    pub(crate) fn ready_at(&mut self, now: u64) -> u64 {
        self.fill(now);
        let lacking = THOUSAND.saturating_sub(self.level);
        now.saturating_add(lacking.div_ceil(self.per_ms.max(1)))
    }
}
