//! What a task may do on its way, step by step.

use super::*;
use crate::ids::{FleetName, TaskId};

const NOW: Timestamp = Timestamp::from_secs(10_000);

fn task() -> TaskRecord {
    TaskRecord::new(FleetName::parse("default").unwrap(), TaskId::parse(&"a".repeat(32)).unwrap(), NOW)
}

fn definition() -> TaskDefinition {
    TaskDefinition::parse("arn:aws:ecs:eu-west-1:1:task-definition/runners-default:3").unwrap()
}

fn minted() -> TaskRecord {
    let mut task = task();
    claim(&mut task, "n1", &definition(), None, NOW);
    begin_mint(&mut task, "n1", NOW);
    let attempt = task.attempt;
    end_mint(&mut task, Minted { attempt, runner_id: None, at: NOW });
    task
}

fn registered() -> TaskRecord {
    let mut task = minted();
    acknowledge(&mut task, "n1", Some(1), NOW).unwrap();
    task
}

#[test]
fn a_lost_answer_may_be_asked_for_again_until_the_acknowledgement_and_never_after() {
    let mut task = minted();
    assert_eq!(may_claim(&task, "n1", NOW), Ok(()));
    acknowledge(&mut task, "n1", Some(1), NOW).unwrap();
    assert!(matches!(may_claim(&task, "n1", NOW), Err(Refusal::Forbidden(_))));
    assert_eq!(acknowledge(&mut task, "n1", Some(1), NOW), Ok(()));
}

#[test]
fn a_second_nonce_gets_nothing() {
    let mut task = minted();
    assert!(matches!(may_claim(&task, "n2", NOW), Err(Refusal::Forbidden(_))));
    assert!(matches!(acknowledge(&mut task, "n2", Some(1), NOW), Err(Refusal::Forbidden(_))));
}

#[test]
fn two_mints_for_one_task_do_not_overlap() {
    let mut task = task();
    claim(&mut task, "n1", &definition(), None, NOW);
    begin_mint(&mut task, "n1", NOW);
    assert!(matches!(may_claim(&task, "n1", NOW), Err(Refusal::AskAgain { after, .. }) if after == MINT_LOCK));
    assert_eq!(may_claim(&task, "n1", NOW + MINT_LOCK), Ok(()));
}

/// As everybody but who has minted finds it until the acknowledgement.
fn begun() -> TaskRecord {
    let mut task = task();
    claim(&mut task, "n1", &definition(), None, NOW);
    begin_mint(&mut task, "n1", NOW);
    task
}

#[test]
fn who_names_its_registration_is_taken_at_its_word_that_it_has_been_made() {
    let mut task = begun();
    let before = task.clone();
    assert!(matches!(acknowledge(&mut task, "n2", Some(1), NOW), Err(Refusal::Forbidden(_))));
    assert!(matches!(acknowledge(&mut task, "n1", Some(2), NOW), Err(Refusal::AskAgain { .. })), "it is none of those that were begun");
    assert!(matches!(acknowledge(&mut task, "n1", Some(2), NOW + MINT_LOCK), Err(Refusal::Forbidden(_))));
    assert_eq!(task, before);
    assert_eq!(acknowledge(&mut task, "n1", Some(1), NOW), Ok(()));
    assert_eq!((task.state(), task.minting_until), (TaskState::Idle, None));
    assert_eq!(task.minted, Some(Minted { attempt: 1, runner_id: None, at: NOW }), "nobody has said which runner it is");
    assert!(matches!(may_claim(&task, "n1", NOW), Err(Refusal::Forbidden(_))), "nothing is minted any more");
}

#[test]
fn who_names_no_registration_waits_until_none_can_be_made() {
    let mut task = begun();
    assert!(matches!(acknowledge(&mut task, "n1", None, NOW), Err(Refusal::AskAgain { after, .. }) if after == MINT_LOCK));
    assert_eq!(acknowledge(&mut task, "n1", None, NOW + MINT_LOCK), Ok(()));
    assert_eq!(task.registered_at, Some(NOW + MINT_LOCK));
}

#[test]
fn the_end_of_a_mint_is_that_of_the_attempt_that_has_begun() {
    let end = |attempt| Minted { attempt, runner_id: None, at: NOW };
    let mut task = begun();
    begin_mint(&mut task, "n1", NOW + MINT_LOCK);
    let before = task.clone();
    end_mint(&mut task, end(1));
    assert_eq!(task, before, "the first was replaced");
    end_mint(&mut task, end(2));
    assert_eq!((task.minted.clone(), task.minting_until, task.cleared), (Some(end(2)), None, 1));
    let mut undone = before;
    undo_mint(&mut undone);
    let before = undone.clone();
    end_mint(&mut undone, end(1));
    assert_eq!(undone, before, "it may have been removed");
}

#[test]
fn a_registration_that_was_begun_is_condemned_after_its_lock_and_then_not_acknowledged() {
    let mut task = begun();
    assert!(!condemn(&mut task, NOW));
    assert!(condemn(&mut task, NOW + MINT_LOCK));
    assert!(matches!(acknowledge(&mut task, "n1", Some(1), NOW + MINT_LOCK), Err(Refusal::Leave(_))));
    assert_eq!(task.minted, None);
}

#[test]
fn a_registration_that_a_repeat_has_replaced_or_may_have_removed_is_not_acknowledged() {
    let mut task = minted();
    begin_mint(&mut task, "n1", NOW);
    undo_mint(&mut task);
    assert!(
        matches!(acknowledge(&mut task, "n1", Some(1), NOW), Err(Refusal::Forbidden(_))),
        "it may have been removed before GitHub refused"
    );
    begin_mint(&mut task, "n1", NOW);
    end_mint(&mut task, Minted { attempt: 2, runner_id: None, at: NOW });
    assert!(matches!(acknowledge(&mut task, "n1", Some(1), NOW), Err(Refusal::Forbidden(_))));
    assert_eq!(acknowledge(&mut task, "n1", Some(2), NOW), Ok(()));
    assert!(matches!(acknowledge(&mut task, "n1", Some(1), NOW), Err(Refusal::Forbidden(_))));
    assert_eq!(acknowledge(&mut task, "n1", None, NOW), Ok(()), "a start script from before it named its runner");
}

#[test]
fn registering_and_condemning_exclude_each_other() {
    assert!(!condemn(&mut registered(), NOW));
    let mut task = minted();
    assert!(condemn(&mut task, NOW));
    assert!(matches!(acknowledge(&mut task, "n1", Some(1), NOW), Err(Refusal::Leave(_))));
    assert!(matches!(may_claim(&task, "n1", NOW), Err(Refusal::Leave(_))));
}

#[test]
fn one_place_too_many_is_left_by_one_runner() {
    let mut state = FleetState::new(FleetName::parse("default").unwrap());
    state.surplus = 1;
    let (mut first, mut second) = (registered(), registered());
    assert_eq!(lease(&mut first, &mut state, NOW), Ok(Lease::Leave(LeaveReason::Surplus)));
    assert_eq!(lease(&mut second, &mut state, NOW), Ok(Lease::Stay));
    assert_eq!(lease(&mut first, &mut state, NOW), Ok(Lease::Leave(LeaveReason::Surplus)));
    assert_eq!(state.surplus, 0);
}

#[test]
fn a_runner_that_a_job_waits_beside_for_long_is_suspect_once_a_minute() {
    let mut state = FleetState::new(FleetName::parse("default").unwrap());
    let later = NOW + HUNG_AFTER;
    assert!(!is_suspect(&registered(), &state, later), "no job waits");
    state.waiting_since = Some(NOW);
    assert!(is_suspect(&registered(), &state, later));
    assert!(!is_suspect(&minted(), &state, later), "it is not idle");
    state.waiting_since = Some(later);
    assert!(!is_suspect(&registered(), &state, later), "it has waited for a moment only");
    state.waiting_since = Some(NOW);
    state.hung_granted_at = later;
    assert!(!is_suspect(&registered(), &state, later));
    assert!(is_suspect(&registered(), &state, later + HUNG_EVERY));
}

#[test]
fn a_runner_with_a_job_stays_whatever_it_asks() {
    let mut state = FleetState::new(FleetName::parse("default").unwrap());
    state.surplus = 1;
    let mut task = registered();
    task.had_job(crate::ids::JobId(1), None);
    assert_eq!(lease(&mut task, &mut state, NOW), Ok(Lease::Stay));
    assert_eq!(state.surplus, 1);
}

#[test]
fn an_idle_runner_of_a_replaced_revision_leaves() {
    let mut state = FleetState::new(FleetName::parse("default").unwrap());
    state.current = TaskDefinition::parse("arn:aws:ecs:eu-west-1:1:task-definition/runners-default:4").ok();
    assert_eq!(lease(&mut registered(), &mut state, NOW), Ok(Lease::Leave(LeaveReason::Replaced)));
}

#[test]
fn a_suspected_listener_leaves_only_after_it_has_been_idle_for_long() {
    let mut state = FleetState::new(FleetName::parse("default").unwrap());
    state.hung = 1;
    assert_eq!(lease(&mut registered(), &mut state, NOW), Ok(Lease::Stay));
    assert_eq!(lease(&mut registered(), &mut state, NOW + HUNG_AFTER), Ok(Lease::Leave(LeaveReason::Hung)));
}
