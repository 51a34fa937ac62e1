//! What is written, and what is not.

use super::material::{NOW, active, conflict, ended_job, fleet, job, read, state, task, task_id, tombstone, write, write_past, written};
use super::together::together;
use fargate_runners_core::job::TOMBSTONE;
use fargate_runners_core::record::{Expected, Key, Record, Version, Versioned, Write};
use fargate_runners_use_cases::ports::{COMMIT_MAX, CommitError, Ledger, Retry};
use std::time::Duration;

pub(super) async fn a_record_is_written_only_in_the_version_that_was_read(ledger: &impl Ledger) {
    let fleet = fleet("versions");
    ledger.commit(&[], NOW).await.expect("nothing is written");
    conflict(ledger, &[write(state(&fleet, 1), 1)], NOW).await;
    written(ledger, &[write(state(&fleet, 1), 0)], NOW).await;
    conflict(ledger, &[write(state(&fleet, 2), 0)], NOW).await;
    written(ledger, &[write(state(&fleet, 2), 1)], NOW).await;
    conflict(ledger, &[write(state(&fleet, 3), 1)], NOW).await;
    conflict(ledger, &[write(state(&fleet, 3), 3)], NOW).await;
    let expected = Versioned::new(state(&fleet, 2), Version(2));
    assert_eq!(read(ledger, Key::Fleet(fleet), NOW).await, Some(expected));
}

pub(super) async fn a_conflict_leaves_nothing_written(ledger: &impl Ledger) {
    let fleet = fleet("conflict");
    written(ledger, &[write(state(&fleet, 1), 0)], NOW).await;
    let job = job(&fleet, 1, "job");
    conflict(ledger, &[write(job.clone(), 0), write(state(&fleet, 2), 0)], NOW).await;
    conflict(ledger, &[write(state(&fleet, 2), 1), write(job.clone(), 1)], NOW).await;
    assert_eq!(read(ledger, job.key(), NOW).await, None);
    let unchanged = Versioned::new(state(&fleet, 1), Version(1));
    assert_eq!(read(ledger, Key::Fleet(fleet.clone()), NOW).await, Some(unchanged));
    written(ledger, &[write(job.clone(), 0), write(state(&fleet, 2), 1)], NOW).await;
    assert_eq!(read(ledger, job.key(), NOW).await, Some(Versioned::new(job, Version(1))));
}

pub(super) async fn what_has_expired_is_as_absent(ledger: &impl Ledger) {
    let fleet = fleet("expired");
    let over = NOW + TOMBSTONE;
    for number in [1, 2, 3] {
        written(ledger, &[write(tombstone(&fleet, number, NOW), 0)], NOW).await;
    }
    let key = |number| Key::Task(fleet.clone(), task_id(number));
    let fresh = |number| Record::Task(task(&fleet, number));
    let before = over - Duration::from_secs(1);
    assert!(read(ledger, key(1), before).await.is_some(), "a tombstone stands until its time is over");
    conflict(ledger, &[write(fresh(1), 0)], before).await;
    assert_eq!(read(ledger, key(1), over).await, None);
    assert_eq!(ledger.read(&[key(1), key(2)], over).await.expect("nothing is found"), []);
    conflict(ledger, &[write_past(tombstone(&fleet, 1, over), 1)], over).await;
    written(ledger, &[write(fresh(1), 0)], over).await;
    assert_eq!(read(ledger, key(1), over).await, Some(Versioned::new(fresh(1), Version(1))), "versions begin anew");
    conflict(ledger, &[write_past(tombstone(&fleet, 2, over), 1), write(fresh(3), 0)], over).await;
    written(ledger, &[write(fresh(2), 0), write(fresh(3), 0)], over).await;
}

pub(super) async fn a_commit_takes_so_many_writes_and_no_more(ledger: &impl Ledger) {
    let fleet = fleet("so-many");
    let writes: Vec<_> = (0..=COMMIT_MAX as u64).map(|id| write(job(&fleet, id, "job"), 0)).collect();
    let refused = |outcome: Result<(), CommitError>| matches!(outcome, Err(CommitError::Failed(error)) if error.retry == Retry::Never);
    assert!(refused(ledger.commit(&writes, NOW).await), "more writes than a commit takes are refused");
    let twice = [writes[0].clone(), writes[0].clone()];
    assert!(refused(ledger.commit(&twice, NOW).await), "two writes of one record are refused");
    written(ledger, &writes[..COMMIT_MAX], NOW).await;
    let found = ledger.read(&[writes[0].record.key(), writes[COMMIT_MAX - 1].record.key(), writes[COMMIT_MAX].record.key()], NOW).await;
    assert_eq!(found.expect("the records are read").len(), 2);
    let ended = (0..COMMIT_MAX as u64).map(|id| write(ended_job(&fleet, id), 1));
    written(ledger, &ended.collect::<Vec<_>>(), NOW).await;
    assert_eq!(active(ledger, &fleet).await, [], "as many end at once");
}

pub(super) async fn of_writers_at_the_same_time_one_wins(ledger: &impl Ledger) {
    let fleet = fleet("writers");
    for round in 0..5 {
        let writes: Vec<_> = (0..8).map(|writer| [write(state(&fleet, writer), round)]).collect();
        let outcomes = together(writes.iter().map(|write| ledger.commit(write, NOW))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(CommitError::Conflict))), "{outcomes:?}");
        let winner = outcomes.iter().position(Result::is_ok).and_then(|winner| u32::try_from(winner).ok()).unwrap_or_default();
        let expected = Versioned::new(state(&fleet, winner), Version(round + 1));
        assert_eq!(read(ledger, Key::Fleet(fleet.clone()), NOW).await, Some(expected), "what the winner wrote stands");
    }
}

pub(super) async fn what_cannot_be_over_yet_is_made_where_nothing_counts(ledger: &impl Ledger) {
    let fleet = fleet("fresh");
    let fresh = |number| Write { record: Record::Task(task(&fleet, number)), expected: Expected::NothingYet };
    written(ledger, &[fresh(1)], NOW).await;
    conflict(ledger, &[fresh(1)], NOW).await;
    conflict(ledger, &[fresh(2), fresh(1)], NOW).await;
    written(ledger, &[fresh(2), fresh(3)], NOW).await;
    assert_eq!(active(ledger, &fleet).await.len(), 3);
    assert_eq!(read(ledger, fresh(2).record.key(), NOW).await, Some(Versioned::new(fresh(2).record, Version(1))));
}
