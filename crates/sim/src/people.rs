//! What people do in a story: jobs are queued, approved and cancelled; functions are deployed, and the fleets' stacks. What AWS does to tasks of its own
//! accord is in `accidents`. Nobody here does what the control plane should do.

mod accidents;
mod stacks;

use crate::engine::Millis;
use crate::plan::{Act, CancelPlan, GROUP_CHOSEN, GatePlan, JobPlan, REPOSITORIES, StoryPlan, is_chosen};
use crate::world::World;
use fargate_runners_core::labels::Labels;
use fargate_runners_model_github::{Gate, Job, JobId, NewJob, Status};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How often somebody looks whether a job runs by now that they want to cancel.
const LOOK: Millis = 20_000;

/// How often they look before they lose interest: a day.
const LOOKS: u32 = 4_320;

/// Who sees a job wait that ran before loses patience after this.
const PATIENCE: Millis = 30 * 60_000;

/// Lives through the plan.
pub async fn live(world: Rc<World>, plan: StoryPlan) {
    accidents::begin(&world, &plan);
    let mut of_stacks: BTreeMap<Option<&'static str>, Vec<(Millis, Act)>> = BTreeMap::new();
    for (at, act) in plan.acts {
        of_stacks.entry(act.fleet()).or_default().push((at, act));
    }
    for acts in of_stacks.into_values() {
        // One deployment of a stack at a time; another one waits for it.
        let world = Rc::clone(&world);
        world.clone().engine.spawn(async move {
            for (at, act) in acts {
                world.engine.sleep_until(at).await;
                stacks::carry_out(&world, act).await;
            }
        });
    }
    for job in plan.jobs {
        world.engine.sleep_until(job.at).await;
        queue(&world, &job);
    }
}

fn queue(world: &Rc<World>, plan: &JobPlan) {
    let labels = plan.labels.iter().map(|label| if plan.in_capitals { label.to_uppercase() } else { (*label).to_owned() }).collect();
    let gate = match plan.gate {
        None => Gate::None,
        Some(GatePlan::Timer(length)) => Gate::For(length),
        Some(GatePlan::ApprovedAfter(_)) => Gate::UntilApproved,
    };
    let new = NewJob { labels, ..NewJob::new(plan.repository.owner, plan.repository.name, &[]) };
    let new = new.lasting(plan.duration).ending(plan.conclusion).gated(gate);
    let now = world.now();
    let id = world.github.borrow_mut().queue_job(now, new);
    world.tell("people", || {
        let (repository, labels, seconds) = (plan.repository, plan.labels.join("+"), plan.duration / 1000);
        let gate = plan.gate.map(|gate| format!(", behind a gate: {gate:?}")).unwrap_or_default();
        format!("queue job {id} of {}/{} ({labels}, {seconds} s{gate})", repository.owner, repository.name)
    });
    if let Some(GatePlan::ApprovedAfter(after)) = plan.gate {
        later(world, after, move |world| {
            world.tell("people", || format!("approve job {id}"));
            let now = world.now();
            world.github.borrow_mut().approve_job(now, id);
        });
    }
    match plan.cancel {
        None => {}
        Some(CancelPlan::AfterQueued(after)) => later(world, after, move |world| cancel(world, id)),
        Some(CancelPlan::AfterStarted(after)) => {
            let world = Rc::clone(world);
            world.clone().engine.spawn(async move { cancel_once_it_runs(&world, id, after).await });
        }
    }
}

/// Somebody cancels those of the jobs, in the end, that a runner group keeps out of a fleet which they fit: when a job runs once more, it may come to
/// another fleet than before.
pub(crate) fn watch_for_the_kept_out<'a>(world: &Rc<World>, jobs: impl Iterator<Item = &'a Job>) {
    let book = world.book.borrow();
    for job in jobs.filter(|job| job.status == Status::Queued) {
        let chosen = REPOSITORIES.iter().any(|known| (known.owner, known.name) == (&job.owner, &job.name) && is_chosen(known));
        let Ok(labels) = Labels::parse(job.labels.iter().map(String::as_str)) else { continue };
        if !chosen && book.all().iter().any(|fleet| fleet.runner_group_id == GROUP_CHOSEN && fleet.labels.fit(&labels)) {
            let id = job.id;
            later(world, PATIENCE, move |world| {
                if world.github.borrow().job(id).is_some_and(|job| job.status == Status::Queued) {
                    cancel(world, id);
                }
            });
        }
    }
}

fn later(world: &Rc<World>, after: Millis, act: impl FnOnce(&World) + 'static) {
    let world = Rc::clone(world);
    world.clone().engine.spawn(async move {
        world.engine.sleep(after).await;
        act(&world);
    });
}

async fn cancel_once_it_runs(world: &World, id: JobId, after: Millis) {
    for _ in 0..LOOKS {
        let status = world.github.borrow().job(id).map(|job| job.status);
        match status {
            Some(Status::Waiting | Status::Queued) => world.engine.sleep(LOOK).await,
            Some(Status::InProgress) => {
                world.engine.sleep(after).await;
                return cancel(world, id);
            }
            Some(Status::Completed) | None => return,
        }
    }
}

fn cancel(world: &World, id: JobId) {
    let open = world.github.borrow().job(id).is_some_and(|job| job.status != Status::Completed);
    if open {
        world.tell("people", || format!("cancel job {id}"));
        let now = world.now();
        world.github.borrow_mut().cancel_job(now, id);
    }
}

#[cfg(test)]
mod tests;
