//! The world as it stands when a story begins.

use crate::book::{CLUSTER, FleetBook, FleetPlan};
use crate::engine::Engine;
use crate::faults::{Fault, Faults};
use crate::functions::Functions;
use crate::plan::{ORGANISATION, REPOSITORIES, StoryPlan};
use crate::ports::WEBHOOK_SECRET;
use crate::story::BEGIN;
use crate::tale::Tale;
use crate::world::World;
use fargate_runners_core::ids::StackId;
use fargate_runners_ledger_memory::MemoryLedger;
use fargate_runners_model_ecs::{Config as EcsConfig, EcsModel};
use fargate_runners_model_github::{Caller, Config as GithubConfig, GithubModel, HookOwner, NewHook, Visibility};
use serde_json::json;
use std::cell::RefCell;

/// The token by which the control plane is known at GitHub. A model's, good for nothing else.
const TOKEN: &str = "a-token-of-the-model";

/// Makes the world.
///
/// # Panics
/// Never: the stack's id is a constant.
#[must_use]
pub fn world(seed: u64, plan: &StoryPlan, faults: Faults, tale: Tale) -> World {
    let mut config = GithubConfig::default();
    config.faults.stale_runner = Fault::StaleRunner.usual_rate();
    let mut github = GithubModel::new(config, seed);
    github.advance(BEGIN);
    github.add_organization(ORGANISATION);
    for (position, name) in REPOSITORIES.iter().enumerate() {
        github.add_repository(ORGANISATION, name, if position == 2 { Visibility::Public } else { Visibility::Private });
    }
    github.add_pat(TOKEN);
    let url = "https://webhook".to_owned();
    github.add_hook(NewHook { owner: HookOwner::Organization(ORGANISATION.to_owned()), url, secret: WEBHOOK_SECRET.to_owned() });
    let config = EcsConfig { region: "eu-west-1".to_owned(), account: "111122223333".to_owned(), ..EcsConfig::default() };
    let mut ecs = EcsModel::new(config, seed ^ 1);
    ecs.advance(BEGIN);
    ecs.import_cluster(&json!({"clusterName": "runners", "clusterArn": CLUSTER}));
    let mut book = FleetBook::default();
    for fleet in &plan.fleets {
        create(&mut ecs, BEGIN, fleet);
        book.describe(BEGIN, fleet.clone());
    }
    World {
        engine: Engine::new(BEGIN),
        faults,
        chance: RefCell::new(fastrand::Rng::with_seed(seed ^ 2)),
        github: RefCell::new(github),
        ecs: RefCell::new(ecs),
        hosts: crate::task_host::TaskHost::default(),
        ledger: MemoryLedger::new(),
        book: RefCell::new(book),
        functions: Functions::default(),
        queues: crate::queues::Queues::default(),
        oracle: crate::oracle::Oracle::default(),
        tale,
        memories: crate::ports::Memories::default(),
        caller: Caller::Token(TOKEN.to_owned()),
        stack: stack(),
    }
}

/// What a fleet's stack makes at ECS: a revision, and a service of its own.
pub fn create(ecs: &mut EcsModel, now: u64, fleet: &FleetPlan) {
    let definition = json!({
        "taskDefinitionArn": fleet.task_definition(), "family": fleet.family(), "cpu": "1024", "memory": "2048",
        "containerDefinitions": [{"name": "runner", "image": "runner", "essential": true, "stopTimeout": 120}],
    });
    let spot = u64::from(fleet.spot_percent);
    let service = json!({
        "cluster": CLUSTER, "serviceName": fleet.service_name(), "taskDefinition": fleet.task_definition(), "desiredCount": 0,
        "capacityProviderStrategy": [
            {"capacityProvider": "FARGATE", "weight": 100 - spot}, {"capacityProvider": "FARGATE_SPOT", "weight": spot},
        ],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    });
    // The model takes both as they are; an answer says nothing that is not known here.
    drop(ecs.import_task_definition(&definition));
    drop(ecs.handle(now, "CreateService", &service));
}

#[expect(clippy::unwrap_used, reason = "a constant that parses")]
fn stack() -> StackId {
    StackId::parse("0123abcd").unwrap()
}
