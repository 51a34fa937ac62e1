//! Webhooks and the log of what was sent to them. GitHub keeps it for three days and sends nothing again by itself.

use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Request};
use crate::credential::CredentialError;
use crate::error::GithubError;
use crate::limits::PAGE_SIZE;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use crate::{link, scope, time};
use fargate_runners_core::fleet::Scope;
use fargate_runners_core::time::Timestamp;
use reqwest::Method;
use serde::Deserialize;

/// Whose log is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookLogOf {
    /// The App's whose credential asks.
    App,
    /// A webhook's of the scope.
    Hook(u64),
}

/// A webhook of an organisation or a repository. Its secret is not in GitHub's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// GitHub's id.
    pub id: u64,
    /// Where its deliveries go.
    pub url: String,
}

/// An attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// GitHub's id of the attempt.
    pub id: u64,
    /// The same for every attempt of a delivery.
    pub guid: String,
    /// When the attempt was made.
    pub delivered_at: Timestamp,
    /// Whether it was answered with a success.
    pub ok: bool,
    /// `X-GitHub-Event`.
    pub event: String,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    config: Configured,
}

#[derive(Default, Deserialize)]
struct Configured {
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct Logged {
    id: u64,
    guid: String,
    delivered_at: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    status_code: u16,
    #[serde(default)]
    event: String,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// The webhooks of the access's scope, as many as one page holds: GitHub allows 20 for an event. An enterprise's cannot be read this way.
    pub async fn list_webhooks(&self, access: &Access) -> Result<Vec<Webhook>, GithubError> {
        if matches!(access.scope, Scope::Enterprise(_)) {
            return Ok(Vec::new());
        }
        let mut segments = scope::segments(&access.scope);
        segments.push("hooks");
        let request = Request::new(Call::ListHooks, Method::GET, &segments).query(vec![("per_page", PAGE_SIZE.to_string())]);
        let (raw, target) = self.call(access, &request, self.operation()).await?;
        let listed: Vec<Listed> = answer::read(&raw, &target)?;
        Ok(listed.into_iter().filter_map(|hook| hook.config.url.map(|url| Webhook { id: hook.id, url })).collect())
    }

    /// A page of the log, the newest first, and by which cursor the next one is asked for.
    pub async fn list_deliveries(
        &self,
        access: &Access,
        log: HookLogOf,
        cursor: Option<&str>,
    ) -> Result<(Vec<Delivery>, Option<String>), GithubError> {
        let mut query = vec![("per_page", PAGE_SIZE.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let id = log.id();
        let segments = log_path(access, id.as_deref(), &[]);
        let request = Request::new(Call::ListDeliveries, Method::GET, &segments).query(query);
        let (raw, target) = self.call_about(access, log, &request).await?;
        let logged: Vec<Logged> = answer::read(&raw, &target)?;
        let problem = || GithubError::Unreadable { target: target.clone(), problem: "delivered_at is not a time".to_owned() };
        let deliveries: Result<Vec<_>, _> = logged.into_iter().map(|entry| read(entry).ok_or_else(problem)).collect();
        Ok((deliveries?, raw.header("link").and_then(|link| link::next(link, "cursor"))))
    }

    /// Asks for a delivery once more. GitHub says that it has heard, and sends it later; asking twice sends it twice.
    pub async fn redeliver(&self, access: &Access, log: HookLogOf, delivery: u64) -> Result<(), GithubError> {
        let (id, delivery) = (log.id(), delivery.to_string());
        let segments = log_path(access, id.as_deref(), &[&delivery, "attempts"]);
        self.call_about(access, log, &Request::new(Call::Redeliver, Method::POST, &segments)).await.map(drop)
    }

    /// An App reads its own log as itself, not as one of its installations.
    async fn call_about(
        &self,
        access: &Access,
        log: HookLogOf,
        request: &Request<'_>,
    ) -> Result<(crate::transport::Raw, crate::call::Target), GithubError> {
        match log {
            HookLogOf::App => self.call_as_app(access, request, self.operation()).await,
            HookLogOf::Hook(_) if matches!(access.scope, Scope::Enterprise(_)) => Err(CredentialError::NoEnterpriseHooks.into()),
            HookLogOf::Hook(_) => self.call(access, request, self.operation()).await,
        }
    }
}

impl HookLogOf {
    fn id(self) -> Option<String> {
        match self {
            Self::App => None,
            Self::Hook(id) => Some(id.to_string()),
        }
    }
}

fn log_path<'a>(access: &'a Access, hook: Option<&'a str>, rest: &[&'a str]) -> Vec<&'a str> {
    let mut segments = match hook {
        None => vec!["app", "hook"],
        Some(id) => {
            let mut segments = scope::segments(&access.scope);
            segments.extend(["hooks", id]);
            segments
        }
    };
    segments.push("deliveries");
    segments.extend(rest);
    segments
}

/// GitHub writes `OK` for any answer of 2xx; the code says the same.
fn read(logged: Logged) -> Option<Delivery> {
    let ok = logged.status.eq_ignore_ascii_case("ok") || (200..300).contains(&logged.status_code);
    Some(Delivery { id: logged.id, guid: logged.guid, delivered_at: time::parse(&logged.delivered_at)?, ok, event: logged.event })
}
