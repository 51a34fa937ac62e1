//! What AWS does to tasks of its own accord: Spot takes them, hosts are retired, or a task is just gone. And the end of what GitHub's model does wrong.

use crate::engine::Millis;
use crate::faults::Fault;
use crate::plan::StoryPlan;
use crate::task_host::{self, TaskLife};
use crate::world::World;
use std::rc::Rc;

/// A fault's rate is how likely it strikes a task within so long: what an ordinary job takes.
const WITHIN: Millis = 10 * 60_000;

/// How many tasks more than the maxima say there may be: what somebody set by hand, what is being replaced.
const BEYOND_MAXIMA: u64 = 10;

type Strike = fn(&World, &TaskLife) -> bool;

/// Sets them going.
pub(super) fn begin(world: &Rc<World>, plan: &StoryPlan) {
    let places = plan.all_fleets().map(|fleet| u64::from(fleet.maximum)).sum::<u64>() + BEYOND_MAXIMA;
    let kinds: [(Fault, Strike); 3] = [
        (Fault::SpotInterruption, |world, life| {
            let spot = world.ecs.borrow().task(&life.task_id).is_some_and(|task| task.spot);
            let now = world.now();
            spot && world.ecs.borrow_mut().interrupt(now, &life.task_id)
        }),
        (Fault::TaskRetired, |world, life| {
            let now = world.now();
            world.ecs.borrow_mut().retire(now, &life.task_id)
        }),
        (Fault::TaskVanishes, |world, life| {
            task_host::vanish(world, &life.task_id);
            true
        }),
    ];
    for (fault, strike) in kinds {
        let world = Rc::clone(world);
        world.clone().engine.spawn(async move { strike_now_and_then(&world, fault, places, strike).await });
    }
    let world = Rc::clone(world);
    world.clone().engine.spawn(async move {
        world.engine.sleep_until(world.faults.until()).await;
        world.github.borrow_mut().config_mut().faults.stale_runner = 0.0;
    });
}

/// Rings as often as it would have to with all places taken, and strikes whoever is in the place that it draws, if anybody is: so that each task has the same
/// chance at any time, however many there are, and nobody is counted but at a ring.
async fn strike_now_and_then(world: &World, fault: Fault, places: u64, strike: Strike) {
    let rate = world.faults.rate(fault);
    if rate <= 0.0 {
        return;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "some seconds or hours")]
    let mean = (WITHIN as f64 / rate / places as f64) as Millis;
    loop {
        world.engine.sleep(world.faults.between(fault, 1, 2 * mean.max(1))).await;
        if world.now() >= world.faults.until() {
            return;
        }
        let place = usize::try_from(world.faults.between(fault, 0, places - 1)).unwrap_or(usize::MAX);
        let living = world.hosts.living();
        let Some(life) = living.get(place) else { continue };
        if strike(world, life) {
            life.excused.set(true);
            world.faults.count(fault);
            world.tell("fault", || format!("{}: {}", fault.text(), life.short()));
        }
    }
}
