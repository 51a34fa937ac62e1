//! Personal access tokens, and what their scopes allow.

use crate::auth::{Access, Area};
use crate::error::ApiError;
use crate::model::GithubModel;
use crate::scope::Scope;

/// Everything that is asked for here.
const ALL_SCOPES: [&str; 5] = ["admin:enterprise", "admin:org", "admin:org_hook", "repo", "workflow"];

pub(crate) struct Pat {
    pub(crate) token: String,
    /// A classic token's scopes; a fine-grained one has none, and may do everything here.
    pub(crate) scopes: Option<Vec<String>>,
}

impl GithubModel {
    /// A classic personal access token that may do everything.
    pub fn add_pat(&mut self, token: &str) {
        self.add_pat_with_scopes(token, &ALL_SCOPES);
    }

    /// A classic personal access token with these scopes only.
    pub fn add_pat_with_scopes(&mut self, token: &str, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.credentials.pats.push(Pat { token: token.to_owned(), scopes: Some(scopes) });
        self.remember(token);
    }

    /// A fine-grained personal access token that may do everything; GitHub tells no scopes of such.
    pub fn add_fine_grained_pat(&mut self, token: &str) {
        self.credentials.pats.push(Pat { token: token.to_owned(), scopes: None });
        self.remember(token);
    }

    /// A token without the scope sees nothing of what is private, and is told to be no administrator of the rest.
    pub(crate) fn allowed_by_pat(&self, token: &str, scope: &Scope, access: Access, area: Area) -> Result<(), ApiError> {
        let pat = self.credentials.pats.iter().find(|pat| pat.token == token);
        let Some(scopes) = pat.and_then(|pat| pat.scopes.as_ref()) else { return Ok(()) };
        let one_of: &[&str] = match (area, scope) {
            (Area::Jobs | Area::Repository, _) | (Area::Runners, Scope::Repository(..)) => &["repo"],
            (Area::Runners, Scope::Organization(_)) => &["admin:org", "manage_runners:org"],
            (Area::Runners, Scope::Enterprise(_)) => &["admin:enterprise", "manage_runners:enterprise"],
            (Area::Hooks, Scope::Repository(..)) if access == Access::Read => {
                &["repo", "admin:repo_hook", "write:repo_hook", "read:repo_hook"]
            }
            (Area::Hooks, Scope::Repository(..)) => &["repo", "admin:repo_hook", "write:repo_hook"],
            (Area::Hooks, _) => &["admin:org_hook"],
        };
        if scopes.iter().any(|held| one_of.contains(&held.as_str())) {
            return Ok(());
        }
        match area {
            Area::Jobs | Area::Repository => Err(ApiError::not_found()),
            Area::Runners | Area::Hooks => Err(ApiError::new(403, "Must have admin rights to Repository.")),
        }
    }
}
