//! When a mint may be made.

use super::material::NOW;
use super::together::together;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::register::{MINT_WINDOW, mints_per_window};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Asks, MintPace, Slot};
use std::time::Duration;

/// A time within a window, and that window's end.
fn window() -> (Timestamp, Timestamp) {
    let length = MINT_WINDOW.as_secs();
    let start = Timestamp::from_secs(NOW.as_secs() / length * length);
    (start + MINT_WINDOW / 2, start + MINT_WINDOW)
}

fn credential(name: &str) -> CredentialName {
    CredentialName::parse(name).expect("a credential's name")
}

async fn take(pace: &impl MintPace, credential: &CredentialName, now: Timestamp) -> Slot {
    pace.take_slot(credential, Asks::Alone, now).await.expect("the pace answers")
}

async fn hold(pace: &impl MintPace, credential: &CredentialName, until: Timestamp) {
    pace.hold(credential, until).await.expect("the hold is recorded");
}

pub(super) async fn a_window_admits_so_many_mints_and_the_next_one_as_many(pace: &impl MintPace) {
    let (credential, (now, end)) = (credential("windows"), window());
    for now in [now, end] {
        for _ in 0..mints_per_window() {
            assert_eq!(take(pace, &credential, now).await, Slot::Taken);
        }
    }
    for again in [end, end + MINT_WINDOW / 2] {
        assert_eq!(take(pace, &credential, again).await, Slot::NotBefore(end + MINT_WINDOW));
    }
    assert_eq!(take(pace, &credential, end + MINT_WINDOW).await, Slot::Taken);
}

pub(super) async fn those_who_find_a_window_full_are_spread_over_the_next_ones(pace: &impl MintPace) {
    let (credential, (now, end)) = (credential("turns"), window());
    for told in [Slot::Taken, Slot::NotBefore(end), Slot::NotBefore(end + MINT_WINDOW)] {
        for _ in 0..mints_per_window() {
            assert_eq!(take(pace, &credential, now).await, told);
        }
    }
    assert_eq!(take(pace, &credential, end).await, Slot::Taken, "the next window counts anew");
}

pub(super) async fn credentials_have_a_pace_of_their_own(pace: &impl MintPace) {
    let (one, other, (now, _)) = (credential("own"), credential("own.other"), window());
    hold(pace, &one, now + MINT_WINDOW).await;
    assert_eq!(take(pace, &other, now).await, Slot::Taken);
}

pub(super) async fn a_hold_gives_no_slot_and_is_never_shortened(pace: &impl MintPace) {
    let (credential, (now, end)) = (credential("hold"), window());
    let until = now + Duration::from_secs(3);
    hold(pace, &credential, until).await;
    hold(pace, &credential, now + Duration::from_secs(1)).await;
    assert_eq!(take(pace, &credential, now + Duration::from_secs(2)).await, Slot::NotBefore(until), "a hold before the first mint");
    assert_eq!(take(pace, &credential, until).await, Slot::Taken);
    let later = end + MINT_WINDOW * 2;
    hold(pace, &credential, later).await;
    hold(pace, &credential, end).await;
    assert_eq!(take(pace, &credential, until).await, Slot::NotBefore(later), "a hold within a window");
    assert_eq!(take(pace, &credential, end).await, Slot::NotBefore(later), "a hold that outlasts the window");
    assert_eq!(take(pace, &credential, later).await, Slot::Taken);
}

pub(super) async fn a_clock_that_is_behind_takes_no_extra_slots(pace: &impl MintPace) {
    let (credential, (now, end)) = (credential("clocks"), window());
    assert_eq!(take(pace, &credential, end).await, Slot::Taken);
    assert_eq!(take(pace, &credential, now).await, Slot::NotBefore(end + MINT_WINDOW));
    for _ in 1..mints_per_window() {
        assert_eq!(take(pace, &credential, end).await, Slot::Taken);
    }
    assert_eq!(take(pace, &credential, end).await, Slot::NotBefore(end + MINT_WINDOW));
}

pub(super) async fn takers_at_the_same_time_never_get_more_than_the_window(pace: &impl MintPace) {
    let (credential, (now, end)) = (credential("takers"), window());
    for (now, end) in [(now, end), (end, end + MINT_WINDOW)] {
        let answers = together((0..mints_per_window() * 2).map(|_| take(pace, &credential, now))).await;
        let taken = answers.iter().filter(|answer| **answer == Slot::Taken).count();
        assert!(taken <= mints_per_window() as usize, "{taken} slots of a window were taken");
        assert!(answers.iter().all(|answer| matches!(answer, Slot::Taken) || *answer == Slot::NotBefore(end)), "{answers:?}");
    }
}
