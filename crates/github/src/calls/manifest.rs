//! The two calls of an App's making, which nobody is authenticated for: whose account it is to be, and what GitHub has made.
//!
//! A browser sends GitHub the manifest, GitHub sends the browser back with a code, and the code is worth the App's private key, once and for an hour.

use crate::answer::{self, Verdict};
use crate::call::{Call, Target};
use crate::calls::app::Account;
use crate::client::GithubClient;
use crate::error::{Failure, GithubError};
use crate::limits::{ATTEMPTS_MAX, OPERATION_TIMEOUT, REPEAT_PAUSE};
use crate::scope::ApiUrl;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use crate::transport::{self, Broken, Raw};
use fargate_runners_core::fleet::Scope;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// An App that GitHub has made from a manifest. A debug print shows no secret; the webhook's and the client's secrets are not even read.
#[derive(Clone, Debug, Deserialize)]
pub struct MadeApp {
    /// GitHub's id.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Whose it is.
    pub owner: Account,
    /// Its page.
    pub html_url: String,
    /// Its private key, which GitHub keeps no copy of.
    pub pem: SecretString,
}

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// An organisation.
    Organisation,
    /// A person's.
    User,
}

#[derive(Deserialize)]
struct Described {
    #[serde(rename = "type")]
    kind: String,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// What GitHub has made. The code is spent by this.
    pub async fn convert_manifest(&self, api: &ApiUrl, code: &SecretString) -> Result<MadeApp, GithubError> {
        let segments = ["app-manifests", code.expose_secret(), "conversions"];
        let target = Target { call: Call::ConvertManifest, method: Method::POST, path: "/app-manifests/…/conversions".to_owned() };
        let raw = self.call_as_nobody(api, &segments, &target, code).await?;
        // A success that cannot be read has spent the code all the same.
        answer::read(&raw, &target).map_err(|error| GithubError::UnknownEffect { target: target.clone(), source: error.into() })
    }

    /// What an account is, as GitHub tells everybody.
    pub async fn get_account(&self, api: &ApiUrl, login: &str) -> Result<AccountKind, GithubError> {
        let target = Target { call: Call::GetAccount, method: Method::GET, path: format!("/users/{login}") };
        let raw = self.call_as_nobody(api, &["users", login], &target, &SecretString::default()).await?;
        let described: Described = answer::read(&raw, &target)?;
        Ok(if described.kind == "Organization" { AccountKind::Organisation } else { AccountKind::User })
    }

    /// Makes a call without a credential; `secret` is kept out of whatever GitHub answers.
    async fn call_as_nobody(&self, api: &ApiUrl, segments: &[&str], target: &Target, secret: &SecretString) -> Result<Raw, GithubError> {
        let client = self.http.client()?;
        // No scope is concerned; the words are the same for all.
        let needed = target.call.permission(&Scope::Organisation(String::new()));
        let mut last: Failure = "there was no time for it".into();
        for attempt in 1..=ATTEMPTS_MAX {
            target.call.count();
            let url = api.join(segments, &[]);
            let sent = transport::attempt(client, target.method.clone(), url, None, None, OPERATION_TIMEOUT).await;
            last = match sent {
                Ok(raw) => match answer::judge(raw, target, needed, secret, self.world.now()) {
                    Verdict::Done(raw) => return Ok(raw),
                    Verdict::Refused(error) => return Err(error),
                    Verdict::ServerFailed(source) if target.call.may_be_repeated() => source,
                    Verdict::ServerFailed(source) => return Err(GithubError::UnknownEffect { target: target.clone(), source }),
                },
                Err(Broken::NotSent(source)) => source,
                Err(Broken::MaybeSent(source)) if target.call.may_be_repeated() => source,
                Err(Broken::MaybeSent(source)) => return Err(GithubError::UnknownEffect { target: target.clone(), source }),
            };
            if attempt < ATTEMPTS_MAX {
                self.world.pause(REPEAT_PAUSE).await;
            }
        }
        Err(GithubError::Unavailable { target: target.clone(), attempts: ATTEMPTS_MAX, source: last })
    }
}
