//! The checks bite: with a wrong change of the project's code, or in a wrong world, each finds the rule that is broken; and small checks without any hold.

use fargate_runners_core::mutant::Mutant;
use fargate_runners_protocol_checks::check::{Outcome, check};
use fargate_runners_protocol_checks::claim::{self, Claim};
use fargate_runners_protocol_checks::lease::{self, Leases};
use fargate_runners_protocol_checks::writer::{self, Writer};
use std::time::Duration;

/// Far more than a small check takes, also on a busy machine.
const MOST: Duration = Duration::from_secs(120);

const CLAIM: claim::Bounds =
    claim::Bounds { asks: 2, acks: 1, strangers: 1, sweeps: 0, faults: 1, periods: 1, at_once: 2, launched: false };
const LEASE: lease::Bounds = lease::Bounds { idle: 2, maximum: 2, jobs: 0, faults: 0, looks_fail: false, at_once: 2 };
const WRITER: writer::Bounds = writer::Bounds { fleets: 1, jobs: 1, maximum: 1, faults: 1 };

fn claims(bounds: claim::Bounds, mutant: Option<Mutant>, wrong: Option<claim::Wrong>) -> Outcome {
    check("claim".to_owned(), Claim::new(bounds, mutant, wrong), 1, MOST)
}

fn leases(bounds: lease::Bounds, mutant: Option<Mutant>, wrong: Option<lease::Wrong>) -> Outcome {
    check("lease".to_owned(), Leases::new(bounds, mutant, wrong), 1, MOST)
}

fn writers(bounds: writer::Bounds, mutant: Option<Mutant>, wrong: Option<writer::Wrong>) -> Outcome {
    check("single writer".to_owned(), Writer::new(bounds, mutant, wrong), 1, MOST)
}

#[test]
fn a_small_claim_holds_in_every_order() {
    for launched in [false, true] {
        let outcome = claims(claim::Bounds { asks: 1, sweeps: 1, launched, ..CLAIM }, None, None);
        assert!(outcome.complete && outcome.broken.is_empty(), "{outcome}");
        assert!(outcome.unique > 1_000, "{outcome}");
        assert!(outcome.held.contains(&"a task registers") && outcome.held.contains(&"a task is condemned and stopped"), "{outcome}");
    }
}

#[test]
fn a_repeat_that_does_not_remove_what_the_last_made_is_found() {
    for launched in [false, true] {
        let outcome = claims(claim::Bounds { launched, ..CLAIM }, Some(Mutant::MintBesideTheLast), None);
        assert!(outcome.breaks("R5: at most one registration"), "{outcome}");
    }
}

#[test]
fn a_repeat_that_is_served_after_the_acknowledgement_is_found() {
    let outcome = claims(CLAIM, Some(Mutant::RepeatAfterAck), None);
    assert!(outcome.breaks("R5:"), "{outcome}");
}

#[test]
fn stopping_without_condemning_is_found() {
    let outcome = claims(claim::Bounds { asks: 1, strangers: 0, faults: 0, sweeps: 1, ..CLAIM }, Some(Mutant::StopBeforeCondemning), None);
    assert!(outcome.breaks("R1: no task is stopped"), "{outcome}");
}

#[test]
fn claims_in_a_ledger_without_versions_are_found() {
    let bounds = claim::Bounds { asks: 1, strangers: 0, faults: 0, sweeps: 1, ..CLAIM };
    let outcome = claims(bounds, None, Some(claim::Wrong::NoVersions));
    assert!(!outcome.broken.is_empty(), "{outcome}");
}

#[test]
fn a_small_lease_holds_in_every_order() {
    let outcome = leases(lease::Bounds { idle: 1, maximum: 1, jobs: 1, ..LEASE }, None, None);
    assert!(outcome.is_good(), "{outcome}");
    assert!(outcome.unique > 500, "{outcome}");
}

#[test]
fn a_surplus_that_no_lease_takes_from_is_found() {
    let outcome = leases(LEASE_WITH_A_JOB, Some(Mutant::SurplusWithoutVersion), None);
    assert!(outcome.breaks("R2: no more leave"), "{outcome}");
}

#[test]
fn leases_in_a_ledger_without_versions_are_found() {
    let outcome = leases(LEASE_WITH_A_JOB, None, Some(lease::Wrong::NoVersions));
    assert!(outcome.breaks("R2: no more leave"), "{outcome}");
}

#[test]
fn a_leaver_that_is_answered_only_once_is_found() {
    let outcome = leases(lease::Bounds { faults: 1, ..LEASE }, None, Some(lease::Wrong::ForgetsLeavers));
    assert!(outcome.breaks("R7: a runner that was told to leave, and has not heard it, is told again"), "{outcome}");
}

#[test]
fn a_leaver_that_asks_again_and_is_told_to_stay_is_found() {
    let outcome = leases(lease::Bounds { faults: 1, ..LEASE }, Some(Mutant::ForgetLeaver), None);
    assert!(outcome.breaks("R7: a runner that was told to leave, and has not heard it, is told again"), "{outcome}");
}

#[test]
fn a_leaver_that_does_not_wait_for_a_job_is_found() {
    let outcome = leases(lease::Bounds { idle: 1, maximum: 1, jobs: 1, ..LEASE }, None, Some(lease::Wrong::NoGrace));
    assert!(outcome.breaks("R1: no task ends"), "{outcome}");
}

/// One of two runners is too many.
const LEASE_WITH_A_JOB: lease::Bounds = lease::Bounds { jobs: 1, ..LEASE };

#[test]
fn a_small_single_writer_holds_in_every_order() {
    let outcome = writers(writer::Bounds { jobs: 2, faults: 0, ..WRITER }, None, None);
    assert!(outcome.is_good(), "{outcome}");
    assert!(outcome.unique > 100, "{outcome}");
}

#[test]
fn counting_events_instead_of_records_is_found() {
    let outcome = writers(WRITER, Some(Mutant::IncrementInsteadOfCompute), None);
    assert!(outcome.breaks("R2: at rest"), "{outcome}");
}

#[test]
fn a_late_event_that_opens_a_job_again_is_found() {
    let outcome = writers(WRITER, Some(Mutant::LateEventReopens), None);
    assert!(outcome.breaks("R2: at rest"), "{outcome}");
}

#[test]
fn a_look_outside_the_group_is_found() {
    let outcome = writers(writer::Bounds { faults: 0, jobs: 1, ..WRITER }, Some(Mutant::ScaleOutsideTheGroup), None);
    assert!(outcome.breaks("R3: each fleet"), "{outcome}");
}

#[test]
fn looks_in_a_ledger_without_versions_are_found() {
    let outcome = writers(WRITER, None, Some(writer::Wrong::NoVersions));
    assert!(!outcome.broken.is_empty(), "{outcome}");
}

#[test]
fn launches_without_client_tokens_are_found() {
    let outcome = writers(WRITER, None, Some(writer::Wrong::NoTokens));
    assert!(outcome.breaks("R8: no more tasks"), "{outcome}");
}

#[test]
fn a_wanted_number_beyond_the_maximum_is_found() {
    let outcome = writers(writer::Bounds { jobs: 2, faults: 0, ..WRITER }, Some(Mutant::IgnoreMaximum), None);
    assert!(outcome.breaks("R8: no more tasks"), "{outcome}");
}
