//! A fleet in the ledger: what it is meant to have, what has been asked of ECS and not yet answered, and what may leave.
//! Only `scale` writes it, but for the one subtraction that a lease makes; every write counts the version up.

use crate::early_ends::EarlyEnds;
use crate::ids::{FleetName, JobId, RepositoryName, RunId, ServiceName, TaskDefinition, TaskId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One service of the fleet: the current one, or a replaced one that still drains.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServiceState {
    /// The desired count that it is meant to have.
    pub desired: u32,
    /// The desired count that ECS is known to have accepted; `None` from before a call until its answer is recorded, however it gets lost.
    pub applied: Option<u32>,
    /// The most that ECS may have while `applied` is unknown: of what was last known and all that was asked for since. What somebody sets by hand is not known.
    /// An older version wrote what was last known, as `confirmed`.
    #[serde(default, alias = "confirmed")]
    pub highest: u32,
    /// The least that ECS may have while `applied` is unknown, likewise. An older version did not write it.
    #[serde(default)]
    pub lowest: u32,
}

impl ServiceState {
    /// The most that ECS may have now.
    #[must_use]
    pub fn highest(&self) -> u32 {
        self.applied.unwrap_or(self.highest)
    }

    /// The most that ECS may have now or is to have: so many places of the fleet's maximum are taken.
    #[must_use]
    pub fn at_most(&self) -> u32 {
        self.highest().max(self.desired)
    }

    /// Whether the count is to fall and perhaps has not fallen yet.
    #[must_use]
    pub fn is_to_fall(&self) -> bool {
        self.applied != Some(self.desired) && self.desired < self.highest()
    }

    /// Whether ECS may have less than the desired count: what was asked for may have been done without anybody hearing of it.
    #[must_use]
    pub fn may_rise(&self) -> bool {
        self.applied.unwrap_or(self.lowest) < self.desired
    }

    /// ECS is asked for the desired count. Until the answer is recorded nobody knows what ECS has.
    pub fn asked(&mut self) {
        self.highest = self.at_most();
        self.lowest = self.applied.unwrap_or(self.lowest).min(self.desired);
        self.applied = None;
    }

    /// ECS has this count.
    pub const fn found(&mut self, count: u32) {
        self.applied = Some(count);
        self.highest = count;
        self.lowest = count;
    }
}

impl Default for ServiceState {
    /// A service as the fleet's template makes it.
    fn default() -> Self {
        Self { desired: 0, applied: Some(0), highest: 0, lowest: 0 }
    }
}

/// A RunTask call that is due, or whose answer is not recorded yet, or of which only the tasks are (`apply::forget_answered`). Repeating it launches nothing twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Launch {
    /// The client token, derived from the fleet's version.
    pub token: String,
    /// How many tasks, 1 to 10.
    pub count: u32,
    /// Of which revision.
    pub task_definition: TaskDefinition,
    /// When it was decided.
    pub at: Timestamp,
}

/// A task that ended without ever registering.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FailedBoot {
    /// When it ended.
    pub at: Timestamp,
    /// What ECS gave as the reason, with the exit code.
    pub reason: String,
}

/// ECS did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// Why, in ECS's words.
    pub reason: String,
}

/// A job that went down with its runner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LostJob {
    /// Its run.
    pub run_id: RunId,
    /// Which attempt of the run.
    pub run_attempt: u32,
    /// Where it belongs.
    pub repository: RepositoryName,
    /// When its runner ended.
    pub at: Timestamp,
}

/// How many of what a fleet had when it was last looked at; of those that are on their way out, when its record was last written. For people; no decision
/// rests on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counts {
    /// Jobs that wait for a runner of this fleet.
    pub queued: u32,
    /// Tasks without a registration yet, launches that are due included.
    pub booting: u32,
    /// Runners without a job.
    pub idle: u32,
    /// Runners with a job.
    pub busy: u32,
    /// Tasks whose job is over.
    pub finishing: u32,
    /// Runners that were told to leave.
    pub leaving: u32,
    /// Tasks that AWS is taking away.
    pub interrupted: u32,
}

/// A fleet in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FleetState {
    /// The fleet.
    pub fleet: FleetName,
    /// `min(maximum, queued + busy + warm)` at the last look.
    #[serde(default)]
    pub wanted: u32,
    /// What the fleet had at the last look.
    #[serde(default)]
    pub counts: Counts,
    /// Its services by name (launch mode `service`).
    #[serde(default)]
    pub services: BTreeMap<ServiceName, ServiceState>,
    /// RunTask calls whose answer is not recorded (launch mode `tasks`).
    #[serde(default)]
    pub launches: Vec<Launch>,
    /// How many idle runners may leave.
    #[serde(default)]
    pub surplus: u32,
    /// How many idle runners may leave because their listener may hang.
    #[serde(default)]
    pub hung: u32,
    /// When `hung` was last granted.
    #[serde(default)]
    pub hung_granted_at: Timestamp,
    /// Since when the job has waited that a runner was wanted for first. An idle runner that finds this long ago has the fleet looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    /// The revision that is current; idle runners of others leave.
    #[serde(default)]
    pub current: Option<TaskDefinition>,
    /// When ECS was last asked for a change.
    #[serde(default)]
    pub changed_at: Timestamp,
    /// When ECS was last asked for desired counts, be it once more for the same.
    #[serde(default)]
    pub asked_at: Timestamp,
    /// `queued + busy` at the last look: more than that means that a burst is still arriving.
    #[serde(default)]
    pub demand: u32,
    /// How long the next change waits for company while a burst is arriving, in seconds.
    #[serde(default)]
    pub pause_secs: u32,
    /// When a message of the wake-up queue is due.
    #[serde(default)]
    pub wake_at: Option<Timestamp>,
    /// The newest boots that failed.
    #[serde(default)]
    pub failed_boots: BTreeMap<TaskId, FailedBoot>,
    /// Tasks that have ended after a job of which no delivery has told yet, and when they ended.
    #[serde(default)]
    pub unnamed_jobs: BTreeMap<TaskId, Timestamp>,
    /// How many events have come since the last look whose consequences nobody has counted yet: a look at all records is due within seconds.
    #[serde(default, skip_serializing_if = "crate::task::is_zero")]
    pub behind: u32,
    /// The newest refusal of ECS to start tasks or to set a count, until it does so again. For people; no decision rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// The newest registration that was seen.
    #[serde(default)]
    pub last_registered_at: Timestamp,
    /// Jobs that went down with their runners lately.
    #[serde(default)]
    pub lost_jobs: BTreeMap<JobId, LostJob>,
    /// Jobs that were over soon after they had been queued.
    #[serde(default, skip_serializing_if = "EarlyEnds::is_empty")]
    pub early_ends: EarlyEnds,
}

impl FleetState {
    /// A fleet that nobody has looked at yet.
    #[must_use]
    pub fn new(fleet: FleetName) -> Self {
        Self {
            fleet,
            wanted: 0,
            counts: Counts::default(),
            services: BTreeMap::new(),
            launches: Vec::new(),
            surplus: 0,
            hung: 0,
            hung_granted_at: Timestamp::default(),
            waiting_since: None,
            current: None,
            changed_at: Timestamp::default(),
            asked_at: Timestamp::default(),
            demand: 0,
            pause_secs: 0,
            wake_at: None,
            failed_boots: BTreeMap::new(),
            unnamed_jobs: BTreeMap::new(),
            behind: 0,
            refused: None,
            last_registered_at: Timestamp::default(),
            lost_jobs: BTreeMap::new(),
            early_ends: EarlyEnds::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lowering_that_an_older_version_began_is_still_one() {
        let old = r#"{"desired":3,"applied":null,"confirmed":4}"#;
        let service: ServiceState = serde_json::from_str(old).unwrap();
        assert!(service.is_to_fall());
        assert_eq!((service.highest(), service.at_most()), (4, 4));
    }
}
