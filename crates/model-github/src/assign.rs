//! Which runner gets which job: any that fits. GitHub promises no more, so nothing may rely on more.

use crate::config::Assignment;
use crate::ids::{JobId, RunnerId};
use crate::job::{Job, Status};
use crate::kinds::Answers;
use crate::model::GithubModel;
use crate::runner::{Phase, Runner};
use crate::schedule::Due;
use crate::session::Message;

impl GithubModel {
    /// A job may be taken from now on.
    pub(crate) fn assignable(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id).filter(|job| job.status == Status::Queued && job.assigned.is_none()) else { return };
        let fitting: Vec<RunnerId> =
            self.runners.values().filter(|runner| runner.free() && self.fits(job, runner)).map(|runner| runner.id).collect();
        match self.choose(&fitting) {
            Some(runner) => self.assign(id, runner),
            None => {
                if let Some(kind) = self.jobs.get(&id).map(|job| self.kinds.of(job)) {
                    self.queue.insert(id, kind);
                }
            }
        }
    }

    /// A runner has become free, or may fit what it did not fit before.
    pub(crate) fn offer_work(&mut self, id: RunnerId) {
        let Some(runner) = self.runners.get(&id).filter(|runner| runner.free()) else { return };
        let mut answers = Answers::default();
        let fitting: Vec<JobId> = self
            .queue
            .iter()
            .filter(|(id, kind)| answers.get(**kind, || self.jobs.get(id).is_some_and(|job| self.fits(job, runner))))
            .map(|(id, _)| *id)
            .collect();
        if let Some(job) = self.choose(&fitting) {
            self.queue.remove(&job);
            self.assign(job, id);
        }
    }

    fn choose<T: Copy>(&mut self, fitting: &[T]) -> Option<T> {
        match self.config.assignment {
            Assignment::Oldest => fitting.first().copied(),
            Assignment::Random if fitting.is_empty() => None,
            Assignment::Random => Some(fitting[self.random.index(fitting.len())]),
        }
    }

    fn fits(&self, job: &Job, runner: &Runner) -> bool {
        let asks_for_something = !job.lower_labels.is_empty() || job.runner_group.is_some();
        asks_for_something
            && job.lower_labels.iter().all(|label| runner.lower_labels.contains(label))
            && self
                .world
                .repository(&job.owner, &job.name)
                .is_some_and(|repository| self.world.admits(&runner.scope, runner.group_id, job.runner_group.as_deref(), repository))
    }

    fn assign(&mut self, job_id: JobId, runner_id: RunnerId) {
        let (Some(job), Some(runner)) = (self.jobs.get_mut(&job_id), self.runners.get_mut(&runner_id)) else { return };
        job.assigned = Some(runner_id);
        runner.phase = Phase::Assigned(job_id);
        runner.job = Some(job_id);
        self.schedule.at(self.now + self.config.timing.acquire_ms, Due::NotTaken(job_id, runner_id));
        self.send(runner_id, Message::Offer(job_id));
    }

    /// The listener never took the job: somebody else shall.
    pub(crate) fn not_taken(&mut self, job: JobId, runner: RunnerId) {
        if self.runners.get(&runner).is_some_and(|runner| runner.phase == Phase::Assigned(job)) {
            self.take_back(runner);
        }
    }

    /// Takes an assigned job away from a runner that has not begun it. The job, if it still wants to run, goes back to the queue.
    pub(crate) fn take_back(&mut self, runner_id: RunnerId) {
        let Some(runner) = self.runners.get_mut(&runner_id) else { return };
        let Phase::Assigned(job) = runner.phase else { return };
        runner.phase = Phase::Idle;
        runner.job = None;
        if let Some(session) = runner.session.and_then(|session| self.sessions.get_mut(&session)) {
            session.mailbox.retain(|message| *message != Message::Offer(job));
        }
        self.requeue(job);
        self.offer_work(runner_id);
    }

    pub(crate) fn requeue(&mut self, id: JobId) {
        if let Some(job) = self.jobs.get_mut(&id).filter(|job| job.status == Status::Queued) {
            job.assigned = None;
            self.assignable(id);
        }
    }
}
