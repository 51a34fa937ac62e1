//! What `sweep` looks at in GitHub: runners, jobs and runs. Of GitHub's words only those are taken that are known; a new one is an error, since a
//! guess could close a job that waits.

use super::{Credentials, Failed, FleetGithub, call_error, what};
use crate::call::Call;
use crate::calls::{Job, Runner};
use crate::error::GithubError as ClientError;
use crate::limits::CREDENTIAL_MAX_AGE;
use crate::surroundings::Surroundings;
use crate::time;
use crate::token::TokenStore;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{JobId, RepositoryName, RunId, RunnerId};
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::labels::Labels;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{GithubError, Jobs, PortError, Retry, RunnerPage, Runners, SeenJob, SeenRun, SeenRunner};
use std::time::Duration;

impl<C: Credentials, S: TokenStore, W: Surroundings> Runners for FleetGithub<C, S, W> {
    async fn runners(&self, fleet: &Fleet, page: u32) -> Result<RunnerPage, GithubError> {
        let found = with_credential!(self, fleet, access => self.client.runners_page(access, page));
        let (runners, last) = found.map_err(|failed| call_error(fleet, Call::ListRunners, failed))?;
        Ok(RunnerPage { runners: runners.into_iter().map(seen_runner).collect(), last })
    }

    async fn runner(&self, fleet: &Fleet, runner: RunnerId) -> Result<Option<SeenRunner>, GithubError> {
        let found = with_credential!(self, fleet, access => self.client.get_runner(access, runner));
        found.map(|runner| runner.map(seen_runner)).map_err(|failed| call_error(fleet, Call::GetRunner, failed))
    }

    async fn refused_from(&self, fleet: &Fleet, version: &str) -> Result<Option<Timestamp>, GithubError> {
        let announced = with_credential!(self, fleet, access => self.client.version_refused_from(access, version));
        announced.map_err(|failed| call_error(fleet, Call::GetDeprecation, failed))
    }
}

impl<C: Credentials, S: TokenStore, W: Surroundings> Jobs for FleetGithub<C, S, W> {
    async fn job(&self, fleet: &Fleet, repository: &RepositoryName, job: JobId) -> Result<Option<SeenJob>, GithubError> {
        let found = with_credential!(self, fleet, access => self.client.get_job(access, repository, job));
        let found = found.map_err(|failed| call_error(fleet, Call::GetJob, failed))?;
        found.map(|job| seen_job(fleet, job)).transpose()
    }

    async fn run(&self, fleet: &Fleet, repository: &RepositoryName, run: RunId) -> Result<Option<SeenRun>, GithubError> {
        let found = with_credential!(self, fleet, access => self.client.get_run(access, repository, run));
        let found = found.map_err(|failed| call_error(fleet, Call::GetRun, failed))?;
        Ok(found.map(|run| SeenRun {
            attempt: run.run_attempt,
            ended: run.status.as_deref() == Some("completed"),
            conclusion: run.conclusion,
        }))
    }

    async fn rerun_failed(&self, fleet: &Fleet, repository: &RepositoryName, run: RunId) -> Result<(), GithubError> {
        let asked = with_credential!(self, fleet, access => self.client.rerun_failed_jobs(access, repository, run));
        asked.map_err(|failed| match failed {
            // Never sent: unlike the calls that may be repeated, this one is known to have had no effect.
            Failed::At(error @ ClientError::Unavailable { .. }) => {
                PortError::new(what(fleet, Call::RerunFailedJobs.name()), Retry::Throttled, error).into()
            }
            failed => call_error(fleet, Call::RerunFailedJobs, failed),
        })
    }
}

/// A runner as GitHub lists it.
pub(super) fn seen_runner(runner: Runner) -> SeenRunner {
    SeenRunner {
        id: runner.id,
        online: runner.status == "online",
        busy: runner.busy,
        name: runner.name,
        version: runner.version.filter(|version| !version.is_empty()),
    }
}

fn seen_job(fleet: &Fleet, job: Job) -> Result<SeenJob, GithubError> {
    let unknown = |problem: String| PortError::new(what(fleet, Call::GetJob.name()), Retry::Never, problem);
    let (phase, at) = match job.status.as_str() {
        // Before it is queued: an environment's gate, or a run that has to wait for another one.
        "waiting" | "pending" | "requested" => (JobPhase::Waiting, &job.created_at),
        "queued" => (JobPhase::Queued, &job.created_at),
        "in_progress" => (JobPhase::InProgress, &job.started_at),
        "completed" => (JobPhase::Completed, &job.completed_at),
        other => return Err(unknown(format!("GitHub has a status for jobs that is not known here: {}", cut(other))).into()),
    };
    let at = at.as_deref().and_then(time::parse);
    let labels = Labels::parse(job.labels.iter().map(String::as_str)).map_err(|error| unknown(format!("job {}: {error}", job.id)))?;
    Ok(SeenJob {
        phase,
        run_id: job.run_id,
        run_attempt: job.run_attempt,
        workflow_name: job.workflow_name,
        name: job.name,
        labels,
        conclusion: job.conclusion,
        runner_name: job.runner_name.filter(|name| !name.is_empty()),
        at,
    })
}

/// As much of a word from outside as a message may hold.
fn cut(text: &str) -> String {
    const WORD_CHARS_MAX: usize = 80;
    text.chars().filter(|c| !c.is_control()).take(WORD_CHARS_MAX).collect()
}
