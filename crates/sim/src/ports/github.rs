//! GitHub, over its model's typed calls.

use crate::faults::Fault;
use crate::host::Call;
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::ids::RunnerId;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_model_github::{ApiError, GithubModel, JitRequest, Scope as ModelScope};
use fargate_runners_use_cases::ports::{Deleted, Github, GithubError, JitRunner, MintError, PortError, Retry};
use secrecy::SecretString;
use std::time::Duration;

/// How GitHub failed.
pub(super) enum Failure {
    /// A rate limit: nothing happened.
    NotBefore(Timestamp),
    /// It may have happened.
    Unknown,
    /// It answered with this status and message.
    Status(u16, String),
}

/// The runner's version.
pub(crate) const VERSION: &str = "2.338.0";

/// An operation at GitHub gives up after this, as the adapter does.
const SILENCE: u64 = 11_000;

impl Call {
    /// One call to GitHub, with all that may go wrong on the way.
    pub(super) async fn ask_github<T>(&self, ask: impl FnOnce(&mut GithubModel, u64) -> Result<T, ApiError>) -> Result<T, Failure> {
        let world = self.world();
        world.meter.called("GitHub");
        self.pass(world.between(40, 250)).await;
        if world.strikes(Fault::GithubLimited) {
            let pause = world.faults.between(Fault::GithubLimited, 5, 90);
            return Err(Failure::NotBefore(self.clock() + Duration::from_secs(pause)));
        }
        if world.strikes(Fault::GithubErrorBefore) {
            return Err(Failure::Unknown);
        }
        if world.strikes(Fault::GithubSilentBefore) {
            self.pass(SILENCE).await;
            return Err(Failure::Unknown);
        }
        let now = world.now();
        let answer = ask(&mut world.github.borrow_mut(), now);
        if world.strikes(Fault::GithubErrorAfter) {
            return Err(Failure::Unknown);
        }
        if world.strikes(Fault::GithubSilentAfter) {
            self.pass(SILENCE).await;
            return Err(Failure::Unknown);
        }
        self.pass(1).await;
        answer.map_err(|error| match &error {
            ApiError::Dropped => Failure::Unknown,
            // GitHub limits with 403 as well as with 429.
            ApiError::Refused { retry_after: Some(seconds), .. } => Failure::NotBefore(self.clock() + Duration::from_secs(*seconds)),
            other @ ApiError::Refused { .. } => match other.status() {
                Some(429) => Failure::NotBefore(self.clock() + Duration::from_secs(60)),
                Some(500..) | None => Failure::Unknown,
                Some(status) => Failure::Status(status, error.to_string()),
            },
        })
    }
}

pub(super) fn failed(what: &str, failure: Failure) -> GithubError {
    match failure {
        Failure::NotBefore(until) => GithubError::NotBefore(until),
        Failure::Unknown => PortError::bare(what, Retry::UnknownEffect).into(),
        Failure::Status(status, text) => PortError::new(what, Retry::Never, format!("{status}: {text}")).into(),
    }
}

/// The scope in the model's words.
pub(super) fn scope(fleet: &Fleet) -> ModelScope {
    match &fleet.scope {
        Scope::Organisation(name) => ModelScope::Organization(name.clone()),
        Scope::Repository(repository) => {
            let (owner, name) = repository.as_str().split_once('/').unwrap_or((repository.as_str(), ""));
            ModelScope::Repository(owner.to_owned(), name.to_owned())
        }
        Scope::Enterprise(name) => ModelScope::Enterprise(name.clone()),
    }
}

impl Github for Call {
    async fn jit_config(&self, fleet: &Fleet, name: &RunnerName) -> Result<JitRunner, MintError> {
        let request = JitRequest {
            name: name.to_string(),
            runner_group_id: fleet.runner_group_id,
            labels: fleet.labels.iter().map(|label| label.as_str().to_owned()).collect(),
            work_folder: None,
        };
        let (caller, scope) = (self.world().caller_of(fleet), scope(fleet));
        let made = self
            .ask_github(|github, now| {
                let made = github.generate_jit(now, &caller, &scope, &request);
                if made.is_ok() {
                    self.world().oracle.minted(self, github, name);
                }
                made
            })
            .await;
        match made {
            Ok(jit) => {
                self.world().meter.minted(&fleet.credential, self.world().now());
                let text = format!("{}|{}|{VERSION}", jit.runner.id.0, jit.credentials.client_id);
                Ok(JitRunner { id: RunnerId(jit.runner.id.0), encoded_jit_config: SecretString::from(text) })
            }
            Err(Failure::NotBefore(until)) => Err(MintError::NotBefore(until)),
            Err(Failure::Unknown) => Err(MintError::UnknownEffect(PortError::bare("minting", Retry::UnknownEffect))),
            Err(Failure::Status(409, _)) => Err(MintError::NameTaken),
            Err(Failure::Status(status, text)) => {
                Err(MintError::Refused(PortError::new("minting", Retry::Never, format!("{status}: {text}"))))
            }
        }
    }

    async fn registration_token(&self, _fleet: &Fleet) -> Result<SecretString, MintError> {
        Err(MintError::Refused(PortError::bare("no story is about registration tokens", Retry::Never)))
    }

    async fn delete(&self, fleet: &Fleet, runner: RunnerId) -> Result<Deleted, GithubError> {
        let (caller, scope) = (self.world().caller_of(fleet), scope(fleet));
        let id = fargate_runners_model_github::RunnerId(runner.0);
        let answer = self
            .ask_github(|github, now| {
                let name = github.runner(id).map(|runner| runner.name.clone());
                let answer = github.delete_runner(now, &caller, &scope, id);
                if let (Some(name), true) = (name, answer.is_ok()) {
                    self.world().oracle.deleted(self, &name);
                }
                answer
            })
            .await;
        match answer {
            Ok(()) | Err(Failure::Status(404, _)) => Ok(Deleted::Gone),
            Err(Failure::Status(422, _)) => Ok(Deleted::Busy),
            Err(failure) => Err(failed("deleting a runner", failure)),
        }
    }

    async fn find(&self, fleet: &Fleet, name: &RunnerName) -> Result<Option<RunnerId>, GithubError> {
        let (caller, scope) = (self.world().caller_of(fleet), scope(fleet));
        let text = name.to_string();
        let page = self.ask_github(|github, now| github.list_runners(now, &caller, &scope, Some(&text), 100, 1)).await;
        let page = page.map_err(|failure| failed("finding a runner", failure))?;
        Ok(page.items.first().map(|runner| RunnerId(runner.id.0)))
    }
}
