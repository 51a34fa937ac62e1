//! `jobs`: those that wait or run.

use crate::arguments::Filter;
use crate::error::CliError;
use crate::facts;
use crate::screen::{Answer, Screen, table};
use crate::stack::Stack;
use crate::words::{self, duration};
use fargate_runners_core::job::{JobPhase, JobRecord, TOMBSTONE};
use fargate_runners_core::time::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// Shows them.
pub async fn run(stack: &Stack, options: &Filter, screen: &Screen) -> Result<bool, CliError> {
    let now = Stack::now();
    let mut jobs = Vec::new();
    for facts in facts::fleets(stack, options.fleet.as_ref(), screen).await? {
        let records = if options.all {
            let _doing = screen.doing(format!("reading the jobs of fleet {} since {}", facts.fleet.name, words::utc(now - TOMBSTONE)));
            facts::jobs_since(stack, &facts.fleet.name, now - TOMBSTONE).await?.0
        } else {
            facts.jobs().cloned().collect()
        };
        // A job of which two fleets know is told once, under the one that its labels lead to or whose runner has it.
        jobs.extend(records.iter().filter(|job| job.home || job.phase > JobPhase::Queued).map(|job| Job::of(job, now)));
    }
    jobs.sort_by_key(|job: &Job| (job.job_id, !job.home));
    jobs.dedup_by_key(|job| job.job_id);
    screen.answer(&Jobs { jobs })?;
    Ok(true)
}

#[derive(Debug, Serialize)]
struct Jobs {
    jobs: Vec<Job>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Job {
    job_id: u64,
    repository: String,
    workflow: Option<String>,
    name: String,
    labels: String,
    fleet: String,
    #[serde(skip)]
    home: bool,
    phase: JobPhase,
    conclusion: Option<String>,
    runner_name: Option<String>,
    queued_at: String,
    /// From queued to taken, or until now.
    waited_seconds: Option<u64>,
    /// From taken to its end, or until now.
    ran_seconds: Option<u64>,
}

impl Job {
    fn of(job: &JobRecord, now: Timestamp) -> Self {
        let queued = job.queued_at.unwrap_or(job.seen_at);
        let until = job.taken_at.or(job.ended_at).or(job.runner_stopped_at);
        Self {
            job_id: job.job_id.0,
            repository: job.repository.to_string(),
            workflow: job.workflow_name.as_deref().map(Into::into),
            name: job.name.to_string(),
            labels: job.labels.to_string(),
            fleet: job.fleet.to_string(),
            home: job.home,
            phase: job.phase,
            conclusion: job.conclusion.as_deref().map(Into::into),
            runner_name: job.runner_name.as_deref().map(Into::into),
            queued_at: words::utc(queued),
            waited_seconds: Some(until.unwrap_or(now).since(queued).as_secs()),
            ran_seconds: job.taken_at.map(|taken| job.ended_at.or(job.runner_stopped_at).unwrap_or(now).since(taken).as_secs()),
        }
    }
}

impl Answer for Jobs {
    fn tell(&self) -> String {
        if self.jobs.is_empty() {
            return "no jobs wait or run".to_owned();
        }
        let seconds = |seconds: Option<u64>| seconds.map_or_else(|| "-".to_owned(), |seconds| duration(Duration::from_secs(seconds)));
        let rows = self.jobs.iter().map(|job| {
            let phase = job.conclusion.clone().unwrap_or_else(|| format!("{:?}", job.phase).to_lowercase());
            [
                job.job_id.to_string(),
                job.repository.clone(),
                job.name.clone(),
                job.fleet.clone(),
                phase,
                seconds(job.waited_seconds),
                seconds(job.ran_seconds),
            ]
        });
        table(["job", "repository", "name", "fleet", "state", "waited", "ran"], rows)
    }
}
