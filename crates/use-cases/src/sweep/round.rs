//! What the healers of one sweep share, so that it is asked for once.

use crate::ports::FleetList;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::time::Timestamp;
use std::sync::Arc;

/// One sweep.
pub(super) struct Round {
    /// When its time is over.
    pub(super) deadline: Timestamp,
    list: Arc<FleetList>,
}

impl Round {
    pub(super) const fn new(deadline: Timestamp, list: Arc<FleetList>) -> Self {
        Self { deadline, list }
    }

    /// The fleets that are described.
    pub(super) fn fleets(&self) -> Vec<Fleet> {
        self.list.fleets.clone()
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
