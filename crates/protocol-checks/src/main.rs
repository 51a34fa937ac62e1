//! Checks the three protocols within bounds that end in two minutes, and prints what was covered.

use fargate_runners_protocol_checks::check::{Outcome, check};
use fargate_runners_protocol_checks::claim::Claim;
use fargate_runners_protocol_checks::lease::Leases;
use fargate_runners_protocol_checks::writer::Writer;
use fargate_runners_protocol_checks::{claim, lease, writer};
use std::process::ExitCode;
use std::time::Duration;

/// No check takes longer than this; one that is cut off counts as failed.
const MOST: Duration = Duration::from_secs(300);

/// As many as the smallest machines have that run this.
const THREADS: usize = 2;

fn main() -> ExitCode {
    let claims = [false, true].map(|launched| claim::Bounds {
        asks: 3,
        acks: 2,
        strangers: 1,
        sweeps: 1,
        faults: 2,
        periods: 1,
        at_once: 2,
        launched,
    });
    let leases = [
        lease::Bounds { idle: 1, maximum: 2, jobs: 2, faults: 0, looks_fail: false, at_once: 1 },
        lease::Bounds { idle: 1, maximum: 1, jobs: 1, faults: 1, looks_fail: false, at_once: 1 },
        lease::Bounds { idle: 1, maximum: 3, jobs: 2, faults: 0, looks_fail: false, at_once: 1 },
        lease::Bounds { idle: 2, maximum: 2, jobs: 1, faults: 1, looks_fail: false, at_once: 1 },
        lease::Bounds { idle: 1, maximum: 2, jobs: 1, faults: 1, looks_fail: true, at_once: 1 },
    ];
    let writers = [
        writer::Bounds { fleets: 1, jobs: 1, maximum: 1, faults: 1 },
        writer::Bounds { fleets: 1, jobs: 2, maximum: 1, faults: 0 },
        writer::Bounds { fleets: 1, jobs: 2, maximum: 2, faults: 0 },
        writer::Bounds { fleets: 1, jobs: 3, maximum: 2, faults: 0 },
        writer::Bounds { fleets: 1, jobs: 3, maximum: 3, faults: 0 },
        writer::Bounds { fleets: 2, jobs: 2, maximum: 1, faults: 0 },
    ];
    let mut good = true;
    let tell = |good: &mut bool, outcome: Outcome| {
        println!("{outcome}");
        *good &= outcome.is_good();
    };
    for bounds in claims {
        tell(&mut good, run(format!("claim, {bounds:?}"), Claim::new(bounds, None, None)));
    }
    for bounds in leases {
        tell(&mut good, run(format!("lease, {bounds:?}"), Leases::new(bounds, None, None)));
    }
    for bounds in writers {
        tell(&mut good, run(format!("single writer, {bounds:?}"), Writer::new(bounds, None, None)));
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run<M>(name: String, model: M) -> Outcome
where
    M: stateright::Model + Send + Sync + 'static,
    M::State: std::fmt::Debug + Clone + PartialEq + std::hash::Hash + Send + Sync + 'static,
    M::Action: std::fmt::Debug + Clone + PartialEq,
{
    check(name, model, THREADS, MOST)
}
