//! The ledger with its real semantics: what is written is written only if every record is still in the version that was read, all or nothing. Records are
//! shared between states and hashed once, since a checker compares states by the million.

use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::record::{Expected, Key, Record, Version, Versioned, Write};
use fargate_runners_core::state::{FleetState, Launch};
use fargate_runners_core::task::TaskRecord;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A record that cannot change any more, with its hash.
#[derive(Clone)]
pub struct Held(Arc<(u64, Versioned)>);

impl Held {
    fn new(record: Record, version: Version) -> Self {
        let versioned = Versioned::new(record, version);
        let mut hasher = DefaultHasher::new();
        versioned.hash(&mut hasher);
        Self(Arc::new((hasher.finish(), versioned)))
    }

    /// The record with its version.
    #[must_use]
    pub fn get(&self) -> &Versioned {
        &self.0.1
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.0.hash(state);
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Held {}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} v{}", self.get().record.key(), self.get().version.0)
    }
}

/// All records, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger(Vec<Held>);

impl Ledger {
    /// A ledger with these records, each in version 1.
    ///
    /// # Panics
    /// When one is given twice.
    #[must_use]
    pub fn of(records: impl IntoIterator<Item = Record>) -> Self {
        let mut ledger = Self::default();
        for record in records {
            let written = ledger.commit(&[Write { record, expected: Expected::Nothing }]);
            assert!(written, "a record was given twice");
        }
        ledger
    }

    fn find(&self, key: &Key) -> Result<usize, usize> {
        self.0.binary_search_by(|held| held.get().record.key().cmp(key))
    }

    /// The record, if there is one.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Held> {
        self.find(key).ok().map(|position| &self.0[position])
    }

    /// Those of the records that exist.
    #[must_use]
    pub fn read(&self, keys: &[Key]) -> Vec<Held> {
        keys.iter().filter_map(|key| self.get(key).cloned()).collect()
    }

    /// Every record of the fleet that counts.
    #[must_use]
    pub fn active(&self, fleet: &FleetName) -> Vec<Held> {
        let counts = |held: &&Held| held.get().record.key().fleet() == fleet && held.get().record.is_active();
        self.0.iter().filter(counts).cloned().collect()
    }

    /// Whether of all records there is what the writes expect. Once there is not, there never will be again.
    #[must_use]
    pub fn admits(&self, writes: &[Write]) -> bool {
        let found = |key: &Key| self.get(key).map_or(Expected::Nothing, |held| held.get().expected());
        let expected = |write: &Write| if write.expected == Expected::NothingYet { Expected::Nothing } else { write.expected };
        writes.iter().all(|write| found(&write.record.key()) == expected(write))
    }

    /// Writes all or nothing; `false`: a record is not in the version that was expected.
    #[must_use]
    pub fn commit(&mut self, writes: &[Write]) -> bool {
        let admitted = self.admits(writes);
        if admitted {
            self.overwrite(writes);
        }
        admitted
    }

    /// Writes whatever stands there: what the real ledger never does, for checks of what its versions are good for.
    pub fn overwrite(&mut self, writes: &[Write]) {
        for Write { record, .. } in writes {
            match self.find(&record.key()) {
                Ok(position) => {
                    let next = self.0[position].get().version.0 + 1;
                    self.0[position] = Held::new(record.clone(), Version(next));
                }
                Err(position) => self.0.insert(position, Held::new(record.clone(), Version(1))),
            }
        }
    }

    /// Whether a launch is due: not all of its tasks stand here. What else a fleet's record says of launches, its next look forgets.
    #[must_use]
    pub fn is_launch_due(&self) -> bool {
        self.records()
            .any(|record| matches!(record, Record::Fleet(state) if state.launches.iter().any(|launch| !self.is_answered(state, launch))))
    }

    /// Versions begin anew, and what is over is forgotten if it may be. It is as if each fleet had had a look since its launches were answered: none knows their
    /// tokens any more, which may then be used anew.
    pub fn begin_anew(&mut self, forget_what_is_over: bool) {
        let kept = self.records().filter(|record| !forget_what_is_over || record.is_active());
        *self = Self::of(kept.map(|record| match record {
            Record::Fleet(state) => Record::Fleet(FleetState { launches: vec![], ..state.clone() }),
            Record::Task(task) => Record::Task(TaskRecord { launch: None, ..task.clone() }),
            Record::Job(_) => record.clone(),
        }));
    }

    fn is_answered(&self, state: &FleetState, launch: &Launch) -> bool {
        let is_its = |record: &&Record| matches!(record, Record::Task(task) if task.fleet == state.fleet && task.launch.as_ref() == Some(&launch.token));
        self.records().filter(is_its).count() >= launch.count as usize
    }

    /// A wake-up that the fleet has noted is over: the time at which it comes has passed. Nobody reads the clock here, so that its version stays.
    pub fn wake_up_comes(&mut self, fleet: &FleetName) {
        if let Ok(position) = self.find(&Key::Fleet(fleet.clone())) {
            let Versioned { record, version, .. } = self.0[position].get().clone();
            if let Record::Fleet(state) = record {
                self.0[position] = Held::new(Record::Fleet(FleetState { wake_at: None, ..state }), version);
            }
        }
    }

    /// A task's record.
    #[must_use]
    pub fn task(&self, fleet: &FleetName, task: &TaskId) -> Option<&TaskRecord> {
        match &self.get(&Key::Task(fleet.clone(), task.clone()))?.get().record {
            Record::Task(task) => Some(task),
            Record::Fleet(_) | Record::Job(_) => None,
        }
    }

    /// A fleet's own record.
    #[must_use]
    pub fn fleet(&self, fleet: &FleetName) -> Option<&FleetState> {
        match &self.get(&Key::Fleet(fleet.clone()))?.get().record {
            Record::Fleet(state) => Some(state),
            Record::Task(_) | Record::Job(_) => None,
        }
    }

    /// All records.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.0.iter().map(|held| &held.get().record)
    }
}
