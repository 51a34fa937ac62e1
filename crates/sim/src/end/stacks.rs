//! What people set up and what is there in the end: counts that somebody changed, warm runners, and services that nobody needs any more.

use crate::book::FleetPlan;
use crate::world::World;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::record::Record;
use fargate_runners_model_ecs::Status;

/// Where a fleet is not as its description says (R3).
pub(super) fn not_as_described(world: &World) -> Vec<String> {
    let (book, ecs) = (world.book.borrow(), world.ecs.borrow());
    let mut wrong = Vec::new();
    for fleet in book.all().iter().filter(|fleet| book.has_rule(fleet.name.as_str())) {
        let family = format!("task-definition/runners-{}:", fleet.name);
        let living = ecs.tasks().filter(|task| task.last_status != Status::Stopped && task.task_definition.contains(&family)).count();
        if living < fleet.warm as usize {
            wrong.push(format!("fleet {} has {living} of {} warm runners", fleet.name, fleet.warm));
        }
        let Some(service) = fleet.service() else { continue };
        let desired = ecs.services().find(|known| known.name == service.as_str()).map_or(0, |known| known.desired);
        let meant = meant(world, fleet) as usize;
        if desired != meant {
            wrong.push(format!("{service} is to have {desired} tasks, and {meant} are meant"));
        }
    }
    wrong
}

/// The desired count that `scale` has decided on for the fleet's current service.
fn meant(world: &World, fleet: &Fleet) -> u32 {
    let mut meant = 0;
    world.ledger.look(|key, record| {
        if let Record::Fleet(state) = record
            && key.fleet() == &fleet.name
        {
            meant = fleet.service().and_then(|service| state.services.get(service)).map_or(0, |known| known.desired);
        }
    });
    meant
}

/// Services of revisions that a described fleet has no more.
pub(super) fn replaced_services(world: &World) -> Vec<String> {
    let (book, ecs) = (world.book.borrow(), world.ecs.borrow());
    let mut left = Vec::new();
    for plan in book.all().iter().filter_map(|fleet| book.plan(fleet.name.as_str())) {
        let prefix = format!("{}-", FleetPlan::family(plan));
        let own = |name: &str| name.strip_prefix(&prefix).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let replaced = ecs.services().filter(|known| known.status == "ACTIVE" && own(&known.name) && known.name != plan.service_name());
        left.extend(replaced.map(|known| format!("service {}", known.name)));
    }
    left
}
