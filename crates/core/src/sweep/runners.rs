//! Runners in GitHub: which of them their tasks have left behind. A runner is deleted only if its task is known to be gone, twice, minutes apart, or if the
//! task has a newer registration: one that is just being made is never hit, nor one whose task lives.

use crate::ids::RunnerId;
use crate::task::TaskRecord;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A runner is suspected for at least this long before it is deleted.
pub const SUSPECTED_FOR: Duration = Duration::from_secs(300);

/// So many suspects are remembered for a scope. Others are suspected anew once these are gone.
pub const SUSPECTS_MAX: usize = 1_000;

/// A suspect that was not seen for this long is forgotten: GitHub removes an ephemeral runner that is offline for a day.
const FORGET_AFTER: Duration = Duration::from_secs(2 * 24 * 3600);

/// What the ledger says of a runner's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The runner is the task's own: it stays, unless ECS knows better.
    Lives,
    /// The task goes on under a newer registration.
    Replaced,
    /// The task has ended, or nobody has ever heard of it: ECS must say the same.
    Ended,
}

/// What the ledger says of the task of a runner that was made under `attempt`.
#[must_use]
pub fn standing(task: Option<&TaskRecord>, attempt: u8, now: Timestamp) -> Standing {
    let Some(task) = task.filter(|task| task.stop.is_none()) else { return Standing::Ended };
    let minting = task.minting_until.is_some_and(|until| until > now);
    let newer = task.minted.as_ref().is_some_and(|minted| minted.attempt == task.attempt && minted.attempt > attempt);
    if newer && !minting { Standing::Replaced } else { Standing::Lives }
}

/// Runners that may have been left behind, and since when they are suspected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspects(BTreeMap<RunnerId, Timestamp>);

impl Suspects {
    /// Suspects the runner. Returns whether it has been suspected for long enough to be deleted.
    pub fn suspect(&mut self, runner: RunnerId, now: Timestamp) -> bool {
        if self.0.len() >= SUSPECTS_MAX && !self.0.contains_key(&runner) {
            return false;
        }
        let since = *self.0.entry(runner).or_insert(now);
        now.since(since) >= SUSPECTED_FOR
    }

    /// The runner is not suspected, or is gone.
    pub fn clear(&mut self, runner: RunnerId) {
        self.0.remove(&runner);
    }

    /// Forgets those that nobody saw for long.
    pub fn forget_old(&mut self, now: Timestamp) {
        self.0.retain(|_, since| now.since(*since) < FORGET_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FleetName, TaskId};
    use crate::task::{Minted, Stop};

    const NOW: Timestamp = Timestamp::from_secs(100_000);

    fn task(attempt: u8) -> TaskRecord {
        let minted = Some(Minted { attempt, runner_id: Some(RunnerId(7)), at: NOW });
        TaskRecord {
            attempt,
            minted,
            ..TaskRecord::new(FleetName::parse("default").unwrap(), TaskId::parse(&"a".repeat(32)).unwrap(), NOW)
        }
    }

    #[test]
    fn the_runner_of_a_living_task_is_no_suspect() {
        assert_eq!(standing(Some(&task(1)), 1, NOW), Standing::Lives);
        assert_eq!(standing(Some(&task(1)), 2, NOW), Standing::Lives);
        assert_eq!(standing(Some(&task(2)), 1, NOW), Standing::Replaced);
        let stop = Some(Stop { at: NOW, code: None, reason: None, exit_code: None });
        assert_eq!(standing(Some(&TaskRecord { stop, ..task(1) }), 1, NOW), Standing::Ended);
        assert_eq!(standing(None, 1, NOW), Standing::Ended);
    }

    #[test]
    fn while_a_mint_is_under_way_nothing_counts_as_replaced() {
        let begun = TaskRecord { attempt: 2, minting_until: Some(NOW + Duration::from_secs(30)), ..task(1) };
        assert_eq!(standing(Some(&begun), 1, NOW), Standing::Lives);
        let minting_again = TaskRecord { minting_until: Some(NOW + Duration::from_secs(30)), ..task(2) };
        assert_eq!(standing(Some(&minting_again), 1, NOW), Standing::Lives);
    }

    #[test]
    fn a_runner_is_deleted_only_after_it_was_suspected_for_minutes() {
        let mut suspects = Suspects::default();
        assert!(!suspects.suspect(RunnerId(1), NOW));
        assert!(!suspects.suspect(RunnerId(1), NOW + Duration::from_secs(299)));
        assert!(suspects.suspect(RunnerId(1), NOW + SUSPECTED_FOR));
        suspects.clear(RunnerId(1));
        assert!(!suspects.suspect(RunnerId(1), NOW + SUSPECTED_FOR));
    }
}
