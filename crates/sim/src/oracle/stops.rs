//! Whether a task may be ended: only one that was condemned before it registered may be stopped, and a count may fall only where ECS has no task to pick
//! that anybody would miss (R1); and a job runs under protection to its end (R4).

use super::Oracle;
use crate::host::{Call, Function};
use crate::task_host::{Phase, TaskLife};
use crate::world::World;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{ServiceName, TaskId};
use fargate_runners_core::plan::BREAKER_AFTER;
use fargate_runners_core::record::Record;
use fargate_runners_core::task::TaskState;

impl Oracle {
    /// A task is to be stopped.
    pub fn stops(&self, call: &Call, fleet: &Fleet, task: &TaskId) {
        let world = call.world();
        let record = world.ledger.task(&fleet.name, task);
        let condemned = record.is_some_and(|task| task.condemned_at.is_some() && task.registered_at.is_none());
        if !condemned || call.function() != Function::Sweep {
            self.violation(world, "R1", format!("{} stops task {task}, which was not condemned", call.function().name()));
        }
    }

    /// A count of the fleet's current service is to fall. Where boots fail the places of those that boot are taken out on purpose.
    pub(super) fn lowers(&self, world: &World, fleet: &Fleet, service: &ServiceName, count: u32) {
        let current = world.book.borrow().fleet(fleet.name.as_str()).map(|fleet| fleet.task_definition.clone());
        let (mut wanted, mut seen, mut there, mut over_then, mut over_now, mut believed) = (0, 0, 0, 0, 0, Vec::new());
        world.ledger.look(|key, record| match record {
            // A host that goes by an older description takes another service for the current one.
            Record::Fleet(state) if key.fleet() == &fleet.name && state.current == current && state.failed_boots.len() < BREAKER_AFTER => {
                wanted = state.wanted;
                seen = state.counts.idle + state.counts.busy;
                over_then = state.counts.finishing;
            }
            Record::Task(task) if key.fleet() == &fleet.name && task.stop.is_none() => {
                let of_it = task.service.as_ref() == Some(service);
                let is_protected = task.protected_until.is_some_and(|until| until > world.time());
                let is_there = matches!(task.state(), TaskState::Idle | TaskState::Busy);
                over_now += u32::from(task.state() == TaskState::Finishing);
                there += u32::from(is_there || (of_it && is_protected && task.state() == TaskState::Booting));
                if of_it {
                    believed.push(task.task_id.to_string());
                }
            }
            _ => {}
        });
        // Who has reported since the look read its records was there for it, with the job that made it wanted.
        let needed = wanted.saturating_sub(seen.max(there + over_now.saturating_sub(over_then)));
        if needed == 0 {
            return;
        }
        let (ecs, now) = (world.ecs.borrow(), world.now());
        let boots = |id: &str| world.hosts.life(id).is_none_or(|life| life.phase.get() == Phase::Booting);
        let condemned = |id: &str| {
            TaskId::parse(id).is_ok_and(|id| world.ledger.task(&fleet.name, &id).is_some_and(|task| task.condemned_at.is_some()))
        };
        let of_it = ecs.tasks().filter(|task| task.service.as_deref() == Some(service.as_str()) && task.wanted && !task.is_protected(now));
        // Who has ended without a word yet is held for alive, and so nobody knows of the one that boots in its place.
        let unheard = believed.iter().filter(|id| !ecs.task(id).is_some_and(|task| task.wanted)).count();
        let missed = of_it.filter(|task| boots(&task.id) && !condemned(&task.id)).count().saturating_sub(unheard);
        drop(ecs);
        if missed > 0 {
            let text = format!("{service} is to have {count} tasks: ECS may end one of {missed} that boot, and {needed} are needed");
            self.violation(world, "R1", text);
        }
    }

    /// Looks whether every job runs under protection.
    pub fn jobs_are_protected(&self, world: &World) {
        let working = world.hosts.living().into_iter().filter(|life| life.phase.get() == Phase::Running && !life.job_over.get());
        working.for_each(|life| self.job_is_protected(world, &life));
    }

    /// A runner comes to the end of its job.
    pub fn job_over(&self, world: &World, life: &TaskLife) {
        self.job_is_protected(world, life);
    }

    fn job_is_protected(&self, world: &World, life: &TaskLife) {
        let ecs = world.ecs.borrow();
        let Some(task) = ecs.task(&life.task_id) else { return };
        if task.service.is_some() && task.wanted && !task.is_protected(world.now()) {
            drop(ecs);
            self.violation(world, "R4", format!("{} has a job without protection", life.short()));
        }
    }
}
