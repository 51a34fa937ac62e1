//! What a look asks of ECS, and how the answers get into the ledger. Each call may be repeated: a desired count is absolute, a launch has its token.
//! A call that fails only makes the fleet be looked at again.

use super::Scale;
use super::look::{CONFLICTS_MAX, commit};
use crate::ports::{
    Bus, Capacity, Clock, CommitError, DeadLetters, FleetQueue, Fleets, Launched, Ledger, PortError, Retry, WakeUp, Wanted, chain,
};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{ServiceName, TaskDefinition, TaskId};
use fargate_runners_core::plan::Plan;
use fargate_runners_core::record::{Key, View};
use fargate_runners_core::state::Refusal;
use fargate_runners_core::time::Timestamp;
use std::time::Duration;

/// ECS's buckets refill within seconds.
const AFTER_THROTTLING: Duration = Duration::from_secs(2);

/// A call whose answer was lost is repeated after this.
const AFTER_LOST_ANSWER: Duration = Duration::from_secs(5);

/// What a person must put right is not put right in seconds.
const AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// What was launched so long ago may have ended by now: as long as the function's time limit. A batch comes to somebody else only after 180 s.
const FRESH: Duration = Duration::from_secs(30);

/// What ECS's answers change in the ledger.
#[derive(Default)]
struct Settled {
    applied: Vec<(ServiceName, u32)>,
    forgotten: Vec<ServiceName>,
    launches: Vec<String>,
    tasks: Vec<Started>,
    refused: Option<String>,
    again: Option<Duration>,
}

/// A task that ECS has launched.
struct Started {
    id: TaskId,
    definition: TaskDefinition,
    /// Among how many.
    with: u32,
    token: String,
    /// When it was launched, if by this look: what a call launched whose answer was lost may have ended by now.
    launched_at: Option<Timestamp>,
}

impl Started {
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.launched_at.is_some_and(|at| now.since(at) < FRESH)
    }
}

impl Settled {
    fn again(&mut self, wait: Duration) {
        self.again = Some(self.again.map_or(wait, |known| known.min(wait)));
    }

    fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.forgotten.is_empty() && self.launches.is_empty() && self.tasks.is_empty() && self.refused.is_none()
    }

    /// Whether tasks that were launched now are all that there is to write: the fleet's record forgets their launches when it is written next.
    fn is_tasks_only(&self, view: &View) -> bool {
        self.tasks.iter().all(|task| task.launched_at.is_some())
            && self.applied.is_empty()
            && self.forgotten.is_empty()
            && self.launches.is_empty()
            && self.refused.is_none()
            && view.state.get().refused.is_none()
    }

    fn enter_tasks(&self, view: &mut View, now: Timestamp) {
        for started in &self.tasks {
            let id = &started.id;
            let task = if started.is_fresh(now) { view.fresh_task_mut(id, now) } else { view.task_mut(id, now) };
            task.task_definition = task.task_definition.take().or_else(|| Some(started.definition.clone()));
            task.launched_with = started.with;
            task.launch = Some(started.token.clone());
        }
    }

    fn enter(&self, view: &mut View, now: Timestamp) {
        self.enter_tasks(view, now);
        let state = view.state.get_mut();
        for (name, count) in &self.applied {
            if let Some(service) = state.services.get_mut(name) {
                service.applied = Some(*count);
            }
        }
        if !self.applied.is_empty() {
            // The pause before the next change is counted from here: between decision and call lies the commit, which takes longer at one time than at another.
            state.changed_at = state.changed_at.max(now);
        }
        for name in &self.forgotten {
            state.services.remove(name);
        }
        match &self.refused {
            Some(reason) => state.refused = Some(Refusal { at: now, reason: reason.clone() }),
            None if !self.applied.is_empty() || !self.tasks.is_empty() => state.refused = None,
            None => {}
        }
        let is_answered = |token: &String| self.launches.contains(token) || self.tasks.iter().any(|task| task.token == *token);
        state.launches.retain(|launch| !is_answered(&launch.token));
    }
}

impl<L, P, F, B, W, Q, D, C> Scale<L, P, F, B, W, Q, D, C>
where
    L: Ledger,
    P: Capacity,
    F: Fleets,
    B: Bus,
    W: WakeUp,
    Q: FleetQueue,
    D: DeadLetters,
    C: Clock,
{
    /// `decided_at` is when the plan was made.
    pub(super) async fn act(&self, fleet: &Fleet, plan: Plan, view: View, decided_at: Timestamp) {
        let mut settled = Settled::default();
        self.set_counts(fleet, &plan, &mut settled).await;
        for launch in &plan.launch {
            match self.capacity.launch(fleet, launch).await {
                Ok(Launched { tasks, failures }) => {
                    if !failures.is_empty() {
                        settled.refused = Some(failures.join(" | "));
                        metrics::counter!("LaunchesFailed").increment(failures.len() as u64);
                        tracing::warn!(fleet = %fleet.name, reasons = failures.join(" | "), "ECS did not start every task; the rest is launched anew");
                        settled.again(AFTER_LOST_ANSWER);
                    }
                    let task_ids = tasks.iter().map(TaskId::as_str).collect::<Vec<_>>().join(" ");
                    tracing::info!(fleet = %fleet.name, task_ids, "launched tasks");
                    let with = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
                    if with < launch.count {
                        settled.launches.push(launch.token.clone());
                    }
                    settled.tasks.extend(tasks.into_iter().map(|id| Started {
                        id,
                        definition: launch.task_definition.clone(),
                        with,
                        token: launch.token.clone(),
                        launched_at: Some(launch.at).filter(|at| *at == decided_at),
                    }));
                }
                Err(error) => {
                    // A launch that ECS will never make is decided anew; one that it may have made is repeated under its token. Throttled counts
                    // as the latter, since an attempt before the throttled one may have got through.
                    if error.retry == Retry::Never {
                        settled.launches.push(launch.token.clone());
                    }
                    complain(fleet, &error, &mut settled);
                }
            }
        }
        let again = settled.again;
        self.settle(fleet, &settled, view).await;
        if let Some(wait) = again {
            self.look_again(&fleet.name, wait).await;
        }
    }

    async fn set_counts(&self, fleet: &Fleet, plan: &Plan, settled: &mut Settled) {
        let mut may_lower = true;
        if !plan.unprotect.is_empty()
            && let Err(error) = self.capacity.unprotect(fleet, &plan.unprotect).await
        {
            may_lower = false;
            complain(fleet, &error, settled);
        }
        for (name, count) in &plan.want {
            if plan.lowers.contains(name) && !may_lower {
                continue;
            }
            match self.capacity.want(fleet, name, *count).await {
                Ok(Wanted::Accepted) => settled.applied.push((name.clone(), *count)),
                // A replaced service that somebody has deleted wants nothing any more.
                Ok(Wanted::NoSuchService) if fleet.service() != Some(name) => {
                    tracing::warn!(fleet = %fleet.name, service = %name, "a replaced service is gone; it is forgotten");
                    settled.forgotten.push(name.clone());
                }
                Ok(Wanted::NoSuchService) => {
                    let error =
                        PortError::bare(format!("setting the desired count of service {name}, which ECS does not have,"), Retry::Never);
                    complain(fleet, &error, settled);
                }
                Err(error) => complain(fleet, &error, settled),
            }
        }
    }

    /// Writes what ECS answered. The view is as it was committed, so that it is one version on; if that is not so any more, it is read again. If all that
    /// was answered is that tasks are launched, only these are written, and the next look forgets their launches. Should only a first part be written, tasks are in
    /// the ledger whose launches are due still: these are repeated under their tokens, and start no second ones.
    async fn settle(&self, fleet: &Fleet, settled: &Settled, mut view: View) {
        if settled.is_empty() {
            return;
        }
        view.committed();
        let mut is_tasks_only = settled.is_tasks_only(&view);
        for _ in 0..CONFLICTS_MAX {
            let now = self.clock.now();
            if is_tasks_only {
                settled.enter_tasks(&mut view, now);
            } else {
                settled.enter(&mut view, now);
            }
            match commit(&self.ledger, &view.writes(), now).await {
                Ok(()) => return,
                Err(CommitError::Failed(error)) => {
                    tracing::error!(fleet = %fleet.name, error = chain(&error), "what ECS answered could not be written; it is asked again");
                    self.look_again(&fleet.name, AFTER_LOST_ANSWER).await;
                    return;
                }
                Err(CommitError::Conflict) => is_tasks_only = false,
            }
            let tasks = settled.tasks.iter().map(|task| Key::Task(fleet.name.clone(), task.id.clone()));
            let keys: Vec<Key> = std::iter::once(Key::Fleet(fleet.name.clone())).chain(tasks).collect();
            view = View::new(fleet.name.clone());
            match self.ledger.read(&keys, now).await {
                Ok(records) => view.add(records),
                Err(error) => {
                    tracing::error!(fleet = %fleet.name, error = chain(&error), "what ECS answered could not be written; it is asked again");
                    break;
                }
            }
        }
        self.look_again(&fleet.name, AFTER_LOST_ANSWER).await;
    }
}

fn complain(fleet: &Fleet, error: &PortError, settled: &mut Settled) {
    settled.again(match error.retry {
        Retry::Throttled => AFTER_THROTTLING,
        Retry::UnknownEffect => AFTER_LOST_ANSWER,
        Retry::Never => AFTER_REFUSAL,
    });
    if error.retry == Retry::Never {
        settled.refused = Some(chain(error));
    }
    metrics::counter!("ScalingFailed").increment(1);
    tracing::error!(fleet = %fleet.name, error = chain(error), "ECS did not do what was asked; the fleet is looked at again");
}
