//! What happens to a job and what GitHub tells of it, in the words in which a scene is written.

use fargate_runners_model_github::Action;

/// The organisation whose jobs and fleet a scene is about if it names no other.
pub(super) const OWNER: &str = "octo-org";

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Queued,
    Started,
    Completed,
    Cancelled,
}

impl Kind {
    /// The delivery that tells of it.
    pub(super) const fn action(self) -> Action {
        match self {
            Self::Queued => Action::Queued,
            Self::Started => Action::InProgress,
            Self::Completed | Self::Cancelled => Action::Completed,
        }
    }
}

/// Something that happens to a job, of which GitHub sends word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub(super) job: String,
    pub(super) owner: &'static str,
    pub(super) kind: Kind,
    pub(super) again: bool,
}

impl News {
    fn new(job: impl Into<String>, kind: Kind) -> Self {
        Self { job: job.into(), owner: OWNER, kind, again: false }
    }

    /// The job is this organisation's.
    #[must_use]
    pub fn of(self, owner: &'static str) -> Self {
        Self { owner, ..self }
    }
}

/// The job is queued.
#[must_use]
pub fn queued(job: &str) -> News {
    News::new(job, Kind::Queued)
}

/// A runner takes the job; it is waited for.
#[must_use]
pub fn started(job: &str) -> News {
    News::new(job, Kind::Started)
}

/// The job is over; it is waited for.
#[must_use]
pub fn completed(job: &str) -> News {
    News::new(job, Kind::Completed)
}

/// Somebody cancels the job.
#[must_use]
pub fn cancelled(job: &str) -> News {
    News::new(job, Kind::Cancelled)
}

/// Nothing happens, but GitHub sends the same word once more.
#[must_use]
pub fn again(news: News) -> News {
    News { again: true, ..news }
}

/// So many jobs are queued one after the other, without a pause.
#[must_use]
pub fn a_burst_of(count: u32) -> Vec<News> {
    (1..=count).map(|number| News::new(format!("job {number}"), Kind::Queued)).collect()
}
