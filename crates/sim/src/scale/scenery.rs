//! The world of a run at scale: one AWS account and one installation, with as many fleets as there are Apps, each fleet with an App, a service and a message
//! group of its own, two fleets an organisation. Nothing goes wrong in it but what limits do.

use crate::book::{CLUSTER, FleetBook, FleetPlan};
use crate::faults::Faults;
use crate::meter::{Meter, Pace};
use crate::ports::WEBHOOK_SECRET;
use crate::setting;
use crate::story::BEGIN;
use crate::tale::Tale;
use crate::world::World;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_model_ecs::{Config as EcsConfig, EcsModel, Limits as EcsLimits, Rate};
use fargate_runners_model_github::{
    Caller, Config as GithubConfig, GithubModel, HookOwner, Limits as GithubLimits, NewHook, Permissions, Visibility,
};
use serde_json::json;
use std::collections::BTreeMap;

/// GitHub registers 1,500 runners in five minutes for an organisation, an App mints 180 a minute at most: two Apps an organisation.
const FLEETS_PER_ORGANISATION: u32 = 2;

/// The App that sends the deliveries.
const APP: u64 = 1;

/// What an installation of GitHub Enterprise Cloud may call in an hour.
const CALLS_AN_HOUR: u32 = 15_000;

/// How a world at scale is made.
#[derive(Clone, Copy, Debug)]
pub struct Scenery {
    /// The seed.
    pub seed: u64,
    /// Fleets, and so Apps, services and message groups.
    pub fleets: u32,
    /// The maximum of each.
    pub maximum: u32,
    /// Fargate's launches a second in this account; AWS's default is 20.
    pub launches: u64,
    /// The account's quota of vCPUs; each task has one.
    pub vcpus: Option<u64>,
    /// How long things take that no model knows.
    pub pace: Pace,
}

/// The owner, the repository and the label of a fleet.
#[must_use]
pub fn home(fleet: u32) -> (String, &'static str, String) {
    (format!("org-{}", fleet / FLEETS_PER_ORGANISATION), "app", format!("pool-{fleet}"))
}

/// Names live as long as the program: a fleet's plan has constants in a story.
fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn plan(number: u32, maximum: u32) -> FleetPlan {
    let (owner, _, label) = home(number);
    FleetPlan {
        name: kept(format!("fleet-{number}")),
        scope: kept(format!("org/{owner}")),
        credential: kept(format!("app-{number}")),
        labels: vec!["self-hosted", "linux", kept(label)],
        runner_group: 1,
        allow_public: false,
        service: true,
        maximum,
        warm: 0,
        spot_percent: 0,
        lease_seconds: 30,
        revision: 1,
    }
}

impl Scenery {
    /// Makes the world.
    #[must_use]
    pub fn world(self) -> World {
        let mut github = self.github();
        let mut ecs = self.ecs();
        let (mut book, mut callers) = (FleetBook::default(), BTreeMap::new());
        for number in 0..self.fleets {
            let plan = plan(number, self.maximum);
            // Without a sound: the model has no faults, and what is refused is seen by what never comes.
            drop(setting::create(&mut ecs, BEGIN, &plan));
            let token = format!("a-token-of-the-model-{number}");
            github.add_pat(&token);
            callers.extend(CredentialName::parse(plan.credential).ok().map(|name| (name, Caller::Token(token))));
            book.begin_with(plan);
        }
        let bare = setting::bare(self.seed, Faults::new(self.seed, 0.0, BEGIN), Tale::new(false), github, ecs, book);
        World { callers, meter: Meter::new(self.pace), ..bare }
    }

    fn github(&self) -> GithubModel {
        let limits = GithubLimits { primary_per_hour: CALLS_AN_HOUR, ..GithubLimits::default() };
        let mut github = GithubModel::new(GithubConfig { bare_jit: true, limits, ..GithubConfig::default() }, self.seed);
        github.advance(BEGIN);
        github.add_app(APP, "Iv23liScale");
        for first in (0..self.fleets).step_by(FLEETS_PER_ORGANISATION as usize) {
            let (owner, repository, _) = home(first);
            github.add_organization(&owner);
            github.install_app(APP, &owner, Permissions::runners());
            github.add_repository(&owner, repository, Visibility::Private);
        }
        github.add_hook(NewHook { owner: HookOwner::App(APP), url: "https://webhook".to_owned(), secret: WEBHOOK_SECRET.to_owned() });
        github
    }

    fn ecs(&self) -> EcsModel {
        let launches = Rate { burst: self.launches * 5, per_second: self.launches };
        let limits = EcsLimits { launches, cpu_units: self.vcpus.map(|count| count * 1024), ..EcsLimits::default() };
        let config = EcsConfig { region: "eu-west-1".to_owned(), account: "111122223333".to_owned(), limits, ..EcsConfig::default() };
        let mut ecs = EcsModel::new(config, self.seed);
        ecs.advance(BEGIN);
        ecs.import_cluster(&json!({"clusterName": "runners", "clusterArn": CLUSTER}));
        ecs
    }
}
