//! What a listener does: connect, ask for messages, report the end of its job, go.

use std::collections::VecDeque;
use std::fmt;

use crate::Millis;
use crate::ids::{JobId, RunnerId, SessionId};
use crate::jit::ListenerCredentials;
use crate::job::{Conclusion, Fate};
use crate::model::GithubModel;
use crate::runner::{Phase, Presence};
use crate::schedule::Due;

/// What a listener is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Here is a job; taking this message takes the job. The details are [`JobMessage`]'s, through [`GithubModel::job_message`].
    Offer(JobId),
    /// This job is to be cancelled.
    Cancel(JobId),
}

/// What a worker must know of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobMessage {
    /// The job.
    pub id: JobId,
    /// What people call it.
    pub title: String,
    /// How long it runs.
    pub duration_ms: Millis,
    /// How it ends if it is let.
    pub conclusion: Conclusion,
    /// A shell command to be run as its step.
    pub step: Option<String>,
}

/// Why a listener is sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// The registration does not exist (any more).
    Gone,
    /// GitHub believes that another listener is there.
    Conflict,
}

impl fmt::Display for SessionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gone => "the registration does not exist",
            Self::Conflict => "a session for this runner exists already",
        })
    }
}

impl std::error::Error for SessionError {}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) runner: RunnerId,
    pub(crate) mailbox: VecDeque<Message>,
    dead: bool,
}

impl GithubModel {
    /// A listener connects: its runner is online.
    pub fn open_session(&mut self, now: Millis, shown: &ListenerCredentials) -> Result<SessionId, SessionError> {
        self.advance(now);
        let runner_id = *self.credentials.listeners.get(&shown.client_id).ok_or(SessionError::Gone)?;
        let hang_asked = self.hang_next > 0;
        let hang = hang_asked || self.random.chance(self.config.faults.hang);
        let idle_removal = self.random.chance(self.config.faults.idle_removal);
        let session = SessionId(self.new_id());
        let runner = self.runners.get_mut(&runner_id).filter(|runner| runner.id.0 == shown.runner_id).ok_or(SessionError::Gone)?;
        if runner.session.is_some() || runner.phase != Phase::Idle {
            return Err(SessionError::Conflict);
        }
        self.hang_next = self.hang_next.saturating_sub(1);
        runner.hung |= hang;
        runner.presence = Presence::Online;
        runner.offline_since = None;
        runner.session = Some(session);
        runner.connected_at.get_or_insert(self.now);
        runner.version = Some(shown.version.clone());
        if runner.jit && idle_removal {
            let after = self.random.between(self.config.timing.idle_removal_ms);
            self.schedule.at(self.now + after, Due::IdleRemoval(runner_id));
        }
        if hang && !hang_asked {
            self.note_strike("hang");
        }
        self.sessions.insert(session, Session { runner: runner_id, mailbox: VecDeque::new(), dead: false });
        self.offer_work(runner_id);
        Ok(session)
    }

    /// Asks for the next message. To get an offer is to take the job: it is in progress from here on.
    pub fn poll(&mut self, now: Millis, session: SessionId) -> Result<Option<Message>, SessionError> {
        self.advance(now);
        let (runner, message) = self
            .sessions
            .get_mut(&session)
            .filter(|session| !session.dead)
            .map(|session| (session.runner, session.mailbox.pop_front()))
            .ok_or(SessionError::Gone)?;
        if let Some(Message::Offer(job)) = message {
            self.start_job(job, runner);
        }
        Ok(message)
    }

    /// What a worker must know of a job that was offered.
    #[must_use]
    pub fn job_message(&self, id: JobId) -> Option<JobMessage> {
        self.jobs.get(&id).map(|job| JobMessage {
            id,
            title: job.title.clone(),
            duration_ms: job.duration_ms,
            conclusion: job.wanted,
            step: job.step.clone(),
        })
    }

    /// The listener reports the end of its job.
    pub fn finish_job(&mut self, now: Millis, session: SessionId, job: JobId, conclusion: Conclusion) -> Result<(), SessionError> {
        self.advance(now);
        let runner_id =
            self.sessions.get(&session).filter(|session| !session.dead).map(|session| session.runner).ok_or(SessionError::Gone)?;
        let runner = self.runners.get(&runner_id).ok_or(SessionError::Gone)?;
        if !matches!(runner.phase, Phase::Running(running, _) if running == job) {
            return Err(SessionError::Gone);
        }
        let fate = if conclusion == Conclusion::Cancelled { Fate::CancelledRunning } else { Fate::Ran };
        self.end_job(job, conclusion, fate);
        self.settle(runner_id);
        Ok(())
    }

    /// The listener goes, orderly. A job that it had not begun goes back to the queue; one in the middle is lost.
    pub fn close_session(&mut self, now: Millis, session: SessionId) {
        self.advance(now);
        let Some(runner) = self.sessions.get(&session).map(|session| session.runner) else { return };
        if self.runners.get(&runner).is_some_and(|runner| matches!(runner.phase, Phase::Running(..))) {
            self.disconnect(now, session);
        }
        self.sessions.remove(&session);
        self.goes_offline(runner, session);
        self.take_back(runner);
    }

    /// The listener's process died. GitHub notices after a while; a job in the middle is lost much later.
    pub fn disconnect(&mut self, now: Millis, session: SessionId) {
        self.advance(now);
        let Some(found) = self.sessions.get_mut(&session).filter(|session| !session.dead) else { return };
        found.dead = true;
        found.mailbox.clear();
        let runner_id = found.runner;
        let timing = &self.config.timing;
        self.schedule.at(self.now + timing.offline_notice_ms, Due::OfflineNoticed(runner_id, session));
        let Some(runner) = self.runners.get_mut(&runner_id) else { return };
        if let Phase::Running(job, _) = runner.phase {
            runner.phase = Phase::Lost(job);
            self.schedule.at(self.now + timing.lost_ms, Due::Lost(job));
        }
    }

    /// The sessions that have something to be told since this was asked last.
    pub fn take_woken(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.woken).into_iter().collect()
    }

    /// The runner of a session, while there is one.
    #[must_use]
    pub fn runner_of(&self, session: SessionId) -> Option<RunnerId> {
        self.sessions.get(&session).map(|session| session.runner)
    }

    pub(crate) fn send(&mut self, runner: RunnerId, message: Message) {
        let Some(id) = self.runners.get(&runner).and_then(|runner| runner.session) else { return };
        if let Some(session) = self.sessions.get_mut(&id).filter(|session| !session.dead) {
            session.mailbox.push_back(message);
            self.woken.insert(id);
        }
    }

    pub(crate) fn offline_noticed(&mut self, runner: RunnerId, session: SessionId) {
        self.sessions.remove(&session);
        self.goes_offline(runner, session);
    }

    fn goes_offline(&mut self, id: RunnerId, session: SessionId) {
        let Some(runner) = self.runners.get_mut(&id).filter(|runner| runner.session == Some(session)) else { return };
        runner.session = None;
        runner.presence = Presence::Offline;
        self.watch_offline(id);
    }
}
