//! What stands in the ledger, under which key, in which version; and a view of one fleet's part of it, on which decisions are made.
//! A decision changes a view; what changed is then written in one transaction, each record only if it is still in the version that was read.

use crate::demand::{Crowd, Demand, Listed};
use crate::ids::{FleetName, JobId, TaskId};
use crate::job::{JobEvent, JobRecord, Progress};
use crate::labels::Labels;
use crate::shared::Shared;
use crate::state::FleetState;
use crate::task::TaskRecord;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Which record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A fleet's own record.
    Fleet(FleetName),
    /// A job, in the items of a fleet.
    Job(FleetName, JobId),
    /// A task, in the items of its fleet.
    Task(FleetName, TaskId),
}

impl Key {
    /// The fleet in whose items the record stands.
    #[must_use]
    pub const fn fleet(&self) -> &FleetName {
        match self {
            Self::Fleet(fleet) | Self::Job(fleet, _) | Self::Task(fleet, _) => fleet,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet(fleet) => write!(f, "fleet {fleet}"),
            Self::Job(fleet, job) => write!(f, "job {job} of fleet {fleet}"),
            Self::Task(fleet, task) => write!(f, "task {task} of fleet {fleet}"),
        }
    }
}

/// Where a record stands in its fleet's part of the ledger. It moves when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Among those that count, which a ledger lists.
    Active,
    /// Among those that are over, however many these are.
    Past,
}

/// A record of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A fleet's own record.
    Fleet(FleetState),
    /// A job.
    Job(JobRecord),
    /// A task.
    Task(TaskRecord),
}

impl Record {
    /// Which it is.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Fleet(state) => Key::Fleet(state.fleet.clone()),
            Self::Job(job) => Key::Job(job.fleet.clone(), job.job_id),
            Self::Task(task) => Key::Task(task.fleet.clone(), task.task_id.clone()),
        }
    }

    /// Whether it counts: a ledger lists only such records, however many tombstones it holds.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.place() == Place::Active
    }

    /// Where it stands: what may be forgotten some time is over.
    #[must_use]
    pub fn place(&self) -> Place {
        place(self.expires_at())
    }

    /// When it may be forgotten. A ledger treats a record as absent from then on, whether it has deleted it or not.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Fleet(_) => None,
            Self::Job(job) => job.expires_at(),
            Self::Task(task) => task.expires_at(),
        }
    }
}

fn place(expires_at: Option<Timestamp>) -> Place {
    if expires_at.is_none() { Place::Active } else { Place::Past }
}

/// What stands in the ledger as a record of its own.
pub trait Recorded: Clone + Into<Record> {
    /// Where it stands.
    fn place(&self) -> Place;
}

impl From<FleetState> for Record {
    fn from(state: FleetState) -> Self {
        Self::Fleet(state)
    }
}

impl Recorded for FleetState {
    /// A fleet is never over.
    fn place(&self) -> Place {
        Place::Active
    }
}

impl From<JobRecord> for Record {
    fn from(job: JobRecord) -> Self {
        Self::Job(job)
    }
}

impl Recorded for JobRecord {
    fn place(&self) -> Place {
        place(self.expires_at())
    }
}

impl From<TaskRecord> for Record {
    fn from(task: TaskRecord) -> Self {
        Self::Task(task)
    }
}

impl Recorded for TaskRecord {
    fn place(&self) -> Place {
        place(self.expires_at())
    }
}

/// How often a record has been written; 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Versioned {
    /// The record.
    pub record: Record,
    /// Its version.
    pub version: Version,
    /// What was noted with it since it was written: of a job only. Each note counts the version up, so that none is lost to a write that does not know it.
    pub noted: Vec<Progress>,
}

impl Versioned {
    /// A record with which nothing was noted.
    #[must_use]
    pub const fn new(record: Record, version: Version) -> Self {
        Self { record, version, noted: Vec::new() }
    }

    /// The record with what was noted with it, for people.
    #[must_use]
    pub fn into_record(self) -> Record {
        match self.record {
            Record::Job(job) => Record::Job(job.after(&self.noted)),
            other => other,
        }
    }

    /// What whoever has read this expects to find when it writes.
    #[must_use]
    pub fn expected(&self) -> Expected {
        Expected::Record(self.record.place(), self.version)
    }
}

/// What a writer has found of a record, and expects to find still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// None, or one whose time is over; wherever it might stand.
    Nothing,
    /// None, or one whose time is over, among those that count; and it cannot be over yet, since what it is about began a moment ago.
    NothingYet,
    /// One at this place, in this version.
    Record(Place, Version),
}

impl Expected {
    /// The version in which the record is once it is written.
    #[must_use]
    pub const fn next(self) -> Version {
        match self {
            Self::Nothing | Self::NothingYet => Version(1),
            Self::Record(_, version) => Version(version.0 + 1),
        }
    }
}

/// A record to write, if what was found of it is there still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The new record, which says itself where it is to stand.
    pub record: Record,
    /// What was found.
    pub expected: Expected,
}

/// A value with the version in which it was read, that knows whether it differs from it. It stands on the heap by itself: a map's nodes are half empty, and are
/// copied when they grow full.
#[derive(Clone, Debug)]
pub struct Slot<T>(Box<Filled<T>>);

#[derive(Clone, Debug)]
struct Filled<T> {
    value: T,
    read: Read<T>,
    version: Version,
    /// Where the record stands, if that is not where the value that was read would.
    stands: Option<Place>,
}

/// What was read. It is kept only once somebody may change the value: most records of a view are looked at and left as they are, and shall not take twice the
/// memory for it.
#[derive(Clone, Debug)]
enum Read<T> {
    Nothing,
    NothingYet,
    TheValue,
    This(Box<T>),
}

impl<T: Clone + PartialEq> Slot<T> {
    /// A value that was read.
    #[must_use]
    pub fn read(value: T, version: Version) -> Self {
        Self::of(value, Read::TheValue, version)
    }

    /// A value for which there is no record yet.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::of(value, Read::Nothing, Version(0))
    }

    /// A value for which there is no record yet, about what began a moment ago.
    #[must_use]
    pub fn fresh(value: T) -> Self {
        Self::of(value, Read::NothingYet, Version(0))
    }

    fn of(value: T, read: Read<T>, version: Version) -> Self {
        Self(Box::new(Filled { value, read, version, stands: None }))
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0.value
    }

    /// The value, to change it.
    pub fn get_mut(&mut self) -> &mut T {
        if matches!(self.0.read, Read::TheValue) {
            self.0.read = Read::This(Box::new(self.0.value.clone()));
        }
        &mut self.0.value
    }

    /// The version in which it was read.
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// Takes note that the value was written: it stands in the next version, and is unchanged.
    pub fn committed(&mut self) {
        if self.is_changed() {
            self.0.version = Version(self.0.version.0 + 1);
            self.0.read = Read::TheValue;
            self.0.stands = None;
        }
    }

    /// Whether it is to be written.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        match &self.0.read {
            Read::Nothing | Read::NothingYet => true,
            Read::TheValue => false,
            Read::This(read) => **read != self.0.value,
        }
    }

    /// What was read, if there was a record.
    fn as_read(&self) -> Option<&T> {
        match &self.0.read {
            Read::Nothing | Read::NothingYet => None,
            Read::TheValue => Some(&self.0.value),
            Read::This(read) => Some(read),
        }
    }
}

impl<T: Recorded + PartialEq> Slot<T> {
    /// Takes the value for what was read: all that it says stands in the ledger, if not in the record itself.
    pub fn known(&mut self) {
        if let Some(read) = self.as_read() {
            self.0.stands = Some(self.0.stands.unwrap_or_else(|| read.place()));
            self.0.read = Read::TheValue;
        }
    }

    /// The value, to be written where what was read stands still.
    #[must_use]
    pub fn to_write(&self) -> Write {
        let expected = match self.as_read() {
            Some(read) => Expected::Record(self.0.stands.unwrap_or_else(|| read.place()), self.version()),
            // What is over already began longer ago than a moment.
            None if matches!(self.0.read, Read::NothingYet) && self.get().place() == Place::Active => Expected::NothingYet,
            None => Expected::Nothing,
        };
        Write { record: self.get().clone().into(), expected }
    }
}

/// Equal values that were read in the same version, and that are changed or not alike.
impl<T: Clone + PartialEq> PartialEq for Slot<T> {
    fn eq(&self, other: &Self) -> bool {
        self.version() == other.version() && self.get() == other.get() && self.as_read() == other.as_read()
    }
}

impl<T: Clone + Eq> Eq for Slot<T> {}

/// One fleet's part of the ledger: its own record, everything of it that counts, and what else was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The fleet's own record.
    pub state: Slot<FleetState>,
    /// Its jobs; of those that wait perhaps only some, and the others are counted.
    pub jobs: BTreeMap<JobId, Slot<JobRecord>>,
    /// Its tasks.
    pub tasks: BTreeMap<TaskId, Slot<TaskRecord>>,
    /// What `webhook` has noted of its jobs, and these records do not say yet.
    pub noted: Vec<JobEvent>,
    crowd: Option<Box<Crowd>>,
}

impl View {
    /// An empty part, that holds every record.
    #[must_use]
    pub fn new(fleet: FleetName) -> Self {
        Self { state: Slot::new(FleetState::new(fleet)), jobs: BTreeMap::new(), tasks: BTreeMap::new(), noted: Vec::new(), crowd: None }
    }

    /// An empty part of a fleet with these labels, that counts jobs of a list which wait instead of holding them: all that `plan` decides, it decides by such a view
    /// as well. Jobs of which events tell are held.
    #[must_use]
    pub fn counting(fleet: FleetName, labels: Labels, told_of: BTreeSet<JobId>) -> Self {
        Self { crowd: Some(Box::new(Crowd::new(labels, told_of))), ..Self::new(fleet) }
    }

    /// Adds a record of the list of all that counts, which shares its texts with others if it is held.
    pub fn list(&mut self, found: Versioned, shared: &mut Shared) {
        if let (Record::Job(job), Some(crowd), true) = (&found.record, &mut self.crowd, found.noted.is_empty())
            && job.fleet == self.state.get().fleet
        {
            match crowd.list(job) {
                Listed::Counted => return,
                Listed::HeldInsteadOf(other) => drop(self.jobs.remove(&other).map(|other| crowd.count(other.get()))),
                Listed::Held => {}
            }
        }
        self.hold(shared.by(found));
    }

    /// Adds records that were read by their keys; those of other fleets are left out.
    pub fn add(&mut self, records: impl IntoIterator<Item = Versioned>) {
        for found in records {
            if let (Record::Job(job), Some(crowd)) = (&found.record, &mut self.crowd)
                && job.fleet == self.state.get().fleet
                && !self.jobs.contains_key(&job.job_id)
            {
                crowd.is_held(job);
            }
            self.hold(found);
        }
    }

    fn hold(&mut self, found: Versioned) {
        let Versioned { record, version, noted } = found;
        if record.key().fleet() != self.fleet() {
            return;
        }
        match record {
            Record::Fleet(state) => self.state = Slot::read(state, version),
            Record::Job(job) => {
                self.noted.extend(noted.iter().map(|noted| job.event_of(noted)));
                self.jobs.insert(job.job_id, Slot::read(job, version));
            }
            Record::Task(task) => drop(self.tasks.insert(task.task_id.clone(), Slot::read(task, version))),
        }
    }

    /// What the jobs that wait come to, held or counted, in a fleet with these labels.
    #[must_use]
    pub fn demand(&self, labels: &Labels) -> Demand {
        let mut demand = self.crowd.as_ref().map(|crowd| crowd.demand(labels)).unwrap_or_default();
        self.jobs.values().for_each(|job| demand.add(job.get(), labels));
        demand
    }

    /// The fleet.
    #[must_use]
    pub fn fleet(&self) -> &FleetName {
        &self.state.get().fleet
    }

    /// Whether a record was read or made, and is held.
    #[must_use]
    pub fn holds(&self, key: &Key) -> bool {
        match key {
            Key::Fleet(fleet) => fleet == self.fleet(),
            Key::Job(_, job) => self.jobs.contains_key(job),
            Key::Task(_, task) => self.tasks.contains_key(task),
        }
    }

    /// How many records were read or made, held or counted, but for a fleet's own that has never been written.
    #[must_use]
    pub fn records(&self) -> usize {
        let counted = self.crowd.as_ref().map_or(0, |crowd| crowd.jobs());
        usize::from(self.state.version() > Version(0)) + self.jobs.len() + counted + self.tasks.len()
    }

    /// The task's record, made if there is none.
    pub fn task_mut(&mut self, task: &TaskId, now: Timestamp) -> &mut TaskRecord {
        self.task_or(task, now, Slot::new)
    }

    /// The record of a task that ECS has started a moment ago, made if there is none.
    pub fn fresh_task_mut(&mut self, task: &TaskId, now: Timestamp) -> &mut TaskRecord {
        self.task_or(task, now, Slot::fresh)
    }

    fn task_or(&mut self, task: &TaskId, now: Timestamp, made: fn(TaskRecord) -> Slot<TaskRecord>) -> &mut TaskRecord {
        let fleet = self.state.get().fleet.clone();
        self.tasks.entry(task.clone()).or_insert_with(|| made(TaskRecord::new(fleet, task.clone(), now))).get_mut()
    }

    /// Takes note that everything that `writes` gave was written.
    pub fn committed(&mut self) {
        self.state.committed();
        self.jobs.values_mut().for_each(Slot::committed);
        self.tasks.values_mut().for_each(Slot::committed);
    }

    /// What is to be written, the fleet's own record first.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        let state = self.state.is_changed().then(|| self.state.to_write());
        let jobs = self.jobs.values().filter(|job| job.is_changed()).map(Slot::to_write);
        let tasks = self.tasks.values().filter(|task| task.is_changed()).map(Slot::to_write);
        state.into_iter().chain(jobs).chain(tasks).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Stop;

    #[test]
    fn a_write_says_where_the_record_stood_when_it_was_read() {
        let (fleet, now) = (FleetName::parse("default").unwrap(), Timestamp::from_secs(1));
        let mut task = Slot::new(TaskRecord::new(fleet, TaskId::parse(&"0".repeat(32)).unwrap(), now));
        let expected_and_place = |task: &Slot<TaskRecord>| (task.to_write().expected, task.to_write().record.place());
        assert_eq!(expected_and_place(&task), (Expected::Nothing, Place::Active));
        task.committed();
        task.get_mut().attempt = 1;
        assert_eq!(expected_and_place(&task), (Expected::Record(Place::Active, Version(1)), Place::Active));
        task.committed();
        task.get_mut().stopped(Stop { at: now, code: None, reason: None, exit_code: None });
        assert_eq!(expected_and_place(&task), (Expected::Record(Place::Active, Version(2)), Place::Past), "it ends");
        task.committed();
        task.get_mut().lost_reported = true;
        assert_eq!(expected_and_place(&task), (Expected::Record(Place::Past, Version(3)), Place::Past));
    }
}
