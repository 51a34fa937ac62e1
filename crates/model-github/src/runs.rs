//! Workflow runs: what groups jobs, and what runs them once more.

use crate::Millis;
use crate::auth::{Access, Area, Caller};
use crate::counters::Endpoint;
use crate::error::ApiError;
use crate::ids::JobId;
use crate::job::{Conclusion, Gate, Job, NewJob, Status};
use crate::model::GithubModel;
use crate::scope::Scope;

/// For how long after its first attempt a run may be run again.
const RETRY_LIMIT_MS: Millis = 30 * 24 * 60 * 60_000;

/// A run as look-ups show it: its newest attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number, the same for all attempts.
    pub id: u64,
    /// Login of the repository's owner.
    pub owner: String,
    /// Name of the repository.
    pub name: String,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// Where it stands: as its jobs do together.
    pub status: Status,
    /// How it ended, once all its jobs have.
    pub conclusion: Option<Conclusion>,
    /// When the first attempt was made.
    pub created_at: Millis,
}

/// What the model keeps of a run.
#[derive(Debug)]
pub(crate) struct Attempts {
    newest: u32,
    created_at: Millis,
    /// The jobs of the newest attempt; one that was not run again stays from an older one.
    jobs: Vec<JobId>,
}

impl GithubModel {
    /// `GET /repos/{owner}/{repo}/actions/runs/{run_id}`
    pub fn get_run(&mut self, now: Millis, caller: &Caller, owner: &str, name: &str, run_id: u64) -> Result<Run, ApiError> {
        self.call(now, caller, Endpoint::GetRun, |model, _| {
            model.authorize(caller, &Scope::Repository(owner.to_owned(), name.to_owned()), Access::Read, Area::Jobs)?;
            model.run_in(owner, name, run_id)
        })
    }

    /// `POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs`: makes a new attempt with a new job for each that did not succeed.
    /// The new jobs' events are sent like any.
    pub fn rerun_failed_jobs(&mut self, now: Millis, caller: &Caller, owner: &str, name: &str, run_id: u64) -> Result<(), ApiError> {
        self.call(now, caller, Endpoint::RerunFailedJobs, |model, _| {
            model.authorize(caller, &Scope::Repository(owner.to_owned(), name.to_owned()), Access::Write, Area::Jobs)?;
            let run = model.run_in(owner, name, run_id)?;
            if run.status != Status::Completed {
                return Err(ApiError::new(403, "This workflow is already running"));
            }
            if model.now.saturating_sub(run.created_at) > RETRY_LIMIT_MS {
                return Err(ApiError::new(403, "Unable to retry this workflow run because it was created over a month ago"));
            }
            let failed = model.failed_jobs(run_id);
            if failed.is_empty() {
                return Err(ApiError::new(403, "This workflow run cannot be retried"));
            }
            model.run_again(run_id, &failed);
            Ok(())
        })
    }

    /// A run, whoever asks.
    #[must_use]
    pub fn run(&self, run_id: u64) -> Option<Run> {
        let run = self.runs.get(&run_id)?;
        let jobs: Vec<&Job> = run.jobs.iter().filter_map(|job| self.jobs.get(job)).collect();
        let first = jobs.first()?;
        let (status, conclusion) = together(&jobs);
        Some(Run {
            id: run_id,
            owner: first.owner.clone(),
            name: first.name.clone(),
            attempt: run.newest,
            status,
            conclusion,
            created_at: run.created_at,
        })
    }

    /// The jobs of a run's newest attempt; those that were not run again stay from an older one.
    #[must_use]
    pub fn jobs_of(&self, run_id: u64) -> &[JobId] {
        self.runs.get(&run_id).map_or(&[], |run| &run.jobs)
    }

    /// Notes a new job under its run, and says which attempt that is in.
    pub(crate) fn join_run(&mut self, run_id: u64, job: JobId) -> u32 {
        let now = self.now;
        let run = self.runs.entry(run_id).or_insert_with(|| Attempts { newest: 1, created_at: now, jobs: Vec::new() });
        run.jobs.push(job);
        run.newest
    }

    /// Forgets the runs of which no job is left.
    pub(crate) fn forget_runs(&mut self) {
        let jobs = &self.jobs;
        self.runs.retain(|_, run| run.jobs.iter().any(|job| jobs.contains_key(job)));
    }

    fn run_in(&self, owner: &str, name: &str, run_id: u64) -> Result<Run, ApiError> {
        self.run(run_id)
            .filter(|run| run.owner.eq_ignore_ascii_case(owner) && run.name.eq_ignore_ascii_case(name))
            .ok_or_else(ApiError::not_found)
    }

    fn failed_jobs(&self, run_id: u64) -> Vec<JobId> {
        let did_not_succeed = |job: &Job| !matches!(job.conclusion, Some(Conclusion::Success | Conclusion::Skipped));
        self.jobs_of(run_id).iter().copied().filter(|job| self.jobs.get(job).is_some_and(did_not_succeed)).collect()
    }

    fn run_again(&mut self, run_id: u64, failed: &[JobId]) {
        if let Some(run) = self.runs.get_mut(&run_id) {
            run.newest += 1;
            run.jobs.retain(|job| !failed.contains(job));
        }
        for job in failed {
            let Some(new) = self.jobs.get(job).map(|job| same_again(job, run_id)) else { continue };
            self.make_job(new);
        }
    }
}

/// The same job once more. What went wrong on purpose with the first one's deliveries does not go wrong again.
fn same_again(job: &Job, run_id: u64) -> NewJob {
    NewJob {
        owner: job.owner.clone(),
        name: job.name.clone(),
        labels: job.labels.clone(),
        title: job.title.clone(),
        duration_ms: job.duration_ms,
        conclusion: job.wanted,
        runner_group: job.runner_group.clone(),
        gate: Gate::None,
        step: job.step.clone(),
        tampers: Vec::new(),
        run_id: Some(run_id),
    }
}

/// Where jobs stand together, and how they ended if all have.
fn together(jobs: &[&Job]) -> (Status, Option<Conclusion>) {
    let any = |status: Status| jobs.iter().any(|job| job.status == status);
    if jobs.iter().all(|job| job.status == Status::Completed) {
        let worst = [Conclusion::Failure, Conclusion::TimedOut, Conclusion::Cancelled, Conclusion::Success];
        let ended = |conclusion: &Conclusion| jobs.iter().any(|job| job.conclusion == Some(*conclusion));
        return (Status::Completed, Some(worst.into_iter().find(ended).unwrap_or(Conclusion::Skipped)));
    }
    if any(Status::InProgress) || any(Status::Completed) {
        return (Status::InProgress, None);
    }
    (if any(Status::Queued) { Status::Queued } else { Status::Waiting }, None)
}
