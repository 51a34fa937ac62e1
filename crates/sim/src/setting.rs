//! The world as it stands when a story begins: what people have set up at GitHub and deployed at AWS. Nothing has happened yet.

use crate::book::{CLUSTER, FleetBook, FleetPlan};
use crate::engine::Engine;
use crate::faults::{Fault, Faults};
use crate::functions::Functions;
use crate::meter::Meter;
use crate::plan::{ORGANISATIONS, REPOSITORIES, StoryPlan, is_chosen};
use crate::ports::{VERSION, WEBHOOK_SECRET};
use crate::story::BEGIN;
use crate::tale::Tale;
use crate::world::World;
use fargate_runners_core::ids::StackId;
use fargate_runners_ledger_memory::MemoryLedger;
use fargate_runners_model_ecs::{AwsError, Config as EcsConfig, EcsModel, Timing};
use fargate_runners_model_github::{
    Caller, Config as GithubConfig, Deprecation, GithubModel, GroupVisibility, HookOwner, NewHook, Permissions, RunnerGroup, Visibility,
};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// The App that sends the deliveries.
const APP: u64 = 1;

/// The token by which the control plane is known at GitHub: one for a whole story, in which no token is exchanged. A model's, good for nothing else.
const TOKEN: &str = "a-token-of-the-model";

/// GitHub has announced that it refuses the runners' version so long after the story's beginning: late enough to disturb none.
const REFUSED_AFTER: u64 = 30 * 24 * 3_600_000;

/// How often GitHub announces a job behind an environment's gate as queued. It does so to some; this is no fault.
const QUEUED_WHILE_WAITING: f64 = 0.2;

/// Keeps the models' chances apart from each other and from the world's.
const ECS_APART: u64 = 0x5EED_0000_0000_0001;
const CHANCE_APART: u64 = 0x5EED_0000_0000_0002;

/// How many records a story's fleet has at most that counts as small.
const MANY_MOST: u64 = 20;

/// Makes the world.
///
/// # Panics
/// Never: the stack's id is a constant.
#[must_use]
pub fn world(seed: u64, plan: &StoryPlan, faults: Faults, tale: Tale) -> World {
    let github = github(seed, &faults);
    let mut ecs = ecs(seed ^ ECS_APART, plan);
    let mut book = FleetBook::default();
    for fleet in &plan.fleets {
        // Neither is refused: the model has no faults, and so few calls are within its limits.
        drop(create(&mut ecs, BEGIN, fleet));
        book.begin_with(fleet.clone());
    }
    World {
        caller: Caller::Token(TOKEN.to_owned()),
        retries_interrupted_jobs: plan.retries_interrupted_jobs,
        // The stories' fleets are small: in most of them looks shall be put off all the same.
        many: usize::try_from(seed % MANY_MOST).ok(),
        ..bare(seed ^ CHANCE_APART, faults, tale, github, ecs, book)
    }
}

/// A world in which nothing has happened yet, of a control plane that is nobody at GitHub.
pub(crate) fn bare(chance: u64, faults: Faults, tale: Tale, github: GithubModel, ecs: EcsModel, book: FleetBook) -> World {
    World {
        engine: Engine::new(BEGIN),
        faults,
        chance: RefCell::new(fastrand::Rng::with_seed(chance)),
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
        caller: Caller::Nobody,
        callers: BTreeMap::new(),
        meter: Meter::default(),
        stack: stack(),
        protection_refused: RefCell::default(),
        stale_busy: Cell::new(0),
        busy_until: Cell::new(BEGIN),
        retries_interrupted_jobs: false,
        many: None,
    }
}

/// GitHub with its own timing and without faults but the one that nobody else can make.
fn github(seed: u64, faults: &Faults) -> GithubModel {
    let mut config = GithubConfig { bare_jit: true, ..GithubConfig::default() };
    config.faults.stale_runner = faults.rate(Fault::StaleRunner);
    config.faults.queued_while_waiting = QUEUED_WHILE_WAITING;
    let mut github = GithubModel::new(config, seed);
    github.advance(BEGIN);
    github.add_app(APP, "Iv23liStory");
    for organisation in ORGANISATIONS {
        github.add_organization(organisation);
        github.install_app(APP, organisation, Permissions::runners());
        let group = |name: &str, visibility, public| RunnerGroup { name: name.to_owned(), visibility, allows_public_repositories: public };
        // In the order of their numbers.
        github.add_runner_group(organisation, group("public", GroupVisibility::All, true));
        let chosen = REPOSITORIES.iter().filter(|repository| repository.owner == organisation && is_chosen(repository));
        let chosen = chosen.map(|repository| repository.name.to_owned()).collect();
        github.add_runner_group(organisation, group("chosen", GroupVisibility::Selected(chosen), false));
    }
    for repository in &REPOSITORIES {
        let visibility = if repository.public { Visibility::Public } else { Visibility::Private };
        github.add_repository(repository.owner, repository.name, visibility);
    }
    github.add_pat(TOKEN);
    github.deprecate(VERSION, Deprecation { registration_at: Some(BEGIN + REFUSED_AFTER), runtime_at: Some(BEGIN + REFUSED_AFTER) });
    let (url, secret) = ("https://webhook".to_owned(), WEBHOOK_SECRET.to_owned());
    github.add_hook(NewHook { owner: HookOwner::App(APP), url, secret });
    github
}

/// ECS with AWS's own timing and limits.
fn ecs(seed: u64, plan: &StoryPlan) -> EcsModel {
    let habits = plan.habits;
    let config = EcsConfig {
        region: "eu-west-1".to_owned(),
        account: "111122223333".to_owned(),
        timing: Timing { describe_lag_ms: habits.describe_lag, ..Timing::default() },
        scale_in: habits.scale_in,
        blocked: habits.blocked,
        ..EcsConfig::default()
    };
    let mut ecs = EcsModel::new(config, seed);
    ecs.advance(BEGIN);
    ecs.import_cluster(&json!({"clusterName": "runners", "clusterArn": CLUSTER}));
    ecs
}

/// What a fleet's stack makes at ECS: a revision, and a service of its own with no tasks. ECS may have no room for the call; asked again, it does what is
/// still to do.
pub fn create(ecs: &mut EcsModel, now: u64, fleet: &FleetPlan) -> Result<Value, AwsError> {
    let (definition, service) = (fleet.task_definition(), fleet.service_name());
    ecs.import_task_definition(&json!({
        "taskDefinitionArn": definition, "family": fleet.family(), "cpu": "1024", "memory": "2048", "status": "ACTIVE",
        "containerDefinitions": [{"name": "runner", "image": "runner", "essential": true, "stopTimeout": 120}],
    }))?;
    let spot = u64::from(fleet.spot_percent);
    let service = json!({
        "cluster": CLUSTER, "serviceName": service, "taskDefinition": definition, "desiredCount": 0,
        "capacityProviderStrategy": [
            {"capacityProvider": "FARGATE", "weight": 100 - spot}, {"capacityProvider": "FARGATE_SPOT", "weight": spot},
        ],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
    });
    ecs.handle(now, "CreateService", &service)
}

#[expect(clippy::unwrap_used, reason = "a constant that parses")]
fn stack() -> StackId {
    StackId::parse("0123abcd").unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::StoryPlan;
    use crate::story::Settings;

    #[test]
    fn the_world_begins_as_the_plan_says() {
        for seed in 0..50 {
            let faults = Faults::new(seed, 1.0, BEGIN + 1);
            let plan = StoryPlan::new(seed, &Settings::default(), &faults);
            let world = world(seed, &plan, faults, Tale::new(false));
            let (book, ecs) = (world.book.borrow(), world.ecs.borrow());
            assert_eq!(book.all().len(), plan.fleets.len());
            for fleet in &plan.fleets {
                let service = ecs.services().find(|service| service.name == fleet.service_name());
                assert!(service.is_some_and(|service| service.desired == 0 && service.task_definition == fleet.task_definition()));
                assert!(book.has_rule(fleet.name) && book.fleet(fleet.name).is_some());
            }
            assert_eq!((world.now(), ecs.tasks().count(), world.github.borrow().jobs().count()), (BEGIN, 0, 0));
        }
    }
}
