//! Scenes: short stories that somebody wrote, in the field's own words, about one thing that goes wrong elsewhere. Nothing goes wrong but what the scene asks
//! for. Each is told in both launch modes and from several seeds, under the same oracle as any story, and must end as any story must: every job has run
//! exactly once, nothing is left, no rule was broken on the way.
//!
//! ```
//! use fargate_runners_sim::scene::{completed, every_job_ran, queued, scene};
//!
//! scene().maximum(1).running("a").in_one_batch([completed("a"), queued("b")]).ends_with(every_job_ran());
//! ```
//!
//! A scene must never reach into the control plane: its verbs are what users, GitHub and AWS do.

mod ending;
mod news;
mod stage;
mod steps;
mod telling;
mod watch;

pub use ending::{Ending, every_job_ran};
pub use news::{News, a_burst_of, again, cancelled, completed, queued, started};
pub use telling::Told;

use crate::engine::Millis;
use crate::plan::FleetPlan;
use news::OWNER;
use steps::Step;

/// How long the jobs of a scene run unless it says otherwise.
const JOB: Millis = minutes(3);

/// So many minutes.
#[must_use]
pub const fn minutes(count: u64) -> Millis {
    count * 60_000
}

/// What is there at the beginning, and what happens then.
#[derive(Clone, Debug)]
pub struct Scene {
    fleets: Vec<FleetPlan>,
    steps: Vec<Step>,
}

/// A scene with one fleet, of one organisation, which may have ten runners and keeps none warm.
#[must_use]
pub fn scene() -> Scene {
    Scene { fleets: vec![fleet_of(OWNER)], steps: vec![] }
}

fn fleet_of(owner: &'static str) -> FleetPlan {
    let (name, scope) = if owner == OWNER { ("linux", "org/octo-org") } else { ("other", "org/hexo-org") };
    FleetPlan {
        name,
        scope,
        credential: "default",
        labels: vec!["self-hosted", "linux"],
        runner_group: 1,
        allow_public: false,
        service: true,
        maximum: 10,
        warm: 0,
        spot_percent: 0,
        lease_seconds: 30,
        revision: 1,
    }
}

/// How the world is.
impl Scene {
    /// Each fleet may have so many runners.
    #[must_use]
    pub fn maximum(mut self, maximum: u32) -> Self {
        self.fleets.iter_mut().for_each(|fleet| fleet.maximum = maximum);
        self
    }

    /// Each fleet keeps so many idle runners.
    #[must_use]
    pub fn warm(mut self, warm: u32) -> Self {
        self.fleets.iter_mut().for_each(|fleet| fleet.warm = warm);
        self
    }

    /// The other organisation, `hexo-org`, has a fleet of its own.
    #[must_use]
    pub fn beside_a_fleet_of_another_owner(mut self) -> Self {
        let (maximum, warm) = (self.fleets[0].maximum, self.fleets[0].warm);
        self.fleets.push(FleetPlan { maximum, warm, ..fleet_of("hexo-org") });
        self
    }

    /// From here on a job that is queued runs so long.
    #[must_use]
    pub fn jobs_last(self, length: Millis) -> Self {
        self.then(Step::JobsLast(length))
    }

    /// From here on Fargate takes so long to start a task.
    #[must_use]
    pub fn starts_take(self, length: Millis) -> Self {
        self.then(Step::StartsTake(length))
    }

    /// GitHub goes on for so long to show a runner that has a job as not busy, and to let it be deleted.
    #[must_use]
    pub fn busy_shows_after(self, lag: Millis) -> Self {
        self.then(Step::BusyShowsAfter(lag))
    }

    /// Word of this comes so late. Said before it happens.
    #[must_use]
    pub fn late(self, news: News, by: Millis) -> Self {
        self.then(Step::Late(news, by))
    }
}

/// What happens.
impl Scene {
    /// This happens, one after the other; word of each has come before the next.
    #[must_use]
    pub fn happens(self, news: impl IntoIterator<Item = News>) -> Self {
        self.then(Step::Happens(news.into_iter().collect()))
    }

    /// A job is queued.
    #[must_use]
    pub fn queued(self, job: &str) -> Self {
        self.happens([queued(job)])
    }

    /// A job is queued, and a runner takes it.
    #[must_use]
    pub fn running(self, job: &str) -> Self {
        self.happens([queued(job), started(job)])
    }

    /// A job is queued, and runs to its end.
    #[must_use]
    pub fn ran(self, job: &str) -> Self {
        self.happens([queued(job), completed(job)])
    }

    /// This happens, and word of all of it comes to `scale` in one batch, in this order.
    #[must_use]
    pub fn in_one_batch(self, news: impl IntoIterator<Item = News>) -> Self {
        self.then(Step::InOneBatch(news.into_iter().collect()))
    }

    /// Each fleet has so many idle runners by now; they are waited for.
    #[must_use]
    pub fn idle(self, count: u32) -> Self {
        self.then(Step::Idle(count))
    }

    /// Time passes.
    #[must_use]
    pub fn passes(self, length: Millis) -> Self {
        self.then(Step::Passes(length))
    }

    /// GitHub answers every mint with its rate limit for so long.
    #[must_use]
    pub fn github_admits_no_mint_for(self, length: Millis) -> Self {
        self.then(Step::NoMintFor(length))
    }

    /// GitHub answers everything about this organisation with 404 for so long.
    #[must_use]
    pub fn github_answers_404_about(self, owner: &'static str, length: Millis) -> Self {
        self.then(Step::NotFoundFor(owner, length))
    }

    /// GitHub makes the next runner that it is asked for, and its answer is lost.
    #[must_use]
    pub fn the_next_answer_to_a_mint_is_lost(self) -> Self {
        self.then(Step::MintAnswerLost)
    }

    /// A job is queued and given to an idle runner in the very moment in which it is being told to leave: before GitHub is asked to delete it.
    #[must_use]
    pub fn assigned_to_a_runner_that_leaves(self, job: &str) -> Self {
        self.then(Step::AssignedToLeaver(job.to_owned()))
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

#[cfg(test)]
mod tests;
