//! What every ledger and every pace of mints must do, as tests that any implementation can be put through. They need no particular runtime, and
//! expect to find nothing of theirs in the ledger when they begin.
//!
//! # Panics
//! Each of them panics with what was expected, when an implementation does otherwise.

mod commits;
mod ends;
mod material;
mod noting;
mod paces;
mod reading;
mod together;

use fargate_runners_use_cases::ports::{Ledger, MintPace, Notes};

/// The whole contract of a ledger.
pub async fn ledger<L: Ledger + Notes>(ledger: &L) {
    reading::what_is_absent_is_not_read(ledger).await;
    reading::what_was_written_is_read_at_once(ledger).await;
    reading::only_what_counts_is_listed(ledger).await;
    reading::many_records_are_read_and_listed_whole(ledger).await;
    reading::fleets_do_not_see_each_others_records(ledger).await;
    reading::a_view_that_counts_holds_the_oldest_that_wait_and_those_that_change(ledger).await;
    commits::a_record_is_written_only_in_the_version_that_was_read(ledger).await;
    commits::a_conflict_leaves_nothing_written(ledger).await;
    commits::what_has_expired_is_as_absent(ledger).await;
    commits::a_commit_takes_so_many_writes_and_no_more(ledger).await;
    commits::of_writers_at_the_same_time_one_wins(ledger).await;
    commits::what_cannot_be_over_yet_is_made_where_nothing_counts(ledger).await;
    ends::what_has_ended_is_found_by_its_key_and_not_listed(ledger).await;
    ends::what_has_ended_is_not_made_anew_by_who_comes_late(ledger).await;
    ends::what_has_ended_is_made_anew_when_its_time_is_over_and_ends_again(ledger).await;
    ends::what_is_over_can_be_added_to_and_be_brought_back(ledger).await;
    ends::a_record_is_written_only_where_it_was_found(ledger).await;
    ends::of_an_end_and_an_update_at_the_same_time_one_wins(ledger).await;
    ends::an_end_and_a_beginning_are_written_together_or_not_at_all(ledger).await;
    noting::a_note_is_read_with_the_record_until_that_is_written_again(ledger).await;
    noting::what_does_not_count_takes_no_note(ledger).await;
}

/// The whole contract of a pace of mints.
pub async fn mint_pace(pace: &impl MintPace) {
    paces::each_window_admits_what_those_before_it_have_left(pace).await;
    paces::those_who_find_a_window_full_are_spread_over_the_next_ones(pace).await;
    paces::credentials_have_a_pace_of_their_own(pace).await;
    paces::a_hold_gives_no_slot_and_is_never_shortened(pace).await;
    paces::a_clock_that_is_behind_takes_no_extra_slots(pace).await;
    paces::takers_at_the_same_time_never_get_more_than_the_window(pace).await;
}
