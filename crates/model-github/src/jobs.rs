//! Jobs from their queueing to their end.

use crate::Millis;
use crate::ids::{JobId, RunnerId};
use crate::job::{Action, Conclusion, Fate, Gate, Job, NewJob, RunnerSeen, Status};
use crate::model::GithubModel;
use crate::runner::Phase;
use crate::schedule::Due;
use crate::session::Message;

/// How the labels of GitHub's own runners begin.
const HOSTED: [&str; 3] = ["ubuntu-", "windows-", "macos-"];

impl GithubModel {
    /// Queues a job (or puts it behind its gate).
    pub fn queue_job(&mut self, now: Millis, new: NewJob) -> JobId {
        self.advance(now);
        self.make_job(new)
    }

    pub(crate) fn make_job(&mut self, new: NewJob) -> JobId {
        let id = JobId(self.new_id());
        let run_id = new.run_id.unwrap_or_else(|| self.new_id());
        let run_attempt = self.join_run(run_id, id);
        let lower_labels: Vec<String> = new.labels.iter().map(|label| label.to_lowercase()).collect();
        let hosted = lower_labels.len() == 1 && HOSTED.iter().any(|beginning| lower_labels[0].starts_with(beginning));
        let job = Job {
            id,
            run_id,
            run_attempt,
            owner: new.owner,
            name: new.name,
            title: new.title,
            labels: new.labels,
            runner_group: new.runner_group,
            status: Status::Waiting,
            conclusion: None,
            created_at: self.now,
            queued_at: None,
            started_at: None,
            completed_at: None,
            runner: None,
            fate: None,
            hosted,
            duration_ms: new.duration_ms,
            wanted: new.conclusion,
            step: new.step,
            tampers: new.tampers,
            lower_labels,
            assigned: None,
            killed_by_delete: false,
            cancel_asked: false,
        };
        self.jobs.insert(id, job);
        match new.gate {
            Gate::None => self.enqueue(id),
            Gate::UntilApproved => self.announce_gate(id),
            Gate::For(length) => {
                self.announce_gate(id);
                self.schedule.at(self.now + length, Due::GateOpens(id));
            }
        }
        id
    }

    /// A job that never runs: GitHub tells only of its end, without labels.
    pub fn skip_job(&mut self, now: Millis, owner: &str, name: &str) -> JobId {
        self.advance(now);
        let quiet = NewJob::new(owner, name, &[]).gated(Gate::UntilApproved).titled("skipped");
        let announced = std::mem::replace(&mut self.post.muted, true);
        let id = self.queue_job(now, quiet);
        self.post.muted = announced;
        self.end_job(id, Conclusion::Skipped, Fate::Skipped);
        id
    }

    /// Opens the environment's gate.
    pub fn approve_job(&mut self, now: Millis, id: JobId) {
        self.advance(now);
        self.gate_opens(id);
    }

    /// Cancels a job. One that waits ends at once, without ever being in progress; one that runs is told.
    pub fn cancel_job(&mut self, now: Millis, id: JobId) {
        self.advance(now);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match job.status {
            Status::Completed => {}
            Status::Waiting | Status::Queued => {
                let assigned = job.assigned.take();
                self.end_job(id, Conclusion::Cancelled, Fate::CancelledInQueue);
                if let Some(runner) = assigned {
                    self.take_back(runner);
                }
            }
            Status::InProgress if job.hosted => self.end_job(id, Conclusion::Cancelled, Fate::CancelledRunning),
            Status::InProgress => {
                job.cancel_asked = true;
                if let Some(runner) = job.assigned {
                    self.send(runner, Message::Cancel(id));
                }
                self.schedule.at(self.now + self.config.timing.cancel_limit_ms, Due::CancelLimit(id));
            }
        }
    }

    /// All jobs, the oldest first.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// A job.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// Forgets the jobs that ended before this time, and the runs of which nothing is left, so that a long simulation stays small.
    pub fn forget_jobs(&mut self, ended_before: Millis) {
        self.jobs.retain(|_, job| job.completed_at.is_none_or(|at| at >= ended_before));
        self.forget_runs();
    }

    fn announce_gate(&mut self, id: JobId) {
        let action =
            if self.strikes("queued_while_waiting", self.config.faults.queued_while_waiting) { Action::Queued } else { Action::Waiting };
        self.announce(id, action);
    }

    fn enqueue(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.status = Status::Queued;
        job.queued_at = Some(self.now);
        let hosted = job.hosted;
        self.announce(id, Action::Queued);
        let timing = self.config.timing.clone();
        if hosted {
            let delay = self.random.between(timing.hosted_start_ms);
            self.schedule.at(self.now + delay, Due::HostedStart(id));
        } else {
            let delay = self.random.between(timing.assign_ms);
            self.schedule.at(self.now + delay, Due::Assignable(id));
            self.schedule.at(self.now + timing.queue_limit_ms, Due::Expires(id));
        }
    }

    pub(crate) fn gate_opens(&mut self, id: JobId) {
        if self.jobs.get(&id).is_some_and(|job| job.status == Status::Waiting) {
            self.enqueue(id);
        }
    }

    pub(crate) fn expires(&mut self, id: JobId) {
        if self.jobs.get(&id).is_some_and(|job| job.status == Status::Queued && job.assigned.is_none()) {
            self.end_job(id, Conclusion::Cancelled, Fate::Expired);
        }
    }

    pub(crate) fn hosted_start(&mut self, id: JobId) {
        let number = self.random.below(1000) + 1;
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.status == Status::Queued) else { return };
        job.status = Status::InProgress;
        job.started_at = Some(self.now);
        job.runner =
            Some(RunnerSeen { id: number, name: format!("GitHub Actions {number}"), group_id: 2, group_name: "GitHub Actions".to_owned() });
        let ends = self.now + job.duration_ms;
        self.schedule.at(ends, Due::HostedEnd(id));
        self.announce(id, Action::InProgress);
    }

    pub(crate) fn hosted_end(&mut self, id: JobId) {
        if let Some(job) = self.jobs.get(&id).filter(|job| job.status == Status::InProgress) {
            self.end_job(id, job.wanted, Fate::Ran);
        }
    }

    /// The listener took the job.
    pub(crate) fn start_job(&mut self, id: JobId, runner: RunnerId) {
        let Some((seen, version)) = self.runners.get_mut(&runner).map(|runner| {
            runner.phase = Phase::Running(id, self.now);
            let group_name = runner.scope.group_owner().and_then(|owner| self.world.group(owner, runner.group_id));
            let group_name = group_name.map_or_else(|| "Default".to_owned(), |group| group.name.clone());
            let seen = RunnerSeen { id: runner.id.0, name: runner.name.clone(), group_id: runner.group_id, group_name };
            (seen, self.now)
        }) else {
            return;
        };
        if let Some(job) = self.jobs.get_mut(&id) {
            job.status = Status::InProgress;
            job.started_at = Some(version);
            job.runner = Some(seen);
            self.announce(id, Action::InProgress);
        }
    }

    /// Ends a job once; later ends are ignored.
    pub(crate) fn end_job(&mut self, id: JobId, conclusion: Conclusion, fate: Fate) {
        self.queue.remove(&id);
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.status != Status::Completed) else { return };
        job.status = Status::Completed;
        job.conclusion = Some(conclusion);
        job.completed_at = Some(self.now);
        job.fate = Some(fate);
        if !self.strikes("no_completed", self.config.faults.no_completed) {
            self.announce(id, Action::Completed);
        }
    }

    /// GitHub gives the job up: its runner has not been heard of for too long.
    pub(crate) fn lost(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let (assigned, fate) = (job.assigned, if job.killed_by_delete { Fate::KilledByDelete } else { Fate::LostCommunication });
        self.end_job(id, Conclusion::Failure, fate);
        if let Some(runner) = assigned.and_then(|runner| self.runners.get_mut(&runner)).filter(|runner| runner.phase == Phase::Lost(id)) {
            // The registration stays behind, deletable now; one that was deleted in the job is gone.
            runner.phase = Phase::Idle;
            runner.job = None;
            if runner.deleted {
                let id = runner.id;
                self.remove(id);
            }
        }
    }

    pub(crate) fn cancel_limit(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id).filter(|job| job.status != Status::Completed) else { return };
        let assigned = job.assigned;
        self.end_job(id, Conclusion::Cancelled, Fate::CancelledRunning);
        if let Some(runner) = assigned {
            self.settle(runner);
        }
    }
}
