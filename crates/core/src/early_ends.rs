//! Jobs that were over soon after they had been queued. Whoever makes the record of a job must know that it is not over; of one that was queued a moment ago the
//! fleet's record knows it by these few, so that nobody has to look among all that is over. Kept nowhere else, and forgotten within a minute or so.

use crate::ids::JobId;
use crate::job::JobRecord;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A job that was queued no longer ago than this, by GitHub's word, is taken for one that is not over. A delivery is here within seconds.
pub const NEW_FOR: Duration = Duration::from_secs(30);

/// A job that ends no longer than this after it was queued is kept in mind until then. Both times are measured from the same word of GitHub's, by clocks of two
/// functions: by so much as this is longer than `NEW_FOR` they may differ.
const EARLY: Duration = Duration::from_secs(60);

/// How many are kept in mind: the fleet's record is written in units of a kilobyte, and these take less than a quarter of it.
const KEPT: usize = 8;

/// The jobs that ended early.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EarlyEnds {
    /// Each, until it need not be kept in mind any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    jobs: BTreeMap<JobId, Timestamp>,
    /// There were too many to keep in mind: until then any job may be one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any_until: Option<Timestamp>,
}

impl EarlyEnds {
    /// Whether there is none, and was none lately.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.any_until.is_none()
    }

    /// Whether a job of which there is no record that counts cannot be over. `queued_at` is what GitHub says, if it says it.
    #[must_use]
    pub fn rule_out(&self, job_id: JobId, queued_at: Option<Timestamp>, now: Timestamp) -> bool {
        let is_new = queued_at.is_some_and(|at| now.since(at) < NEW_FOR);
        is_new && self.any_until.is_none_or(|until| until <= now) && !self.jobs.contains_key(&job_id)
    }

    /// Keeps a job in mind that is over, if word that it was queued may still be taken for new.
    pub fn note(&mut self, job: &JobRecord, now: Timestamp) {
        // Where nobody has told when it was queued, that word may yet come, and be of any clock.
        let until = job.queued_at.unwrap_or(now) + EARLY;
        if until > now {
            self.forget_old(now);
            self.keep(job.job_id, until);
        }
    }

    /// Keeps in mind what is kept there, too: of a look that was not written whole.
    pub fn join(&mut self, other: &Self) {
        self.any_until = self.any_until.max(other.any_until);
        other.jobs.iter().for_each(|(job_id, until)| self.keep(*job_id, *until));
    }

    fn keep(&mut self, job_id: JobId, until: Timestamp) {
        if self.jobs.len() < KEPT || self.jobs.contains_key(&job_id) {
            self.jobs.entry(job_id).and_modify(|known| *known = until.max(*known)).or_insert(until);
        } else {
            self.any_until = self.any_until.max(Some(until));
        }
    }

    /// Forgets those that need not be kept in mind any more.
    pub fn forget_old(&mut self, now: Timestamp) {
        self.jobs.retain(|_, until| *until > now);
        self.any_until = self.any_until.filter(|until| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobPhase;
    use crate::job::tests::event;

    const QUEUED: Timestamp = Timestamp::from_secs(1_000);

    fn ended(job: u64) -> JobRecord {
        JobRecord { queued_at: Some(QUEUED), ..JobRecord::from_event(&event(job, JobPhase::Completed)) }
    }

    #[test]
    fn a_job_that_was_queued_a_moment_ago_is_not_over_unless_it_was_seen_to_end() {
        let mut ends = EarlyEnds::default();
        let now = QUEUED + Duration::from_secs(10);
        assert!(ends.rule_out(JobId(1), Some(QUEUED), now));
        ends.note(&ended(1), now);
        assert!(!ends.rule_out(JobId(1), Some(QUEUED), now));
        assert!(ends.rule_out(JobId(2), Some(QUEUED), now));
        assert!(!ends.rule_out(JobId(2), Some(QUEUED), QUEUED + NEW_FOR), "it may have ended since");
        assert!(!ends.rule_out(JobId(2), None, now), "nobody knows how old it is");
    }

    #[test]
    fn an_end_is_kept_in_mind_for_longer_than_its_job_is_taken_for_new() {
        let mut ends = EarlyEnds::default();
        ends.note(&ended(1), QUEUED);
        ends.forget_old(QUEUED + NEW_FOR);
        assert!(!ends.is_empty());
        ends.forget_old(QUEUED + EARLY);
        assert!(ends.is_empty());
        ends.note(&ended(1), QUEUED + EARLY);
        assert!(ends.is_empty(), "by now nobody takes it for new");
    }

    #[test]
    fn while_there_were_too_many_ends_every_job_may_be_over() {
        let mut ends = EarlyEnds::default();
        let now = QUEUED + Duration::from_secs(1);
        (0..20).for_each(|job| ends.note(&ended(job), now));
        assert!(!ends.rule_out(JobId(100), Some(now), now));
        let later = QUEUED + EARLY;
        assert!(ends.rule_out(JobId(100), Some(later), later), "those have had their time");
        ends.forget_old(later);
        assert!(ends.is_empty());
    }

    #[test]
    fn what_a_look_kept_in_mind_that_was_not_written_is_not_forgotten() {
        let (mut ends, mut other) = (EarlyEnds::default(), EarlyEnds::default());
        (0..5).for_each(|job| ends.note(&ended(job), QUEUED));
        (4..9).for_each(|job| other.note(&ended(job), QUEUED));
        ends.join(&other);
        assert!((0..9).all(|job| !ends.rule_out(JobId(job), Some(QUEUED), QUEUED)), "also the one that is too many");
    }

    #[test]
    fn a_job_that_is_closed_by_its_runners_end_before_it_was_seen_to_be_queued_may_still_be_queued() {
        let mut ends = EarlyEnds::default();
        let unseen = JobRecord { queued_at: None, ended_at: None, runner_stopped_at: Some(QUEUED), ..ended(1) };
        ends.note(&unseen, QUEUED);
        assert!(!ends.rule_out(JobId(1), Some(QUEUED), QUEUED));
    }
}
