//! What the healers of one sweep share, so that it is asked for once.

use super::ledger::LISTED;
use super::listing::Listing;
use super::memo::Memos;
use crate::ports::{FleetList, SeenService};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::record::View;
use fargate_runners_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One sweep.
pub(super) struct Round {
    /// When it began; each sweep bears another.
    pub(super) started: Timestamp,
    /// When its time is over.
    pub(super) deadline: Timestamp,
    list: Arc<FleetList>,
    /// GitHub's runners, by scope.
    pub(super) listings: BTreeMap<String, Arc<Listing>>,
    /// ECS's services, by fleet.
    pub(super) services: BTreeMap<FleetName, Arc<Vec<SeenService>>>,
    /// What healers keep in mind, once one of them has asked for it.
    pub(super) memos: Option<Memos>,
    /// What counts of each fleet in the ledger, and when that was.
    lists: BTreeMap<FleetName, (Timestamp, Arc<View>)>,
}

impl Round {
    pub(super) const fn new(started: Timestamp, deadline: Timestamp, list: Arc<FleetList>) -> Self {
        Self { started, deadline, list, listings: BTreeMap::new(), services: BTreeMap::new(), memos: None, lists: BTreeMap::new() }
    }

    /// The list of a fleet, unless it is too old.
    pub(super) fn list(&self, fleet: &FleetName, now: Timestamp) -> Option<Arc<View>> {
        self.lists.get(fleet).filter(|(at, _)| now.since(*at) <= LISTED).map(|(_, list)| Arc::clone(list))
    }

    /// Keeps what was read for those who follow.
    pub(super) fn keep_list(&mut self, list: View, now: Timestamp) -> Arc<View> {
        let list = Arc::new(list);
        self.lists.insert(list.fleet().clone(), (now, Arc::clone(&list)));
        list
    }

    /// Something was done about the fleet: who follows reads anew.
    pub(super) fn forget_list(&mut self, fleet: &FleetName) {
        self.lists.remove(fleet);
    }

    /// Something was done about any of the fleets.
    pub(super) fn forget_lists(&mut self) {
        self.lists.clear();
    }

    /// The fleets that are described. Each minute another comes first, so that none is always the last when the time is short.
    pub(super) fn fleets(&self) -> Vec<Fleet> {
        let mut fleets = self.list.fleets.clone();
        let count = u64::try_from(fleets.len()).unwrap_or_default().max(1);
        let first = usize::try_from(self.started.as_secs() / 60 % count).unwrap_or_default();
        fleets.rotate_left(first);
        fleets
    }

    /// One fleet for each list of runners that GitHub has.
    pub(super) fn scopes(&self) -> Vec<Fleet> {
        let mut known = BTreeSet::new();
        self.fleets().into_iter().filter(|fleet| known.insert(scope_key(fleet))).collect()
    }

    /// The fleet of that name, if it is described.
    pub(super) fn fleet(&self, name: &FleetName) -> Option<&Fleet> {
        self.list.fleets.iter().find(|fleet| fleet.name == *name)
    }

    /// Whether every description could be read: only then is a fleet that is not among them known to be gone.
    pub(super) fn knows_all_fleets(&self) -> bool {
        self.list.unreadable.is_empty()
    }
}

/// What tells one list of runners from another.
pub(super) fn scope_key(fleet: &Fleet) -> String {
    format!("{} {} {}", fleet.api_url, fleet.scope, fleet.credential)
}

/// The items that come after `last` and then the others, so that each gets its turn however few are dealt with in one sweep. `items` are in order.
pub(super) fn in_turn<T, K: Ord>(items: Vec<T>, last: Option<&K>, key: impl Fn(&T) -> &K) -> Vec<T> {
    let (mut before, mut after): (Vec<T>, Vec<T>) = (Vec::new(), Vec::new());
    for item in items {
        if last.is_some_and(|last| key(&item) <= last) { before.push(item) } else { after.push(item) }
    }
    after.extend(before);
    after
}
