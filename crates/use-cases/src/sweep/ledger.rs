//! What healers read and write in the ledger: a fleet's part, and single tasks, each in the version that was read.
//!
//! One list of a fleet serves all healers that follow each other within seconds, since most find by it that there is nothing to do. It is never the last word:
//! who would do something that an older word could make wrong reads anew first, or writes only what is still in the version that was listed. The list ends with
//! whatever this sweep does about the fleet.

use super::round::Round;
use super::{Ports, Sweep, SweepError};
use crate::ports::{Clock, CommitError, Ledger};
use fargate_runners_core::apply::apply_noted;
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::record::{Key, Slot, View};
use fargate_runners_core::task::TaskRecord;
use std::sync::Arc;
use std::time::Duration;

/// A list of a fleet serves for so long: less than any pause that healers leave to what is on its way (60 s, `REPORTED_WITHIN`, is the shortest), and enough
/// for a sweep that finds nothing to do.
pub(super) const LISTED: Duration = Duration::from_secs(10);

/// Records that are read at once: DynamoDB's limit for a batch.
const READ_AT_ONCE: usize = 100;

impl<P: Ports> Sweep<P> {
    /// Everything of a fleet that counts, as it was at most `LISTED` ago.
    pub(super) async fn listed(&self, round: &mut Round, fleet: &FleetName) -> Result<Arc<View>, SweepError> {
        match round.list(fleet, self.clock.now()) {
            Some(list) => Ok(list),
            None => self.view(round, fleet).await,
        }
    }

    /// Everything of a fleet that counts, as it is now.
    pub(super) async fn view(&self, round: &mut Round, fleet: &FleetName) -> Result<Arc<View>, SweepError> {
        // Its age is counted from before it was read.
        let now = self.clock.now();
        let mut view = self.ledger.active(View::new(fleet.clone()), now).await?;
        apply_noted(&mut view, &self.stack, now);
        Ok(round.keep_list(view, now))
    }

    /// The fleet's own record and those tasks that are known, ended ones included.
    pub(super) async fn view_of(&self, fleet: &FleetName, tasks: impl IntoIterator<Item = &TaskId>) -> Result<View, SweepError> {
        let mut view = View::new(fleet.clone());
        let tasks = tasks.into_iter().map(|task| Key::Task(fleet.clone(), task.clone()));
        let mut keys: Vec<Key> = std::iter::once(Key::Fleet(fleet.clone())).chain(tasks).collect();
        keys.sort();
        keys.dedup();
        for keys in keys.chunks(READ_AT_ONCE) {
            view.add(self.ledger.read(keys, self.clock.now()).await?);
        }
        Ok(view)
    }

    /// Writes a task. `false`: somebody else has written it since it was read, so that what was decided may be wrong; the next sweep decides anew.
    pub(super) async fn write_task(&self, round: &mut Round, task: &mut Slot<TaskRecord>) -> Result<bool, SweepError> {
        if !task.is_changed() {
            return Ok(true);
        }
        // Written by us, or by somebody else: what was listed has changed.
        round.forget_list(&task.get().fleet);
        match self.ledger.commit(&[task.to_write()], self.clock.now()).await {
            Ok(()) => {
                task.committed();
                Ok(true)
            }
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}
