//! Webhook deliveries that failed: which of them are delivered once more, and how far a delivery log has been read.
//!
//! GitHub keeps a log of 3 days, newest first, and never repeats a delivery by itself. Each sweep reads from the newest back to where the last one began.
//! Where its calls do not reach that far, a gap is left, which later sweeps read from its newer end, the oldest gap first. One `guid` may have several attempts; it has failed
//! unless one of them succeeded.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The only event that anything follows from.
const EVENT: &str = "workflow_job";

/// How long GitHub keeps its log.
pub const LOG_KEPT: Duration = Duration::from_secs(3 * 24 * 3600);

/// A delivery is redelivered at most this often: what fails six times fails for a reason that a person must see.
pub const REDELIVERIES_MAX: u8 = 5;

/// A younger attempt may not be the last word: GitHub's log is written when the answer is there, but not at once.
const SETTLED_AFTER: Duration = Duration::from_secs(60);

/// So much of what was read is read again, since an attempt may show in the log later than a younger one.
const OVERLAP: Duration = Duration::from_secs(180);

/// After a redelivery this pause, doubled each time: 2, 4, 8, 16, 32 minutes.
const PAUSE: Duration = Duration::from_secs(120);

/// Failed deliveries of a hook that are seen to at a time. While there are so many, the log is read no further; the rest of it has 3 days' time.
pub const FAILED_MAX: usize = 500;

/// Settled ones that are remembered beside them, the newest: a book of both is some 130 kB, of the 400 kB that an item of DynamoDB takes.
const SETTLED_MAX: usize = 500;

/// An attempt of a delivery, as it stands in the log.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Of this attempt.
    pub id: u64,
    /// Of the delivery.
    pub guid: &'a str,
    /// When.
    pub at: Timestamp,
    /// Whether it succeeded.
    pub ok: bool,
    /// `X-GitHub-Event`.
    pub event: &'a str,
}

/// A delivery that has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Failed {
    /// The newest attempt.
    id: u64,
    /// When that was made.
    at: Timestamp,
    /// How often it was redelivered.
    tries: u8,
    /// Not redelivered before.
    not_before: Timestamp,
    /// It succeeded, or was given up: settled, and remembered so that what is read twice does not take it up again.
    over: bool,
}

/// Gaps that are remembered for a hook. Where there would be more, the newest two become one, and what lies between is read twice.
const GAPS_MAX: usize = 5;

/// A part of the log that was not read yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// How its newest page is asked for.
    pub cursor: String,
    /// It ends here.
    pub until: Timestamp,
}

/// What is remembered of a delivery log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The log has been read from the oldest gap's end on, but for the gaps; what is newer than this was not read yet.
    read_to: Option<Timestamp>,
    /// What was left out, the newest first.
    gaps: Vec<Gap>,
    failed: BTreeMap<String, Failed>,
}

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether the next page is to be read: what comes next was not read before, and is not too old.
    pub goes_on: bool,
    /// Whether everything that failed was noted. If not, for as many have failed as are seen to at a time, the page is to be read again; what has succeeded
    /// was noted in any case.
    pub is_noted: bool,
}

/// One reading of the log, page by page.
#[derive(Clone, Debug)]
pub struct Reading {
    until: Timestamp,
    newest: Option<Timestamp>,
    succeeded: BTreeSet<String>,
}

impl Book {
    /// Begins to read from the newest page.
    #[must_use]
    pub fn begin(&self, now: Timestamp) -> Reading {
        Reading { until: self.read_to.unwrap_or_default().max(now - LOG_KEPT), newest: None, succeeded: BTreeSet::new() }
    }

    /// Begins to read the oldest gap, if there is one.
    #[must_use]
    pub fn begin_gap(&self, now: Timestamp) -> Option<(String, Reading)> {
        let gap = self.gaps.last()?;
        Some((gap.cursor.clone(), Reading { until: gap.until.max(now - LOG_KEPT), newest: None, succeeded: BTreeSet::new() }))
    }

    /// Takes a page.
    pub fn take<'a>(&mut self, reading: &mut Reading, page: impl IntoIterator<Item = Attempt<'a>>, now: Timestamp) -> Taken {
        let (mut oldest, mut is_noted) = (None, true);
        for attempt in page {
            reading.newest = reading.newest.max(Some(attempt.at));
            oldest = Some(attempt.at);
            if attempt.event == EVENT {
                is_noted &= self.note(reading, attempt, now);
            }
        }
        Taken { goes_on: oldest.is_some_and(|oldest| oldest > reading.until), is_noted }
    }

    /// Notes an attempt; `false` if there is no room for it.
    fn note(&mut self, reading: &mut Reading, attempt: Attempt<'_>, now: Timestamp) -> bool {
        if attempt.ok {
            if let Some(failed) = self.failed.get_mut(attempt.guid) {
                failed.over = true;
            }
            reading.succeeded.insert(attempt.guid.to_owned());
            return true;
        }
        if let Some(failed) = self.failed.get_mut(attempt.guid) {
            if attempt.at > failed.at {
                (failed.id, failed.at) = (attempt.id, attempt.at);
            }
            return true;
        }
        if reading.succeeded.contains(attempt.guid) || now.since(attempt.at) < SETTLED_AFTER {
            return true;
        }
        if self.is_full() {
            return false;
        }
        self.failed.insert(attempt.guid.to_owned(), Failed { id: attempt.id, at: attempt.at, tries: 0, not_before: now, over: false });
        true
    }

    /// The reading from the newest page has ended: at its end, or before the page at `next`.
    pub fn end(&mut self, reading: &Reading, next: Option<String>, now: Timestamp) {
        if let Some(cursor) = next {
            let gap = Gap { cursor, until: reading.until };
            if !self.gaps.contains(&gap) {
                self.gaps.insert(0, gap);
            }
            if self.gaps.len() > GAPS_MAX {
                let second = self.gaps.remove(1);
                self.gaps[0].until = second.until;
            }
        }
        let newest = reading.newest.unwrap_or(now).min(now) - OVERLAP;
        self.read_to = Some(self.read_to.map_or(newest, |known| known.max(newest)));
    }

    /// The reading of the oldest gap has ended: at its end, or before the page at `next`.
    pub fn end_gap(&mut self, next: Option<String>) {
        if let Some(gap) = self.gaps.pop()
            && let Some(cursor) = next
        {
            self.gaps.push(Gap { cursor, ..gap });
        }
    }

    /// The oldest gap's page cannot be asked for any more: the log is read anew down to that gap's end.
    pub fn lose_gap(&mut self) {
        if let Some(gap) = self.gaps.last() {
            self.read_to = Some(gap.until);
        }
        self.gaps.clear();
    }

    /// Deliveries that are due to be redelivered, the oldest first: the `guid`, and its newest attempt.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<(String, u64)> {
        let due = self.failed.iter().filter(|(_, failed)| !failed.over && failed.tries < REDELIVERIES_MAX && failed.not_before <= now);
        let mut due: Vec<_> = due.map(|(guid, failed)| (failed.at, guid.clone(), failed.id)).collect();
        due.sort();
        due.into_iter().map(|(_, guid, id)| (guid, id)).collect()
    }

    /// GitHub is about to be asked to redeliver it.
    pub fn tried(&mut self, guid: &str, now: Timestamp) {
        if let Some(failed) = self.failed.get_mut(guid) {
            failed.tries += 1;
            failed.not_before = now + PAUSE * (1 << failed.tries.min(REDELIVERIES_MAX).saturating_sub(1));
        }
    }

    /// GitHub was not asked after all.
    pub fn not_tried(&mut self, guid: &str, now: Timestamp) {
        if let Some(failed) = self.failed.get_mut(guid) {
            failed.tries = failed.tries.saturating_sub(1);
            failed.not_before = now;
        }
    }

    /// Gives up what was tried often enough, and forgets what is settled or no longer in GitHub's log. Returns what was given up.
    pub fn tidy(&mut self, now: Timestamp) -> Vec<String> {
        let mut given_up = Vec::new();
        for (guid, failed) in self.failed.iter_mut().filter(|(_, failed)| !failed.over) {
            let used_up = failed.tries >= REDELIVERIES_MAX && failed.not_before <= now;
            if used_up || now.since(failed.at) >= LOG_KEPT {
                failed.over = true;
                given_up.push(guid.clone());
            }
        }
        let oldest = self.gaps.last().map(|gap| gap.until).or(self.read_to).unwrap_or_default();
        // One whose newest attempt lies in a part that is still to be read would be taken up again from an older attempt. That is no more than a delivery
        // that comes twice: where there are very many, the oldest are forgotten.
        self.failed.retain(|_, failed| !failed.over || failed.at >= oldest);
        let mut settled: Vec<_> =
            self.failed.iter().filter(|(_, failed)| failed.over).map(|(guid, failed)| (failed.at, guid.clone())).collect();
        settled.sort();
        for (_, guid) in settled.iter().rev().skip(SETTLED_MAX) {
            self.failed.remove(guid);
        }
        given_up
    }

    /// Whether as many have failed as are seen to at a time. Those that are settled take no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.failed.values().filter(|failed| !failed.over).count() >= FAILED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn attempt(id: u64, guid: &str, at: Timestamp, ok: bool) -> Attempt<'_> {
        Attempt { id, guid, at, ok, event: EVENT }
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    fn read(book: &mut Book, page: &[Attempt<'_>], now: Timestamp) {
        let mut reading = book.begin(now);
        book.take(&mut reading, page.iter().copied(), now);
        book.end(&reading, None, now);
        book.tidy(now);
    }

    #[test]
    fn a_delivery_that_failed_is_due_and_one_of_which_an_attempt_succeeded_is_not() {
        let mut book = Book::default();
        let then = NOW - minutes(5);
        read(&mut book, &[attempt(3, "a", then, true), attempt(2, "b", then, false), attempt(1, "a", then, false)], NOW);
        assert_eq!(book.due(NOW), [("b".to_owned(), 2)]);
    }

    #[test]
    fn what_is_young_or_no_job_is_left_alone() {
        let mut book = Book::default();
        let ping = Attempt { event: "ping", ..attempt(1, "a", NOW - minutes(5), false) };
        read(&mut book, &[attempt(2, "b", NOW - Duration::from_secs(59), false), ping], NOW);
        assert_eq!(book.due(NOW), []);
        read(&mut book, &[attempt(2, "b", NOW - Duration::from_secs(59), false)], NOW + minutes(1));
        assert_eq!(book.due(NOW + minutes(1)).len(), 1);
    }

    #[test]
    fn it_is_tried_five_times_in_growing_pauses_and_then_given_up() {
        let mut book = Book::default();
        read(&mut book, &[attempt(1, "a", NOW - minutes(5), false)], NOW);
        let (mut tries, mut given_up) = (Vec::new(), Vec::new());
        for minute in 0..120 {
            let now = NOW + minutes(minute);
            for (guid, _) in book.due(now) {
                book.tried(&guid, now);
                tries.push(minute);
            }
            given_up.extend(book.tidy(now));
        }
        assert_eq!(tries, [0, 2, 6, 14, 30]);
        assert_eq!(given_up, ["a"]);
    }

    #[test]
    fn a_redelivery_that_succeeded_settles_it_and_its_old_attempts_do_not_take_it_up_again() {
        let mut book = Book::default();
        let failed = attempt(1, "a", NOW - minutes(5), false);
        read(&mut book, &[failed], NOW);
        book.tried("a", NOW);
        let later = NOW + minutes(3);
        read(&mut book, &[attempt(2, "a", NOW, true), failed], later);
        read(&mut book, &[attempt(2, "a", NOW, true), failed], later);
        assert_eq!(book.due(later), []);
    }

    #[test]
    fn what_the_calls_do_not_reach_is_read_later() {
        let mut book = Book::default();
        let mut reading = book.begin(NOW);
        assert_eq!(book.take(&mut reading, [attempt(9, "x", NOW - minutes(5), true)], NOW), Taken { goes_on: true, is_noted: true });
        book.end(&reading, Some("page-2".to_owned()), NOW);
        let (cursor, mut gap) = book.begin_gap(NOW).unwrap();
        assert_eq!(cursor, "page-2");
        assert_eq!(book.take(&mut gap, [attempt(1, "a", NOW - minutes(50), false)], NOW), Taken { goes_on: true, is_noted: true });
        book.end_gap(None);
        assert_eq!(book.begin_gap(NOW).map(|(cursor, _)| cursor), None);
        assert_eq!(book.due(NOW).len(), 1);
        // From now on a reading ends where the last one began.
        let mut next = book.begin(NOW + minutes(5));
        assert_eq!(
            book.take(&mut next, [attempt(9, "x", NOW - minutes(9), true)], NOW + minutes(5)),
            Taken { goes_on: false, is_noted: true }
        );
    }

    fn page(guids: &[String], at: Timestamp, ok: bool) -> Vec<Attempt<'_>> {
        (1..).zip(guids).map(|(id, guid)| attempt(id, guid, at, ok)).collect()
    }

    #[test]
    fn while_too_many_have_failed_the_page_is_read_again_later_and_what_is_settled_makes_room() {
        let mut book = Book::default();
        let guids: Vec<String> = (0..=FAILED_MAX).map(|number| format!("guid-{number:03}")).collect();
        let failed = page(&guids, NOW - minutes(50), false);
        let mut reading = book.begin(NOW);
        assert_eq!(book.take(&mut reading, failed.iter().copied(), NOW), Taken { goes_on: true, is_noted: false });
        book.end(&reading, Some("this page".to_owned()), NOW);
        book.tidy(NOW);
        assert_eq!(book.due(NOW).len(), FAILED_MAX);
        // All that were noted succeed. Their attempts are read first, since they are newer.
        let mut reading = book.begin(NOW + minutes(5));
        book.take(&mut reading, page(&guids[..FAILED_MAX], NOW + minutes(2), true), NOW + minutes(5));
        book.end(&reading, None, NOW + minutes(5));
        book.tidy(NOW + minutes(5));
        let (cursor, mut gap) = book.begin_gap(NOW + minutes(5)).unwrap();
        assert_eq!(cursor, "this page");
        assert_eq!(book.take(&mut gap, failed, NOW + minutes(5)), Taken { goes_on: true, is_noted: true });
        book.end_gap(None);
        let due: Vec<String> = book.due(NOW + minutes(5)).into_iter().map(|(guid, _)| guid).collect();
        assert_eq!(due, [guids[FAILED_MAX].clone()]);
    }

    #[test]
    fn the_book_stays_small_however_many_are_given_up() {
        let mut book = Book::default();
        let mut now = NOW;
        for wave in 0..5 {
            let guids: Vec<String> = (0..FAILED_MAX).map(|number| format!("wave-{wave}-{number:03}")).collect();
            let failed = page(&guids, now - minutes(5), false);
            let mut reading = book.begin(now);
            assert_eq!(book.take(&mut reading, failed, now), Taken { goes_on: true, is_noted: true }, "what was given up makes room");
            book.end(&reading, Some(format!("page-{wave}")), now);
            for _ in 0..=REDELIVERIES_MAX {
                for (guid, _) in book.due(now) {
                    book.tried(&guid, now);
                }
                now = now + minutes(40);
                book.tidy(now);
            }
            assert!(book.failed.len() <= FAILED_MAX + SETTLED_MAX);
        }
    }

    #[test]
    fn what_was_not_asked_for_after_all_does_not_count_as_a_try() {
        let mut book = Book::default();
        read(&mut book, &[attempt(1, "a", NOW - minutes(5), false)], NOW);
        for _ in 0..2 * REDELIVERIES_MAX {
            book.tried("a", NOW);
            book.not_tried("a", NOW);
        }
        assert_eq!(book.due(NOW), [("a".to_owned(), 1)]);
    }
}
