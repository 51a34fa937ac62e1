//! An App as GitHub describes it, and where it is installed: both asked as the App itself, so that they answer while nothing else does.

use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Request};
use crate::credential::CredentialError;
use crate::error::GithubError;
use crate::scope;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use fargate_runners_core::fleet::Scope;
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An App, as far as this project looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct App {
    /// GitHub's id.
    pub id: u64,
    /// Its name in addresses.
    #[serde(default)]
    pub slug: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Who owns it.
    #[serde(default)]
    pub owner: Option<Account>,
    /// Its page.
    #[serde(default)]
    pub html_url: Option<String>,
    /// What it asks for.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// What it subscribes to.
    #[serde(default)]
    pub events: Vec<String>,
}

/// An App's installation, as far as this project looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Installation {
    /// GitHub's id.
    pub id: u64,
    /// Where it is.
    #[serde(default)]
    pub account: Option<Account>,
    /// Where its owners see it.
    #[serde(default)]
    pub html_url: Option<String>,
    /// What was granted, which may be less than the App asks for now.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// Which events are sent from there.
    #[serde(default)]
    pub events: Vec<String>,
    /// `all` repositories or `selected` ones.
    #[serde(default)]
    pub repository_selection: Option<String>,
    /// Since when it is suspended, in GitHub's writing.
    #[serde(default)]
    pub suspended_at: Option<String>,
}

/// An account, or an enterprise, which has a slug in the place of a login.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// The login.
    #[serde(default, alias = "slug")]
    pub login: String,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// The App whose credential asks.
    pub async fn get_app(&self, access: &Access) -> Result<App, GithubError> {
        let request = Request::new(Call::GetApp, Method::GET, &["app"]);
        let (raw, target) = self.call_as_app(access, &request, self.operation()).await?;
        answer::read(&raw, &target)
    }

    /// The App's installation that reaches the access's scope.
    pub async fn get_installation(&self, access: &Access) -> Result<Installation, GithubError> {
        if matches!(access.scope, Scope::Enterprise(_)) {
            return Err(CredentialError::AppAtEnterprise.into());
        }
        let mut segments = scope::segments(&access.scope);
        segments.push("installation");
        let request = Request::new(Call::FindInstallation, Method::GET, &segments);
        let (raw, target) = self.call_as_app(access, &request, self.operation()).await?;
        answer::read(&raw, &target)
    }
}
