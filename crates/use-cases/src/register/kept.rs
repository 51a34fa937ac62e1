//! What a process of `register` knows of the tasks that it minted for last: their records as it wrote them at the mint's begin, and the mint's end with the
//! runner's id, which is yet to be written. Where the acknowledgement, a second later, comes to the same process (that of a lone job does), it needs no read, and
//! writes both. Otherwise what is kept is never written: the ledger then knows the runner by its name only. No version that is kept is trusted: what follows from
//! it is written only if the record is still in it, and nobody is refused anything because of it.

use fargate_runners_core::ids::TaskId;
use fargate_runners_core::record::Slot;
use fargate_runners_core::task::TaskRecord;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// A process answers one request at a time, so that few mints lie between a task's and its acknowledgement. A record takes about a kilobyte, twice: as it was and as it
/// will be.
const KEPT_MAX: usize = 16;

/// Records, changed by what is yet to be written. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<VecDeque<Slot<TaskRecord>>>>);

impl Kept {
    /// Keeps a task's record; the oldest gives way.
    pub fn keep(&self, task: Slot<TaskRecord>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| known.get().task_id != task.get().task_id);
        kept.push_back(task);
        if kept.len() > KEPT_MAX {
            kept.pop_front();
        }
    }

    /// Gives the record of a task away, if it is kept.
    pub fn take(&self, task: &TaskId) -> Option<Slot<TaskRecord>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let position = kept.iter().position(|known| known.get().task_id == *task)?;
        kept.remove(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::ids::FleetName;
    use fargate_runners_core::record::Version;
    use fargate_runners_core::time::Timestamp;

    fn slot(number: usize, version: u64) -> Slot<TaskRecord> {
        let task = TaskId::parse(&format!("{number:032x}")).unwrap();
        Slot::read(TaskRecord::new(FleetName::parse("default").unwrap(), task, Timestamp::from_secs(1)), Version(version))
    }

    #[test]
    fn the_newest_record_of_a_task_is_given_away_once() {
        let kept = Kept::default();
        kept.keep(slot(1, 1));
        kept.keep(slot(1, 2));
        assert_eq!(kept.take(&slot(1, 0).get().task_id).map(|slot| slot.version()), Some(Version(2)));
        assert_eq!(kept.take(&slot(1, 0).get().task_id), None);
    }

    #[test]
    fn the_oldest_gives_way() {
        let kept = Kept::default();
        (0..=KEPT_MAX).for_each(|number| kept.keep(slot(number, 1)));
        assert_eq!(kept.take(&slot(0, 0).get().task_id), None);
        assert!(kept.take(&slot(1, 0).get().task_id).is_some());
    }
}
