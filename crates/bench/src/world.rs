//! Everything around a function: GitHub and ECS, which are the project's models, and of the other services just what a function asks on its way.
//!
//! Each invocation finds the same world, made anew before it: one task runs and, for all but the function that registers it, has its runner. What a
//! function writes is answered and forgotten.

mod ecs;
mod github;
mod parameters;
mod services;
mod table;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fargate_runners_core::names::RunnerName;
use fargate_runners_model_ecs::EcsModel;
use serde_json::Value;

use crate::calls::Call;
use crate::http::{Asked, Reply, Server, serve};
use crate::problem::Problem;

pub(crate) use parameters::{STACK_ID, STACK_NAME, WEBHOOK_URL};

/// The task of all samples in `events/`.
const SAMPLE_TASK: &str = "0123456789abcdef0123456789abcdef";

/// Whether the task has its runner before the function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It runs and has asked for nothing yet.
    Running,
    /// It has a runner, which is idle.
    Registered,
}

/// What stays the same for all invocations.
struct Fixed {
    before: Before,
    key_pem: String,
    /// The jobs that wait in the fleet, as the table holds them.
    waiting: Arc<[Value]>,
    /// Answers that go before all others, by service and action.
    answers: BTreeMap<String, Value>,
}

struct State {
    fixed: Fixed,
    now: u64,
    github_url: String,
    github: github::Github,
    ecs: EcsModel,
    table: table::Table,
    calls: Vec<Call>,
}

/// The endpoints, which end when they are dropped.
pub struct World {
    state: Arc<Mutex<State>>,
    aws: Server,
    github: Server,
}

impl World {
    /// Opens the endpoints, with a fleet in which so many jobs wait. The first making of an App's key takes a second or two; `answers` go before what the
    /// endpoints know, by service and action (`AmazonSSM.GetParameters`).
    pub async fn open(before: Before, waiting: u32, key_pem: &str, answers: BTreeMap<String, Value>) -> Result<Self, Problem> {
        let now = now();
        let waiting = (1..=waiting).map(|number| table::item(&parameters::waiting(number, now))).collect();
        let fixed = Fixed { before, key_pem: key_pem.to_owned(), waiting, answers };
        let (ecs, _) = ecs::account(now);
        let state = State {
            fixed,
            now,
            github_url: String::new(),
            github: github::Github::new(now, "", None),
            ecs,
            table: table::Table::new(Arc::default()),
            calls: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let (of_aws, of_github) = (Arc::clone(&state), Arc::clone(&state));
        let aws = serve(move |asked| std::future::ready(answer(&of_aws, &asked, State::aws))).await?;
        let github = serve(move |asked| std::future::ready(answer(&of_github, &asked, State::github))).await?;
        let world = Self { state, aws, github };
        lock(&world.state).github_url = format!("http://{}", world.github.address());
        world.renew();
        Ok(world)
    }

    /// Makes everything anew, as it is before each invocation.
    pub fn renew(&self) {
        lock(&self.state).renew();
    }

    /// The event with the names that this world gave to what the samples speak of.
    pub(crate) fn spoken_of(&self, event: &str) -> String {
        event.replace(SAMPLE_TASK, &ecs::task_id(&lock(&self.state).ecs))
    }

    /// The calls since this was last asked.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.state).calls)
    }

    /// Where AWS is.
    #[must_use]
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.aws.address())
    }
}

/// A key for an App that exists for one run.
pub(crate) fn new_key() -> Result<String, Problem> {
    github::new_key()
}

impl State {
    fn renew(&mut self) {
        let now = now();
        self.now = now;
        let (ecs, task) = ecs::account(now);
        self.ecs = ecs;
        if self.fixed.before == Before::Registered {
            ecs::protect(&mut self.ecs, now, &task);
        }
        let runner = (self.fixed.before == Before::Registered).then(|| parameters::runner_name(&task));
        self.github = github::Github::new(now, &self.github_url, runner.as_ref().map(RunnerName::to_string).as_deref());
        self.table = table::Table::new(Arc::clone(&self.fixed.waiting));
        if let Some(runner_id) = self.github.runner_id {
            self.table.put(&parameters::registered(&task, runner_id, now));
        }
    }

    fn aws(&mut self, asked: &Asked) -> (String, Reply) {
        let target = asked.header("x-amz-target").to_owned();
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let (service, action) = target.split_once('.').unwrap_or_default();
        let answer = match self.fixed.answers.get(&target) {
            Some(answer) => Ok(answer.clone()),
            None => match service {
                "DynamoDB_20120810" => self.table.answer(action, &body),
                "AmazonSSM" => Ok(self.parameter(action, &body)),
                "AmazonEC2ContainerServiceV20141113" => ecs::answer(&mut self.ecs, self.now, action, &body),
                _ => services::answer(action, &body),
            },
        };
        let (status, answer) = answer.map_or_else(|error| (400, error), |answer| (200, answer));
        let mut reply = Reply::new(status, answer.to_string());
        reply.headers.push(("content-type", "application/x-amz-json-1.1".to_owned()));
        (call_name(service, action, asked), reply)
    }

    fn github(&mut self, asked: &Asked) -> (String, Reply) {
        (github::call_name(asked), self.github.answer(self.now, asked))
    }
}

/// `DynamoDB.PutItem`, whatever the wire calls the service; what has no such name is called by its method and path.
fn call_name(service: &str, action: &str, asked: &Asked) -> String {
    let service = match service {
        "DynamoDB_20120810" => "DynamoDB",
        "AmazonSSM" => "SSM",
        "AmazonEC2ContainerServiceV20141113" => "ECS",
        "AWSEvents" => "EventBridge",
        "AmazonSQS" => "SQS",
        "" => return format!("AWS {} {}", asked.method, asked.path),
        other => other,
    };
    format!("{service}.{action}")
}

fn answer(state: &Mutex<State>, asked: &Asked, by: fn(&mut State, &Asked) -> (String, Reply)) -> Reply {
    let mut state = lock(state);
    let (name, reply) = by(&mut state, asked);
    state.calls.push(Call { name, came: asked.at, left: Instant::now() });
    reply
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
