//! Runner groups, and what they admit. A repository has none.

use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Request};
use crate::error::GithubError;
use crate::limits::PAGE_SIZE;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use crate::{link, scope};
use fargate_runners_core::fleet::Scope;
use reqwest::Method;
use serde::Deserialize;

/// A runner group, as far as this project looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RunnerGroup {
    /// GitHub's id.
    pub id: u64,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// `all`, `private` or `selected`.
    #[serde(default)]
    pub visibility: String,
    /// Whether public repositories are admitted.
    #[serde(default)]
    pub allows_public_repositories: bool,
    /// Whether only the selected workflows are.
    #[serde(default)]
    pub restricted_to_workflows: bool,
    /// These.
    #[serde(default)]
    pub selected_workflows: Vec<String>,
}

/// A page of what a group with selected members admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersPage {
    /// Repositories as `owner/name`; of an enterprise's group, organisations by their login.
    pub names: Vec<String>,
    /// Whether no page follows.
    pub last: bool,
}

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    repositories: Vec<Member>,
    #[serde(default)]
    organizations: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    #[serde(alias = "login")]
    full_name: String,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// A runner group of the access's scope.
    pub async fn get_runner_group(&self, access: &Access, group: u64) -> Result<RunnerGroup, GithubError> {
        let id = group.to_string();
        let segments = group_path(access, &id, None);
        let request = Request::new(Call::GetRunnerGroup, Method::GET, &segments);
        let (raw, target) = self.call(access, &request, self.operation()).await?;
        answer::read(&raw, &target)
    }

    /// A page of the repositories (of an enterprise: organisations) that a group admits whose visibility is `selected`. Pages count from 1.
    pub async fn list_group_members(&self, access: &Access, group: u64, page: u32) -> Result<MembersPage, GithubError> {
        let id = group.to_string();
        let kind = if matches!(access.scope, Scope::Enterprise(_)) { "organizations" } else { "repositories" };
        let segments = group_path(access, &id, Some(kind));
        let query = vec![("per_page", PAGE_SIZE.to_string()), ("page", page.to_string())];
        let request = Request::new(Call::ListGroupMembers, Method::GET, &segments).query(query);
        let (raw, target) = self.call(access, &request, self.operation()).await?;
        let members: Members = answer::read(&raw, &target)?;
        let names = members.repositories.into_iter().chain(members.organizations).map(|member| member.full_name).collect();
        Ok(MembersPage { names, last: raw.header("link").and_then(|link| link::next(link, "page")).is_none() })
    }
}

fn group_path<'a>(access: &'a Access, id: &'a str, rest: Option<&'a str>) -> Vec<&'a str> {
    let mut segments = scope::segments(&access.scope);
    segments.extend(["actions", "runner-groups", id]);
    segments.extend(rest);
    segments
}
