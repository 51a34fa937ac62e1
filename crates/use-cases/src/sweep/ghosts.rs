//! Idle runners that GitHub no longer knows: no job can reach them, so they are told to leave when they next ask. Nobody stops them.

use super::round::{Round, in_turn};
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::ports::{Clock, Github, Runners, Survey};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::TaskId;
use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::Slot;
use fargate_runners_core::sweep::tasks::{leave_as_ghost, may_be_ghost};
use fargate_runners_core::task::TaskRecord;

/// Runners that GitHub is asked about one by one for a fleet in one sweep: those that its list does not show. The others get their turn in later sweeps.
const ASKED_MAX: usize = 20;

impl<P: Ports> Sweep<P> {
    pub(super) async fn ghosts(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        // A list is enough: GitHub is asked after it, and a task is told to leave only in the version that was listed. One that has changed since is looked at
        // again by the next sweep.
        let view = self.listed(round, &fleet.name).await?;
        let now = self.clock.now();
        let idle: Vec<&Slot<TaskRecord>> = view.tasks.values().filter(|task| may_be_ghost(task.get(), fleet.registration, now)).collect();
        if idle.is_empty() {
            return Ok(());
        }
        let listing = self.listing(round, fleet).await?;
        if mutant::is(Mutant::TrustBusy) {
            for task in idle.iter().filter(|task| listing.shows_unused(&self.name_of(task.get()))) {
                self.survey.stop(fleet, &task.get().task_id, "GitHub does not call its runner busy").await?;
            }
        }
        let not_shown = idle.into_iter().filter(|task| !listing.shows(&self.name_of(task.get()))).collect();
        let mut last = self.recall::<Option<TaskId>>(round, Healer::Ghosts.name(), fleet.name.as_str()).await?;
        let not_shown = in_turn(not_shown, last.value.as_ref(), |task| &task.get().task_id);
        last.value = None;
        for (position, task) in not_shown.iter().enumerate() {
            if position >= ASKED_MAX || self.is_late(round) {
                last.value = position.checked_sub(1).map(|last| not_shown[last].get().task_id.clone());
                break;
            }
            // The list moves while it is read, so that it may leave out a runner: the runner itself is asked for.
            if !self.is_known(fleet, task.get()).await? {
                self.tell_to_leave(fleet, round, (*task).clone(), outcome).await?;
            }
        }
        self.keep(round, last).await
    }

    fn name_of(&self, task: &TaskRecord) -> RunnerName {
        RunnerName { stack: self.stack.clone(), fleet: task.fleet.clone(), task: task.task_id.clone(), attempt: task.attempt }
    }

    /// Whether GitHub knows the task's runner: one call either way.
    async fn is_known(&self, fleet: &Fleet, task: &TaskRecord) -> Result<bool, SweepError> {
        Ok(match task.minted.as_ref().and_then(|minted| minted.runner_id) {
            Some(runner) => self.github.runner(fleet, runner).await?.is_some(),
            None => self.github.find(fleet, &self.name_of(task)).await?.is_some(),
        })
    }

    async fn tell_to_leave(
        &self,
        fleet: &Fleet,
        round: &mut Round,
        mut task: Slot<TaskRecord>,
        outcome: &mut Outcome,
    ) -> Result<(), SweepError> {
        if leave_as_ghost(task.get_mut(), self.clock.now()) && self.write_task(round, &mut task).await? {
            tracing::warn!(fleet = %fleet.name, task_id = %task.get().task_id, "GitHub does not know an idle runner any more; it is told to leave");
            outcome.healed();
        }
        Ok(())
    }
}
