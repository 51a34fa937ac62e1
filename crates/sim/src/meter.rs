//! Counts what everything takes, and knows the limits that neither model knows: what one DynamoDB partition reads and writes a second, and how long a look at
//! many records takes. In a story it rests: it counts nothing, lets nothing take longer, and draws no chance.

mod partition;

use crate::engine::Millis;
use crate::host::Function;
use fargate_runners_core::ids::{CredentialName, FleetName, ServiceName};
use fargate_runners_core::job::{JobEvent, JobRecord};
use fargate_runners_core::record::{Expected, Key, Place, Record, Version, Versioned, Write};
use fargate_runners_ledger_memory::MemoryLedger;
use partition::{PAGE, PAGE_RECORDS, Partition, read_units, write_units};
use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, HashMap};

/// How long DynamoDB takes for a full page of a query, and what a look costs by the record. Assumptions, both: they are nowhere promised.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Milliseconds for a page of a megabyte.
    pub page_millis: u64,
    /// Microseconds of the function's own time for each record of a look.
    pub record_micros: u64,
}

/// What a note adds to its item: the name of the attribute, and some six members in JSON.
const NOTE_BYTES: u64 = 250;

/// Counts, or rests.
#[derive(Default)]
pub struct Meter(Option<RefCell<Counts>>);

/// How much of something there was in the fullest second or minute.
#[derive(Clone, Debug)]
pub struct Busiest<K: Ord> {
    current: BTreeMap<K, (u64, u64)>,
    /// In all.
    pub total: u64,
    /// In the fullest one, of the fullest key.
    pub most: u64,
}

impl<K: Ord> Default for Busiest<K> {
    fn default() -> Self {
        Self { current: BTreeMap::new(), total: 0, most: 0 }
    }
}

impl<K: Ord> Busiest<K> {
    fn add(&mut self, key: K, window: u64) {
        let (at, count) = self.current.entry(key).or_default();
        (*at, *count) = if *at == window { (window, *count + 1) } else { (window, 1) };
        self.total += 1;
        self.most = self.most.max(*count);
    }
}

/// A total and the most at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// How many were added.
    pub count: u64,
    /// All together.
    pub total: u64,
    /// The largest.
    pub most: u64,
}

impl Sum {
    fn add(&mut self, value: u64) {
        self.count += 1;
        self.total += value;
        self.most = self.most.max(value);
    }
}

/// What `scale` wrote of a fleet.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// When.
    pub at: Millis,
    /// The wanted number of the fleet.
    pub number: u32,
    /// Its demand.
    pub demand: u32,
}

/// All counts.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pace: Option<Pace>,
    partitions: BTreeMap<(FleetName, Place), Partition>,
    sizes: HashMap<Key, (Version, u64)>,
    /// Calls by the simulation's names for them.
    pub calls: BTreeMap<&'static str, u64>,
    /// Invocations of each function, and how many at once: now, and at most.
    pub invocations: BTreeMap<Function, (u64, u64, u64)>,
    /// Records of a look.
    pub records: Sum,
    /// Bytes of a look.
    pub bytes: Sum,
    /// Pages of all looks.
    pub pages: u64,
    /// Milliseconds for which reads waited for their partition.
    pub reads_waited: Sum,
    /// Milliseconds for which writes did.
    pub writes_waited: Sum,
    /// Units read and written.
    pub units: (u64, u64),
    /// Desired counts that were set, by service and second.
    pub updates: Busiest<ServiceName>,
    /// The same of the account.
    pub updates_in_all: Busiest<()>,
    /// Mints, by credential and minute.
    pub mints: Busiest<CredentialName>,
    /// Messages of the fleets' queue, by group and second.
    pub events: Busiest<String>,
    /// Messages in a batch of it.
    pub batches: Sum,
    /// The most that waited in a group.
    pub backlog: u64,
    /// When the last job came into the ledger that was not there: by then the messages about waiting jobs are worked off.
    pub last_new_job_at: Option<Millis>,
    /// What `scale` wrote.
    pub wanted: BTreeMap<FleetName, Vec<Want>>,
}

impl Meter {
    /// One that counts.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self(Some(RefCell::new(Counts { pace: Some(pace), ..Counts::default() })))
    }

    /// What was counted; nothing, if it rests.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.as_ref().map(|counts| counts.borrow().clone()).unwrap_or_default()
    }

    /// What `scale` wrote last, of all fleets together.
    #[must_use]
    pub fn wanted_now(&self) -> u64 {
        let last = |wants: &Vec<Want>| wants.last().map_or(0, |want| u64::from(want.number));
        self.0.as_ref().map_or(0, |counts| counts.borrow().wanted.values().map(last).sum())
    }

    fn on(&self) -> Option<RefMut<'_, Counts>> {
        self.0.as_ref().map(RefCell::borrow_mut)
    }

    pub(crate) fn called(&self, what: &'static str) {
        if let Some(mut counts) = self.on() {
            *counts.calls.entry(what).or_default() += 1;
        }
    }

    pub(crate) fn begins(&self, function: Function) {
        if let Some(mut counts) = self.on() {
            let (all, now, most) = counts.invocations.entry(function).or_default();
            *all += 1;
            *now += 1;
            *most = (*most).max(*now);
        }
    }

    pub(crate) fn ends(&self, function: Function) {
        if let Some(mut counts) = self.on() {
            let (_, now, _) = counts.invocations.entry(function).or_default();
            *now = now.saturating_sub(1);
        }
    }

    pub(crate) fn wants(&self, service: &ServiceName, now: Millis) {
        if let Some(mut counts) = self.on() {
            counts.updates.add(service.clone(), now / 1_000);
            counts.updates_in_all.add((), now / 1_000);
        }
    }

    pub(crate) fn minted(&self, credential: &CredentialName, now: Millis) {
        if let Some(mut counts) = self.on() {
            counts.mints.add(credential.clone(), now / 60_000);
        }
    }

    pub(crate) fn event(&self, group: &str, now: Millis) {
        if let Some(mut counts) = self.on() {
            counts.events.add(group.to_owned(), now / 1_000);
        }
    }

    pub(crate) fn batch(&self, messages: usize, left: usize) {
        if let Some(mut counts) = self.on().filter(|_| messages > 0) {
            counts.batches.add(messages as u64);
            counts.backlog = counts.backlog.max((messages + left) as u64);
        }
    }

    /// A fleet's records are listed. Returns for how many milliseconds.
    pub(crate) fn looks(&self, function: Function, fleet: &FleetName, ledger: &MemoryLedger, now: Millis) -> Millis {
        let Some(mut counts) = self.on() else { return 0 };
        let counts = &mut *counts;
        let (mut records, mut bytes) = (0, 0);
        ledger.look_at_active(fleet, |found| {
            records += 1;
            bytes += counts.size(&found.record, found.version);
        });
        let (pages, units) = ((bytes / PAGE).max(records / PAGE_RECORDS) + 1, read_units(bytes));
        counts.units.0 += units;
        let waited = counts.partition(fleet, Place::Active).reads(units, now);
        counts.reads_waited.add(waited);
        let Some(pace) = counts.pace else { return waited };
        let mut own = 0;
        if function == Function::Scale {
            counts.records.add(records);
            counts.bytes.add(bytes);
            counts.pages += pages;
            own = records * pace.record_micros / 1_000;
        }
        // The first page is in the time that any call takes.
        waited + (pages - 1) * pace.page_millis + own
    }

    /// Single records are read.
    pub(crate) fn reads(&self, records: &[Versioned], now: Millis) -> Millis {
        let Some(mut counts) = self.on() else { return 0 };
        let mut longest = 0;
        for versioned in records {
            let units = read_units(counts.size(&versioned.record, versioned.version));
            counts.units.0 += units;
            longest = longest.max(counts.partition(versioned.record.key().fleet(), versioned.record.place()).reads(units, now));
        }
        longest
    }

    /// A note is written beside a job's record.
    pub(crate) fn notes(&self, job: &JobEvent, now: Millis) -> Millis {
        let Some(mut counts) = self.on() else { return 0 };
        let units = write_units(partition::item_size(&Record::Job(JobRecord::from_event(job))) + NOTE_BYTES, false);
        counts.units.1 += units;
        counts.partition(&job.fleet, Place::Active).writes(units, now)
    }

    /// Records are written.
    pub(crate) fn writes(&self, function: Function, writes: &[Write], now: Millis) -> Millis {
        let Some(mut counts) = self.on() else { return 0 };
        let mut longest = 0;
        let together = writes.len() > 1 || writes.iter().any(|write| items(write).count() > 1);
        for write in writes {
            let key = write.record.key();
            // What is deleted is about as large as what is written in its stead.
            let size = counts.size(&write.record, write.expected.next());
            for (place, is_there) in items(write) {
                let units = write_units(if is_there { size } else { 0 }, together);
                counts.units.1 += units;
                longest = longest.max(counts.partition(key.fleet(), place).writes(units, now));
            }
            if !write.record.is_active() {
                counts.sizes.remove(&key);
            }
            if matches!(write.record, Record::Job(_)) && matches!(write.expected, Expected::Nothing | Expected::NothingYet) {
                counts.last_new_job_at = Some(now);
            }
            if let (Function::Scale, Record::Fleet(state)) = (function, &write.record) {
                let want = Want { at: now, number: state.wanted, demand: state.demand };
                counts.wanted.entry(state.fleet.clone()).or_default().push(want);
            }
        }
        counts.writes_waited.add(longest);
        longest
    }
}

/// The items that a write touches, in the adapter's layout: where they stand, and whether there is one. A record that is made takes a check of the other place,
/// where there is none; one that moves is deleted at its old place.
fn items(write: &Write) -> impl Iterator<Item = (Place, bool)> {
    let place = write.record.place();
    let other = match write.expected {
        Expected::NothingYet => None,
        Expected::Nothing if matches!(write.record, Record::Fleet(_)) => None,
        Expected::Nothing => Some((if place == Place::Active { Place::Past } else { Place::Active }, false)),
        Expected::Record(from, _) => (from != place).then_some((from, true)),
    };
    std::iter::once((place, true)).chain(other)
}

impl Counts {
    fn partition(&mut self, fleet: &FleetName, place: Place) -> &mut Partition {
        self.partitions.entry((fleet.clone(), place)).or_default()
    }

    /// The size of a record's item. Kept as long as its version stands: a record is listed much more often than it is written.
    fn size(&mut self, record: &Record, version: Version) -> u64 {
        let key = record.key();
        if let Some((_, size)) = self.sizes.get(&key).filter(|(known, _)| *known == version) {
            return *size;
        }
        let size = partition::item_size(record);
        self.sizes.insert(key, (version, size));
        size
    }
}
