//! The versions of runners: somebody is told before GitHub refuses one. An image that is pinned ages; GitHub refuses a version some weeks after the next.

use super::round::{Round, scope_key};
use super::{Healer, Ports, Sweep, SweepError};
use crate::ports::{Clock, Runners};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Dates change by days: asking once an hour is plenty.
const ASKED_EVERY: Duration = Duration::from_secs(3600);

/// Versions that are asked about for a scope: there are two at most times, while one image takes the place of another.
const VERSIONS_MAX: usize = 10;

/// A person is told so many days before.
const WARN_DAYS: u64 = 14;

/// So few days are an error.
const ERROR_DAYS: u64 = 7;

const DAY: u64 = 24 * 3600;

impl<P: Ports> Sweep<P> {
    /// `fleet` stands for all of its scope.
    pub(super) async fn runner_version(&self, fleet: &Fleet, round: &mut Round) -> Result<(), SweepError> {
        let mut memo = self.recall::<Timestamp>(round, Healer::RunnerVersion.name(), &scope_key(fleet)).await?;
        let now = self.clock.now();
        if now.since(memo.value) < ASKED_EVERY {
            return Ok(());
        }
        let listing = self.listing(round, fleet).await?;
        let mut versions: BTreeMap<&str, BTreeSet<&FleetName>> = BTreeMap::new();
        for (name, seen) in listing.ours.iter().filter(|(_, seen)| seen.online) {
            if let Some(version) = seen.version.as_deref() {
                versions.entry(version).or_default().insert(&name.fleet);
            }
        }
        if versions.is_empty() {
            return Ok(());
        }
        let mut least = None;
        for (version, fleets) in versions.into_iter().take(VERSIONS_MAX) {
            let Some(refused_from) = self.github.refused_from(fleet, version).await? else { continue };
            let days = refused_from.since(now).as_secs() / DAY;
            least = Some(least.map_or(days, |known: u64| known.min(days)));
            warn(version, &fleets, days);
        }
        if let Some(days) = least {
            metrics::histogram!("RunnerVersionDaysLeft").record(u32::try_from(days).unwrap_or(u32::MAX));
        }
        memo.value = now;
        self.keep(round, memo).await
    }
}

fn warn(version: &str, fleets: &BTreeSet<&FleetName>, days: u64) {
    let fleets = fleets.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    if days < ERROR_DAYS {
        tracing::error!(version, fleets, days, "GitHub is about to refuse a runner's version: use a newer image");
    } else if days < WARN_DAYS {
        tracing::warn!(version, fleets, days, "GitHub will refuse a runner's version: use a newer image");
    }
}
