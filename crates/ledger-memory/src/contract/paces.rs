//! When a mint may be made.

use super::material::NOW;
use super::together::together;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::mint_pace::{MINT_WINDOW, MINTS_AT_ONCE, Mints, mint_window};
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

pub(super) async fn each_window_admits_what_those_before_it_have_left(pace: &impl MintPace) {
    let (credential, (now, _)) = (credential("windows"), window());
    let mut mints = Mints::first(mint_window(now));
    for ahead in [0, 1, 2, 3, 14, 16] {
        let now = now + MINT_WINDOW * ahead;
        for asked in 0..=MINTS_AT_ONCE {
            mints = match (ahead, asked) {
                (0, 0) => mints,
                (_, 0) => mints.begun(mint_window(now)),
                _ => Mints { asked: asked + 1, ..mints },
            };
            let told = mints.turn().map_or(Slot::Taken, Slot::NotBefore);
            assert_eq!(take(pace, &credential, now).await, told, "{ahead}, {asked}");
        }
    }
}

pub(super) async fn those_who_find_a_window_full_are_spread_over_the_next_ones(pace: &impl MintPace) {
    let (credential, (now, end)) = (credential("turns"), window());
    for told in [Slot::Taken, Slot::NotBefore(end)] {
        for _ in 0..MINTS_AT_ONCE {
            assert_eq!(take(pace, &credential, now).await, told);
        }
    }
    assert_eq!(take(pace, &credential, now).await, Slot::NotBefore(end + MINT_WINDOW));
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
    for _ in 1..MINTS_AT_ONCE {
        assert_eq!(take(pace, &credential, end).await, Slot::Taken);
    }
    assert_eq!(take(pace, &credential, end).await, Slot::NotBefore(end + MINT_WINDOW));
}

pub(super) async fn takers_at_the_same_time_never_get_more_than_the_window(pace: &impl MintPace) {
    let (credential, (now, end)) = (credential("takers"), window());
    for (now, end) in [(now, end), (end, end + MINT_WINDOW)] {
        let answers = together((0..MINTS_AT_ONCE * 2).map(|_| take(pace, &credential, now))).await;
        let taken = answers.iter().filter(|answer| **answer == Slot::Taken).count();
        assert!(taken as u64 <= MINTS_AT_ONCE, "{taken} slots of a window were taken");
        assert!(answers.iter().all(|answer| matches!(answer, Slot::NotBefore(at) if *at >= end) || *answer == Slot::Taken), "{answers:?}");
    }
}
