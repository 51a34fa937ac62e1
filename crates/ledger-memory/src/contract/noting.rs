//! Notes of how far jobs have come.

use super::material::{NOW, active, conflict, ended_job, fleet, job, job_event, read, task, write, written};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::record::{Record, Version};
use fargate_runners_use_cases::ports::{Ledger, Notes};

pub(super) async fn a_note_is_read_with_the_record_until_that_is_written_again<L: Ledger + Notes>(ledger: &L) {
    let fleet = fleet("noted");
    let open = job(&fleet, 1, "job");
    written(ledger, &[write(open.clone(), 0), write(Record::Task(task(&fleet, 1)), 0)], NOW).await;
    let event = |phase| JobEvent { phase, runner_name: Some("runner".to_owned()), ..job_event(&fleet, 1, "job") };
    let (in_progress, completed) = (event(JobPhase::InProgress), event(JobPhase::Completed));
    for event in [&completed, &in_progress, &in_progress] {
        assert!(ledger.note(event).await.expect("a ledger that takes notes"));
    }
    let expected = (open.clone(), Version(4), vec![in_progress.progress(), completed.progress()]);
    let found = read(ledger, open.key(), NOW).await.expect("the job is there");
    assert_eq!((found.record, found.version, found.noted), expected);
    let listed = active(ledger, &fleet).await.into_iter().find(|listed| listed.record.key() == open.key()).expect("the job is listed");
    assert_eq!((listed.record, listed.version, listed.noted), expected);
    conflict(ledger, &[write(open.clone(), 1)], NOW).await;
    written(ledger, &[write(open.clone(), 4)], NOW).await;
    assert_eq!(read(ledger, open.key(), NOW).await.expect("the job is there").noted, []);
}

pub(super) async fn what_does_not_count_takes_no_note<L: Ledger + Notes>(ledger: &L) {
    let fleet = fleet("unnoted");
    let event = |id, phase| JobEvent { phase, ..job_event(&fleet, id, "job") };
    assert!(!ledger.note(&event(1, JobPhase::InProgress)).await.expect("a ledger that takes notes"), "there is no such job");
    assert_eq!(read(ledger, job(&fleet, 1, "job").key(), NOW).await, None);
    let ended = ended_job(&fleet, 2);
    written(ledger, &[write(ended.clone(), 0)], NOW).await;
    assert!(!ledger.note(&event(2, JobPhase::InProgress)).await.expect("a ledger that takes notes"), "it is over");
    assert_eq!(read(ledger, ended.key(), NOW).await.expect("the job is there").version, Version(1));
    let open = job(&fleet, 3, "job");
    written(ledger, &[write(open.clone(), 0)], NOW).await;
    assert!(!ledger.note(&event(3, JobPhase::Queued)).await.expect("a ledger that takes notes"), "it needs a look");
    assert_eq!(read(ledger, open.key(), NOW).await.expect("the job is there").version, Version(1));
}
