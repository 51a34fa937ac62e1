//! A workflow job as GitHub sees it now, for whoever doubts what the deliveries said.

use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Request};
use crate::error::GithubError;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use fargate_runners_core::ids::{JobId, RepositoryName, RunId, RunnerId};
use reqwest::Method;
use serde::Deserialize;

/// A job, as far as this project looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// GitHub's id.
    pub id: JobId,
    /// The run that it belongs to.
    pub run_id: RunId,
    /// Which attempt of the run; 1 where GitHub does not say.
    #[serde(default = "first_attempt")]
    pub run_attempt: u32,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// The workflow's name.
    #[serde(default)]
    pub workflow_name: Option<String>,
    /// `queued`, `waiting`, `in_progress`, `completed` and others.
    pub status: String,
    /// How it ended, once it has.
    #[serde(default)]
    pub conclusion: Option<String>,
    /// The labels that it asks for.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The runner that took it.
    #[serde(default)]
    pub runner_id: Option<RunnerId>,
    /// That runner's name.
    #[serde(default)]
    pub runner_name: Option<String>,
    /// That runner's group.
    #[serde(default)]
    pub runner_group_id: Option<u64>,
    /// That group's name.
    #[serde(default)]
    pub runner_group_name: Option<String>,
    /// When it was made, in GitHub's writing.
    #[serde(default)]
    pub created_at: Option<String>,
    /// When a runner took it; before that it means nothing.
    #[serde(default)]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<String>,
    /// Its page.
    #[serde(default)]
    pub html_url: Option<String>,
}

/// A repository, as far as this project looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// GitHub's id.
    pub id: u64,
    /// `owner/name`, as it is called now.
    pub full_name: String,
    /// Whether not everybody may see it.
    #[serde(default)]
    pub private: Option<bool>,
    /// `public`, `private` or `internal`.
    #[serde(default)]
    pub visibility: Option<String>,
    /// Whether it is archived.
    #[serde(default)]
    pub archived: bool,
}

const fn first_attempt() -> u32 {
    1
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// The job of this id, or none if GitHub knows it no more (its run was deleted) or the credential may not see its repository.
    pub async fn get_job(&self, access: &Access, repository: &RepositoryName, id: JobId) -> Result<Option<Job>, GithubError> {
        match self.show_job(access, repository, id).await {
            Ok(job) => Ok(Some(job)),
            Err(GithubError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same, for whoever wants to know in which words GitHub does not know it.
    pub async fn show_job(&self, access: &Access, repository: &RepositoryName, id: JobId) -> Result<Job, GithubError> {
        let id = id.to_string();
        let segments = actions_path(repository, &["jobs", &id]);
        let (raw, target) = self.call(access, &Request::new(Call::GetJob, Method::GET, &segments), self.operation()).await?;
        answer::read(&raw, &target)
    }
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// The repository, which the credential must be able to see.
    pub async fn get_repository(&self, access: &Access, repository: &RepositoryName) -> Result<Repository, GithubError> {
        let segments: Vec<&str> = std::iter::once("repos").chain(repository.as_str().split('/')).collect();
        let (raw, target) = self.call(access, &Request::new(Call::GetRepository, Method::GET, &segments), self.operation()).await?;
        answer::read(&raw, &target)
    }
}

/// The path of what is below a repository's `actions`.
pub(super) fn actions_path<'a>(repository: &'a RepositoryName, rest: &[&'a str]) -> Vec<&'a str> {
    let mut segments: Vec<&str> = std::iter::once("repos").chain(repository.as_str().split('/')).collect();
    segments.push("actions");
    segments.extend(rest);
    segments
}
