//! Where a scene is played: a world without faults, and how time passes in it until something has come about.

use super::steps::Said;
use super::watch::Seen;
use super::{Scene, minutes};
use crate::engine::Millis;
use crate::faults::Faults;
use crate::functions;
use crate::plan::{FleetPlan, Habits, StoryPlan};
use crate::setting;
use crate::story::{self, BEGIN, settle};
use crate::tale::Tale;
use crate::world::World;
use fargate_runners_model_ecs::{BlockedReading, ScaleIn};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What has not come about after this long never will: longer than anything in a scene takes, the healers' pauses included.
const PATIENCE: Millis = minutes(90);

/// Why a scene did not go as it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// The rule; `scene` where the scene itself makes no sense.
    pub(super) rule: &'static str,
    /// What is wrong.
    pub(super) text: String,
}

impl Broken {
    pub(super) fn scene(text: impl Into<String>) -> Self {
        Self { rule: "scene", text: text.into() }
    }
}

/// One way of telling a scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    /// The seed of all chances: latencies, ECS's undocumented habits.
    pub(super) seed: u64,
    /// Whether fleets scale a service; else they launch tasks.
    pub(super) service: bool,
    /// Whether somebody wants to read it.
    pub(super) told: bool,
}

/// The world in which a scene is played.
pub(super) struct Stage {
    pub(super) world: Rc<World>,
    pub(super) plan: StoryPlan,
    pub(super) said: Said,
    pub(super) seen: Seen,
    /// Organisations of which GitHub knows nothing for a while, and until when.
    pub(super) hidden: BTreeMap<&'static str, Millis>,
}

impl Stage {
    pub(super) fn new(scene: &Scene, telling: Telling) -> Self {
        let fleets = scene.fleets.iter().map(|fleet| FleetPlan { service: telling.service, ..fleet.clone() }).collect();
        let plan = StoryPlan { fleets, jobs: vec![], acts: vec![], habits: habits(telling.seed), retries_interrupted_jobs: false };
        let faults = Faults::new(telling.seed, 0.0, Millis::MAX);
        let world = Rc::new(setting::world(telling.seed, &plan, faults, Tale::new(telling.told)));
        world.engine.spawn(functions::sweep_on_schedule(Rc::clone(&world)));
        Self { world, plan, said: Said::default(), seen: Seen::default(), hidden: BTreeMap::new() }
    }

    /// Lets everything happen until something has come about.
    pub(super) fn wait(&mut self, rule: &'static str, what: &str, has: impl Fn(&Self) -> bool) -> Result<(), Broken> {
        let until = self.world.now() + PATIENCE;
        loop {
            self.settles()?;
            if has(self) {
                return Ok(());
            }
            if !story::pass(&self.world, until) {
                return Err(Broken { rule, text: format!("{what} did not come within {} minutes", PATIENCE / minutes(1)) });
            }
        }
    }

    /// Lets everything happen for so long.
    pub(super) fn pass(&mut self, length: Millis) -> Result<(), Broken> {
        let until = self.world.now() + length;
        loop {
            self.settles()?;
            if !story::pass(&self.world, until) {
                return Ok(());
            }
        }
    }

    /// Lets everything happen that is due now.
    fn settles(&mut self) -> Result<(), Broken> {
        settle(&self.world);
        self.notice();
        self.found()
    }

    /// Something happens after a while.
    pub(super) fn later(&self, after: Millis, act: impl FnOnce(&World) + 'static) {
        let world = Rc::clone(&self.world);
        self.world.engine.spawn(async move {
            world.engine.sleep(after).await;
            act(&world);
        });
    }

    /// What the oracle has found.
    pub(super) fn found(&self) -> Result<(), Broken> {
        match self.world.oracle.found() {
            None => Ok(()),
            Some(violation) => Err(Broken { rule: violation.rule, text: violation.text }),
        }
    }

    /// From when on GitHub hid nothing of this organisation any more.
    pub(super) fn shown_since(&self, owner: &str) -> Millis {
        self.hidden.get(owner).copied().unwrap_or(BEGIN)
    }
}

/// AWS's undocumented habits, one after the other.
const fn habits(seed: u64) -> Habits {
    Habits {
        scale_in: match seed % 3 {
            0 => ScaleIn::Newest,
            1 => ScaleIn::Oldest,
            _ => ScaleIn::Random,
        },
        blocked: if seed.is_multiple_of(2) { BlockedReading::AlsoOldDeployments } else { BlockedReading::MoreThanDesired },
        describe_lag: if seed.is_multiple_of(2) { 4_000 } else { 0 },
    }
}
