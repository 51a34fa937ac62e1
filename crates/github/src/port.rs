//! The use cases' view of GitHub, over this client: a fleet in, meaning out. Nothing is decided here but which error means what to them.

use crate::call::Call;
use crate::calls::{Deletion, JitRequest};
use crate::client::{Access, GithubClient};
use crate::credential::Credential;
use crate::error::GithubError as ClientError;
use crate::limits::CREDENTIAL_MAX_AGE;
use crate::scope::ApiUrl;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::ids::{CredentialName, RunnerId};
use fargate_runners_core::names::RunnerName;
use fargate_runners_use_cases::ports::{Deleted, Github, GithubError, JitRunner, MintError, PortError, Retry};
use secrecy::SecretString;
use std::time::Duration;

/// Where credentials are kept. An implementation keeps what it read and reads again only when that is older than asked for.
pub trait Credentials {
    /// The credential's JSON as it was at most `max_age` ago. It is for runners at `scope`: who has the tokens too may bring along those that will be
    /// asked for next ([`crate::TokenKey::possible`]).
    async fn credential(&self, name: &CredentialName, scope: &Scope, max_age: Duration) -> Result<SecretString, PortError>;
}

impl<T: Credentials> Credentials for &T {
    async fn credential(&self, name: &CredentialName, scope: &Scope, max_age: Duration) -> Result<SecretString, PortError> {
        (**self).credential(name, scope, max_age).await
    }
}

/// GitHub with the credential and the scope of whichever fleet is asked for.
#[derive(Debug)]
pub struct FleetGithub<C, S, W> {
    client: GithubClient<S, W>,
    credentials: C,
    webhook_url: Option<String>,
}

impl<C: Credentials, S: TokenStore, W: Surroundings> FleetGithub<C, S, W> {
    /// A client that finds a fleet's credential by its name.
    pub const fn new(client: GithubClient<S, W>, credentials: C) -> Self {
        Self { client, credentials, webhook_url: None }
    }

    /// The same, knowing where this stack's webhook is reached: by that it finds the organisations' and repositories' webhooks that are its own. An
    /// App's needs none of it.
    #[must_use]
    pub fn with_webhook_url(self, url: impl Into<String>) -> Self {
        Self { webhook_url: Some(url.into()), ..self }
    }

    async fn access(&self, fleet: &Fleet, max_age: Duration) -> Result<Access, PortError> {
        let unusable = |what, source: Box<dyn std::error::Error + Send + Sync>| {
            PortError::new(format!("the {what} of fleet {} (credential {})", fleet.name, fleet.credential), Retry::Never, source)
        };
        let api = ApiUrl::parse(&fleet.api_url).map_err(|error| unusable("API URL", error.into()))?;
        let json = self.credentials.credential(&fleet.credential, &fleet.scope, max_age).await?;
        let credential = Credential::parse(&json).map_err(|error| unusable("GitHub credential", error.into()))?;
        Ok(Access { api, scope: fleet.scope.clone(), credential_name: fleet.credential.clone(), credential })
    }
}

/// Acts with the fleet's credential; once more with the credential read anew if GitHub refuses it, since a person may have replaced it.
/// A refused credential has had no effect, so that even a mint may be repeated.
///
/// A macro, because the future of a function over an async closure is not known to be `Send`, which a function's runtime may ask for.
macro_rules! with_credential {
    ($self:ident, $fleet:ident, $access:ident => $call:expr) => {
        async {
            let mut max_age = CREDENTIAL_MAX_AGE;
            loop {
                let $access = &$self.access($fleet, max_age).await.map_err(Failed::Before)?;
                match $call.await {
                    Err(ClientError::Unauthorized { .. } | ClientError::Credential(_)) if !max_age.is_zero() => max_age = Duration::ZERO,
                    other => break other.map_err(Failed::At),
                }
            }
        }
        .await
    };
}

mod hooks;
mod inquiry;
mod look;

/// Where an operation failed: before GitHub was asked, or there.
enum Failed {
    Before(PortError),
    At(ClientError),
}

impl<C: Credentials, S: TokenStore, W: Surroundings> Github for FleetGithub<C, S, W> {
    async fn jit_config(&self, fleet: &Fleet, name: &RunnerName) -> Result<JitRunner, MintError> {
        let wanted = JitRequest {
            name: name.to_string(),
            labels: fleet.labels.iter().map(|label| label.as_str().to_owned()).collect(),
            runner_group_id: fleet.runner_group_id,
        };
        let minted = with_credential!(self, fleet, access => self.client.mint_jit_configuration(access, &wanted));
        minted.map(|jit| JitRunner { id: jit.runner.id, encoded_jit_config: jit.encoded }).map_err(|failed| mint_error(fleet, failed))
    }

    async fn registration_token(&self, fleet: &Fleet) -> Result<SecretString, MintError> {
        let minted = with_credential!(self, fleet, access => self.client.mint_registration_token(access));
        minted.map(|minted| minted.token).map_err(|failed| mint_error(fleet, failed))
    }

    async fn delete(&self, fleet: &Fleet, runner: RunnerId) -> Result<Deleted, GithubError> {
        let deleted = with_credential!(self, fleet, access => self.client.delete_runner(access, runner));
        match deleted.map_err(|failed| call_error(fleet, Call::DeleteRunner, failed))? {
            Deletion::Deleted | Deletion::AlreadyGone => Ok(Deleted::Gone),
            Deletion::StillRunning => Ok(Deleted::Busy),
        }
    }

    async fn find(&self, fleet: &Fleet, name: &RunnerName) -> Result<Option<RunnerId>, GithubError> {
        let name = name.to_string();
        let found = with_credential!(self, fleet, access => self.client.find_runner(access, &name));
        found.map(|runner| runner.map(|runner| runner.id)).map_err(|failed| call_error(fleet, Call::ListRunners, failed))
    }
}

fn mint_error(fleet: &Fleet, failed: Failed) -> MintError {
    let error = match failed {
        Failed::Before(error) => return MintError::Refused(error),
        Failed::At(error) => error,
    };
    match error {
        ClientError::NameTaken { .. } => MintError::NameTaken,
        ClientError::NotBefore { until, .. } => MintError::NotBefore(until),
        ClientError::UnknownEffect { .. } => {
            MintError::UnknownEffect(PortError::new(what(fleet, "mint a registration"), Retry::UnknownEffect, error))
        }
        // Never sent, or without an effect: it may be asked for again.
        ClientError::Unavailable { .. } => MintError::Refused(PortError::new(what(fleet, "mint a registration"), Retry::Throttled, error)),
        _ => MintError::Refused(PortError::new(what(fleet, "mint a registration"), Retry::Never, error)),
    }
}

fn call_error(fleet: &Fleet, call: Call, failed: Failed) -> GithubError {
    let error = match failed {
        Failed::Before(error) => return GithubError::Failed(error),
        Failed::At(error) => error,
    };
    if let Some(until) = error.not_before() {
        return GithubError::NotBefore(until);
    }
    // These calls may be repeated, whatever became of them.
    let retry = if error.is_retryable() { Retry::UnknownEffect } else { Retry::Never };
    GithubError::Failed(PortError::new(what(fleet, call.name()), retry, error))
}

fn what(fleet: &Fleet, deed: &str) -> String {
    format!("GitHub ({deed}) for fleet {} with credential {}", fleet.name, fleet.credential)
}
