//! Workflow runs: how one stands, and its failed jobs once more.

use super::job::actions_path;
use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Request};
use crate::error::GithubError;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use fargate_runners_core::ids::{RepositoryName, RunId};
use reqwest::Method;
use serde::Deserialize;

/// A run's newest attempt, as far as this project looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Run {
    /// GitHub's id, the same for all attempts.
    pub id: RunId,
    /// Which attempt this is.
    #[serde(default = "first_attempt")]
    pub run_attempt: u32,
    /// `queued`, `in_progress`, `completed` and others.
    #[serde(default)]
    pub status: Option<String>,
    /// How it ended, once it has.
    #[serde(default)]
    pub conclusion: Option<String>,
}

const fn first_attempt() -> u32 {
    1
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// The run of this id, or none if GitHub knows it no more or the credential may not see its repository.
    pub async fn get_run(&self, access: &Access, repository: &RepositoryName, id: RunId) -> Result<Option<Run>, GithubError> {
        let id = id.to_string();
        let segments = actions_path(repository, &["runs", &id]);
        match self.call(access, &Request::new(Call::GetRun, Method::GET, &segments), self.operation()).await {
            Ok((raw, target)) => answer::read(&raw, &target).map(Some),
            Err(GithubError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Runs the failed jobs of an ended run once more, as a new attempt. A lost answer is [`GithubError::UnknownEffect`]: the attempt may have begun,
    /// and asking again once that one has failed too would begin a third.
    pub async fn rerun_failed_jobs(&self, access: &Access, repository: &RepositoryName, id: RunId) -> Result<(), GithubError> {
        let id = id.to_string();
        let segments = actions_path(repository, &["runs", &id, "rerun-failed-jobs"]);
        self.call(access, &Request::new(Call::RerunFailedJobs, Method::POST, &segments), self.operation()).await.map(drop)
    }
}
