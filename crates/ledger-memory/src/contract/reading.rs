//! What is read, and what is listed.

use super::material::{NOW, active, fleet, job, job_event, read, state, task, task_id, tombstone, write, written};
use fargate_runners_core::ids::JobId;
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::record::{Key, Record, Version, Versioned, View};
use fargate_runners_use_cases::ports::{COMMIT_MAX, Ledger, Notes};
use std::collections::BTreeSet;

pub(super) async fn what_is_absent_is_not_read(ledger: &impl Ledger) {
    let fleet = fleet("absent");
    let keys = [Key::Fleet(fleet.clone()), Key::Job(fleet.clone(), JobId(1)), Key::Task(fleet.clone(), task_id(1))];
    assert_eq!(ledger.read(&[], NOW).await.expect("nothing is read"), []);
    assert_eq!(ledger.read(&keys, NOW).await.expect("nothing is found"), []);
    assert_eq!(read(ledger, Key::Fleet(fleet.clone()), NOW).await, None);
    assert_eq!(active(ledger, &fleet).await, []);
}

pub(super) async fn what_was_written_is_read_at_once(ledger: &impl Ledger) {
    let fleet = fleet("at-once");
    let records = [state(&fleet, 3), job(&fleet, 1, "Äpfel & \"Birnen\"\n"), Record::Task(task(&fleet, 1)), tombstone(&fleet, 2, NOW)];
    for record in &records {
        let key = record.key();
        written(ledger, &[write(record.clone(), 0)], NOW).await;
        let expected = Versioned::new(record.clone(), Version(1));
        assert_eq!(read(ledger, key, NOW).await, Some(expected), "a record is read as it was written");
    }
    let mut keys: Vec<Key> = records.iter().map(Record::key).collect();
    keys.push(Key::Job(fleet, JobId(99)));
    keys.push(keys[0].clone());
    let found = ledger.read(&keys, NOW).await.expect("the records are read");
    let found: BTreeSet<Key> = found.iter().map(|versioned| versioned.record.key()).collect();
    assert_eq!(found, records.iter().map(Record::key).collect(), "those that exist, tombstones too, each once");
}

pub(super) async fn only_what_counts_is_listed(ledger: &impl Ledger) {
    let fleet = fleet("listed");
    let counts = [job(&fleet, 1, "job"), Record::Task(task(&fleet, 1)), state(&fleet, 1)];
    for record in &counts {
        written(ledger, &[write(record.clone(), 0)], NOW).await;
    }
    written(ledger, &[write(tombstone(&fleet, 2, NOW), 0)], NOW).await;
    let listed = active(ledger, &fleet).await;
    assert_eq!(listed.len(), counts.len(), "{listed:?}");
    assert!(listed.iter().all(|versioned| versioned.version == Version(1) && counts.contains(&versioned.record)));
    written(ledger, &[write(tombstone(&fleet, 1, NOW), 1)], NOW).await;
    let listed = active(ledger, &fleet).await;
    assert!(listed.iter().all(|versioned| !matches!(versioned.record, Record::Task(_))), "what has ended is listed no more: {listed:?}");
}

/// More records than one call of a service gives at a time, by number and by size.
pub(super) async fn many_records_are_read_and_listed_whole(ledger: &impl Ledger) {
    let fleet = fleet("many");
    let long = "x".repeat(6_000);
    let jobs: Vec<Record> = (0..250).map(|id| job(&fleet, id, &long)).collect();
    for some in jobs.chunks(COMMIT_MAX) {
        written(ledger, &some.iter().map(|record| write(record.clone(), 0)).collect::<Vec<_>>(), NOW).await;
    }
    let keys: Vec<Key> = jobs.iter().map(Record::key).collect();
    assert_eq!(ledger.read(&keys, NOW).await.expect("the records are read").len(), jobs.len());
    let listed: BTreeSet<Key> = active(ledger, &fleet).await.iter().map(|versioned| versioned.record.key()).collect();
    assert_eq!(listed, keys.into_iter().collect());
}

pub(super) async fn fleets_do_not_see_each_others_records(ledger: &impl Ledger) {
    // One name begins with the other.
    let (one, other) = (fleet("own"), fleet("own-2"));
    written(ledger, &[write(job(&one, 1, "of one"), 0), write(job(&other, 1, "of the other"), 0)], NOW).await;
    for (fleet, name) in [(&one, "of one"), (&other, "of the other")] {
        let listed = active(ledger, fleet).await;
        assert_eq!(listed, [Versioned::new(job(fleet, 1, name), Version(1))]);
    }
}

pub(super) async fn a_view_that_counts_holds_the_oldest_that_wait_and_those_that_change(ledger: &(impl Ledger + Notes)) {
    let fleet = fleet("counted");
    let jobs: Vec<Record> = (1..=90).map(|id| job(&fleet, id, "job")).collect();
    for some in jobs.chunks(COMMIT_MAX) {
        written(ledger, &some.iter().map(|record| write(record.clone(), 0)).collect::<Vec<_>>(), NOW).await;
    }
    let taken = JobEvent { phase: JobPhase::InProgress, ..job_event(&fleet, 90, "job") };
    assert!(ledger.note(&taken).await.expect("the note is taken"));
    let labels = taken.labels;
    let empty = View::counting(fleet.clone(), labels.clone(), BTreeSet::from([JobId(89)]));
    let view = ledger.active(empty, NOW).await.expect("what counts is listed");
    let held: Vec<u64> = view.jobs.keys().map(|job| job.0).collect();
    assert_eq!(held, (1..=40).chain([89, 90]).collect::<Vec<_>>(), "one is told of, and something is noted with another");
    let all = ledger.active(View::new(fleet), NOW).await.expect("what counts is listed");
    assert_eq!((all.jobs.len(), all.records()), (90, view.records()));
    assert_eq!((view.demand(&labels), &view.noted), (all.demand(&labels), &all.noted));
}
