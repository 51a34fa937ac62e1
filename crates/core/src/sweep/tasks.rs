//! Tasks: which of them the healer asks ECS about, which it condemns, whose protection it renews.

use crate::fleet::Registration;
use crate::mutant::{self, Mutant};
use crate::register::condemn;
use crate::task::{LeaveReason, Stop, TaskRecord, TaskState};
use crate::time::Timestamp;
use std::time::Duration;

/// A task that the ledger knows for less than this is not asked about: what is on its way comes by itself.
pub const ASK_AFTER: Duration = Duration::from_secs(120);

/// An end that is younger than this is left to ECS's event, which is on its way.
pub const REPORTED_WITHIN: Duration = Duration::from_secs(60);

/// DescribeTasks may not know a task that was only just started: a younger one that it does not know is left alone.
pub const UNKNOWN_AFTER: Duration = Duration::from_secs(300);

/// A task that runs for longer than this without a registration never registers: Fargate starts it within 2 minutes, its start script gives up after 10
/// (`BOOT_SECONDS`), and clocks and answers take their time. One that waits for GitHub's pace waits within those 10 minutes.
pub const NEVER_REGISTERED_AFTER: Duration = Duration::from_secs(20 * 60);

/// Protection is renewed once less than this is left of its 48 hours: a day in which a person may put right what kept it from being renewed.
pub const RENEW_BELOW: Duration = Duration::from_secs(24 * 3600);

/// GitHub shows a runner as soon as it is made; one that acknowledged its registration this long ago and is not known there will not be known any more.
pub const GHOST_AFTER: Duration = Duration::from_secs(300);

/// Whether ECS is to be asked whether the task still runs.
#[must_use]
pub fn is_worth_asking(task: &TaskRecord, now: Timestamp) -> bool {
    task.stop.is_none() && now.since(task.first_seen_at) >= ASK_AFTER
}

/// How the task ended, by what ECS says of it: `None` while it runs, or while nobody can know. `seen` is `None` if ECS does not know the task at all, and
/// otherwise how it ended, if it has.
#[must_use]
pub fn end_of(task: &TaskRecord, seen: Option<Option<&Stop>>, now: Timestamp) -> Option<Stop> {
    match seen {
        Some(stop) => stop.filter(|stop| now.since(stop.at) >= REPORTED_WITHIN).cloned(),
        None if now.since(task.first_seen_at) < UNKNOWN_AFTER => None,
        None => Some(Stop { at: now, code: None, reason: Some("ECS does not know the task any more".to_owned()), exit_code: None }),
    }
}

/// Whether the end of the task may have left its runner in GitHub: it had one, or was about to, and did not end by its own will.
#[must_use]
pub fn may_have_left_a_runner(task: &TaskRecord, stop: &Stop) -> bool {
    task.attempt > 0 && stop.exit_code != Some(0)
}

/// Condemns a task that has run for too long without registering. Returns whether it may be stopped: only if it is condemned, and nothing has ever told of
/// a job that it has. What is returned holds once the record is written.
pub fn condemn_unregistered(task: &mut TaskRecord, now: Timestamp) -> bool {
    if mutant::is(Mutant::StopBeforeCondemning) {
        return true;
    }
    condemn(task, now) && task.state() == TaskState::Condemned
}

/// Whether the task's protection is to be renewed: it is a service's, has registered, and is not known to be done.
#[must_use]
pub fn is_protection_due(task: &TaskRecord, now: Timestamp) -> bool {
    let open = task.state().is_registered() && task.done_at.is_none();
    open && task.service.is_some() && task.protected_until.is_none_or(|until| until < now + RENEW_BELOW)
}

/// Whether GitHub is to be asked whether it still knows the task's runner: by its id, or else by its name. Servers that must do with registration tokens may
/// know no search for a name.
#[must_use]
pub fn may_be_ghost(task: &TaskRecord, registration: Registration, now: Timestamp) -> bool {
    let long = task.registered_at.is_some_and(|at| now.since(at) >= GHOST_AFTER);
    let told_apart = task.minted.as_ref().is_some_and(|minted| minted.runner_id.is_some() || registration == Registration::Jit);
    task.state() == TaskState::Idle && long && told_apart
}

/// GitHub does not know the runner: it is told to leave when it next asks. Only one that asks is idle: the start script asks for a lease only while no worker
/// runs. So it harms nothing that GitHub forgets a runner also when its job is over, and that the ledger may not know of that job yet.
pub fn leave_as_ghost(task: &mut TaskRecord, now: Timestamp) -> bool {
    let idle = task.state() == TaskState::Idle;
    if idle {
        task.leaving = Some((now, LeaveReason::Ghost));
    }
    idle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FleetName, JobId, RunnerId, ServiceName, TaskId};
    use crate::task::Minted;

    const NOW: Timestamp = Timestamp::from_secs(100_000);

    fn task() -> TaskRecord {
        TaskRecord::new(FleetName::parse("default").unwrap(), TaskId::parse(&"a".repeat(32)).unwrap(), NOW)
    }

    fn idle() -> TaskRecord {
        TaskRecord {
            attempt: 1,
            minted: Some(Minted { attempt: 1, runner_id: Some(RunnerId(7)), at: NOW }),
            registered_at: Some(NOW),
            service: ServiceName::parse("runners-default-1").ok(),
            protected_until: Some(NOW + RENEW_BELOW),
            ..task()
        }
    }

    #[test]
    fn a_young_task_that_ecs_does_not_know_is_left_alone() {
        assert!(!is_worth_asking(&task(), NOW));
        assert!(is_worth_asking(&task(), NOW + ASK_AFTER));
        assert_eq!(end_of(&task(), None, NOW + ASK_AFTER), None);
        assert!(end_of(&task(), None, NOW + UNKNOWN_AFTER).is_some());
        assert_eq!(end_of(&task(), Some(None), NOW + UNKNOWN_AFTER), None);
        let stop = Stop { at: NOW, code: None, reason: None, exit_code: Some(1) };
        assert_eq!(end_of(&task(), Some(Some(&stop)), NOW + Duration::from_secs(59)), None);
        assert_eq!(end_of(&task(), Some(Some(&stop)), NOW + REPORTED_WITHIN), Some(stop.clone()));
    }

    #[test]
    fn only_a_task_that_never_registered_and_has_no_job_may_be_stopped() {
        assert!(condemn_unregistered(&mut task(), NOW));
        assert!(!condemn_unregistered(&mut idle(), NOW));
        let mut with_job = TaskRecord { condemned_at: Some(NOW), ..task() };
        with_job.had_job(JobId(1), None);
        assert!(!condemn_unregistered(&mut with_job, NOW));
        let mut minting = TaskRecord { minting_until: Some(NOW + Duration::from_secs(1)), ..task() };
        assert!(!condemn_unregistered(&mut minting, NOW));
    }

    #[test]
    fn protection_is_renewed_a_day_before_its_end_unless_the_task_is_done() {
        assert!(!is_protection_due(&idle(), NOW));
        let later = NOW + Duration::from_secs(1);
        assert!(is_protection_due(&idle(), later));
        assert!(!is_protection_due(&TaskRecord { done_at: Some(NOW), ..idle() }, later));
        assert!(!is_protection_due(&TaskRecord { service: None, ..idle() }, later));
        assert!(!is_protection_due(&task(), later));
    }

    #[test]
    fn only_an_idle_runner_is_told_to_leave_as_a_ghost() {
        assert!(!may_be_ghost(&idle(), Registration::Jit, NOW));
        assert!(may_be_ghost(&idle(), Registration::Jit, NOW + GHOST_AFTER));
        let unknown = TaskRecord { minted: Some(Minted { attempt: 1, runner_id: None, at: NOW }), ..idle() };
        assert!(may_be_ghost(&unknown, Registration::Jit, NOW + GHOST_AFTER), "by its name");
        assert!(!may_be_ghost(&unknown, Registration::Token, NOW + GHOST_AFTER));
        let mut busy = idle();
        busy.had_job(JobId(1), None);
        assert!(!may_be_ghost(&busy, Registration::Jit, NOW + GHOST_AFTER));
        assert!(!leave_as_ghost(&mut busy, NOW));
        assert!(leave_as_ghost(&mut idle(), NOW));
    }
}
