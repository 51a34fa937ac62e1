//! What ends leaves those that count, and is kept: a ledger may move it.

use super::material::{NOW, active, conflict, ended_job, fleet, job, read, state, task, task_id, tombstone, write, write_past, written};
use super::together::together;
use fargate_runners_core::job::TOMBSTONE;
use fargate_runners_core::record::{Key, Record, Version, Versioned};
use fargate_runners_use_cases::ports::{CommitError, Ledger};
use std::time::Duration;

const fn versioned(record: Record, version: u64) -> Versioned {
    Versioned::new(record, Version(version))
}

pub(super) async fn what_has_ended_is_found_by_its_key_and_not_listed(ledger: &impl Ledger) {
    let fleet = fleet("ended");
    let (ended, lives) = (tombstone(&fleet, 1, NOW), Record::Task(task(&fleet, 2)));
    written(ledger, &[write(Record::Task(task(&fleet, 1)), 0), write(lives.clone(), 0), write(state(&fleet, 1), 0)], NOW).await;
    written(ledger, &[write(ended.clone(), 1)], NOW).await;
    assert_eq!(active(ledger, &fleet).await, [versioned(state(&fleet, 1), 1), versioned(lives.clone(), 1)]);
    assert_eq!(read(ledger, ended.key(), NOW).await, Some(versioned(ended.clone(), 2)));
    let keys = [lives.key(), ended.key(), Key::Fleet(fleet.clone()), Key::Task(fleet.clone(), task_id(3))];
    let found = ledger.read(&keys, NOW).await.expect("the records are read");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.contains(&versioned(ended, 2)) && found.contains(&versioned(lives, 1)), "{found:?}");
}

pub(super) async fn what_has_ended_is_not_made_anew_by_who_comes_late(ledger: &impl Ledger) {
    let fleet = fleet("late");
    let (open, ended) = (job(&fleet, 1, "job"), ended_job(&fleet, 1));
    written(ledger, &[write(open.clone(), 0)], NOW).await;
    conflict(ledger, &[write(ended.clone(), 0)], NOW).await;
    written(ledger, &[write(ended.clone(), 1)], NOW).await;
    for late in [open, ended.clone()] {
        conflict(ledger, &[write(late.clone(), 0)], NOW).await;
        conflict(ledger, &[write(job(&fleet, 2, "another"), 0), write(late, 0)], NOW).await;
    }
    assert_eq!(active(ledger, &fleet).await, []);
    assert_eq!(read(ledger, ended.key(), NOW).await, Some(versioned(ended, 2)));
}

pub(super) async fn what_has_ended_is_made_anew_when_its_time_is_over_and_ends_again(ledger: &impl Ledger) {
    let fleet = fleet("anew");
    let fresh = Record::Task(task(&fleet, 1));
    written(ledger, &[write(fresh.clone(), 0)], NOW).await;
    written(ledger, &[write(tombstone(&fleet, 1, NOW), 1)], NOW).await;
    let over = NOW + TOMBSTONE;
    conflict(ledger, &[write(fresh.clone(), 0)], over - Duration::from_secs(1)).await;
    written(ledger, &[write(fresh.clone(), 0)], over).await;
    assert_eq!(read(ledger, fresh.key(), over).await, Some(versioned(fresh.clone(), 1)), "versions begin anew");
    let ended = tombstone(&fleet, 1, over);
    written(ledger, &[write(ended.clone(), 1)], over).await;
    assert_eq!(read(ledger, ended.key(), over).await, Some(versioned(ended, 2)));
    conflict(ledger, &[write(fresh, 0)], over).await;
    assert_eq!(active(ledger, &fleet).await, []);
}

pub(super) async fn what_is_over_can_be_added_to_and_be_brought_back(ledger: &impl Ledger) {
    let fleet = fleet("back");
    let (lives, ended) = (Record::Task(task(&fleet, 1)), tombstone(&fleet, 1, NOW));
    written(ledger, &[write(ended.clone(), 0)], NOW).await;
    written(ledger, &[write_past(tombstone(&fleet, 1, NOW - Duration::from_secs(1)), 1)], NOW).await;
    conflict(ledger, &[write_past(ended, 1)], NOW).await;
    written(ledger, &[write_past(lives.clone(), 2)], NOW).await;
    assert_eq!(active(ledger, &fleet).await, [versioned(lives.clone(), 3)]);
    assert_eq!(read(ledger, lives.key(), NOW).await, Some(versioned(lives, 3)));
}

pub(super) async fn a_record_is_written_only_where_it_was_found(ledger: &impl Ledger) {
    let fleet = fleet("where");
    let (lives, ended) = (Record::Task(task(&fleet, 1)), tombstone(&fleet, 2, NOW));
    written(ledger, &[write(lives.clone(), 0), write(ended.clone(), 0)], NOW).await;
    conflict(ledger, &[write_past(lives.clone(), 1)], NOW).await;
    conflict(ledger, &[write_past(tombstone(&fleet, 1, NOW), 1)], NOW).await;
    conflict(ledger, &[write(ended.clone(), 1)], NOW).await;
    conflict(ledger, &[write(Record::Task(task(&fleet, 2)), 1)], NOW).await;
    for record in [lives, ended] {
        assert_eq!(read(ledger, record.key(), NOW).await, Some(versioned(record, 1)));
    }
}

pub(super) async fn of_an_end_and_an_update_at_the_same_time_one_wins(ledger: &impl Ledger) {
    let fleet = fleet("race");
    for number in 0..5 {
        written(ledger, &[write(Record::Task(task(&fleet, number)), 0)], NOW).await;
        let updated = |attempt| {
            let mut task = task(&fleet, number);
            task.attempt = attempt;
            Record::Task(task)
        };
        let records = [updated(1), tombstone(&fleet, number, NOW), updated(2), tombstone(&fleet, number, NOW - Duration::from_secs(1))];
        let writes = records.clone().map(|record| [write(record, 1)]);
        let outcomes = together(writes.iter().map(|write| ledger.commit(write, NOW))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(CommitError::Conflict))), "{outcomes:?}");
        let won = outcomes.iter().position(Result::is_ok).map(|winner| records[winner].clone()).expect("one has won");
        let is_listed = active(ledger, &fleet).await.iter().any(|listed| listed.record.key() == won.key());
        assert_eq!(is_listed, won.is_active());
        assert_eq!(read(ledger, won.key(), NOW).await, Some(versioned(won, 2)));
    }
}

pub(super) async fn an_end_and_a_beginning_are_written_together_or_not_at_all(ledger: &impl Ledger) {
    let fleet = fleet("both");
    let (open, ended, next) = (job(&fleet, 1, "job"), ended_job(&fleet, 1), job(&fleet, 2, "next"));
    written(ledger, &[write(open.clone(), 0), write(job(&fleet, 3, "there"), 0)], NOW).await;
    for not_both in [[write(ended.clone(), 2), write(next.clone(), 0)], [write(ended.clone(), 1), write(job(&fleet, 3, "again"), 0)]] {
        conflict(ledger, &not_both, NOW).await;
        assert_eq!(active(ledger, &fleet).await.len(), 2);
        assert_eq!(read(ledger, open.key(), NOW).await, Some(versioned(open.clone(), 1)));
        assert_eq!(read(ledger, next.key(), NOW).await, None);
    }
    written(ledger, &[write(ended.clone(), 1), write(next.clone(), 0)], NOW).await;
    assert_eq!(read(ledger, ended.key(), NOW).await, Some(versioned(ended, 2)));
    assert_eq!(read(ledger, next.key(), NOW).await, Some(versioned(next, 1)));
}
