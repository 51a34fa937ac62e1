//! `deregister`: a task has ended, or AWS has warned that it will. The event goes on to the task's fleet; a runner that its task left behind is
//! deleted in GitHub, without holding a function while GitHub still believes it busy. It never touches a task.

use crate::find;
use crate::ports::{Bus, Clock, Deleted, Fleets, Github, GithubError, Ledger, PortError, RetryQueue, chain};
use crate::webhook::{DOUBT, KEEP};
use fargate_runners_core::ecs_event::TaskStateChange;
use fargate_runners_core::events::{Event, RunnerStopped};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{InvalidName, StackId};
use fargate_runners_core::record::{Key, Record};
use fargate_runners_core::task::TaskRecord;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// GitHub holds a crashed runner for busy for 10 to 15 minutes.
pub const RETRY_AFTER: Duration = Duration::from_secs(120);

/// With `RETRY_AFTER` apart, 24 minutes: well beyond the 15. What is left then is for the healer.
pub const TRIES_MAX: u32 = 12;

/// SQS delays by at most 15 minutes.
const DELAY_MAX: Duration = Duration::from_secs(900);

/// What the function needs.
pub struct Deregister<L, G, F, B, Q, C> {
    /// Where the runner's id stands.
    pub ledger: L,
    /// Where a runner may have been left behind.
    pub github: G,
    /// The fleets.
    pub fleets: F,
    /// Where events go.
    pub bus: B,
    /// What brings a deletion back later.
    pub retries: Q,
    /// The time.
    pub clock: C,
    /// This installation's name.
    pub stack_name: String,
    /// This installation.
    pub stack: StackId,
}

/// A deletion that comes back from the retry queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct Again {
    /// The task that stopped.
    pub stopped: RunnerStopped,
    /// How often it was tried before.
    pub tries: u32,
}

/// Why an event was not dealt with; Lambda brings it again.
#[derive(Debug, thiserror::Error)]
pub enum DeregisterError {
    /// The event names something that no task of ECS is called.
    #[error("the task state change is not as ECS documents it")]
    Event(#[from] InvalidName),
    /// A service could not be reached.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl<L: Ledger, G: Github, F: Fleets, B: Bus, Q: RetryQueue, C: Clock> Deregister<L, G, F, B, Q, C> {
    /// Takes ECS's event.
    pub async fn handle(&self, change: &TaskStateChange) -> Result<(), DeregisterError> {
        let Some(event) = change.to_event(&self.stack_name, self.clock.now())? else { return Ok(()) };
        self.bus.publish(std::slice::from_ref(&event)).await?;
        match event {
            Event::RunnerStopped(stopped) => {
                let stop = &stopped.stop;
                // Of an orderly end, ECS's reason only says again what the code says.
                let reason = stop.reason.as_deref().filter(|_| stop.exit_code != Some(0));
                tracing::info!(
                    fleet = %stopped.fleet, task_id = %stopped.task_id, exit_code = stop.exit_code, stop_code = stop.code, reason,
                    "a task has stopped"
                );
                self.clean_up(Again { stopped, tries: 0 }).await?;
            }
            Event::RunnerInterrupted(interrupted) => {
                metrics::counter!("RunnersInterrupted").increment(1);
                tracing::warn!(fleet = %interrupted.fleet, task_id = %interrupted.task_id, "AWS takes a task away (Spot)");
            }
            _ => {}
        }
        Ok(())
    }

    /// Deletes what the task left in GitHub. A start script that ended with 0 has left nothing: GitHub removed the runner after its job, or
    /// `register` did when it told the task to leave.
    pub async fn clean_up(&self, again: Again) -> Result<(), DeregisterError> {
        let Again { stopped, tries } = &again;
        if stopped.stop.exit_code == Some(0) {
            return Ok(());
        }
        let key = Key::Task(stopped.fleet.clone(), stopped.task_id.clone());
        let records = self.ledger.read(&[key], self.clock.now()).await?;
        let Some(Record::Task(task)) = records.into_iter().next().map(|found| found.record) else { return Ok(()) };
        if task.attempt == 0 {
            return Ok(());
        }
        let fleet = find::fleet(&self.fleets, [KEEP, DOUBT], |fleet| fleet.name == stopped.fleet).await?;
        let Some(fleet) = fleet else {
            metrics::counter!("RunnersLeftBehind").increment(1);
            tracing::error!(fleet = %stopped.fleet, task_id = %stopped.task_id, "the fleet of a stopped task is described nowhere; its runner may be left in GitHub");
            return Ok(());
        };
        let wait = match self.delete(&fleet, &task).await {
            Ok(Deleted::Gone) => return Ok(()),
            Ok(Deleted::Busy) => RETRY_AFTER,
            // At least as long as one of the tries that are counted, or a minute of short waits would use them up.
            Err(GithubError::NotBefore(until)) => until.since(self.clock.now()).max(RETRY_AFTER),
            Err(GithubError::Failed(error)) => {
                tracing::warn!(fleet = %fleet.name, task_id = %task.task_id, error = chain(&error), "a runner could not be deleted yet");
                RETRY_AFTER
            }
        };
        if *tries >= TRIES_MAX {
            metrics::counter!("RunnersLeftBehind").increment(1);
            tracing::error!(fleet = %fleet.name, task_id = %task.task_id, tries, "a runner could not be deleted: it is left to the healer");
            return Ok(());
        }
        let next = Again { tries: tries + 1, stopped: stopped.clone() };
        let body = serde_json::to_string(&next).map_err(|error| PortError::new("writing a retry", crate::ports::Retry::Never, error))?;
        Ok(self.retries.retry_later(&body, wait.min(DELAY_MAX)).await?)
    }

    async fn delete(&self, fleet: &Fleet, task: &TaskRecord) -> Result<Deleted, GithubError> {
        let mut deleted = Deleted::Gone;
        for runner in find::runners(&self.github, &self.stack, fleet, task).await? {
            if self.github.delete(fleet, runner).await? == Deleted::Busy {
                deleted = Deleted::Busy;
            }
        }
        Ok(deleted)
    }
}
