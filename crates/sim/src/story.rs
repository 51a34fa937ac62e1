//! One story, from its seed to its end: lets time pass in the models and for the actors, and in the end asks whether everything came out as it should.

use crate::end;
use crate::engine::Millis;
use crate::faults::{Fault, Faults, Rate};
use crate::functions;
use crate::oracle::Violation;
use crate::people;
use crate::plan::StoryPlan;
use crate::setting;
use crate::tale::{Line, Tale};
use crate::task_host;
use crate::world::World;
use fargate_runners_model_ecs::{Status, StopCode};
use std::rc::Rc;

/// When every story begins: 2026-01-01, any time that looks like one.
pub const BEGIN: Millis = 1_767_225_600_000;

const HOUR: Millis = 3_600_000;

/// After the last fault a story is looked at this often, to see whether all is quiet.
const LOOK: Millis = 5 * 60_000;

/// Once the last job has ended: runners leave by their leases, GitHub lets go of crashed runners after 10 to 15 minutes, sweeps come every five.
pub const SETTLE: Millis = 2 * HOUR;

/// What GitHub's model does of itself, by its timing and its own chances, so that it cannot be left out: it tests as much as a fault, if it happens.
pub const OF_ITSELF: [&str; 3] = [
    "GitHub is asked about a runner that has a job, and does not call it busy",
    "GitHub deletes a runner to which it has handed out a job",
    "GitHub announces a job as queued that waits behind a gate",
];

/// So long before a job of days ends nothing goes wrong any more: GitHub's log of deliveries, the queues' pauses and the sweeps have time to heal it.
const CALM: Millis = 6 * HOUR;

/// What a story is made from, besides its seed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many jobs.
    pub jobs: u32,
    /// Over how many hours.
    pub hours: u32,
    /// By how much the usual rates of faults are multiplied.
    pub factor: f64,
    /// Faults that have a rate of their own, whatever the factor.
    pub rates: Vec<Rate>,
    /// Faults that never strike.
    pub without: Vec<Fault>,
    /// Whether the tale is told.
    pub told: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { jobs: 200, hours: 6, factor: 1.0, rates: vec![], without: vec![], told: false }
    }
}

/// How a story came out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// The rule that was broken first.
    pub violation: Option<Violation>,
    /// How often each fault struck, in the order of `Fault::ALL`.
    pub struck: Vec<u64>,
    /// What GitHub does of itself in any story, in the order of `OF_ITSELF`, and how often it did.
    pub of_itself: [u64; OF_ITSELF.len()],
    /// How often an actor went on.
    pub steps: u64,
    /// How much each healer healed.
    pub healed: Vec<(&'static str, u64)>,
    /// What happened, if it was told.
    pub lines: Vec<Line>,
}

/// Tells the story of a seed.
#[must_use]
pub fn tell(seed: u64, settings: &Settings) -> Outcome {
    let faults = Faults::new(seed, settings.factor, BEGIN + u64::from(settings.hours) * HOUR);
    settings.rates.iter().for_each(|rate| faults.set(rate.fault, rate.rate));
    settings.without.iter().for_each(|fault| faults.set(*fault, 0.0));
    let plan = StoryPlan::new(seed, settings, &faults);
    if let Some(end) = plan.days_end() {
        faults.go_on(end - CALM);
    }
    let world = Rc::new(setting::world(seed, &plan, faults, Tale::new(settings.told)));
    world.engine.spawn(people::live(Rc::clone(&world), plan.clone()));
    world.engine.spawn(functions::sweep_on_schedule(Rc::clone(&world)));
    // A job that is run once more ends later by as much as it takes until it is lost and somebody looks at its run.
    let again = if plan.retries_interrupted_jobs { u64::from(settings.hours) * HOUR + plan.longest() + SETTLE } else { 0 };
    let quiet_from = world.faults.late_until().max(plan.last_end()) + SETTLE + again;
    run_until(&world, world.faults.until());
    loop {
        // Jobs of days that hold places keep others waiting for longer than the plan foresees: what has begun may end.
        let quiet_from = quiet_from.max(world.busy_until.get() + SETTLE);
        if world.oracle.found().is_some() || end::all_is_quiet(&world) || world.now() >= quiet_from {
            break;
        }
        run_until(&world, world.now() + LOOK);
    }
    end::check(&world);
    world.engine.end();
    debug_assert_eq!(Rc::strong_count(&world), 1, "somebody still holds a world that has ended");
    Outcome {
        seed,
        violation: world.oracle.found(),
        struck: world.faults.struck(),
        of_itself: of_itself(&world),
        steps: world.engine.steps(),
        healed: world.functions.healed(),
        lines: world.tale.lines(),
    }
}

fn of_itself(world: &World) -> [u64; OF_ITSELF.len()] {
    let github = world.github.borrow();
    let struck = |name: &str| github.struck().get(name).copied().unwrap_or_default();
    [world.stale_busy.get(), struck("delete_in_job"), struck("queued_while_waiting")]
}

/// Lets everything happen until a time, or until a rule is broken.
pub(crate) fn run_until(world: &Rc<World>, until: Millis) {
    loop {
        settle(world);
        if world.oracle.found().is_some() || !pass(world, until) {
            return;
        }
    }
}

/// Lets time pass to what is due next. Returns whether anything is, before `until`.
pub(crate) fn pass(world: &World, until: Millis) -> bool {
    let due = [world.engine.next_timer(), world.ecs.borrow().next_due(), world.github.borrow().next_due()];
    let next = due.into_iter().flatten().min().unwrap_or(until).max(world.now());
    if next >= until {
        world.engine.advance(until);
        return false;
    }
    world.engine.advance(next);
    world.ecs.borrow_mut().advance(next);
    world.github.borrow_mut().advance(next);
    true
}

/// Lets everything happen that is due now.
pub(crate) fn settle(world: &Rc<World>) {
    loop {
        let mut any = world.engine.run_ready();
        let commands = world.ecs.borrow_mut().take_commands();
        let events = world.ecs.borrow_mut().take_events();
        let deliveries = world.github.borrow_mut().take_deliveries(world.now());
        any |= !commands.is_empty() || !events.is_empty() || !deliveries.is_empty();
        for command in commands {
            world.oracle.commanded(world, &command);
            task_host::obey(world, command);
        }
        for event in events {
            // The rule of the template lets no others through.
            let warning = event.task.stop_code == Some(StopCode::SpotInterruption) && event.task.last_status == Status::Running;
            if event.task.last_status == Status::Stopped || warning {
                functions::ecs_event(world, event.envelope());
            }
        }
        for outgoing in deliveries {
            functions::deliver(world, outgoing);
        }
        any |= task_host::wake(world);
        if !any {
            return;
        }
    }
}
