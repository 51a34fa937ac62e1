//! The client: an operation with its time limit, its credential, and its bounded repeats.

use crate::allowance::Allowance;
use crate::answer::{self, Verdict};
use crate::call::{Call, Target};
use crate::clock::Clocks;
use crate::credential::{Credential, CredentialError};
use crate::error::{Failure, GithubError};
use crate::exchange::Memory;
use crate::jwt;
use crate::limits::{ATTEMPT_MINIMUM, ATTEMPTS_MAX, OPERATION_TIMEOUT, REPEAT_PAUSE};
use crate::scope::ApiUrl;
use crate::surroundings::{Surroundings, jittered};
use crate::token::{TokenKey, TokenStore};
use crate::transport::{self, Broken, Http, Raw};
use fargate_runners_core::fleet::Scope;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::time::Timestamp;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use std::time::Duration;

/// Who asks, where, and for which runners. A debug print shows no secret.
#[derive(Clone, Debug)]
pub struct Access {
    /// The API's base address.
    pub api: ApiUrl,
    /// Where the runners are.
    pub scope: Scope,
    /// The credential's name: tokens are shared under it.
    pub credential_name: CredentialName,
    /// The credential.
    pub credential: Credential,
}

/// A client of GitHub's REST API. It makes no connection before its first call.
#[derive(Debug)]
pub struct GithubClient<S, W> {
    pub(crate) http: Http,
    pub(crate) store: S,
    pub(crate) world: W,
    pub(crate) memory: Memory,
    clocks: Clocks,
    allowance: Allowance,
}

/// One operation of the caller's, which may take several calls: the time at which it must be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    until: Timestamp,
}

impl Operation {
    fn remaining(self, now: Timestamp) -> Duration {
        self.until.since(now)
    }
}

/// A call that is to be made.
pub(crate) struct Request<'a> {
    call: Call,
    method: Method,
    segments: &'a [&'a str],
    query: Vec<(&'a str, String)>,
    body: Option<Value>,
}

impl<'a> Request<'a> {
    pub(crate) const fn new(call: Call, method: Method, segments: &'a [&'a str]) -> Self {
        Self { call, method, segments, query: Vec::new(), body: None }
    }

    pub(crate) fn query(mut self, query: Vec<(&'a str, String)>) -> Self {
        self.query = query;
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// A client over a pool of connections, a place where tokens are shared, and what else it needs of the world.
    pub fn new(http: Http, store: S, world: W) -> Self {
        let (memory, clocks, allowance) = (Memory::default(), Clocks::default(), Allowance::default());
        Self { http, store, world, memory, clocks, allowance }
    }

    /// By how many seconds GitHub's clock is ahead of ours (negative: behind), as its last answer said; none before the first. An answer that was
    /// minutes on its way cannot be told from a clock that is behind, but no answer is waited for that long.
    pub fn clock_ahead(&self, api: &ApiUrl) -> Option<i64> {
        self.clocks.ahead(api.as_str())
    }

    /// Begins an operation now.
    pub(crate) fn operation(&self) -> Operation {
        Operation { until: self.world.now() + OPERATION_TIMEOUT }
    }

    /// Makes a call with the credential. If a shared token is refused before its time, it is replaced once.
    pub(crate) async fn call(&self, access: &Access, request: &Request<'_>, operation: Operation) -> Result<(Raw, Target), GithubError> {
        let app = match &access.credential {
            Credential::Pat(token) => return self.repeat(access, request, token, operation).await,
            Credential::App(app) => app,
        };
        let key = TokenKey::of(&access.credential_name, app, &access.scope);
        let token = self.installation_token(access, app, &key, operation).await?;
        match self.repeat(access, request, &token, operation).await {
            Err(GithubError::Unauthorized { .. }) => {
                tracing::warn!(key = %key, "GitHub refused the installation token before its time; fetching another");
                self.memory.refuse(&key, &token);
                let token = self.installation_token(access, app, &key, operation).await?;
                self.repeat(access, request, &token, operation).await
            }
            other => other,
        }
    }

    /// Makes a call as the App itself, by its JWT.
    pub(crate) async fn call_as_app(
        &self,
        access: &Access,
        request: &Request<'_>,
        operation: Operation,
    ) -> Result<(Raw, Target), GithubError> {
        let Credential::App(app) = &access.credential else { return Err(CredentialError::NotAnApp.into()) };
        let jwt = jwt::sign(app, self.world.now())?;
        self.repeat(access, request, &jwt, operation).await
    }

    /// Makes a call, again if it broke and may be repeated.
    pub(crate) async fn repeat(
        &self,
        access: &Access,
        request: &Request<'_>,
        bearer: &SecretString,
        operation: Operation,
    ) -> Result<(Raw, Target), GithubError> {
        let client = self.http.client()?;
        let url = access.api.join(request.segments, &request.query);
        let target = Target { call: request.call, method: request.method.clone(), path: url.path().to_owned() };
        let needed = request.call.permission(&access.scope);
        let mut attempts = 0;
        let mut pause = REPEAT_PAUSE;
        let mut last: Failure = "the time for this operation was used up before the call".into();
        loop {
            let remaining = operation.remaining(self.world.now());
            if attempts == ATTEMPTS_MAX || remaining < ATTEMPT_MINIMUM {
                return Err(GithubError::Unavailable { target, attempts, source: last });
            }
            attempts += 1;
            request.call.count();
            let sent =
                transport::attempt(client, request.method.clone(), url.clone(), Some(bearer), request.body.as_ref(), remaining).await;
            if let Ok(raw) = &sent {
                self.clocks.note(access.api.as_str(), raw, self.world.now());
                self.allowance.note(&access.credential_name, raw, self.world.now());
            }
            last = match sent {
                Ok(raw) => match answer::judge(raw, &target, needed, bearer, self.world.now()) {
                    Verdict::Done(raw) => return Ok((raw, target)),
                    Verdict::Refused(error) => return Err(error),
                    Verdict::ServerFailed(source) if request.call.may_be_repeated() => source,
                    Verdict::ServerFailed(source) => return Err(GithubError::UnknownEffect { target, source }),
                },
                Err(Broken::NotSent(source)) => source,
                Err(Broken::MaybeSent(source)) if request.call.may_be_repeated() => source,
                Err(Broken::MaybeSent(source)) => return Err(GithubError::UnknownEffect { target, source }),
            };
            if attempts < ATTEMPTS_MAX {
                self.world.pause(jittered(pause, self.world.random())).await;
                pause *= 2;
            }
        }
    }
}
