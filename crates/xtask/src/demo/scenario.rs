//! The jobs of a demo: how many, of which kind, for which fleet, and how each should end.

use std::time::Duration;

use fargate_runners_model_github::{Action, Conclusion, Fault, NewJob};

use crate::jobs;
use crate::stack::{FLEETS, LaunchMode, ORGANIZATION, PRIVATE_REPOSITORY, PUBLIC_REPOSITORY};

/// The shortest job, and the spread above it: long enough to watch, short enough to wait for.
const JOB_MILLISECONDS: (u64, u64) = (1_500, 3_000);

/// A job is cancelled this long after it was queued: its task is still on its way.
const CANCELLED_AFTER: Duration = Duration::from_millis(700);

/// Between two jobs that come one by one.
const BETWEEN_SINGLES: Duration = Duration::from_millis(1_500);

/// The titles of the jobs, over and over.
const TITLES: [&str; 8] = ["build", "lint", "unit tests", "docs", "package", "integration tests", "benchmarks", "deploy preview"];

/// What is special about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Queued together with others.
    Burst,
    /// Queued by itself.
    Single,
    /// Cancelled before any runner took it.
    Cancelled,
    /// Its `queued` delivery comes twice.
    Repeated,
    /// Its `in_progress` delivery comes after its `completed`.
    OutOfOrder,
    /// Of a public repository, which the fleets do not serve.
    Public,
    /// For a runner of GitHub's own.
    Hosted,
}

/// How a job should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It runs on a runner of ours, and ends well.
    Runs,
    /// It never starts, because it was cancelled.
    NeverStarts,
    /// It is not ours to run, and no runner of ours takes it: it stays in GitHub's queue.
    StaysQueued,
    /// It runs on a runner of GitHub's.
    RunsElsewhere,
}

/// One job of the plan.
pub type Planned = jobs::Planned<Kind>;

impl Kind {
    /// How a job of this kind should end.
    pub fn expected(self) -> Expected {
        match self {
            Self::Burst | Self::Single | Self::Repeated | Self::OutOfOrder => Expected::Runs,
            Self::Cancelled => Expected::NeverStarts,
            Self::Public => Expected::StaysQueued,
            Self::Hosted => Expected::RunsElsewhere,
        }
    }

    /// A word on it for the table.
    pub fn remark(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Single => "",
            Self::Cancelled => "to be cancelled",
            Self::Repeated => "delivered twice",
            Self::OutOfOrder => "delivered out of order",
            Self::Public => "public repository",
            Self::Hosted => "GitHub-hosted",
        }
    }
}

/// With so many jobs or more, there is one of each kind.
pub const ALL_KINDS: usize = SPECIAL.len() + 1;

/// The kinds besides the burst, in the order in which they come.
const SPECIAL: [Kind; 8] =
    [Kind::Single, Kind::Repeated, Kind::Cancelled, Kind::Single, Kind::OutOfOrder, Kind::Public, Kind::Hosted, Kind::Single];

/// Some of everything: singles and specials for the fleet in `service` mode one by one, and all others in one burst for the fleet in `tasks` mode.
pub fn mixed(jobs: usize, seed: u64) -> Vec<Planned> {
    let special = SPECIAL.len().min(jobs);
    let mut plan: Vec<Planned> = (special..jobs).map(|_| planned(Kind::Burst, Duration::ZERO)).collect();
    for (index, kind) in SPECIAL.into_iter().take(jobs).enumerate() {
        // The one that is cancelled comes with the first: later, a runner that was started for another might take it within that time.
        let place = if kind == Kind::Cancelled { 0 } else { index };
        plan.push(planned(kind, BETWEEN_SINGLES * u32::try_from(place).unwrap_or_default()));
    }
    finish(plan, seed, None)
}

/// All jobs at once, for one fleet.
pub fn burst(jobs: usize, seed: u64, mode: LaunchMode) -> Vec<Planned> {
    let plan = (0..jobs).map(|_| planned(Kind::Burst, Duration::ZERO)).collect();
    finish(plan, seed, Some(mode))
}

fn planned(kind: Kind, at: Duration) -> Planned {
    let cancelled_at = (kind == Kind::Cancelled).then_some(at + CANCELLED_AFTER);
    Planned { kind, fleet: None, at, cancelled_at, job: NewJob::new(ORGANIZATION, PRIVATE_REPOSITORY, &[]) }
}

fn finish(mut plan: Vec<Planned>, seed: u64, mode: Option<LaunchMode>) -> Vec<Planned> {
    let mut random = seed;
    for (index, planned) in plan.iter_mut().enumerate() {
        random = next(random);
        let (shortest, spread) = JOB_MILLISECONDS;
        let mode = mode.unwrap_or(if planned.kind == Kind::Burst { LaunchMode::Tasks } else { LaunchMode::Service });
        let fleet = FLEETS.iter().find(|fleet| fleet.mode == mode).filter(|_| planned.kind != Kind::Hosted);
        let labels = fleet.map_or(&["ubuntu-latest"][..], |fleet| &fleet.labels[..]);
        let repository = if planned.kind == Kind::Public { PUBLIC_REPOSITORY } else { PRIVATE_REPOSITORY };
        let job = NewJob::new(ORGANIZATION, repository, labels).titled(TITLES[index % TITLES.len()]).lasting(shortest + random % spread);
        planned.fleet = fleet;
        planned.job = match planned.kind {
            Kind::Repeated => job.tampered(Action::Queued, Fault::Repeat),
            Kind::OutOfOrder => job.tampered(Action::InProgress, Fault::AfterNext),
            _ => job,
        };
        planned.job.conclusion = Conclusion::Success;
    }
    plan
}

/// The next of a sequence of numbers that looks random (SplitMix64).
fn next(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_jobs_are_a_burst_of_twelve_and_one_of_each_kind() {
        let plan = mixed(20, 1);
        let count = |kind| plan.iter().filter(|planned| planned.kind == kind).count();
        assert_eq!(plan.len(), 20);
        assert_eq!(count(Kind::Burst), 12);
        assert_eq!(count(Kind::Single), 3);
        for kind in [Kind::Cancelled, Kind::Repeated, Kind::OutOfOrder, Kind::Public, Kind::Hosted] {
            assert_eq!(count(kind), 1, "{kind:?}");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_jobs() {
        let durations = |seed| mixed(9, seed).iter().map(|planned| planned.job.duration_ms).collect::<Vec<_>>();
        assert_eq!(durations(7), durations(7));
        assert_ne!(durations(7), durations(8));
    }
}
