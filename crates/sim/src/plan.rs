//! What a story is about, as plain data from its seed: fleets, jobs, what people do in the middle, and which of ECS's undocumented habits it shows. It is
//! made before anything happens and never changes; leaving a fault out changes as little as possible of the rest.

mod acts;
mod fleets;
mod jobs;

pub use crate::book::FleetPlan;

use crate::engine::Millis;
use crate::faults::Faults;
use crate::story::{BEGIN, Settings};
use fargate_runners_model_ecs::{BlockedReading, ScaleIn};
use fargate_runners_model_github::Conclusion;

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// What a job takes of its runner's time besides itself: the boot, the registration, the end.
const AROUND_A_JOB: Millis = 150_000;

/// The organisations.
pub const ORGANISATIONS: [&str; 2] = ["octo-org", "hexo-org"];

/// A repository.
#[derive(Debug, PartialEq, Eq)]
pub struct RepositoryPlan {
    /// Its organisation.
    pub owner: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether anybody may open a pull request there.
    pub public: bool,
}

/// All repositories.
pub static REPOSITORIES: [RepositoryPlan; 6] = [
    RepositoryPlan { owner: "octo-org", name: "app", public: false },
    RepositoryPlan { owner: "octo-org", name: "site", public: false },
    RepositoryPlan { owner: "octo-org", name: "open", public: true },
    RepositoryPlan { owner: "hexo-org", name: "engine", public: false },
    RepositoryPlan { owner: "hexo-org", name: "tools", public: false },
    RepositoryPlan { owner: "hexo-org", name: "demo", public: true },
];

/// The runner group that every organisation has: all repositories but public ones.
pub const GROUP_DEFAULT: u64 = 1;
/// Each organisation's second runner group: public repositories too.
pub const GROUP_PUBLIC: u64 = 2;
/// Each organisation's third: only one repository (`is_chosen`).
pub const GROUP_CHOSEN: u64 = 3;

/// Whether a repository is public.
#[must_use]
pub fn is_public(owner: &str, name: &str) -> bool {
    REPOSITORIES.iter().any(|known| known.public && known.owner == owner && known.name == name)
}

/// Whether a repository is the one that the third runner group of its organisation serves.
#[must_use]
pub fn is_chosen(repository: &RepositoryPlan) -> bool {
    matches!(repository.name, "app" | "engine")
}

/// What keeps a job from the queue at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatePlan {
    /// An environment with a timer.
    Timer(Millis),
    /// An environment that somebody approves after so long.
    ApprovedAfter(Millis),
}

impl GatePlan {
    /// How long the job is behind it.
    #[must_use]
    pub const fn length(self) -> Millis {
        match self {
            Self::Timer(length) | Self::ApprovedAfter(length) => length,
        }
    }
}

/// When somebody cancels a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelPlan {
    /// So long after it was queued, whether it runs by then or not.
    AfterQueued(Millis),
    /// So long after it was seen running.
    AfterStarted(Millis),
}

/// A job of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPlan {
    /// When it is queued.
    pub at: Millis,
    /// In which repository.
    pub repository: &'static RepositoryPlan,
    /// What it asks of a runner.
    pub labels: Vec<&'static str>,
    /// Whether the workflow writes its labels in capitals.
    pub in_capitals: bool,
    /// How long it runs.
    pub duration: Millis,
    /// How it ends if it is let.
    pub conclusion: Conclusion,
    /// What keeps it from the queue at first.
    pub gate: Option<GatePlan>,
    /// Whether and when it is cancelled.
    pub cancel: Option<CancelPlan>,
}

/// Something that people do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// New function versions.
    DeployFunctions,
    /// A new task definition for a fleet.
    DeployRevision(&'static str),
    /// A fleet more; its revision is the next one.
    AddFleet(FleetPlan),
    /// A fleet less. `drained`: as the manual says, once it has no task any more; else at once, which ends what runs.
    RemoveFleet {
        /// Which.
        name: &'static str,
        /// Whether its end is waited for.
        drained: bool,
    },
    /// Another maximum, which is only a number in the description.
    SetMaximum(&'static str, u32),
    /// A lower maximum, once more tasks run than it admits, or when nobody waits for that any more.
    LowerMaximum(&'static str, u32),
    /// Other labels, which makes a revision.
    SetLabels(&'static str, Vec<&'static str>),
    /// Another desired count for a fleet's current service, by hand.
    SetDesired(&'static str, u32),
}

impl Act {
    /// The fleet whose stack it changes; nothing for what is no fleet's.
    #[must_use]
    pub fn fleet(&self) -> Option<&'static str> {
        match self {
            Self::DeployFunctions => None,
            Self::AddFleet(plan) => Some(plan.name),
            Self::DeployRevision(name)
            | Self::RemoveFleet { name, .. }
            | Self::SetMaximum(name, _)
            | Self::LowerMaximum(name, _)
            | Self::SetLabels(name, _)
            | Self::SetDesired(name, _) => Some(name),
        }
    }
}

/// What AWS does and documents nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Which unprotected task scale-in takes.
    pub scale_in: ScaleIn,
    /// When protection is refused because of a deployment.
    pub blocked: BlockedReading,
    /// For how long a new task is not found by reading calls, in milliseconds.
    pub describe_lag: Millis,
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
    /// What AWS does.
    pub habits: Habits,
    /// Whether the operator wants jobs that went down with their runners to be run once more.
    pub retries_interrupted_jobs: bool,
}

impl StoryPlan {
    /// The plan of a seed. Faults that people make strike here.
    #[must_use]
    pub fn new(seed: u64, settings: &Settings, faults: &Faults) -> Self {
        let length = u64::from(settings.hours.max(1)) * HOUR;
        let mut chance = chance_of(seed, 1);
        let (fleets, spare) = fleets::draw(&mut chance);
        let acts = acts::draw(&fleets, spare, length, faults);
        let jobs = jobs::draw(seed, settings.jobs as usize, length, &jobs::Offers::new(&fleets, &acts), faults);
        let (habits, retries_interrupted_jobs) = (habits(&mut chance), chance.u32(0..3) == 0);
        let mut plan = Self { fleets, jobs, acts, habits, retries_interrupted_jobs };
        jobs::fit(&mut plan, length);
        plan
    }

    /// When the last job would be over if every job needed the runners of the fleet with the fewest: more than it can be.
    #[must_use]
    pub fn last_end(&self) -> Millis {
        let alone = |job: &JobPlan| job.at + job.gate.map_or(0, GatePlan::length) + job.duration + AROUND_A_JOB;
        let last = self.jobs.iter().map(alone).max().unwrap_or(BEGIN);
        let queue = self.all_fleets().map(|fleet| {
            let work: Millis =
                self.jobs.iter().filter(|job| job.may_go_to(fleet)).map(|job| job.duration.min(2 * HOUR) + AROUND_A_JOB).sum();
            work / u64::from(self.lowest_maximum(fleet))
        });
        last + queue.max().unwrap_or(0)
    }

    /// When the last of its jobs of days would be over if each began at once.
    #[must_use]
    pub fn days_end(&self) -> Option<Millis> {
        let of_days = self.jobs.iter().filter(|job| job.duration > 2 * HOUR);
        of_days.map(|job| job.at + job.gate.map_or(0, GatePlan::length) + job.duration).max()
    }

    /// The longest of its jobs.
    #[must_use]
    pub fn longest(&self) -> Millis {
        self.jobs.iter().map(|job| job.duration).max().unwrap_or(0)
    }

    /// The fleets at the start, and those that are added.
    pub fn all_fleets(&self) -> impl Iterator<Item = &FleetPlan> {
        let added = self.acts.iter().filter_map(|(_, act)| if let Act::AddFleet(plan) = act { Some(plan) } else { None });
        self.fleets.iter().chain(added)
    }

    /// The lowest maximum that a fleet has in the story.
    #[must_use]
    pub fn lowest_maximum(&self, fleet: &FleetPlan) -> u32 {
        let later = self.acts.iter().filter_map(|(_, act)| match act {
            Act::SetMaximum(name, maximum) | Act::LowerMaximum(name, maximum) if *name == fleet.name => Some(*maximum),
            _ => None,
        });
        later.chain([fleet.maximum]).min().unwrap_or(1).max(1)
    }
}

impl JobPlan {
    /// Whether a fleet's description fits this job.
    #[must_use]
    pub fn may_go_to(&self, fleet: &FleetPlan) -> bool {
        let repository = self.repository;
        let admits = match fleet.scope.strip_prefix("org/") {
            Some(organisation) => organisation == repository.owner,
            None => fleet.scope.strip_prefix("repo/").and_then(|name| name.split_once('/')) == Some((repository.owner, repository.name)),
        };
        admits
            && (fleet.allow_public || !repository.public)
            && !self.labels.is_empty()
            && self.labels.iter().all(|label| fleet.labels.contains(label))
    }
}

fn habits(chance: &mut fastrand::Rng) -> Habits {
    Habits {
        scale_in: [ScaleIn::Newest, ScaleIn::Oldest, ScaleIn::Random][chance.usize(0..3)],
        blocked: if chance.u32(0..3) == 0 { BlockedReading::AlsoOldDeployments } else { BlockedReading::MoreThanDesired },
        describe_lag: [0, 0, 1_000, 4_000][chance.usize(0..4)],
    }
}

/// Chances of their own for one purpose of a story.
fn chance_of(seed: u64, purpose: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

#[cfg(test)]
mod tests;
