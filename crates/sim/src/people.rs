//! What people and AWS do in a story: jobs are queued, approved and cancelled; functions and fleets are deployed and changed; Spot takes tasks back.

use crate::book::CLUSTER;
use crate::faults::Fault;
use crate::plan::{Act, JobPlan, ORGANISATION, StoryPlan};
use crate::setting;
use crate::task_host;
use crate::world::World;
use fargate_runners_model_github::{Gate, NewJob};
use serde_json::json;
use std::rc::Rc;

/// How often AWS may take a task, or one may vanish.
const ACCIDENTS: (u64, u64) = (60_000, 600_000);

/// CloudFormation makes a fleet's service first and writes its description some seconds later.
const DESCRIPTION_AFTER: (u64, u64) = (2_000, 20_000);

/// Lives through the plan.
pub async fn live(world: Rc<World>, plan: StoryPlan) {
    let acts_world = Rc::clone(&world);
    let acts = plan.acts.clone();
    world.engine.spawn(async move {
        for (at, act) in acts {
            acts_world.engine.sleep_until(at).await;
            carry_out(&acts_world, act).await;
        }
    });
    let accidents_world = Rc::clone(&world);
    world.engine.spawn(async move { accidents(&accidents_world).await });
    for job in plan.jobs {
        world.engine.sleep_until(job.at).await;
        queue(&world, &job);
    }
}

fn queue(world: &Rc<World>, plan: &JobPlan) {
    let labels: Vec<&str> = plan.labels.iter().map(String::as_str).collect();
    let mut new = NewJob::new(ORGANISATION, plan.repository, &labels).lasting(plan.duration).ending(plan.conclusion);
    if let Some(gate) = plan.gate {
        new = new.gated(Gate::For(gate));
    }
    let now = world.now();
    let id = world.github.borrow_mut().queue_job(now, new);
    world.tell("people", || format!("queue job {} ({}, {} s)", id.0, plan.labels.join("+"), plan.duration / 1000));
    if let Some(after) = plan.cancelled_after {
        let world = Rc::clone(world);
        world.clone().engine.spawn(async move {
            world.engine.sleep(after).await;
            let now = world.now();
            world.tell("people", || format!("cancel job {}", id.0));
            world.github.borrow_mut().cancel_job(now, id);
        });
    }
}

async fn carry_out(world: &Rc<World>, act: Act) {
    world.tell("people", || format!("{act:?}"));
    let now = world.now();
    match act {
        Act::DeployFunctions => world.functions.redeploy(),
        Act::AddFleet(fleet) => deploy(world, fleet).await,
        Act::DeployRevision(name) => {
            let plan = world.book.borrow().plan(&name).cloned();
            if let Some(mut plan) = plan {
                plan.revision += 1;
                deploy(world, plan).await;
            }
        }
        Act::AddLabel(name, label) => {
            let plan = world.book.borrow().plan(&name).cloned();
            if let Some(mut plan) = plan {
                plan.revision += 1;
                plan.labels.push(label);
                deploy(world, plan).await;
            }
        }
        Act::SetMaximum(name, maximum) => {
            let plan = world.book.borrow().plan(&name).cloned();
            if let Some(mut plan) = plan {
                plan.maximum = maximum;
                plan.warm = plan.warm.min(maximum);
                world.book.borrow_mut().describe(now, plan);
            }
        }
        Act::SetDesired(name, count) => {
            let plan = world.book.borrow().plan(&name).cloned();
            if let Some(plan) = plan.filter(|plan| plan.service) {
                let body = json!({"cluster": CLUSTER, "service": plan.service_name(), "desiredCount": count});
                drop(world.ecs.borrow_mut().handle(now, "UpdateService", &body));
            }
        }
        Act::RemoveFleet(name) => remove(world, &name),
    }
}

async fn deploy(world: &Rc<World>, plan: crate::book::FleetPlan) {
    let now = world.now();
    setting::create(&mut world.ecs.borrow_mut(), now, &plan);
    world.engine.sleep(world.between(DESCRIPTION_AFTER.0, DESCRIPTION_AFTER.1)).await;
    let now = world.now();
    world.book.borrow_mut().describe(now, plan);
}

/// A fleet's stack is deleted: its description and rule go, and with its services their tasks.
fn remove(world: &World, name: &str) {
    let now = world.now();
    world.book.borrow_mut().remove(name);
    let mut ecs = world.ecs.borrow_mut();
    let family = format!("task-definition/runners-{name}:");
    let tasks: Vec<String> = ecs.tasks().filter(|task| task.task_definition.contains(&family)).map(|task| task.id.clone()).collect();
    for task in &tasks {
        world.book.borrow_mut().take(task);
        drop(ecs.handle(now, "StopTask", &json!({"cluster": CLUSTER, "task": task, "reason": "the fleet was removed"})));
    }
    let services: Vec<String> =
        ecs.services().filter(|service| service.task_definition.contains(&family)).map(|service| service.name.clone()).collect();
    for service in services {
        drop(ecs.handle(now, "DeleteService", &json!({"cluster": CLUSTER, "service": service, "force": true})));
    }
}

/// Spot takes tasks back, and machines vanish.
async fn accidents(world: &Rc<World>) {
    while world.now() < world.faults.until() {
        world.engine.sleep(world.between(ACCIDENTS.0, ACCIDENTS.1)).await;
        for life in world.hosts.living() {
            if world.strikes(Fault::TaskVanishes) {
                task_host::vanish(world, &life.task_id);
                continue;
            }
            let spot = world.ecs.borrow().task(&life.task_id).is_some_and(|task| task.spot && task.wanted);
            if spot && world.strikes(Fault::SpotInterruption) {
                let now = world.now();
                life.excused.set(true);
                world.ecs.borrow_mut().interrupt(now, &life.task_id);
            }
        }
    }
}
