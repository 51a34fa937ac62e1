//! GitHub's list of runners, read page by page: what of it is ours.

use super::round::{Round, scope_key};
use super::{Ports, Sweep, SweepError};
use crate::ports::{RunnerPage, Runners, SeenRunner};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::names::RunnerName;
use std::sync::Arc;

/// Pages of 100 that are read in one sweep: a thousand runners. A longer list is read in several sweeps.
const PAGES_MAX: u32 = 10;

/// Under this name the next page is remembered.
const MEMORY: &str = "listing";

/// The runners of this installation that a scope has, or a part of them.
pub(super) struct Listing {
    /// Those that bear a name of ours.
    pub(super) ours: Vec<(RunnerName, SeenRunner)>,
}

impl Listing {
    /// Whether a runner of this name is in it. One that is not may be on a page that was not read.
    pub(super) fn shows(&self, runner: &RunnerName) -> bool {
        self.ours.iter().any(|(name, _)| name == runner)
    }

    /// Whether it is in it and not called busy, which proves nothing: only a wrong change asks.
    pub(super) fn shows_unused(&self, runner: &RunnerName) -> bool {
        self.ours.iter().any(|(name, seen)| name == runner && !seen.busy)
    }
}

impl<P: Ports> Sweep<P> {
    /// The runners of the fleet's scope, read once a sweep.
    pub(super) async fn listing(&self, round: &mut Round, fleet: &Fleet) -> Result<Arc<Listing>, SweepError> {
        let key = scope_key(fleet);
        if let Some(listing) = round.listings.get(&key) {
            return Ok(Arc::clone(listing));
        }
        let mut next = self.recall::<Option<u32>>(round, MEMORY, &key).await?;
        let first = next.value.unwrap_or(1);
        let mut ours = Vec::new();
        next.value = Some(first + PAGES_MAX);
        for page in first..first + PAGES_MAX {
            let RunnerPage { runners, last } = self.github.runners(fleet, page).await?;
            let named = runners.into_iter().filter_map(|runner| Some((RunnerName::parse(&runner.name).ok()?, runner)));
            ours.extend(named.filter(|(name, _)| name.stack == self.stack));
            if last {
                next.value = None;
                break;
            }
            if self.is_late(round) {
                next.value = Some(page + 1);
                break;
            }
        }
        self.keep(round, next).await?;
        let listing = Arc::new(Listing { ours });
        round.listings.insert(key, Arc::clone(&listing));
        Ok(listing)
    }
}
