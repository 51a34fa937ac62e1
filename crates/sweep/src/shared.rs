//! One client of GitHub behind several ports, so that they share its connections and its tokens.

use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{JobId, RepositoryName, RunId, RunnerId};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{
    Deleted, DeliveryPage, Github, GithubError, Hook, HookLog, JitRunner, Jobs, MintError, RunnerPage, Runners, SeenJob, SeenRun,
    SeenRunner,
};
use secrecy::SecretString;
use std::sync::Arc;

/// The client. Clones are the same one.
pub struct Shared<T>(Arc<T>);

impl<T> Shared<T> {
    /// Shares the client.
    pub fn new(client: T) -> Self {
        Self(Arc::new(client))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Github> Github for Shared<T> {
    async fn jit_config(&self, fleet: &Fleet, name: &RunnerName) -> Result<JitRunner, MintError> {
        self.0.jit_config(fleet, name).await
    }

    async fn registration_token(&self, fleet: &Fleet) -> Result<SecretString, MintError> {
        self.0.registration_token(fleet).await
    }

    async fn delete(&self, fleet: &Fleet, runner: RunnerId) -> Result<Deleted, GithubError> {
        self.0.delete(fleet, runner).await
    }

    async fn find(&self, fleet: &Fleet, name: &RunnerName) -> Result<Option<RunnerId>, GithubError> {
        self.0.find(fleet, name).await
    }
}

impl<T: Runners> Runners for Shared<T> {
    async fn runners(&self, fleet: &Fleet, page: u32) -> Result<RunnerPage, GithubError> {
        self.0.runners(fleet, page).await
    }

    async fn runner(&self, fleet: &Fleet, runner: RunnerId) -> Result<Option<SeenRunner>, GithubError> {
        self.0.runner(fleet, runner).await
    }

    async fn refused_from(&self, fleet: &Fleet, version: &str) -> Result<Option<Timestamp>, GithubError> {
        self.0.refused_from(fleet, version).await
    }
}

impl<T: Jobs> Jobs for Shared<T> {
    async fn job(&self, fleet: &Fleet, repository: &RepositoryName, job: JobId) -> Result<Option<SeenJob>, GithubError> {
        self.0.job(fleet, repository, job).await
    }

    async fn run(&self, fleet: &Fleet, repository: &RepositoryName, run: RunId) -> Result<Option<SeenRun>, GithubError> {
        self.0.run(fleet, repository, run).await
    }

    async fn rerun_failed(&self, fleet: &Fleet, repository: &RepositoryName, run: RunId) -> Result<(), GithubError> {
        self.0.rerun_failed(fleet, repository, run).await
    }
}

impl<T: HookLog> HookLog for Shared<T> {
    async fn hooks(&self, fleets: &[Fleet]) -> Result<Vec<Hook>, GithubError> {
        self.0.hooks(fleets).await
    }

    async fn deliveries(&self, hook: &Hook, cursor: Option<&str>) -> Result<DeliveryPage, GithubError> {
        self.0.deliveries(hook, cursor).await
    }

    async fn redeliver(&self, hook: &Hook, delivery: u64) -> Result<(), GithubError> {
        self.0.redeliver(hook, delivery).await
    }
}
