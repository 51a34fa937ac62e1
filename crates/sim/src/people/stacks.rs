//! Deployments, as CloudFormation carries them out: in its order, with its pauses, and with force where a stack is deleted. And the one thing that somebody
//! does by hand past the stack: to set a desired count.

use crate::book::{CLUSTER, FleetPlan};
use crate::engine::Millis;
use crate::faults::Fault;
use crate::plan::Act;
use crate::setting;
use crate::world::World;
use fargate_runners_model_ecs::Status;
use serde_json::{Value, json};

/// CloudFormation waits a while after each resource that it makes.
const BETWEEN_RESOURCES: (Millis, Millis) = (2_000, 25_000);

/// It asks ECS again when there was no room for a call.
const AGAIN: Millis = 5_000;

/// How often it does, at most.
const TRIES: u32 = 30;

/// Who lowers a maximum looks this often whether more tasks run than the new one admits, and does so in the end in any case.
const RUSH_LOOK: Millis = 10_000;
const RUSH_LOOKS: u32 = 180;

/// Who removes a fleet as the manual says looks this often whether it has tasks, and loses patience in the end.
const LOOK: Millis = 60_000;
const LOOKS: u32 = 90;

/// Carries out one act.
pub(super) async fn carry_out(world: &World, act: Act) {
    world.tell("people", || format!("{act:?}"));
    let plan = act.fleet().and_then(|name| world.book.borrow().plan(name).cloned());
    match (act, plan) {
        (Act::DeployFunctions, _) => world.functions.redeploy(),
        (Act::AddFleet(plan), None) => {
            world.book.borrow_mut().add_rule(plan.name);
            deploy(world, plan).await;
        }
        (Act::DeployRevision(_), Some(plan)) => deploy(world, plan).await,
        (Act::SetLabels(_, labels), Some(plan)) => deploy(world, FleetPlan { labels, ..plan }).await,
        (Act::SetMaximum(_, maximum), Some(plan)) => {
            pause(world).await;
            describe(world, FleetPlan { maximum, warm: plan.warm.min(maximum), ..plan });
        }
        (Act::LowerMaximum(name, maximum), Some(_)) => lower(world, name, maximum).await,
        (Act::SetDesired(_, count), Some(plan)) if plan.service => {
            let service = plan.service_name();
            world.book.borrow_mut().change_by_hand(&service);
            ask(world, "UpdateService", &json!({"cluster": CLUSTER, "service": service, "desiredCount": count})).await;
        }
        (Act::RemoveFleet { drained, .. }, Some(plan)) => {
            if drained {
                drain(world, &plan).await;
            }
            remove(world, &plan).await;
        }
        // The fleet is not there any more, or is there already.
        _ => {}
    }
}

/// Waits for a time at which more runs than the new maximum admits.
async fn lower(world: &World, name: &str, maximum: u32) {
    let runs = |plan: &FleetPlan| tasks_of(world, plan).len() > maximum as usize;
    for _ in 0..RUSH_LOOKS {
        if world.now() >= world.faults.until() || world.book.borrow().plan(name).is_none_or(runs) {
            break;
        }
        world.engine.sleep(RUSH_LOOK).await;
    }
    let Some(plan) = world.book.borrow().plan(name).cloned() else { return };
    if maximum < plan.maximum && runs(&plan) {
        world.struck(Fault::MaximumLowered);
    }
    describe(world, FleetPlan { maximum, warm: plan.warm.min(maximum), ..plan });
}

/// A new revision: the service first, then the description that names it.
async fn deploy(world: &World, plan: FleetPlan) {
    let revision = world.book.borrow_mut().next_revision(plan.name);
    let plan = FleetPlan { revision, ..plan };
    pause(world).await;
    for _ in 0..TRIES {
        let now = world.now();
        let created = setting::create(&mut world.ecs.borrow_mut(), now, &plan);
        if created.is_ok() {
            break;
        }
        world.engine.sleep(AGAIN).await;
    }
    pause(world).await;
    describe(world, plan);
}

fn describe(world: &World, plan: FleetPlan) {
    world.tell("people", || format!("fleet {} is now revision {}, maximum {}, warm {}", plan.name, plan.revision, plan.maximum, plan.warm));
    let now = world.now();
    world.book.borrow_mut().describe(now, plan);
}

/// As the manual says: no warm runners any more, then wait until the fleet has no task.
async fn drain(world: &World, plan: &FleetPlan) {
    describe(world, FleetPlan { warm: 0, ..plan.clone() });
    for _ in 0..LOOKS {
        world.engine.sleep(LOOK).await;
        if tasks_of(world, plan).is_empty() {
            return;
        }
    }
}

/// The last that came is the first to go: the description, then rule and services, then the task definition. What runs in a service ends by force; what was
/// launched without one goes on.
async fn remove(world: &World, plan: &FleetPlan) {
    let now = world.now();
    world.book.borrow_mut().remove(now, plan.name);
    world.tell("people", || format!("the description of fleet {} is gone", plan.name));
    pause(world).await;
    world.book.borrow_mut().remove_rule(plan.name);
    for task in tasks_of(world, plan) {
        world.book.borrow_mut().take(&task);
    }
    for service in services_of(world, plan) {
        ask(world, "DeleteService", &json!({"cluster": CLUSTER, "service": service, "force": true})).await;
    }
    ask(world, "DeregisterTaskDefinition", &json!({"taskDefinition": plan.task_definition()})).await;
    world.tell("people", || format!("fleet {} is gone", plan.name));
}

fn family_of(plan: &FleetPlan) -> String {
    format!("task-definition/runners-{}:", plan.name)
}

fn tasks_of(world: &World, plan: &FleetPlan) -> Vec<String> {
    let family = family_of(plan);
    let ecs = world.ecs.borrow();
    let living = ecs.tasks().filter(|task| task.last_status != Status::Stopped && task.task_definition.contains(&family));
    living.map(|task| task.id.clone()).collect()
}

fn services_of(world: &World, plan: &FleetPlan) -> Vec<String> {
    let family = family_of(plan);
    let ecs = world.ecs.borrow();
    let active = ecs.services().filter(|service| service.status == "ACTIVE" && service.task_definition.contains(&family));
    active.map(|service| service.name.clone()).collect()
}

/// Asks ECS until it has room for the call. That something is not there, or not any more, is no reason to ask again.
async fn ask(world: &World, action: &str, body: &Value) {
    for _ in 0..TRIES {
        let now = world.now();
        let answer = world.ecs.borrow_mut().handle(now, action, body);
        if !answer.is_err_and(|error| error.is_throttling()) {
            return;
        }
        world.engine.sleep(AGAIN).await;
    }
}

async fn pause(world: &World) {
    world.engine.sleep(world.between(BETWEEN_RESOURCES.0, BETWEEN_RESOURCES.1)).await;
}
