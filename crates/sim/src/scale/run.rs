//! Lets jobs come into a world at scale, and watches what becomes of them.

use super::scenery::{Scenery, home};
use crate::engine::Millis;
use crate::functions;
use crate::meter::Counts;
use crate::oracle::Violation;
use crate::story::{BEGIN, run_until};
use crate::world::World;
use fargate_runners_model_ecs::CallCount;
use fargate_runners_model_github::{Job, NewJob, Status};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How often it is watched.
const WATCH: Millis = 5_000;

/// A job that comes.
#[derive(Clone, Copy, Debug)]
pub struct Coming {
    /// So long after the beginning.
    pub at: Millis,
    /// For this fleet.
    pub fleet: u32,
    /// It runs so long.
    pub length: Millis,
}

/// What is to happen.
#[derive(Clone, Debug)]
pub struct Work {
    /// The jobs, in order.
    pub jobs: Vec<Coming>,
    /// Jobs that come earlier are there to fill the world, and are not counted.
    pub counted_from: Millis,
    /// When nobody waits any more for what is still open.
    pub until: Millis,
}

/// One time of the watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// Since the beginning.
    pub at: Millis,
    /// Jobs that wait at GitHub.
    pub queued: u64,
    /// Jobs that run.
    pub running: u64,
    /// The wanted numbers of all fleets.
    pub wanted: u64,
}

/// What became of it.
#[derive(Debug)]
pub struct Outcome {
    /// Of the jobs that count and have started: how long they waited, in order.
    pub waits: Vec<Millis>,
    /// Jobs that count.
    pub jobs: u64,
    /// All jobs, those that filled the world before too: calls and units were counted for all.
    pub all: u64,
    /// Of them, those that never started.
    pub open: u64,
    /// When the last of all ended, or the watch did; since the beginning.
    pub ended: Millis,
    /// What was counted.
    pub counts: Counts,
    /// ECS's own counts of calls, by action.
    pub ecs: BTreeMap<String, CallCount>,
    /// Tasks that ECS started.
    pub tasks: u64,
    /// The course of it.
    pub moments: Vec<Moment>,
    /// The rule that was broken, if any was: then it ends.
    pub violation: Option<Violation>,
}

impl Outcome {
    /// So many hundredths of the jobs waited for no longer.
    #[must_use]
    pub fn wait(&self, percent: usize) -> Option<Millis> {
        let last = self.waits.len().checked_sub(1)?;
        self.waits.get(last * percent / 100).copied()
    }

    /// When the wanted numbers, all together, first reached so many.
    #[must_use]
    pub fn wanted_at(&self, all: u64) -> Option<Millis> {
        let mut changes: Vec<(Millis, &str, u32)> = Vec::new();
        for (fleet, wants) in &self.counts.wanted {
            changes.extend(wants.iter().map(|want| (want.at, fleet.as_str(), want.number)));
        }
        changes.sort_unstable();
        let mut now: BTreeMap<&str, u32> = BTreeMap::new();
        changes.into_iter().find_map(|(at, fleet, wanted)| {
            now.insert(fleet, wanted);
            (now.values().map(|wanted| u64::from(*wanted)).sum::<u64>() >= all).then_some(at - BEGIN)
        })
    }
}

/// Lets it happen.
#[must_use]
pub fn run(scenery: Scenery, work: &Work) -> Outcome {
    let world = Rc::new(scenery.world());
    world.engine.spawn(come(Rc::clone(&world), work.jobs.clone()));
    world.engine.spawn(functions::sweep_on_schedule(Rc::clone(&world)));
    let mut moments = Vec::new();
    while world.now() < BEGIN + work.until && world.oracle.found().is_none() {
        run_until(&world, world.now() + WATCH);
        moments.push(moment(&world));
        let all_came = world.github.borrow().jobs().count() == work.jobs.len();
        if all_came && moments.last().is_some_and(|moment| moment.queued + moment.running == 0) {
            break;
        }
    }
    let outcome = came_of(&world, work, moments);
    world.engine.end();
    outcome
}

async fn come(world: Rc<World>, jobs: Vec<Coming>) {
    for job in jobs {
        world.engine.sleep_until(BEGIN + job.at).await;
        let (owner, repository, label) = home(job.fleet);
        let new = NewJob::new(&owner, repository, &["self-hosted", "linux", &label]).lasting(job.length);
        let now = world.now();
        world.github.borrow_mut().queue_job(now, new);
    }
}

fn moment(world: &World) -> Moment {
    let mut moment = Moment { at: world.now() - BEGIN, ..Moment::default() };
    for job in world.github.borrow().jobs() {
        moment.queued += u64::from(job.status == Status::Queued);
        moment.running += u64::from(job.status == Status::InProgress);
    }
    moment.wanted = world.meter.wanted_now();
    moment
}

fn came_of(world: &World, work: &Work, moments: Vec<Moment>) -> Outcome {
    let github = world.github.borrow();
    let counted = |job: &&Job| job.created_at >= BEGIN + work.counted_from;
    let wait = |job: &Job| Some(job.started_at? - job.queued_at?);
    let mut waits: Vec<Millis> = github.jobs().filter(counted).filter_map(wait).collect();
    waits.sort_unstable();
    let jobs = github.jobs().filter(counted).count() as u64;
    let last = github.jobs().map(|job| job.completed_at.unwrap_or_else(|| world.now())).max();
    Outcome {
        jobs,
        all: github.jobs().count() as u64,
        open: jobs - waits.len() as u64,
        waits,
        ended: last.unwrap_or(BEGIN) - BEGIN,
        counts: world.meter.counts(),
        ecs: world.ecs.borrow().calls().clone(),
        tasks: world.ecs.borrow().tasks_started(),
        moments,
        violation: world.oracle.found(),
    }
}
