//! What a story is about, as plain data from its seed: fleets, jobs, and what people do in the middle.

use crate::book::FleetPlan;
use crate::engine::Millis;
use crate::faults::{Fault, Faults};
use crate::story::{BEGIN, Settings};
use fargate_runners_model_github::{Conclusion, Job};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// The organisation, and its repositories; the last one is public.
pub const ORGANISATION: &str = "octo-org";
/// See `ORGANISATION`.
pub const REPOSITORIES: [&str; 3] = ["app", "site", "open"];

/// A job of a story.
#[derive(Clone, Debug)]
pub struct JobPlan {
    /// When it is queued.
    pub at: Millis,
    /// In which repository.
    pub repository: &'static str,
    /// What it asks of a runner.
    pub labels: Vec<String>,
    /// How long it runs.
    pub duration: Millis,
    /// How it ends if it is let.
    pub conclusion: Conclusion,
    /// Behind an environment's gate for so long.
    pub gate: Option<Millis>,
    /// Cancelled so long after it was queued.
    pub cancelled_after: Option<Millis>,
}

/// Something that people do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// New function versions.
    DeployFunctions,
    /// A new task definition for a fleet.
    DeployRevision(String),
    /// A fleet more.
    AddFleet(FleetPlan),
    /// A fleet less.
    RemoveFleet(String),
    /// Another maximum.
    SetMaximum(String, u32),
    /// One more label.
    AddLabel(String, String),
    /// Another desired count for a fleet's current service, by hand.
    SetDesired(String, u32),
}

/// A story.
#[derive(Clone, Debug)]
pub struct StoryPlan {
    /// The fleets at the start.
    pub fleets: Vec<FleetPlan>,
    /// The jobs, by time.
    pub jobs: Vec<JobPlan>,
    /// What people do, by time.
    pub acts: Vec<(Millis, Act)>,
}

impl StoryPlan {
    /// The plan of a seed.
    #[must_use]
    pub fn new(seed: u64, settings: &Settings, faults: &Faults) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1));
        let length = u64::from(settings.hours) * HOUR;
        let names = ["alpha", "alpha-big", "beta", "gamma"];
        let count = chance.usize(1..=3);
        let fleets: Vec<FleetPlan> = names[..count].iter().map(|name| fleet(name, &mut chance)).collect();
        let mut jobs: Vec<JobPlan> = Vec::new();
        while jobs.len() < settings.jobs as usize {
            // A burst, a few, or one.
            let size = match chance.u32(0..10) {
                0 => chance.usize(20..=80),
                1..=3 => chance.usize(3..=15),
                _ => 1,
            };
            let at = BEGIN + MINUTE + chance.u64(0..length.saturating_sub(MINUTE).max(1));
            for _ in 0..size.min(settings.jobs as usize - jobs.len()) {
                jobs.push(job(at + chance.u64(0..5_000), &fleets, faults, &mut chance));
            }
        }
        jobs.sort_by_key(|job| job.at);
        let mut acts = acts(&fleets, length, faults, &mut chance);
        acts.sort_by_key(|(at, _)| *at);
        Self { fleets, jobs, acts }
    }

    /// When the last job would be over if each ran alone at once.
    #[must_use]
    pub fn last_end(&self) -> Millis {
        let longest_queue = self.jobs.iter().map(|job| job.duration).sum::<Millis>();
        let last = self.jobs.iter().map(|job| job.at + job.duration + job.gate.unwrap_or(0)).max().unwrap_or(BEGIN);
        // Fleets have few runners and many jobs: all jobs one after the other on each fleet's fewest runners is the most that can be.
        let fewest = self.fleets.iter().map(|fleet| u64::from(fleet.maximum.max(1))).min().unwrap_or(1);
        last + longest_queue / fewest
    }

    /// Whether nobody is to run this job although a fleet has its labels: its repository is public.
    #[must_use]
    pub fn is_left_waiting(&self, job: &Job) -> bool {
        job.name == REPOSITORIES[2]
    }
}

fn fleet(name: &str, chance: &mut fastrand::Rng) -> FleetPlan {
    let labels = match name {
        "alpha" => vec!["self-hosted", "linux", "x64"],
        "alpha-big" => vec!["self-hosted", "linux", "x64", "big"],
        "beta" => vec!["self-hosted", "beta"],
        _ => vec!["self-hosted", "gamma"],
    };
    FleetPlan {
        name: name.to_owned(),
        scope: if name == "beta" && chance.bool() { format!("repo/{ORGANISATION}/app") } else { format!("org/{ORGANISATION}") },
        labels: labels.into_iter().map(str::to_owned).collect(),
        service: chance.u32(0..10) < 6,
        maximum: *chance.choice(&[2, 5, 10, 30, 60]).unwrap_or(&10),
        warm: *chance.choice(&[0, 0, 0, 1, 2]).unwrap_or(&0),
        spot_percent: *chance.choice(&[0, 50, 100]).unwrap_or(&0),
        lease_seconds: *chance.choice(&[30, 60, 120, 300]).unwrap_or(&60),
        revision: 1,
    }
}

fn job(at: Millis, fleets: &[FleetPlan], faults: &Faults, chance: &mut fastrand::Rng) -> JobPlan {
    let labels = match chance.u32(0..100) {
        0..=2 => vec!["ubuntu-latest".to_owned()],
        3..=4 => vec!["self-hosted".to_owned(), "nobody-has-this".to_owned()],
        5..=14 => vec!["self-hosted".to_owned()],
        _ => chance.choice(fleets).map(|fleet| fleet.labels.clone()).unwrap_or_default(),
    };
    // From seconds to two hours, most of them minutes.
    let minutes = [1, 1, 2, 3, 5, 8, 15, 30, 120];
    let most = minutes[chance.usize(0..minutes.len())] * MINUTE;
    let of_days = faults.strikes(Fault::JobOfDays, BEGIN);
    let repository =
        if labels.iter().any(|label| label == "beta") { REPOSITORIES[0] } else { REPOSITORIES[[0, 0, 0, 1, 1, 2][chance.usize(0..6)]] };
    JobPlan {
        at,
        repository,
        labels,
        duration: if of_days { 5 * 24 * HOUR } else { chance.u64(3_000..=most) },
        conclusion: if chance.u32(0..10) == 0 { Conclusion::Failure } else { Conclusion::Success },
        gate: (chance.u32(0..25) == 0).then(|| chance.u64(MINUTE..=60 * MINUTE)),
        cancelled_after: (chance.u32(0..20) == 0).then(|| chance.u64(1_000..=20 * MINUTE)),
    }
}

fn acts(fleets: &[FleetPlan], length: Millis, faults: &Faults, chance: &mut fastrand::Rng) -> Vec<(Millis, Act)> {
    let mut acts = Vec::new();
    let mut add = |fault: Fault, chance: &mut fastrand::Rng, act: &mut dyn FnMut(&mut fastrand::Rng, String) -> Act| {
        if faults.strikes(fault, BEGIN) {
            let name = chance.choice(fleets).map(|fleet| fleet.name.clone()).unwrap_or_default();
            let at = BEGIN + chance.u64(length / 8..length * 7 / 8);
            let act = act(chance, name);
            acts.push((at, act));
        }
    };
    add(Fault::FunctionsDeployed, chance, &mut |_, _| Act::DeployFunctions);
    add(Fault::RevisionDeployed, chance, &mut |_, name| Act::DeployRevision(name));
    add(Fault::FleetAdded, chance, &mut |chance, _| Act::AddFleet(fleet("gamma", chance)));
    add(Fault::FleetRemoved, chance, &mut |_, name| Act::RemoveFleet(name));
    add(Fault::MaximumLowered, chance, &mut |chance, name| Act::SetMaximum(name, chance.u32(1..=4)));
    add(Fault::LabelsChanged, chance, &mut |_, name| Act::AddLabel(name, "more".to_owned()));
    add(Fault::DesiredChanged, chance, &mut |chance, name| Act::SetDesired(name, chance.u32(0..=12)));
    acts
}
