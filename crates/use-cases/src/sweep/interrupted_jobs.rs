//! Jobs that went down with their runners: once the run has ended, its failed jobs are run once more. Only where the operator wants it, and at most once for
//! each attempt of a run, whatever dies in between: that it is done is remembered before GitHub is asked.

use super::round::{Round, in_turn};
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::ports::{Clock, GithubError, Jobs, PortError, Retry};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{RepositoryName, RunId};
use fargate_runners_core::state::LostJob;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Runs that are asked about for a fleet in one sweep: most have not ended yet. The others get their turn in later sweeps.
const RUNS_MAX: usize = 20;

impl<P: Ports> Sweep<P> {
    pub(super) async fn interrupted_jobs(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        if !self.retry_interrupted_jobs {
            return Ok(());
        }
        // A list is enough: what was lost stays lost, and each run is noted before it is run once more.
        let view = match round.list(&fleet.name, self.clock.now()) {
            Some(list) => list,
            None => Arc::new(self.view_of(&fleet.name, []).await?),
        };
        let runs: BTreeMap<(RunId, u32), &LostJob> =
            view.state.get().lost_jobs.values().map(|lost| ((lost.run_id, lost.run_attempt), lost)).collect();
        let mut last = self.recall::<Option<(RunId, u32)>>(round, Healer::InterruptedJobs.name(), fleet.name.as_str()).await?;
        let runs = in_turn(runs.into_iter().collect(), last.value.as_ref(), |(run, _)| run);
        let mut asked = 0;
        for (run, lost) in &runs {
            if asked >= RUNS_MAX || self.is_late(round) {
                break;
            }
            last.value = Some(*run);
            match self.rerun(fleet, round, lost, &mut asked, outcome).await {
                Err(error) if error.is_rate_limit() => return Err(error),
                Err(error) => outcome.failed(Healer::InterruptedJobs, format!("run {} of {}", lost.run_id, lost.repository), &error),
                Ok(()) => {}
            }
        }
        self.keep(round, last).await
    }

    async fn rerun(
        &self,
        fleet: &Fleet,
        round: &mut Round,
        lost: &LostJob,
        asked: &mut usize,
        outcome: &mut Outcome,
    ) -> Result<(), SweepError> {
        let subject = subject(&lost.repository, lost.run_id, lost.run_attempt);
        let mut done = self.recall::<bool>(round, Healer::InterruptedJobs.name(), &subject).await?;
        if done.value {
            return Ok(());
        }
        *asked += 1;
        let run = self.github.run(fleet, &lost.repository, lost.run_id).await?;
        if run.as_ref().is_some_and(|run| !run.ended && run.attempt == lost.run_attempt) {
            return Ok(());
        }
        // Somebody has run it again, or it is gone, or what was lost was not needed.
        let is_due = run.is_some_and(|run| run.attempt == lost.run_attempt && run.conclusion.as_deref() != Some("success"));
        done.value = true;
        self.keep(round, done).await?;
        if !is_due {
            return Ok(());
        }
        let answer = self.github.rerun_failed(fleet, &lost.repository, lost.run_id).await;
        if let Err(GithubError::NotBefore(_) | GithubError::Failed(PortError { retry: Retry::Throttled, .. })) = &answer {
            let mut done = self.recall::<bool>(round, Healer::InterruptedJobs.name(), &subject).await?;
            done.value = false;
            self.keep(round, done).await?;
        }
        answer?;
        metrics::counter!("RunsRetried").increment(1);
        tracing::warn!(fleet = %fleet.name, repository = %lost.repository, run_id = lost.run_id.0, "the failed jobs of a run are run once more, since a runner died in one of them");
        outcome.healed();
        Ok(())
    }
}

fn subject(repository: &RepositoryName, run: RunId, attempt: u32) -> String {
    format!("{repository} {run} {attempt}")
}
