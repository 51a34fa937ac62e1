//! How a process comes by an installation token: from its memory, from the store, or by an exchange that one process at a time makes.
//!
//! A store that fails costs sharing, never the call: this process then exchanges for itself.

use crate::answer;
use crate::call::{Call, Target};
use crate::client::{Access, GithubClient, Operation, Request};
use crate::credential::{AppCredential, CredentialError};
use crate::error::{GithubError, WaitReason};
use crate::limits::{EXCHANGE_COME_BACK, EXCHANGE_LEASE, EXCHANGE_POLL_PAUSE, EXCHANGE_POLLS_MAX};
use crate::surroundings::{Surroundings, jittered};
use crate::token::{StoredToken, TokenKey, TokenStore};
use crate::{jwt, scope, time};
use fargate_runners_core::fleet::Scope;
use fargate_runners_core::time::Timestamp;
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What this process knows of tokens.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    known: Mutex<HashMap<TokenKey, Known>>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    token: Option<StoredToken>,
    /// A token that GitHub refused before its time: not to be taken from the store again.
    refused: Option<SecretString>,
}

impl Memory {
    fn with<R>(&self, key: &TokenKey, act: impl FnOnce(&mut Known) -> R) -> R {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        act(known.entry(key.clone()).or_default())
    }

    /// Forgets a token that GitHub refused; the store's copy is passed over from now on, and overwritten by the next exchange.
    pub(crate) fn refuse(&self, key: &TokenKey, token: &SecretString) {
        self.with(key, |known| {
            known.token = known.token.take().filter(|held| !held.is_same(token));
            known.refused = Some(token.clone());
        });
    }

    fn token(&self, key: &TokenKey) -> Option<StoredToken> {
        self.with(key, |known| known.token.clone())
    }

    fn keep(&self, key: &TokenKey, token: &StoredToken) {
        self.with(key, |known| known.token = Some(token.clone()));
    }

    fn is_refused(&self, key: &TokenKey, token: &StoredToken) -> bool {
        self.with(key, |known| known.refused.as_ref().is_some_and(|refused| token.is_same(refused)))
    }
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Exchanged {
    token: SecretString,
    expires_at: String,
}

/// The one whose token is wanted.
struct Wanted<'a> {
    access: &'a Access,
    app: &'a AppCredential,
    key: &'a TokenKey,
}

impl Wanted<'_> {
    /// Whether a stored token was made for this very App and installation.
    fn fits(&self, token: &StoredToken) -> bool {
        token.app_id == self.app.app_id
            && token.api_url == self.access.api.as_str()
            && self.app.installation_id.is_none_or(|id| id == token.installation_id)
    }
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// A token that is good for this operation.
    pub(crate) async fn installation_token(
        &self,
        access: &Access,
        app: &AppCredential,
        key: &TokenKey,
        operation: Operation,
    ) -> Result<SecretString, GithubError> {
        let wanted = Wanted { access, app, key };
        let held = self.memory.token(key).filter(|token| wanted.fits(token));
        if let Some(token) = held.as_ref().filter(|token| token.is_fresh(self.world.now())) {
            return Ok(token.token.clone());
        }
        let (stored, store_works) = self.look(&wanted).await;
        let found = stored.or(held);
        if let Some(token) = found.as_ref().filter(|token| token.is_fresh(self.world.now())) {
            return Ok(token.token.clone());
        }
        let now = self.world.now();
        let begun = if store_works {
            self.store.begin_exchange(key, now, now + EXCHANGE_LEASE).await.unwrap_or_else(|error| {
                tracing::warn!(%error, key = %key, "the token store cannot grant the exchange; this process exchanges for itself");
                true
            })
        } else {
            true
        };
        let usable = found.as_ref().filter(|token| token.is_usable(now));
        if !begun {
            // Someone else renews it: what is there serves until then.
            return match usable {
                Some(token) => Ok(token.token.clone()),
                None => self.wait_for_exchange(&wanted).await,
            };
        }
        // Someone else may have finished between the look and the right to exchange.
        if let (Some(token), _) = if store_works { self.look(&wanted).await } else { (None, false) }
            && token.is_fresh(self.world.now())
        {
            return Ok(token.token);
        }
        match (self.exchange(&wanted, found.as_ref(), operation).await, usable) {
            (Ok(token), _) => Ok(token.token),
            (Err(error), Some(token)) if error.is_retryable() => {
                tracing::warn!(%error, key = %key, "the installation token could not be renewed yet; the old one still serves");
                Ok(token.token.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The store's token, if it is ours and not refused, and whether the store works.
    async fn look(&self, wanted: &Wanted<'_>) -> (Option<StoredToken>, bool) {
        match self.store.load(wanted.key).await {
            Ok(token) => {
                let token = token.filter(|token| wanted.fits(token) && !self.memory.is_refused(wanted.key, token));
                if let Some(token) = &token {
                    self.memory.keep(wanted.key, token);
                }
                (token, true)
            }
            Err(error) => {
                tracing::warn!(%error, key = %wanted.key, "the token store cannot be read; this process exchanges for itself");
                (None, false)
            }
        }
    }

    async fn wait_for_exchange(&self, wanted: &Wanted<'_>) -> Result<SecretString, GithubError> {
        for _ in 0..EXCHANGE_POLLS_MAX {
            self.world.pause(jittered(EXCHANGE_POLL_PAUSE, self.world.random())).await;
            if let (Some(token), _) = self.look(wanted).await
                && token.is_usable(self.world.now())
            {
                return Ok(token.token);
            }
        }
        let target = exchange_target(wanted.app.installation_id);
        Err(GithubError::NotBefore { target, until: self.world.now() + EXCHANGE_COME_BACK, reason: WaitReason::TokenExchange })
    }

    async fn exchange(&self, wanted: &Wanted<'_>, last: Option<&StoredToken>, operation: Operation) -> Result<StoredToken, GithubError> {
        let jwt = jwt::sign(wanted.app, self.world.now())?;
        let known = wanted.app.installation_id.or_else(|| last.map(|token| token.installation_id));
        let mut token = match known {
            Some(id) => self.exchange_at(wanted, id, &jwt, operation).await,
            None => self.exchange_where_installed(wanted, &jwt, operation).await,
        };
        // A remembered installation may be gone because the App was installed anew.
        if matches!(token, Err(GithubError::NotFound { .. })) && known.is_some() && wanted.app.installation_id.is_none() {
            token = self.exchange_where_installed(wanted, &jwt, operation).await;
        }
        let token = token?;
        self.memory.keep(wanted.key, &token);
        if let Err(error) = self.store.store(wanted.key, &token).await {
            tracing::warn!(%error, key = %wanted.key, "the installation token could not be shared; other processes fetch their own");
        }
        Ok(token)
    }

    async fn exchange_where_installed(
        &self,
        wanted: &Wanted<'_>,
        jwt: &SecretString,
        operation: Operation,
    ) -> Result<StoredToken, GithubError> {
        let id = self.find_installation(wanted, jwt, operation).await?;
        self.exchange_at(wanted, id, jwt, operation).await
    }

    async fn find_installation(&self, wanted: &Wanted<'_>, jwt: &SecretString, operation: Operation) -> Result<u64, GithubError> {
        if matches!(wanted.access.scope, Scope::Enterprise(_)) {
            return Err(CredentialError::AppAtEnterprise.into());
        }
        let mut segments = scope::segments(&wanted.access.scope);
        segments.push("installation");
        let request = Request::new(Call::FindInstallation, Method::GET, &segments);
        let (raw, target) = self.repeat(wanted.access, &request, jwt, operation).await?;
        Ok(answer::read::<Installation>(&raw, &target)?.id)
    }

    async fn exchange_at(
        &self,
        wanted: &Wanted<'_>,
        id: u64,
        jwt: &SecretString,
        operation: Operation,
    ) -> Result<StoredToken, GithubError> {
        let id_text = id.to_string();
        let segments = ["app", "installations", id_text.as_str(), "access_tokens"];
        let request = Request::new(Call::ExchangeToken, Method::POST, &segments);
        let (raw, target) = self.repeat(wanted.access, &request, jwt, operation).await?;
        let answer: Exchanged = answer::read(&raw, &target)?;
        let expires_at: Timestamp = time::parse(&answer.expires_at)
            .ok_or_else(|| GithubError::Unreadable { target, problem: "expires_at is not a time".to_owned() })?;
        Ok(StoredToken {
            token: answer.token,
            expires_at,
            app_id: wanted.app.app_id.clone(),
            installation_id: id,
            api_url: wanted.access.api.as_str().to_owned(),
        })
    }
}

fn exchange_target(id: Option<u64>) -> Target {
    let id = id.map_or_else(|| "{id}".to_owned(), |id| id.to_string());
    Target { call: Call::ExchangeToken, method: Method::POST, path: format!("/app/installations/{id}/access_tokens") }
}
