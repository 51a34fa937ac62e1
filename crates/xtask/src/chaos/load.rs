//! The jobs of a run: some all the time, and bursts in between, for both fleets and for nobody of ours.

use std::time::Duration;

use fargate_runners_model_github::{Conclusion, NewJob};

use crate::jobs;
use crate::stack::{FLEETS, Fleet, ORGANIZATION, PRIVATE_REPOSITORY, PUBLIC_REPOSITORY};

/// From one single job to the next, in milliseconds.
const SINGLES_MS: (u64, u64) = (1_000, 4_000);

/// From one burst to the next, in milliseconds.
const BURSTS_MS: (u64, u64) = (15_000, 30_000);

/// Jobs of a burst.
const BURST: (u64, u64) = (4, 9);

/// The shortest and the longest job, in milliseconds.
const JOB_MS: (u64, u64) = (1_000, 60_000);

/// Most jobs are short: the higher this is, the more of them.
const SHORTNESS: i32 = 4;

/// One in so many jobs fails by itself, which is nobody's fault here.
const ONE_FAILS_IN: u64 = 10;

/// A job is cancelled within so many milliseconds, before it has begun as a rule, or after.
const CANCELLED_SOON_MS: (u64, u64) = (200, 1_500);
const CANCELLED_LATE_MS: (u64, u64) = (4_000, 10_000);

/// A job that is cancelled late lasts longer than that.
const LATE_JOB_MS: u64 = 20_000;

/// The labels of runners that nobody here has.
const UNKNOWN_LABELS: [&str; 3] = ["self-hosted", "linux", "gpu"];

/// What is special about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Ours,
    /// Somebody cancels it.
    Cancelled,
    /// Of a public repository, which the fleets do not serve.
    Public,
    /// For a runner that nobody has.
    Foreign,
    /// For a runner of GitHub's own.
    Hosted,
}

impl Kind {
    /// A word on it for the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Cancelled => "to be cancelled",
            Self::Public => "of a public repository",
            Self::Foreign => "with labels that no fleet has",
            Self::Hosted => "GitHub-hosted",
        }
    }
}

/// One job of the plan.
pub type Planned = jobs::Planned<Kind>;

/// The jobs of a run, in order.
pub fn draw(seed: u64, length: Duration) -> Vec<Planned> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut plan = Vec::new();
    let mut at = Duration::ZERO;
    let mut burst_at = Duration::from_secs(2);
    while at < length {
        if burst_at <= at {
            let fleet = random.usize(..FLEETS.len());
            let jobs = random.u64(BURST.0..=BURST.1);
            plan.extend((0..jobs).map(|_| planned(at, Kind::Ours, &FLEETS[fleet], &mut random)));
            burst_at += Duration::from_millis(random.u64(BURSTS_MS.0..=BURSTS_MS.1));
        }
        let fleet = random.usize(..FLEETS.len());
        let kind = kind(&mut random);
        plan.push(planned(at, kind, &FLEETS[fleet], &mut random));
        at += Duration::from_millis(random.u64(SINGLES_MS.0..=SINGLES_MS.1));
    }
    plan
}

fn kind(random: &mut fastrand::Rng) -> Kind {
    match random.u8(..24) {
        0 => Kind::Public,
        1 => Kind::Foreign,
        2 => Kind::Hosted,
        3..=6 => Kind::Cancelled,
        _ => Kind::Ours,
    }
}

fn planned(at: Duration, kind: Kind, fleet: &'static Fleet, random: &mut fastrand::Rng) -> Planned {
    let fleet = matches!(kind, Kind::Ours | Kind::Cancelled | Kind::Public).then_some(fleet);
    let labels = match kind {
        Kind::Hosted => &["ubuntu-latest"][..],
        Kind::Foreign => &UNKNOWN_LABELS[..],
        Kind::Ours | Kind::Cancelled | Kind::Public => fleet.map_or(&[][..], |fleet| &fleet.labels[..]),
    };
    let repository = if kind == Kind::Public { PUBLIC_REPOSITORY } else { PRIVATE_REPOSITORY };
    let late = kind == Kind::Cancelled && random.bool();
    let range = if late { CANCELLED_LATE_MS } else { CANCELLED_SOON_MS };
    let cancelled_at = (kind == Kind::Cancelled).then(|| at + Duration::from_millis(random.u64(range.0..=range.1)));
    let duration = if late { LATE_JOB_MS } else { duration_ms(random) };
    let conclusion = if random.u64(..ONE_FAILS_IN) == 0 { Conclusion::Failure } else { Conclusion::Success };
    let job = NewJob::new(ORGANIZATION, repository, labels).lasting(duration).ending(conclusion);
    Planned { kind, fleet, at, cancelled_at, job }
}

fn duration_ms(random: &mut fastrand::Rng) -> u64 {
    let (shortest, longest) = JOB_MS;
    let spread = Duration::from_millis(longest - shortest).mul_f64(random.f64().powi(SHORTNESS));
    shortest + u64::try_from(spread.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_minutes_have_jobs_of_every_kind_for_every_fleet() {
        let plan = draw(1, Duration::from_secs(180));
        assert!((60..300).contains(&plan.len()), "{} jobs", plan.len());
        for kind in [Kind::Ours, Kind::Cancelled, Kind::Public, Kind::Foreign, Kind::Hosted] {
            assert!(plan.iter().any(|planned| planned.kind == kind), "{kind:?}");
        }
        for fleet in FLEETS {
            assert!(plan.iter().any(|planned| planned.fleet.is_some_and(|found| found.name == fleet.name)));
        }
        assert!(plan.iter().all(|planned| (JOB_MS.0..=JOB_MS.1).contains(&planned.job.duration_ms)));
    }

    #[test]
    fn a_seed_is_a_plan() {
        let of = |seed| draw(seed, Duration::from_secs(60)).iter().map(|planned| (planned.at, planned.job.duration_ms)).collect::<Vec<_>>();
        assert_eq!(of(5), of(5));
        assert_ne!(of(5), of(6));
    }
}
