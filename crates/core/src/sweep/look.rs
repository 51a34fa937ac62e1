//! Whether a fleet is worth a look although nothing has happened to it, and what keeps its jobs waiting.

use crate::fleet::Fleet;
use crate::plan::{BREAKER_AFTER, wanted};
use crate::record::View;
use crate::state::FleetState;
use crate::time::Timestamp;
use std::time::Duration;

/// A wake-up that is late by this much was lost.
const WAKE_UP_LOST: Duration = Duration::from_secs(60);

/// Whether something may be due in the fleet. A fleet that has nothing and wants nothing costs no look.
#[must_use]
pub fn needs_look(view: &View, fleet: &Fleet, now: Timestamp) -> bool {
    let state = view.state.get();
    let has_some = !view.jobs.is_empty() || !view.tasks.is_empty() || !state.launches.is_empty();
    let counts = state.services.values().any(|service| service.applied != Some(service.desired) || service.desired > 0);
    let late = state.wake_at.is_some_and(|at| now.since(at) >= WAKE_UP_LOST);
    // Without a job and a task, only the warm ones are wanted.
    has_some || counts || late || fleet.warm > 0 || state.wanted != wanted(fleet, 0, 0)
}

/// Why jobs of a fleet wait, as far as the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Tasks end before they register, for these reasons.
    BootsFail(Vec<String>),
    /// The fleet has as many runners as it may have.
    Maximum(u32),
    /// So many tasks are starting.
    Booting(u32),
    /// So many runners are idle: GitHub gives them no job. A runner group, a label or a listener.
    IdleRunners(u32),
    /// Nothing that stands in the ledger.
    Unknown,
}

/// What keeps the fleet's jobs waiting.
#[must_use]
pub fn keeps(state: &FleetState, fleet: &Fleet) -> Keeps {
    let counts = &state.counts;
    if state.failed_boots.len() >= BREAKER_AFTER {
        return Keeps::BootsFail(reasons(state));
    }
    if counts.idle > 0 {
        return Keeps::IdleRunners(counts.idle);
    }
    if counts.busy + counts.booting + counts.finishing >= fleet.maximum {
        return Keeps::Maximum(fleet.maximum);
    }
    if counts.booting > 0 { Keeps::Booting(counts.booting) } else { Keeps::Unknown }
}

/// Why the newest boots failed, newest last.
#[must_use]
pub fn reasons(state: &FleetState) -> Vec<String> {
    let mut boots: Vec<_> = state.failed_boots.values().collect();
    boots.sort_by_key(|boot| boot.at);
    boots.into_iter().map(|boot| boot.reason.clone()).collect()
}

impl std::fmt::Display for Keeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BootsFail(reasons) => write!(f, "tasks end before they register: {}", reasons.join(" | ")),
            Self::Maximum(maximum) => write!(f, "the fleet has its maximum of {maximum} tasks"),
            Self::Booting(count) => write!(f, "{count} tasks are starting"),
            Self::IdleRunners(count) => {
                write!(f, "{count} runners are idle, and GitHub gives them no job: a runner group or a label may keep them apart")
            }
            Self::Unknown => f.write_str("nothing that the ledger knows of"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::description;
    use crate::ids::TaskId;
    use crate::job::{JobPhase, JobRecord, tests::event};
    use crate::record::Slot;
    use crate::state::FailedBoot;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_secs(100_000);

    fn fleet(warm: u32) -> Fleet {
        Fleet::parse(&description(&[("warm", json!(warm))])).unwrap()
    }

    #[test]
    fn a_fleet_that_has_and_wants_nothing_is_not_looked_at() {
        let view = View::new(fleet(0).name);
        assert!(!needs_look(&view, &fleet(0), NOW));
        assert!(needs_look(&view, &fleet(1), NOW));
    }

    #[test]
    fn a_job_a_lost_wake_up_or_a_stale_number_is_reason_to_look() {
        let mut with_job = View::new(fleet(0).name);
        let job = JobRecord::from_event(&event(1, JobPhase::Queued));
        with_job.jobs.insert(job.job_id, Slot::new(job));
        assert!(needs_look(&with_job, &fleet(0), NOW));

        let mut with_wake_up = View::new(fleet(0).name);
        with_wake_up.state.get_mut().wake_at = Some(NOW);
        assert!(!needs_look(&with_wake_up, &fleet(0), NOW));
        assert!(needs_look(&with_wake_up, &fleet(0), NOW + Duration::from_secs(60)));

        let mut stale = View::new(fleet(0).name);
        stale.state.get_mut().wanted = 2;
        assert!(needs_look(&stale, &fleet(0), NOW));
    }

    #[test]
    fn what_keeps_jobs_waiting_is_named() {
        let mut state = FleetState::new(fleet(0).name);
        assert_eq!(keeps(&state, &fleet(0)), Keeps::Unknown);
        state.counts.busy = 10;
        assert_eq!(keeps(&state, &fleet(0)), Keeps::Maximum(10));
        for number in 1..=3u8 {
            let task = TaskId::parse(&format!("{number:032x}")).unwrap();
            state
                .failed_boots
                .insert(task, FailedBoot { at: NOW + Duration::from_secs(number.into()), reason: format!("CannotPull {number}") });
        }
        assert_eq!(keeps(&state, &fleet(0)).to_string(), "tasks end before they register: CannotPull 1 | CannotPull 2 | CannotPull 3");
    }
}
