//! Tasks whose end nobody reported: ECS is asked about every task that the ledger believes to live, and what has ended is reported like any other end.

use super::round::{Round, in_turn};
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::deregister::Again;
use crate::ports::{Bus, Clock, RetryQueue, SeenTask, Survey};
use fargate_runners_core::events::{Event, RunnerStopped};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::TaskId;
use fargate_runners_core::record::Slot;
use fargate_runners_core::sweep::tasks::{end_of, is_worth_asking, may_have_left_a_runner};
use fargate_runners_core::task::{Stop, TaskRecord};
use std::time::Duration;

/// DescribeTasks takes a hundred tasks.
const ASKED_AT_ONCE: usize = 100;

/// Calls for a fleet in one sweep: a thousand tasks. More of them get their turn in later sweeps.
const CALLS_MAX: usize = 10;

/// `deregister` gets the end of a task this much later than `scale`: nothing depends on it, and GitHub may still hold the runner for busy.
const CLEAN_UP_AFTER: Duration = Duration::from_secs(10);

impl<P: Ports> Sweep<P> {
    pub(super) async fn stopped_tasks(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        // A list is enough: ECS is asked after it, and an end that is reported twice is one end.
        let view = self.listed(round, &fleet.name).await?;
        let now = self.clock.now();
        let tasks: Vec<&TaskRecord> = view.tasks.values().map(Slot::get).filter(|task| is_worth_asking(task, now)).collect();
        let mut last = self.recall::<Option<TaskId>>(round, Healer::StoppedTasks.name(), fleet.name.as_str()).await?;
        let tasks = in_turn(tasks, last.value.as_ref(), |task| &task.task_id);
        let asked = &tasks[..tasks.len().min(CALLS_MAX * ASKED_AT_ONCE)];
        for tasks in asked.chunks(ASKED_AT_ONCE) {
            let ids: Vec<TaskId> = tasks.iter().map(|task| task.task_id.clone()).collect();
            let seen = self.survey.described(fleet, &ids).await?;
            for task in tasks {
                let seen = seen.iter().find(|seen| seen.id == task.task_id);
                if let Some(stop) = end_of(task, seen.map(|seen| seen.stop.as_ref()), now) {
                    self.report_end(fleet, task, seen, stop).await?;
                    outcome.healed();
                }
            }
        }
        last.value = asked.last().filter(|_| asked.len() < tasks.len()).map(|task| task.task_id.clone());
        self.keep(round, last).await
    }

    async fn report_end(&self, fleet: &Fleet, task: &TaskRecord, seen: Option<&SeenTask>, stop: Stop) -> Result<(), SweepError> {
        tracing::warn!(
            fleet = %fleet.name, task_id = %task.task_id, exit_code = stop.exit_code, stop_code = stop.code, reason = stop.reason,
            "a task has ended, and nobody has reported it"
        );
        let clean_up = may_have_left_a_runner(task, &stop);
        let stopped = RunnerStopped {
            fleet: fleet.name.clone(),
            task_id: task.task_id.clone(),
            task_definition: seen.map(|seen| seen.task_definition.clone()),
            service: seen.and_then(|seen| seen.service.clone()),
            hosting: seen.map(|seen| seen.hosting).unwrap_or_default(),
            stop,
        };
        self.bus.publish(&[Event::RunnerStopped(stopped.clone())]).await?;
        if clean_up {
            self.clean_up_later(stopped).await?;
        }
        Ok(())
    }

    /// Has `deregister` delete what the task may have left in GitHub.
    pub(super) async fn clean_up_later(&self, stopped: RunnerStopped) -> Result<(), SweepError> {
        let body = serde_json::to_string(&Again { stopped, tries: 0 })?;
        Ok(self.retries.retry_later(&body, CLEAN_UP_AFTER).await?)
    }
}
