//! How a runner leaves: an idle one asks whether it may stay, one whose job is over reports it. A runner is told to leave only after the ledger says so,
//! and only after GitHub has deleted it; and even then its task waits for a worker that may have just started.

use super::mint::trouble;
use super::{Answer, CONFLICTS_MAX, Caller, Register, Trouble};
use crate::find;
use crate::ports::{Bus, Clock, CommitError, Deleted, Fleets, Github, Ledger, MintPace, Tasks, chain};
use fargate_runners_core::events::{Event, LookAgain, RunnerDone};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_core::record::{Key, View};
use fargate_runners_core::register::{DONE_AGAIN, Lease, Refusal, done, is_suspect, is_to_tell_again, lease, take_back_leave};
use fargate_runners_core::task::{DoneAnswer, TaskRecord};
use std::time::Duration;

impl<L: Ledger, P: MintPace, G: Github, T: Tasks, F: Fleets, B: Bus, C: Clock> Register<L, P, G, T, F, B, C> {
    pub(super) async fn lease(&self, fleet: &Fleet, caller: &Caller) -> Result<Answer, Trouble> {
        for _ in 0..CONFLICTS_MAX {
            let now = self.clock.now();
            let keys = [Key::Task(fleet.name.clone(), caller.task.clone()), Key::Fleet(fleet.name.clone())];
            let mut view = View::new(fleet.name.clone());
            view.add(self.ledger.read(&keys, now).await?);
            let mut task = view.tasks.remove(&caller.task).ok_or(Refusal::Forbidden("it has no registration to keep"))?;
            let answer = lease(task.get_mut(), view.state.get_mut(), now)?;
            view.tasks.insert(caller.task.clone(), task.clone());
            let Lease::Leave(reason) = answer else {
                if is_suspect(task.get(), view.state.get(), now) {
                    self.have_looked_at(fleet, caller).await;
                }
                return Ok(Answer::Stay(fleet.lease));
            };
            match self.ledger.commit(&view.writes(), now).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
            tracing::info!(fleet = %fleet.name, task_id = %caller.task, ?reason, "an idle runner is told to leave");
            return self.delete_leaver(fleet, caller, task.get()).await;
        }
        Err(Trouble::Contention)
    }

    /// Has `scale` look at a fleet in which nothing happens although a job waits. If that cannot be said, the runner asks again in a while.
    async fn have_looked_at(&self, fleet: &Fleet, caller: &Caller) {
        tracing::info!(fleet = %fleet.name, task_id = %caller.task, "a job may have waited beside an idle runner for long; the fleet is looked at");
        let event = Event::LookAgain(LookAgain::now(fleet.name.clone()));
        if let Err(error) = self.bus.publish(&[event]).await {
            tracing::error!(fleet = %fleet.name, error = chain(&error), "a look could not be asked for");
        }
    }

    /// GitHub deletes the leaver. If it says that it has a job after all, it stays.
    async fn delete_leaver(&self, fleet: &Fleet, caller: &Caller, task: &TaskRecord) -> Result<Answer, Trouble> {
        let mut busy = false;
        for runner in find::runners(&self.github, &self.stack, fleet, task).await.map_err(trouble)? {
            busy |= self.github.delete(fleet, runner).await.map_err(trouble)? == Deleted::Busy;
        }
        if !busy {
            if mutant::is(Mutant::StopAfterDelete) {
                self.done(fleet, caller, false).await?;
            }
            return Ok(Answer::LeaveLease);
        }
        for _ in 0..CONFLICTS_MAX {
            let mut task = self.task(fleet, caller, self.clock.now()).await?;
            take_back_leave(task.get_mut());
            match self.write(&mut task).await {
                Ok(()) => return Ok(Answer::Stay(fleet.lease)),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Trouble::Contention)
    }

    pub(super) async fn done(&self, fleet: &Fleet, caller: &Caller, with_job: bool) -> Result<Answer, Trouble> {
        for _ in 0..CONFLICTS_MAX {
            let now = self.clock.now();
            let mut task = self.task(fleet, caller, now).await?;
            let first = task.get().done_at.is_none();
            let is_service = task.get().service.is_some();
            let answer = done(task.get_mut(), with_job, is_service, now)?;
            match self.write(&mut task).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
            if answer == Some(DoneAnswer::Go) {
                return Ok(Answer::Go);
            }
            let waits = task.get().done_at.map_or(Duration::ZERO, |at| now.since(at));
            if answer.is_none() && (first || is_to_tell_again(waits)) {
                let event = RunnerDone { fleet: fleet.name.clone(), task_id: caller.task.clone() };
                self.bus.publish(&[Event::RunnerDone(event)]).await?;
            }
            return Ok(Answer::Wait(DONE_AGAIN));
        }
        Err(Trouble::Contention)
    }
}
