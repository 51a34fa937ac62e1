//! What healers read and write in the ledger: a fleet's part, and single tasks, each in the version that was read.

use super::{Ports, Sweep, SweepError};
use crate::ports::{Clock, CommitError, Ledger};
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::record::{Key, Record, Slot, View, Write};
use fargate_runners_core::task::TaskRecord;

/// Records that are read at once: DynamoDB's limit for a batch.
const READ_AT_ONCE: usize = 100;

impl<P: Ports> Sweep<P> {
    /// Everything of a fleet that counts.
    pub(super) async fn view(&self, fleet: &FleetName) -> Result<View, SweepError> {
        let mut view = View::new(fleet.clone());
        view.add(self.ledger.active(fleet, self.clock.now()).await?);
        Ok(view)
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
    pub(super) async fn write_task(&self, task: &mut Slot<TaskRecord>) -> Result<bool, SweepError> {
        if !task.is_changed() {
            return Ok(true);
        }
        let write = Write { record: Record::Task(task.get().clone()), expected: task.version() };
        match self.ledger.commit(&[write], self.clock.now()).await {
            Ok(()) => {
                task.committed();
                Ok(true)
            }
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}
