//! Scale-in protection: renewed, a day before it ends, for every registered task of a service that is not known to be done.

use super::round::Round;
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::ports::{Clock, Protection, Survey};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::TaskId;
use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_core::record::Slot;
use fargate_runners_core::register::PROTECTION;
use fargate_runners_core::sweep::tasks::is_protection_due;
use fargate_runners_core::task::TaskRecord;

/// UpdateTaskProtection takes ten tasks.
const RENEWED_AT_ONCE: usize = 10;

/// Calls for a fleet in one sweep: 300 tasks. Those whose protection ends soonest come first, so that the others get their turn in time.
const CALLS_MAX: usize = 30;

impl<P: Ports> Sweep<P> {
    pub(super) async fn protection(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let now = self.clock.now();
        if !self.listed(round, &fleet.name).await?.tasks.values().any(|task| is_protection_due(task.get(), now)) {
            return Ok(());
        }
        // Anew: a task that has said since that it is ready to go has its protection taken by `scale`, and must not get it back from here.
        let view = self.view(round, &fleet.name).await?;
        let mut due: Vec<&Slot<TaskRecord>> = view.tasks.values().filter(|task| is_protection_due(task.get(), now)).collect();
        due.sort_by_key(|task| task.get().protected_until);
        for tasks in due.chunks(RENEWED_AT_ONCE).take(CALLS_MAX) {
            if self.is_late(round) {
                break;
            }
            let ids: Vec<TaskId> = tasks.iter().map(|task| task.get().task_id.clone()).collect();
            // By the time before the call: what is noted must not end later than what ECS grants.
            let until = self.clock.now() + PROTECTION;
            for (id, protection) in self.survey.renew(fleet, &ids, PROTECTION).await? {
                let Some(task) = tasks.iter().find(|task| task.get().task_id == id) else { continue };
                match protection {
                    Protection::Refused(reason) if !mutant::is(Mutant::RenewalTakenForGranted) => {
                        metrics::counter!("ProtectionsRefused").increment(1);
                        tracing::warn!(
                            healer = Healer::Protection.name(), fleet = %fleet.name, task_id = %id, reason, until = ?task.get().protected_until,
                            "ECS refused to renew scale-in protection; the next sweep asks again"
                        );
                    }
                    Protection::Granted | Protection::Refused(_) => {
                        let mut task = (*task).clone();
                        task.get_mut().protected_until = Some(until);
                        // Somebody else may have written the task: then the next sweep renews once more, and notes it.
                        if self.write_task(round, &mut task).await? {
                            outcome.healed();
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
