//! What a batch of events tells for the first time: how long jobs have waited and for what, why tasks failed to start, what tasks are billed for.
//! For people and their metrics: no decision rests on it. A repeat of an event is no news, since the records know what it says.

use crate::apply::is_failed_boot;
use crate::events::Event;
use crate::hosting::Billed;
use crate::ids::{JobId, RepositoryName, TaskId};
use crate::job::JobRecord;
use crate::names::RunnerName;
use crate::record::View;
use crate::task::{Stop, TaskRecord};
use std::collections::BTreeSet;
use std::time::Duration;

/// A step on a job's way to its runner. A job waits in one of them at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// From GitHub's queue to the webhook.
    Delivered,
    /// Until the wanted number covered it.
    Wanted,
    /// Until Fargate pulled the image of the task that took it.
    Pulling,
    /// Until that task's runner was registered.
    Registered,
    /// Until that runner took it.
    Taken,
}

impl Step {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Wanted => "wanted",
            Self::Pulling => "pulling",
            Self::Registered => "registered",
            Self::Taken => "taken",
        }
    }
}

/// A job that a runner has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The job.
    pub job_id: JobId,
    /// Where it belongs.
    pub repository: RepositoryName,
    /// The runner's name, whoever's it is.
    pub runner_name: Option<String>,
    /// From GitHub's queue to the runner, by GitHub's clock.
    pub waited: Duration,
    /// Where that time went. A step of which the end is not known is left out, and its time is the next one's.
    pub steps: Vec<(Step, Duration)>,
}

/// Why a task ended before it had registered, in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The image cannot be pulled, or lacks what the start script needs.
    Image,
    /// Fargate had no capacity (Spot mostly).
    Capacity,
    /// What a task needs around it could not be set up: a network interface, a way out, the log.
    Surroundings,
    /// The control plane does not take it for one of its own.
    Refused,
    /// No registration before its boot time was over.
    NoRegistration,
    /// The runner did not come up.
    Runner,
    /// It was killed, for want of memory mostly.
    Killed,
    /// Anything else.
    Other,
}

impl Cause {
    /// What a task's end says.
    #[must_use]
    pub fn of(stop: &Stop) -> Self {
        // The start script's codes; the README has them.
        match stop.exit_code {
            Some(10) => return Self::Refused,
            Some(11 | 13) => return Self::NoRegistration,
            Some(12) => return Self::Image,
            Some(14) => return Self::Runner,
            Some(137) => return Self::Killed,
            _ => {}
        }
        let reason = stop.reason.as_deref().unwrap_or_default();
        let has = |word: &str| reason.contains(word);
        if has("CannotPull") || has("image manifest") {
            Self::Image
        } else if has("apacity is unavailable") {
            Self::Capacity
        } else if has("ResourceInitializationError") || has("ENI") || has("network interface") {
            Self::Surroundings
        } else if has("OutOfMemory") {
            Self::Killed
        } else {
            Self::Other
        }
    }

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Capacity => "capacity",
            Self::Surroundings => "surroundings",
            Self::Refused => "refused",
            Self::NoRegistration => "no_registration",
            Self::Runner => "runner",
            Self::Killed => "killed",
            Self::Other => "other",
        }
    }
}

/// What is told for the first time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// Jobs that runners have taken.
    pub taken: Vec<Taken>,
    /// Tasks that ended before they had registered, where that says that something is wrong.
    pub failed_boots: Vec<(TaskId, Cause)>,
    /// What tasks that have ended are billed for.
    pub billed: Vec<Billed>,
}

/// What of a batch is news, noted before it is applied.
#[derive(Debug)]
pub struct Awaited {
    waiting: BTreeSet<JobId>,
    living: BTreeSet<TaskId>,
}

impl Awaited {
    /// The jobs and tasks of the batch of which the view does not know yet what the batch may tell.
    #[must_use]
    pub fn of<'a>(view: &View, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut awaited = Self { waiting: BTreeSet::new(), living: BTreeSet::new() };
        for event in events {
            match event {
                Event::Job(job) if view.jobs.get(&job.job_id).is_none_or(|known| waited(known.get()).is_none()) => {
                    awaited.waiting.insert(job.job_id);
                }
                Event::RunnerStopped(stopped) if view.tasks.get(&stopped.task_id).is_none_or(|known| known.get().stop.is_none()) => {
                    awaited.living.insert(stopped.task_id.clone());
                }
                _ => {}
            }
        }
        awaited
    }

    /// What the view knows of them now, after the batch was applied.
    #[must_use]
    pub fn told(&self, view: &View) -> News {
        let taken = self.waiting.iter().filter_map(|job| taken(view, view.jobs.get(job)?.get())).collect();
        let mut news = News { taken, ..News::default() };
        for task in self.living.iter().filter_map(|task| Some(view.tasks.get(task)?.get())) {
            let Some(stop) = &task.stop else { continue };
            news.billed.extend(task.hosting.billed(stop.at));
            if is_failed_boot(task) {
                news.failed_boots.push((task.task_id.clone(), Cause::of(stop)));
            }
        }
        news
    }
}

/// How long a job of the fleet's own has waited, once it has ended waiting.
fn waited(job: &JobRecord) -> Option<Duration> {
    Some(job.taken_at?.since(job.queued_at?)).filter(|_| job.home && job.runner_name.is_some())
}

fn taken(view: &View, job: &JobRecord) -> Option<Taken> {
    let waited = waited(job)?;
    let runner = job.runner_name.as_deref().and_then(|name| RunnerName::parse(name).ok());
    let task =
        runner.and_then(|name| view.tasks.get(&name.task)).map(crate::record::Slot::get).filter(|task| task.job_id == Some(job.job_id));
    Some(Taken {
        job_id: job.job_id,
        repository: job.repository.clone(),
        runner_name: job.runner_name.as_deref().map(Into::into),
        waited,
        steps: steps(job, task),
    })
}

/// Where the time went. Each step begins where the last has ended, and none goes on after the job was taken: a runner that was there before the job costs it
/// no step, and the steps of a job of which everything is known add up to its wait.
fn steps(job: &JobRecord, task: Option<&TaskRecord>) -> Vec<(Step, Duration)> {
    let (Some(queued), Some(taken)) = (job.queued_at, job.taken_at) else { return vec![] };
    let ends = [
        (Step::Delivered, Some(job.seen_at)),
        (Step::Wanted, job.raised_at),
        (Step::Pulling, task.and_then(|task| task.hosting.pull_started_at)),
        (Step::Registered, task.and_then(|task| task.registered_at)),
        // With nobody's task between, all that is left would look like this step.
        (Step::Taken, task.and(Some(taken))),
    ];
    let mut reached = queued;
    ends.into_iter()
        .filter_map(|(step, end)| {
            let end = end?.min(taken).max(reached);
            let took = end.since(reached);
            reached = end;
            Some((step, took))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::apply;
    use crate::events::RunnerStopped;
    use crate::hosting::Hosting;
    use crate::ids::{FleetName, StackId};
    use crate::job::{JobEvent, JobPhase, tests::event};
    use crate::time::Timestamp;

    const SECOND: fn(u64) -> Timestamp = Timestamp::from_secs;

    fn stack() -> StackId {
        StackId::parse("2f8e1c3a").unwrap()
    }

    fn task_id() -> TaskId {
        TaskId::parse(&"a".repeat(32)).unwrap()
    }

    fn take_in(view: &mut View, events: &[Event], now: Timestamp) -> News {
        let awaited = Awaited::of(view, events);
        for event in events {
            apply(view, event, &stack(), now);
        }
        awaited.told(view)
    }

    fn queued() -> Event {
        Event::Job(JobEvent { at: Some(SECOND(100)), seen_at: SECOND(102), ..event(1, JobPhase::Queued) })
    }

    fn in_progress(at: u64) -> Event {
        let runner_name = Some(format!("2f8e1c3a-default-{}-1", task_id()));
        Event::Job(JobEvent { runner_name, at: Some(SECOND(at)), seen_at: SECOND(at + 1), ..event(1, JobPhase::InProgress) })
    }

    fn view_with_task(pulled: u64, registered: u64) -> View {
        let mut view = View::new(FleetName::parse("default").unwrap());
        let task = view.task_mut(&task_id(), SECOND(1));
        task.hosting.pull_started_at = Some(SECOND(pulled));
        task.registered_at = Some(SECOND(registered));
        view
    }

    fn seconds(news: &News) -> Vec<(&'static str, u64)> {
        let [taken] = &news.taken[..] else { panic!("{news:?}") };
        taken.steps.iter().map(|(step, took)| (step.name(), took.as_secs())).collect()
    }

    #[test]
    fn the_steps_of_a_job_add_up_to_its_wait() {
        let mut view = view_with_task(115, 140);
        assert_eq!(take_in(&mut view, &[queued()], SECOND(103)), News::default());
        view.jobs.get_mut(&JobId(1)).unwrap().get_mut().raised_at = Some(SECOND(104));
        let news = take_in(&mut view, &[in_progress(143)], SECOND(144));
        assert_eq!(news.taken[0].waited.as_secs(), 43);
        assert_eq!(seconds(&news), [("delivered", 2), ("wanted", 2), ("pulling", 11), ("registered", 25), ("taken", 3)]);
    }

    #[test]
    fn a_runner_that_was_there_before_the_job_costs_it_no_step() {
        let mut view = view_with_task(10, 30);
        take_in(&mut view, &[queued()], SECOND(103));
        let news = take_in(&mut view, &[in_progress(104)], SECOND(105));
        assert_eq!(seconds(&news), [("delivered", 2), ("pulling", 0), ("registered", 0), ("taken", 2)]);
    }

    #[test]
    fn a_wait_is_told_once_whatever_comes_first_and_however_often() {
        let mut view = view_with_task(10, 30);
        assert_eq!(take_in(&mut view, &[in_progress(104)], SECOND(105)), News::default());
        assert_eq!(take_in(&mut view, &[queued(), in_progress(104)], SECOND(106)).taken.len(), 1);
        assert_eq!(take_in(&mut view, &[in_progress(104), queued()], SECOND(107)), News::default());
    }

    #[test]
    fn a_job_that_a_foreign_runner_took_has_waited_but_for_none_of_our_tasks() {
        let mut view = view_with_task(10, 30);
        let Event::Job(foreign) = in_progress(110) else { unreachable!() };
        let foreign = Event::Job(JobEvent { runner_name: Some("GitHub Actions 5".to_owned()), ..foreign });
        assert_eq!(seconds(&take_in(&mut view, &[queued(), foreign], SECOND(111))), [("delivered", 2)]);
    }

    #[test]
    fn the_end_of_a_task_is_told_once_with_its_bill_and_why_it_failed() {
        let mut view = View::new(FleetName::parse("default").unwrap());
        let stop = Stop { at: SECOND(200), code: None, reason: Some("CannotPullContainerError: not found".to_owned()), exit_code: None };
        let hosting = Hosting { pull_started_at: Some(SECOND(100)), cpu_units: Some(1024), memory_mib: Some(2048) };
        let fleet = FleetName::parse("default").unwrap();
        let end = RunnerStopped { fleet, task_id: task_id(), task_definition: None, service: None, hosting, stop };
        let end = [Event::RunnerStopped(end)];
        let news = take_in(&mut view, &end, SECOND(201));
        assert_eq!(news.failed_boots, [(task_id(), Cause::Image)]);
        assert_eq!(news.billed, [Billed { vcpu_seconds: 100.0, gb_seconds: 200.0 }]);
        assert_eq!(take_in(&mut view, &end, SECOND(202)), News::default());
    }

    #[test]
    fn each_way_to_fail_has_its_cause() {
        let cause =
            |reason: &str, exit_code| Cause::of(&Stop { at: SECOND(1), code: None, reason: Some(reason.to_owned()), exit_code }).name();
        assert_eq!(cause("Essential container in task exited", Some(11)), "no_registration");
        assert_eq!(cause("Essential container in task exited", Some(12)), "image");
        assert_eq!(cause("Capacity is unavailable at this time. Please try again later", None), "capacity");
        assert_eq!(cause("ResourceInitializationError: unable to pull secrets or registry auth", None), "surroundings");
        assert_eq!(cause("OutOfMemoryError: Container killed due to memory usage", Some(137)), "killed");
        assert_eq!(cause("Task stopped", Some(1)), "other");
    }
}
