//! Jobs: when GitHub is asked about one of which nothing was heard for long. The pauses double, so that a long queue costs no call for each job and minute.

use crate::fleet::Fleet;
use crate::ids::{FleetName, JobId, StackId};
use crate::job::{JobEvent, JobPhase, JobRecord};
use crate::labels::fleet_of;
use crate::names::RunnerName;
use crate::record::View;
use crate::task::TaskState;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A job that waits is asked about 5, 10, 20, 40 … minutes after it was queued.
pub const QUEUED_FOR: Duration = Duration::from_secs(5 * 60);

/// A job that runs is asked about 30 minutes, 1, 2, 4 … hours after a runner took it.
pub const RUNNING_FOR: Duration = Duration::from_secs(30 * 60);

/// A job of which no living task of ours is known to have it is asked about once more, earlier.
pub const RUNNING_ELSEWHERE_FOR: Duration = Duration::from_secs(10 * 60);

/// A job that waits for longer than this is reported.
pub const WAITING_LONG: Duration = Duration::from_secs(15 * 60);

/// GitHub gives up a job that has waited for a day.
pub const WAITS_AT_MOST: Duration = Duration::from_secs(24 * 3600);

/// GitHub ends a job that has run for five days.
pub const RUNS_AT_MOST: Duration = Duration::from_secs(5 * 24 * 3600);

/// What stands in `delivery` of an event that no delivery has brought.
pub const DELIVERY: &str = "sweep";

/// How far the questions about a fleet's jobs have come: all that were due up to this time, and of those due at that very time all up to this job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asked {
    /// All that were due before.
    pub until: Timestamp,
    /// Of those due at that time, all up to this one.
    pub job: JobId,
}

impl Default for Asked {
    fn default() -> Self {
        Self { until: Timestamp::default(), job: JobId(0) }
    }
}

/// Waiting jobs that are due to be asked about, in the order in which they are to be.
#[must_use]
pub fn queued_due(view: &View, asked: Asked, now: Timestamp) -> Vec<(Asked, JobRecord)> {
    due(view, asked, now, |job| {
        let waits = job.home && job.phase <= JobPhase::Queued;
        // From when the ledger heard of it, so that no question is due before that.
        let since = job.queued_at.map_or(job.seen_at, |at| at.max(job.seen_at));
        waits.then(|| last_doubled(since, QUEUED_FOR, now)).flatten()
    })
}

/// Running jobs that are due to be asked about, in the order in which they are to be.
#[must_use]
pub fn running_due(view: &View, asked: Asked, stack: &StackId, now: Timestamp) -> Vec<(Asked, JobRecord)> {
    due(view, asked, now, |job| {
        if job.phase != JobPhase::InProgress {
            return None;
        }
        let since = job.taken_at.map_or(job.seen_at, |at| at.max(job.seen_at));
        let early = Some(since + RUNNING_ELSEWHERE_FOR).filter(|at| *at <= now && !has_living_task(view, job, stack));
        last_doubled(since, RUNNING_FOR, now).max(early)
    })
}

/// How many jobs wait for a runner of the fleet for longer than they should, and since when the oldest does.
#[must_use]
pub fn waiting_long(view: &View, now: Timestamp) -> Option<(u32, Timestamp)> {
    let queued = view.jobs.values().map(crate::record::Slot::get).filter(|job| job.is_queued_here());
    let long: Vec<Timestamp> = queued.map(JobRecord::waiting_since).filter(|at| now.since(*at) >= WAITING_LONG).collect();
    long.iter().min().map(|oldest| (u32::try_from(long.len()).unwrap_or(u32::MAX), *oldest))
}

/// How long after it was first seen a job may still be there.
#[must_use]
pub fn at_most(job: &JobRecord) -> Duration {
    if job.phase == JobPhase::InProgress { WAITS_AT_MOST + RUNS_AT_MOST } else { WAITS_AT_MOST }
}

/// The job is over as far as anybody can know: GitHub does not know it any more (its run was deleted, or its repository). How it ended stays unknown; what
/// counts is that it waits for nobody.
#[must_use]
pub fn unknown_at_github(job: &JobRecord, now: Timestamp) -> JobEvent {
    JobEvent {
        fleet: job.fleet.clone(),
        home: job.home,
        job_id: job.job_id,
        run_id: job.run_id,
        run_attempt: job.run_attempt,
        repository: job.repository.clone(),
        workflow_name: job.workflow_name.as_deref().map(Into::into),
        name: job.name.to_string(),
        labels: job.labels.clone(),
        phase: JobPhase::Completed,
        conclusion: None,
        runner_name: job.runner_name.as_deref().map(Into::into),
        at: None,
        seen_at: now,
        delivery: DELIVERY.to_owned(),
        noted: false,
    }
}

/// The fleet to which the labels of a waiting job lead today, when those of its own fleet no longer do. Where it matters whether the repository is public,
/// and the job's own fleet admits those, only a fleet that admits them as well is sure to admit it.
#[must_use]
pub fn home_of(job: &JobRecord, own: &Fleet, fleets: &[Fleet]) -> Option<FleetName> {
    let admits = |fleet: &&Fleet| fleet.scope == own.scope || fleet.scope.admits(&job.repository, None);
    let fleets = fleets.iter().filter(admits).filter(|fleet| fleet.allow_public_repositories || !own.allow_public_repositories);
    fleet_of(&job.labels, fleets.map(|fleet| (&fleet.name, &fleet.labels))).cloned()
}

fn due(view: &View, asked: Asked, now: Timestamp, at: impl Fn(&JobRecord) -> Option<Timestamp>) -> Vec<(Asked, JobRecord)> {
    let open = view.jobs.values().map(crate::record::Slot::get).filter(|job| job.is_open());
    let mut due: Vec<_> = open
        .filter_map(|job| Some((Asked { until: at(job).filter(|at| *at <= now)?, job: job.job_id }, job.clone())))
        .filter(|(position, _)| *position > asked)
        .collect();
    due.sort_by_key(|(position, _)| *position);
    due
}

/// The last of `since + first`, `since + 2 first`, `since + 4 first` … that is not after `now`.
fn last_doubled(since: Timestamp, first: Duration, now: Timestamp) -> Option<Timestamp> {
    let mut wait = first;
    if now.since(since) < wait {
        return None;
    }
    while now.since(since) >= wait * 2 {
        wait *= 2;
    }
    Some(since + wait)
}

fn has_living_task(view: &View, job: &JobRecord, stack: &StackId) -> bool {
    let name = job.runner_name.as_deref().and_then(|name| RunnerName::parse(name).ok()).filter(|name| name.stack == *stack);
    // A task of another fleet is that fleet's to watch: its end closes the job there, and GitHub tells of it here.
    name.is_some_and(|name| name.fleet == job.fleet && view.tasks.get(&name.task).is_some_and(|task| task.get().state() != TaskState::Gone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::tests::event;
    use crate::record::Slot;

    const START: Timestamp = Timestamp::from_secs(1_000);

    fn view(phase: JobPhase, jobs: u64) -> View {
        let mut view = View::new(event(1, phase).fleet);
        for job in 1..=jobs {
            view.jobs.insert(JobId(job), Slot::new(JobRecord::from_event(&event(job, phase))));
        }
        view
    }

    fn minutes(minutes: u64) -> Timestamp {
        START + Duration::from_secs(minutes * 60)
    }

    fn stack() -> StackId {
        StackId::parse("0123abcd").unwrap()
    }

    #[test]
    fn a_job_that_waits_is_asked_about_in_doubling_pauses() {
        let view = view(JobPhase::Queued, 1);
        let mut asked = Asked::default();
        let mut asked_at = Vec::new();
        for minute in 0..100 {
            for (position, _) in queued_due(&view, asked, minutes(minute)) {
                asked_at.push(minute);
                asked = position;
            }
        }
        assert_eq!(asked_at, [5, 10, 20, 40, 80]);
    }

    #[test]
    fn where_the_budget_ended_the_next_sweep_goes_on() {
        let view = view(JobPhase::Queued, 3);
        let due = queued_due(&view, Asked::default(), minutes(6));
        assert_eq!(due.iter().map(|(_, job)| job.job_id.0).collect::<Vec<_>>(), [1, 2, 3]);
        let rest = queued_due(&view, due[1].0, minutes(6));
        assert_eq!(rest.iter().map(|(_, job)| job.job_id.0).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn a_job_whose_runner_is_none_of_ours_is_asked_about_early() {
        let view = view(JobPhase::InProgress, 1);
        assert_eq!(running_due(&view, Asked::default(), &stack(), minutes(9)).len(), 0);
        let early = running_due(&view, Asked::default(), &stack(), minutes(11));
        assert_eq!(early.len(), 1);
        assert_eq!(running_due(&view, early[0].0, &stack(), minutes(29)).len(), 0);
        assert_eq!(running_due(&view, early[0].0, &stack(), minutes(31)).len(), 1);
    }

    #[test]
    fn a_job_on_a_living_task_of_ours_is_asked_about_after_half_an_hour() {
        let mut view = view(JobPhase::InProgress, 1);
        let task = crate::ids::TaskId::parse(&"a".repeat(32)).unwrap();
        let name = RunnerName { stack: stack(), fleet: view.fleet().clone(), task: task.clone(), attempt: 1 };
        view.jobs.get_mut(&JobId(1)).unwrap().get_mut().runner_name = Some(name.to_string().into());
        view.task_mut(&task, START);
        assert_eq!(running_due(&view, Asked::default(), &stack(), minutes(29)).len(), 0);
        assert_eq!(running_due(&view, Asked::default(), &stack(), minutes(30)).len(), 1);
    }

    #[test]
    fn a_job_that_github_does_not_know_is_over() {
        let queued = JobRecord::from_event(&event(1, JobPhase::Queued));
        let joined = queued.join(&JobRecord::from_event(&unknown_at_github(&queued, minutes(5))));
        assert!(!joined.is_open());
    }

    #[test]
    fn jobs_that_wait_long_are_counted() {
        assert_eq!(waiting_long(&view(JobPhase::Queued, 2), minutes(14)), None);
        assert_eq!(waiting_long(&view(JobPhase::Queued, 2), minutes(15)), Some((2, START)));
    }
}
