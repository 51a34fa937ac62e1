//! Tasks that never register: each is condemned in the ledger first, and stopped only once that is written. Registering and condemning exclude each other, so
//! that no task with a runner is ever stopped here.

use super::round::Round;
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::ports::{Clock, SeenTask, Survey};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::plan::BREAKER_AFTER;
use fargate_runners_core::record::{Slot, View};
use fargate_runners_core::sweep::look::reasons;
use fargate_runners_core::sweep::tasks::{NEVER_REGISTERED_AFTER, condemn_unregistered};
use fargate_runners_core::task::{TaskRecord, TaskState};
use fargate_runners_core::time::Timestamp;

/// Pages of 100 tasks that are looked at for a fleet in one sweep: a thousand. The others get their turn in later sweeps.
const PAGES_MAX: usize = 10;

/// Tasks of a fleet that are stopped in one sweep: ECS admits some 40 stops a second in a whole account, and a person should see a pattern before all are gone.
const STOPS_MAX: usize = 50;

/// What ECS notes as the reason.
const REASON: &str = "It never registered a runner";

impl<P: Ports> Sweep<P> {
    pub(super) async fn unregistered(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let overdue = self.overdue(fleet, round).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        // Read after ECS's list, so that no task is condemned by an older word; and the write is conditional as well.
        let mut view = self.view_of(&fleet.name, overdue.iter().map(|seen| &seen.id)).await?;
        let mut stopped = 0;
        for seen in &overdue {
            if stopped >= STOPS_MAX || self.is_late(round) {
                break;
            }
            let mut task = record_of(&mut view, seen, self.clock.now());
            if matches!(task.get().state(), TaskState::Booting | TaskState::Condemned)
                && self.condemn_and_stop(fleet, round, &mut task).await?
            {
                stopped += 1;
                outcome.healed();
            }
        }
        self.tell_unregistered(fleet, &view, stopped);
        Ok(())
    }

    /// Tasks that have run for so long that they should have registered.
    async fn overdue(&self, fleet: &Fleet, round: &mut Round) -> Result<Vec<SeenTask>, SweepError> {
        let mut memo = self.recall::<Option<String>>(round, Healer::Unregistered.name(), fleet.name.as_str()).await?;
        let now = self.clock.now();
        let mut overdue = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = match self.survey.running(fleet, memo.value.as_deref()).await {
                Ok(page) => page,
                Err(error) => {
                    // Perhaps ECS does not take the cursor any more.
                    memo.value = None;
                    self.keep(round, memo).await?;
                    return Err(error.into());
                }
            };
            let is_old = |seen: &SeenTask| seen.created_at.is_some_and(|at| now.since(at) >= NEVER_REGISTERED_AFTER);
            overdue.extend(page.tasks.into_iter().filter(|seen| is_old(seen) && seen.stop.is_none() && seen.desired_status != "STOPPED"));
            memo.value = page.next;
            if memo.value.is_none() {
                break;
            }
        }
        self.keep(round, memo).await?;
        Ok(overdue)
    }

    async fn condemn_and_stop(&self, fleet: &Fleet, round: &mut Round, task: &mut Slot<TaskRecord>) -> Result<bool, SweepError> {
        if !condemn_unregistered(task.get_mut(), self.clock.now()) || !self.write_task(round, task).await? {
            return Ok(false);
        }
        let task_id = &task.get().task_id;
        self.survey.stop(fleet, task_id, REASON).await?;
        metrics::counter!("TasksNeverRegistered").increment(1);
        tracing::error!(fleet = %fleet.name, task_id = %task_id, "a task has never registered; it was condemned, and is stopped");
        Ok(true)
    }

    fn tell_unregistered(&self, fleet: &Fleet, view: &View, stopped: usize) {
        if stopped >= BREAKER_AFTER {
            let reasons = reasons(view.state.get()).join(" | ");
            tracing::error!(fleet = %fleet.name, stopped, reasons, stack = %self.stack, "many tasks of a fleet never register; these are the reasons of its last failed boots");
        }
    }
}

/// The task's record; for a task that the ledger has never heard of, a new one.
fn record_of(view: &mut View, seen: &SeenTask, now: Timestamp) -> Slot<TaskRecord> {
    if let Some(known) = view.tasks.remove(&seen.id) {
        return known;
    }
    let fresh = TaskRecord::new(view.fleet().clone(), seen.id.clone(), now);
    Slot::new(TaskRecord { task_definition: Some(seen.task_definition.clone()), service: seen.service.clone(), ..fresh })
}
