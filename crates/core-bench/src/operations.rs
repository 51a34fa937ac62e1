//! The operations that are measured. Each prepares its material for a size, and can then be run again and again; only the run itself is timed, so that what a
//! run changes is made anew in between.

use crate::material::{BATCH, Material, delivery, fleets};
use fargate_runners_core::apply::{apply, take_losses};
use fargate_runners_core::delivery::route;
use fargate_runners_core::plan::plan;
use fargate_runners_core::record::{Record, View};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A prepared operation: runs once, and says how long that took.
pub type Run = Box<dyn FnMut() -> Duration>;

/// Something that is measured at several sizes.
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// What is done, and what the size counts.
    pub what: &'static str,
    /// The sizes.
    pub sizes: &'static [usize],
    /// Prepares it for a size.
    pub prepare: fn(usize) -> Run,
}

/// Jobs that count, each tenth with a runner: up to far more than a fleet of 5,000 tasks should ever have.
const JOBS: &[usize] = &[1_000, 3_000, 10_000, 30_000, 100_000];

/// Fleets of one installation.
const FLEETS: &[usize] = &[10, 30, 100, 300, 1_000];

/// All operations.
pub const ALL: &[Operation] = &[
    Operation { name: "parse", what: "a look: the bodies of all records that count, from JSON; jobs", sizes: JOBS, prepare: parse },
    Operation { name: "view", what: "a look: the view of all records that count; jobs", sizes: JOBS, prepare: view },
    Operation {
        name: "plan",
        what: "a look: demand and plan over all records; jobs, with a tenth as many runners",
        sizes: JOBS,
        prepare: decide,
    },
    Operation { name: "losses", what: "a look: whose jobs went down with their runners; jobs", sizes: JOBS, prepare: losses },
    Operation { name: "writes", what: "a look: what a batch of ten events has changed; jobs", sizes: JOBS, prepare: writes },
    Operation { name: "batch", what: "a batch of ten events into a ledger; jobs in it", sizes: JOBS, prepare: batch },
    Operation {
        name: "history",
        what: "events into an empty ledger: queued, taken, completed, stopped; events",
        sizes: JOBS,
        prepare: history,
    },
    Operation { name: "route", what: "label matching: the fleet of a job; fleets", sizes: FLEETS, prepare: matching },
];

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let (mut work, mut made) = (Some(work), None);
    let began = Instant::now();
    measured(&mut || made = work.take().map(|work| black_box(work())));
    // What was made is dropped after this.
    began.elapsed()
}

/// What is inside is what is measured: a function with a name of its own, by which a profiler finds it.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

fn parse(jobs: usize) -> Run {
    let bodies: Vec<String> =
        Material::new(jobs).records.iter().filter_map(|versioned| serde_json::to_string(&versioned.record).ok()).collect();
    Box::new(move || {
        let parsed = || bodies.iter().filter_map(|body| serde_json::from_str(body).ok()).collect::<Vec<Record>>();
        timed(parsed)
    })
}

fn view(jobs: usize) -> Run {
    let material = Material::new(jobs);
    Box::new(move || {
        let (mut view, records) = (View::new(material.fleet.name.clone()), material.records.clone());
        timed(|| view.add(records))
    })
}

fn decide(jobs: usize) -> Run {
    let material = Material::new(jobs);
    Box::new(move || {
        let mut view = material.view();
        timed(|| plan(&mut view, &material.fleet, "seed", material.now))
    })
}

fn losses(jobs: usize) -> Run {
    let material = Material::new(jobs);
    Box::new(move || {
        let mut view = material.view();
        timed(|| take_losses(&mut view, material.now))
    })
}

fn writes(jobs: usize) -> Run {
    let material = Material::new(jobs);
    let mut view = material.view();
    material.batch().iter().for_each(|event| apply(&mut view, event, &material.stack, material.now));
    Box::new(move || timed(|| view.writes()))
}

fn batch(jobs: usize) -> Run {
    let material = Material::new(jobs);
    let events = material.batch();
    debug_assert_eq!(events.len(), BATCH);
    Box::new(move || {
        let mut view = material.view();
        timed(|| events.iter().for_each(|event| apply(&mut view, event, &material.stack, material.now)))
    })
}

fn history(events: usize) -> Run {
    let material = Material::new(0);
    let events = material.history(events);
    Box::new(move || {
        let mut view = View::new(material.fleet.name.clone());
        timed(|| events.iter().for_each(|event| apply(&mut view, event, &material.stack, material.now)))
    })
}

fn matching(count: usize) -> Run {
    let (fleets, job, stack) = (fleets(count), delivery(count), Material::new(0).stack);
    Box::new(move || timed(|| route(&job, &fleets, &stack)))
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_operation_runs_again_and_again() {
        for operation in ALL {
            let mut run = (operation.prepare)(100);
            run();
            run();
        }
    }
}
