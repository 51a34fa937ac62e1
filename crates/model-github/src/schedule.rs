//! What is due when. Entries are never taken back: each is checked against the state when its time comes.

use std::collections::BTreeMap;

use crate::Millis;
use crate::ids::{JobId, RunnerId, SessionId};

/// Something that happens by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// A runner may get this job from now on.
    Assignable(JobId),
    /// The environment gate opens.
    GateOpens(JobId),
    /// A job has waited as long as it may.
    Expires(JobId),
    /// One of GitHub's own runners takes the job.
    HostedStart(JobId),
    /// One of GitHub's own runners has done the job.
    HostedEnd(JobId),
    /// The listener did not take the job that was meant for it.
    NotTaken(JobId, RunnerId),
    /// GitHub notices that a listener is dead.
    OfflineNoticed(RunnerId, SessionId),
    /// GitHub gives up a job whose runner is lost.
    Lost(JobId),
    /// A job was told to end and did not.
    CancelLimit(JobId),
    /// A runner's time after its job is over.
    Settled(RunnerId),
    /// A runner that is offline since then is removed.
    OfflineTooLong(RunnerId, Millis),
    /// An idle runner loses its registration.
    IdleRemoval(RunnerId),
}

#[derive(Debug, Default)]
pub(crate) struct Schedule {
    due: BTreeMap<(Millis, u64), Due>,
    sequence: u64,
}

impl Schedule {
    pub(crate) fn at(&mut self, when: Millis, what: Due) {
        self.sequence += 1;
        self.due.insert((when, self.sequence), what);
    }

    pub(crate) fn next(&self) -> Option<Millis> {
        self.due.keys().next().map(|(when, _)| *when)
    }

    /// Takes the first entry that is due by now, with its time.
    pub(crate) fn take(&mut self, now: Millis) -> Option<(Millis, Due)> {
        let entry = self.due.first_entry()?;
        let when = entry.key().0;
        (when <= now).then(|| (when, entry.remove()))
    }
}
