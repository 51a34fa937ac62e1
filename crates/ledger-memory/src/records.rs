//! Versioned records in a map.

use crate::MemoryLedger;
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::record::{Expected, Key, Place, Record, Version, Versioned, View, Write};
use fargate_runners_core::shared::Shared;
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{COMMIT_MAX, CommitError, Ledger, Notes, PortError, Retry};
use std::collections::{BTreeMap, BTreeSet};

/// The records of all fleets; tombstones stay until something is written in their place.
#[derive(Debug, Default)]
pub(crate) struct Records {
    all: BTreeMap<Key, Versioned>,
    /// Those that count, by fleet: a fleet has some of them, and thousands of tombstones in the end.
    active: BTreeMap<FleetName, BTreeSet<Key>>,
}

impl Records {
    fn insert(&mut self, record: Record, version: Version) {
        let key = record.key();
        let active = self.active.entry(key.fleet().clone()).or_default();
        if record.is_active() {
            active.insert(key.clone());
        } else {
            active.remove(&key);
        }
        self.all.insert(key, Versioned::new(record, version));
    }

    /// Adds a note to a job, if it counts.
    fn note(&mut self, job: &JobEvent) -> bool {
        let found = self.all.get_mut(&Key::Job(job.fleet.clone(), job.job_id)).filter(|found| found.record.is_active());
        let Some(found) = found else { return false };
        found.version = found.expected().next();
        found.noted.retain(|known| known.phase != job.phase);
        found.noted.push(job.progress());
        found.noted.sort_by_key(|noted| noted.phase);
        true
    }

    /// What counts of a fleet.
    fn active(&self, fleet: &FleetName) -> impl Iterator<Item = &Versioned> {
        self.active.get(fleet).into_iter().flatten().filter_map(|key| self.all.get(key))
    }
}

/// The record, unless its time is over. Time counts in whole seconds here, rounded so that a record is kept rather longer: as in a table's time to live.
fn standing<'a>(records: &'a Records, key: &Key, now: Timestamp) -> Option<&'a Versioned> {
    let over = |at: Timestamp| at.as_millis().div_ceil(1000) <= now.as_secs();
    records.all.get(key).filter(|versioned| !versioned.record.expires_at().is_some_and(over))
}

impl MemoryLedger {
    /// Every record of every fleet with its version, tombstones included: for what a test or a simulation checks in the end.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Versioned> {
        self.held().records.all.values().cloned().collect()
    }

    /// Shows every record of every fleet, tombstones included, without copying any.
    pub fn look(&self, mut see: impl FnMut(&Key, &Record)) {
        self.held().records.all.iter().for_each(|(key, versioned)| see(key, &versioned.record));
    }

    /// Shows the records of a fleet that count, without copying any.
    pub fn look_at_active(&self, fleet: &FleetName, see: impl FnMut(&Versioned)) {
        self.held().records.active(fleet).for_each(see);
    }

    /// The task's record as it stands.
    #[must_use]
    pub fn task(&self, fleet: &FleetName, task: &TaskId) -> Option<TaskRecord> {
        match &self.held().records.all.get(&Key::Task(fleet.clone(), task.clone()))?.record {
            Record::Task(task) => Some(task.clone()),
            Record::Fleet(_) | Record::Job(_) => None,
        }
    }
}

impl Ledger for MemoryLedger {
    async fn active(&self, empty: View, _now: Timestamp) -> Result<View, PortError> {
        let (mut view, mut shared) = (empty, Shared::default());
        let fleet = view.fleet().clone();
        for found in self.held().records.active(&fleet) {
            view.list(found.clone(), &mut shared);
        }
        Ok(view)
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
        let found = |write: &Write| standing(records, &write.record.key(), now).map_or(Expected::Nothing, Versioned::expected);
        let holds = |write: &Write| match (write.expected, found(write)) {
            (Expected::NothingYet, found) => found == Expected::Nothing,
            (expected, found) => expected == found,
        };
        let is_over = |write: &Write| write.expected == Expected::NothingYet && matches!(found(write), Expected::Record(Place::Past, _));
        if !writes.iter().all(|write| holds(write) || is_over(write)) {
            return Err(CommitError::Conflict);
        }
        if let Some(write) = writes.iter().find(|write| is_over(write)) {
            panic!("the {} is over, which its writer rules out: a table would hold it twice", write.record.key());
        }
        for Write { record, expected } in writes {
            records.insert(record.clone(), expected.next());
        }
        Ok(())
    }
}

impl Notes for MemoryLedger {
    async fn note(&self, job: &JobEvent) -> Result<bool, PortError> {
        let is_noted = matches!(job.phase, JobPhase::InProgress | JobPhase::Completed);
        Ok(is_noted && self.held().records.note(job))
    }
}
