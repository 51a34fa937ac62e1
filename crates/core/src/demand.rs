//! The jobs that wait, as far as anything is decided by them: how many, and the times of a few. A look needs hardly any of them as a record, so that those of a
//! list are counted while it is read, however many they are.

use crate::ids::JobId;
use crate::job::JobRecord;
use crate::labels::Labels;
use crate::time::{Timestamp, earliest};
use std::collections::BTreeSet;

/// Jobs whose milestone `raised_at` is set in one look: what is written in one look must fit into one transaction of 100 items.
pub const RAISED_PER_LOOK: usize = 40;

/// What the jobs that wait for a runner of a fleet come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// How many there are for which a runner of this fleet is wanted.
    pub queued: u32,
    /// Of these, those that have their milestone: a runner does or will exist for them.
    pub raised: u32,
    /// Since when the longest has been covered that waits all the same.
    pub oldest_raised: Option<Timestamp>,
    /// When the newest was seen of those that no runner of this fleet could take. When a fleet's labels change, those that no longer fit a waiting job could
    /// not take it; `sweep` finds it another fleet.
    pub newest_misfit: Option<Timestamp>,
    /// Since when the oldest has waited, whether it fits or not.
    pub waiting_since: Option<Timestamp>,
}

impl Demand {
    /// Adds a job, if it waits here. `labels` are the fleet's.
    pub fn add(&mut self, job: &JobRecord, labels: &Labels) {
        if !job.is_queued_here() {
            return;
        }
        self.waiting_since = earliest(self.waiting_since, Some(job.waiting_since()));
        if labels.fit(&job.labels) {
            self.queued = self.queued.saturating_add(1);
            self.raised = self.raised.saturating_add(u32::from(job.raised_at.is_some()));
            self.oldest_raised = earliest(self.oldest_raised, job.raised_at);
        } else {
            self.newest_misfit = self.newest_misfit.max(Some(job.seen_at));
        }
    }

    /// Counts a job no more. Times stay as they are: that a job began to wait before the others, or was the last that did not fit, is not unlearned. By that a look
    /// may come once too often, and an idle runner may be suspected for one look that would not have been.
    fn subtract(&mut self, job: &JobRecord, labels: &Labels) {
        if job.is_queued_here() && labels.fit(&job.labels) {
            self.queued = self.queued.saturating_sub(1);
            self.raised = self.raised.saturating_sub(u32::from(job.raised_at.is_some()));
        }
    }
}

/// A job's place in the line in which jobs get their milestone: by GitHub's clock, then by ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    since: Option<Timestamp>,
    seen_at: Timestamp,
    /// The job.
    pub job_id: JobId,
}

impl Turn {
    /// The job's place.
    #[must_use]
    pub const fn of(job: &JobRecord) -> Self {
        Self { since: job.queued_at, seen_at: job.seen_at, job_id: job.job_id }
    }
}

/// Whether a job is next in some line: it waits here for a runner of this fleet, and has no milestone yet.
#[must_use]
pub fn is_unraised(job: &JobRecord, labels: &Labels) -> bool {
    job.is_queued_here() && job.raised_at.is_none() && labels.fit(&job.labels)
}

/// What of a list is counted instead of held: jobs that no runner has had yet and of which no event tells, but for as many of the oldest as may get their
/// milestone in one look. Takes as much memory for a hundred thousand of them as for a hundred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    labels: Labels,
    told_of: BTreeSet<JobId>,
    oldest: BTreeSet<Turn>,
    demand: Demand,
    jobs: usize,
}

/// What is done with a job of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// It is counted.
    Counted,
    /// It is held.
    Held,
    /// It is held instead of this one, which was until now, and is to be counted.
    HeldInsteadOf(JobId),
}

impl Crowd {
    /// An empty one of a fleet with these labels. The jobs that are `told_of` are never counted, since they are about to change.
    #[must_use]
    pub fn new(labels: Labels, told_of: BTreeSet<JobId>) -> Self {
        Self { labels, told_of, oldest: BTreeSet::new(), demand: Demand::default(), jobs: 0 }
    }

    /// How many jobs are counted.
    #[must_use]
    pub const fn jobs(&self) -> usize {
        self.jobs
    }

    /// What they come to in a fleet with these labels, which are those that they were counted by.
    #[must_use]
    pub fn demand(&self, labels: &Labels) -> Demand {
        debug_assert_eq!(self.labels, *labels, "jobs are counted by the labels of their fleet");
        self.demand.clone()
    }

    /// Takes a job of a list with which nothing is noted.
    pub(crate) fn list(&mut self, job: &JobRecord) -> Listed {
        if !self.may_count(job) {
            return Listed::Held;
        }
        if !is_unraised(job, &self.labels) {
            self.count(job);
            return Listed::Counted;
        }
        let turn = Turn::of(job);
        if self.oldest.len() < RAISED_PER_LOOK {
            self.oldest.insert(turn);
            return Listed::Held;
        }
        let Some(youngest) = self.oldest.last().copied().filter(|youngest| *youngest > turn) else {
            self.count(job);
            return Listed::Counted;
        };
        self.oldest.remove(&youngest);
        self.oldest.insert(turn);
        Listed::HeldInsteadOf(youngest.job_id)
    }

    /// Counts a job.
    pub(crate) fn count(&mut self, job: &JobRecord) {
        self.demand.add(job, &self.labels);
        self.jobs += 1;
    }

    /// Takes note that a job is held from now on that was not held before. If it is none of those that are never counted, it was counted: one fleet has one writer.
    pub(crate) fn is_held(&mut self, job: &JobRecord) {
        if self.may_count(job) {
            self.demand.subtract(job, &self.labels);
            self.jobs = self.jobs.saturating_sub(1);
        }
    }

    /// A task's job has been with a runner, and may be wanted for what becomes of the task; of the others only the number is.
    fn may_count(&self, job: &JobRecord) -> bool {
        job.has_had_no_runner() && !self.told_of.contains(&job.job_id)
    }
}
