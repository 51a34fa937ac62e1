//! Versioned records in a map.

use crate::MemoryLedger;
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::record::{Key, Record, Version, Versioned, Write};
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{COMMIT_MAX, CommitError, Ledger, PortError, Retry};
use std::collections::{BTreeMap, BTreeSet};

/// The records of all fleets; tombstones stay until something is written in their place.
pub(crate) type Records = BTreeMap<Key, Versioned>;

/// The record, unless its time is over. Time counts in whole seconds here, rounded so that a record is kept rather longer: as in a table's time to live.
fn standing<'a>(records: &'a Records, key: &Key, now: Timestamp) -> Option<&'a Versioned> {
    let over = |at: Timestamp| at.as_millis().div_ceil(1000) <= now.as_secs();
    records.get(key).filter(|versioned| !versioned.record.expires_at().is_some_and(over))
}

impl MemoryLedger {
    /// Every record of every fleet with its version, tombstones included: for what a test or a simulation checks in the end.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Versioned> {
        self.held().records.values().cloned().collect()
    }

    /// Shows every record of every fleet, tombstones included, without copying any.
    pub fn look(&self, mut see: impl FnMut(&Key, &Record)) {
        self.held().records.iter().for_each(|(key, versioned)| see(key, &versioned.record));
    }

    /// The task's record as it stands.
    #[must_use]
    pub fn task(&self, fleet: &FleetName, task: &TaskId) -> Option<TaskRecord> {
        match &self.held().records.get(&Key::Task(fleet.clone(), task.clone()))?.record {
            Record::Task(task) => Some(task.clone()),
            Record::Fleet(_) | Record::Job(_) => None,
        }
    }
}

impl Ledger for MemoryLedger {
    async fn active(&self, fleet: &FleetName, _now: Timestamp) -> Result<Vec<Versioned>, PortError> {
        let held = self.held();
        let of_fleet = held.records.iter().filter(|(key, versioned)| key.fleet() == fleet && versioned.record.is_active());
        let mut active: Vec<Versioned> = of_fleet.map(|(_, versioned)| versioned.clone()).collect();
        active.sort_by_key(|versioned| !matches!(versioned.record, Record::Fleet(_)));
        Ok(active)
    }

    async fn read(&self, keys: &[Key], now: Timestamp) -> Result<Vec<Versioned>, PortError> {
        let held = self.held();
        let keys: BTreeSet<&Key> = keys.iter().collect();
        Ok(keys.into_iter().filter_map(|key| standing(&held.records, key, now).cloned()).collect())
    }

    async fn commit(&self, writes: &[Write], now: Timestamp) -> Result<(), CommitError> {
        let refused = |why: String| PortError::new(format!("writing {} records to the ledger at once", writes.len()), Retry::Never, why);
        if writes.len() > COMMIT_MAX {
            return Err(refused(format!("a transaction takes {COMMIT_MAX}")).into());
        }
        let keys: BTreeSet<Key> = writes.iter().map(|write| write.record.key()).collect();
        if keys.len() < writes.len() {
            return Err(refused("a transaction takes one write a record".to_owned()).into());
        }
        let records = &mut self.held().records;
        let version = |key: &Key| standing(records, key, now).map_or(Version(0), |standing| standing.version);
        if writes.iter().any(|write| version(&write.record.key()) != write.expected) {
            return Err(CommitError::Conflict);
        }
        for Write { record, expected } in writes {
            records.insert(record.key(), Versioned { record: record.clone(), version: Version(expected.0 + 1) });
        }
        Ok(())
    }
}
