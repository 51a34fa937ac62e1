//! Mints: what lets a task register. Everything here is good for one runner at least, so that it stays a secret to the end.

use crate::answer;
use crate::call::Call;
use crate::calls::Runner;
use crate::client::{Access, GithubClient, Request};
use crate::error::GithubError;
use crate::jit_blob::disable_update;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use crate::{scope, time};
use fargate_runners_core::time::Timestamp;
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

/// The runner's work folder, as the runner itself names it.
const WORK_FOLDER: &str = "_work";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JitRequest {
    /// The runner's name, at most 64 characters.
    pub name: String,
    /// Its labels, all of them: GitHub adds none.
    pub labels: Vec<String>,
    /// The runner group; a repository's is always 1.
    pub runner_group_id: u64,
}

/// A runner that waits for its process. A debug print does not show the configuration.
#[derive(Clone, Debug)]
pub struct JitConfiguration {
    /// The runner.
    pub runner: Runner,
    /// The configuration, with self-update off.
    pub encoded: SecretString,
}

/// A token with which any number of runners may register for an hour. A debug print does not show it.
#[derive(Clone, Debug)]
pub struct RegistrationToken {
    /// The token.
    pub token: SecretString,
    /// When it stops working.
    pub expires_at: Timestamp,
}

#[derive(Deserialize)]
struct MintedJit {
    runner: Runner,
    encoded_jit_config: SecretString,
}

#[derive(Deserialize)]
struct MintedToken {
    token: SecretString,
    expires_at: String,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// Mints a JIT configuration. Never repeated: a lost answer is [`GithubError::UnknownEffect`], a name in use [`GithubError::NameTaken`].
    pub async fn mint_jit_configuration(&self, access: &Access, wanted: &JitRequest) -> Result<JitConfiguration, GithubError> {
        let mut segments = scope::segments(&access.scope);
        segments.extend(["actions", "runners", "generate-jitconfig"]);
        let request = Request::new(Call::MintJitConfiguration, Method::POST, &segments).body(json!({
            "name": wanted.name, "runner_group_id": wanted.runner_group_id, "labels": wanted.labels, "work_folder": WORK_FOLDER,
        }));
        let (raw, target) = match self.call(access, &request, self.operation()).await {
            Err(GithubError::Rejected { target, status: 409, message }) => return Err(GithubError::NameTaken { target, message }),
            other => other?,
        };
        // A success that cannot be read has made a runner all the same.
        let minted: MintedJit =
            answer::read(&raw, &target).map_err(|error| GithubError::UnknownEffect { target: target.clone(), source: error.into() })?;
        let encoded = disable_update(&minted.encoded_jit_config).unwrap_or_else(|error| {
            // GitHub sets the value itself today. A new form of the blob must not stop every runner, but someone has to look at it.
            tracing::error!(%error, runner = %minted.runner.name, "self-update could not be switched off; the JIT configuration is used as it came");
            metrics::counter!("JitConfigurationsUnreadable").increment(1);
            minted.encoded_jit_config.clone()
        });
        Ok(JitConfiguration { runner: minted.runner, encoded })
    }

    /// Mints a registration token. It makes nothing at GitHub, so that it may be repeated.
    pub async fn mint_registration_token(&self, access: &Access) -> Result<RegistrationToken, GithubError> {
        let mut segments = scope::segments(&access.scope);
        segments.extend(["actions", "runners", "registration-token"]);
        let request = Request::new(Call::MintRegistrationToken, Method::POST, &segments);
        let (raw, target) = self.call(access, &request, self.operation()).await?;
        let minted: MintedToken = answer::read(&raw, &target)?;
        let expires_at = time::parse(&minted.expires_at)
            .ok_or_else(|| GithubError::Unreadable { target, problem: "expires_at is not a time".to_owned() })?;
        Ok(RegistrationToken { token: minted.token, expires_at })
    }
}
