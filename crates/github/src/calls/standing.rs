//! How a credential stands: whose token it is and what it may do, and how many calls it has left.

use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Request};
use crate::error::GithubError;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use fargate_runners_core::time::Timestamp;
use reqwest::Method;
use serde::Deserialize;

/// A personal access token. What it is stays unsaid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub login: String,
    /// Its scopes; none for a fine-grained token, of which GitHub tells none.
    pub scopes: Option<Vec<String>>,
    /// When it expires, in GitHub's writing; none if never, or GitHub does not say.
    pub expires: Option<String>,
}

/// The calls of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many are admitted.
    pub limit: u64,
    /// How many are left.
    pub remaining: u64,
    /// When they are counted anew.
    pub resets_at: Timestamp,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Limits {
    resources: Resources,
}

#[derive(Deserialize)]
struct Resources {
    core: Core,
}

#[derive(Deserialize)]
struct Core {
    limit: u64,
    remaining: u64,
    /// In seconds since 1970.
    reset: u64,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// Whose token asks. Of an App's installation there is no such thing.
    pub async fn get_token(&self, access: &Access) -> Result<Token, GithubError> {
        let (raw, target) = self.call(access, &Request::new(Call::GetUser, Method::GET, &["user"]), self.operation()).await?;
        let user: User = answer::read(&raw, &target)?;
        let named = |scopes: &str| scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        Ok(Token {
            login: user.login,
            scopes: raw.header("x-oauth-scopes").map(named),
            expires: raw.header("github-authentication-token-expiration").map(str::to_owned),
        })
    }

    /// What is left of the hour's calls. Asking costs none. A server without rate limits answers "not found".
    pub async fn get_rate_limit(&self, access: &Access) -> Result<RateLimit, GithubError> {
        let request = Request::new(Call::GetRateLimit, Method::GET, &["rate_limit"]);
        let (raw, target) = self.call(access, &request, self.operation()).await?;
        let core = answer::read::<Limits>(&raw, &target)?.resources.core;
        // Compared first: a number from outside may be too large for milliseconds.
        let resets_at = Timestamp::from_secs(core.reset.min(u64::MAX / 1000));
        Ok(RateLimit { limit: core.limit, remaining: core.remaining, resets_at })
    }
}
