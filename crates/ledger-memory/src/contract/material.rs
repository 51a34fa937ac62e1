//! Records to write, and short ways to write and read them.

use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase, JobRecord};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::record::{Expected, Key, Place, Record, Slot, Version, Versioned, View, Write};
use fargate_runners_core::state::FleetState;
use fargate_runners_core::task::{Stop, TaskRecord};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{CommitError, Ledger};

/// When the tests take place.
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A fleet of the test's own.
pub(super) fn fleet(name: &str) -> FleetName {
    FleetName::parse(name).expect("a fleet's name")
}

pub(super) fn state(fleet: &FleetName, wanted: u32) -> Record {
    Record::Fleet(FleetState { wanted, ..FleetState::new(fleet.clone()) })
}

pub(super) fn job(fleet: &FleetName, id: u64, name: &str) -> Record {
    Record::Job(JobRecord::from_event(&job_event(fleet, id, name)))
}

pub(super) fn job_event(fleet: &FleetName, id: u64, name: &str) -> JobEvent {
    JobEvent {
        fleet: fleet.clone(),
        home: true,
        job_id: JobId(id),
        run_id: RunId(1),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/hello").expect("a repository's name"),
        workflow_name: None,
        name: name.to_owned(),
        labels: Labels::parse(["self-hosted", "linux"]).expect("labels"),
        phase: JobPhase::Queued,
        conclusion: None,
        runner_name: None,
        at: Some(NOW),
        seen_at: NOW,
        delivery: "guid".to_owned(),
        noted: false,
    }
}

/// The same job, over.
pub(super) fn ended_job(fleet: &FleetName, id: u64) -> Record {
    match job(fleet, id, "job") {
        Record::Job(job) => Record::Job(JobRecord { phase: JobPhase::Completed, ended_at: Some(NOW), ..job }),
        other => other,
    }
}

pub(super) fn task_id(number: u64) -> TaskId {
    TaskId::parse(&format!("{number:032x}")).expect("a task's id")
}

pub(super) fn task(fleet: &FleetName, number: u64) -> TaskRecord {
    TaskRecord::new(fleet.clone(), task_id(number), NOW)
}

/// A task that has ended at that time.
pub(super) fn tombstone(fleet: &FleetName, number: u64, at: Timestamp) -> Record {
    let stop = Stop { at, code: None, reason: None, exit_code: Some(0) };
    Record::Task(TaskRecord { stop: Some(stop), ..task(fleet, number) })
}

/// A write of a record that was found among those that count, in this version; 0: that was not found.
pub(super) fn write(record: Record, version: u64) -> Write {
    let expected = if version == 0 { Expected::Nothing } else { Expected::Record(Place::Active, Version(version)) };
    Write { record, expected }
}

/// A write of a record that was over when it was found.
pub(super) fn write_past(record: Record, version: u64) -> Write {
    Write { record, expected: Expected::Record(Place::Past, Version(version)) }
}

/// Writes what must be written.
pub(super) async fn written(ledger: &impl Ledger, writes: &[Write], now: Timestamp) {
    ledger.commit(writes, now).await.expect("the commit is taken");
}

/// Writes what must be refused as a conflict.
pub(super) async fn conflict(ledger: &impl Ledger, writes: &[Write], now: Timestamp) {
    let outcome = ledger.commit(writes, now).await;
    assert!(matches!(outcome, Err(CommitError::Conflict)), "the commit is a conflict: {outcome:?}");
}

/// The record of that key.
pub(super) async fn read(ledger: &impl Ledger, key: Key, now: Timestamp) -> Option<Versioned> {
    let mut found = ledger.read(&[key], now).await.expect("the record is read");
    assert!(found.len() <= 1, "one key has one record: {found:?}");
    found.pop()
}

/// What counts of a fleet, each record as it was read, the fleet's own first.
pub(super) async fn active(ledger: &impl Ledger, fleet: &FleetName) -> Vec<Versioned> {
    let view = ledger.active(View::new(fleet.clone()), NOW).await.expect("what counts is listed");
    let records = view.jobs.values().map(Slot::to_write).chain(view.tasks.values().map(Slot::to_write));
    let as_read = |Write { record, expected }| match expected {
        Expected::Record(_, version) => {
            let noted = view.noted.iter().filter(|noted| Key::Job(noted.fleet.clone(), noted.job_id) == record.key());
            Some(Versioned { noted: noted.map(JobEvent::progress).collect(), ..Versioned::new(record, version) })
        }
        Expected::Nothing | Expected::NothingYet => None,
    };
    std::iter::once(view.state.to_write()).chain(records).filter_map(as_read).collect()
}
