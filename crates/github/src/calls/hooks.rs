//! Webhooks and the log of what was sent to them. GitHub keeps it for three days and sends nothing again by itself.

use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Request};
use crate::credential::CredentialError;
use crate::error::GithubError;
use crate::limits::{ANSWER_CHARS_MAX, PAGE_SIZE};
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use crate::{link, scope, time};
use fargate_runners_core::fleet::Scope;
use fargate_runners_core::ids::JobId;
use fargate_runners_core::time::Timestamp;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Whose log is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookLogOf {
    /// The App's whose credential asks.
    App,
    /// A webhook's of the scope.
    Hook(u64),
}

/// A webhook. Its secret is not in GitHub's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// GitHub's id; an App's own has none.
    pub id: Option<u64>,
    /// Where its deliveries go; empty where GitHub names nothing.
    pub url: String,
    /// `json` or `form`.
    pub content_type: String,
    /// Whether the receiver's certificate is not checked.
    pub insecure_ssl: bool,
    /// Whether deliveries are signed.
    pub has_secret: bool,
    /// Whether it is switched on; GitHub does not say so of an App's.
    pub active: Option<bool>,
    /// The events that it is sent; GitHub does not say so of an App's.
    pub events: Option<Vec<String>>,
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
    /// The body's `action`.
    pub action: Option<String>,
    /// GitHub's word for how it went.
    pub status: String,
    /// The HTTP status of the answer; 0 where there was none.
    pub status_code: u16,
    /// Whether somebody asked for it.
    pub redelivery: bool,
    /// How long the answer took.
    pub duration: Duration,
    /// The repository that it is about.
    pub repository_id: Option<u64>,
}

/// What an attempt was about, and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryDetail {
    /// `workflow_job.id` of what was sent.
    pub job_id: Option<JobId>,
    /// The start of the answer's body, on one line.
    pub answer: String,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    events: Option<Vec<String>>,
    #[serde(default)]
    config: Configured,
}

#[derive(Default, Deserialize)]
struct Configured {
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
    /// `"0"`, `"1"`, or a number.
    #[serde(default)]
    insecure_ssl: Value,
    /// Asterisks, where there is one.
    #[serde(default)]
    secret: Option<String>,
}

impl Configured {
    fn into_webhook(self, id: Option<u64>, active: Option<bool>, events: Option<Vec<String>>) -> Webhook {
        Webhook {
            id,
            url: self.url.unwrap_or_default(),
            content_type: self.content_type.unwrap_or_default(),
            insecure_ssl: self.insecure_ssl == "1" || self.insecure_ssl == 1,
            has_secret: self.secret.is_some_and(|secret| !secret.is_empty()),
            active,
            events,
        }
    }
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    request: Sent,
    #[serde(default)]
    response: Received,
}

#[derive(Default, Deserialize)]
struct Sent {
    #[serde(default)]
    payload: Option<SentPayload>,
}

#[derive(Deserialize)]
struct SentPayload {
    #[serde(default)]
    workflow_job: Option<SentJob>,
}

#[derive(Deserialize)]
struct SentJob {
    id: JobId,
}

#[derive(Default, Deserialize)]
struct Received {
    #[serde(default)]
    payload: Value,
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
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    redelivery: bool,
    /// In seconds.
    #[serde(default)]
    duration: f64,
    #[serde(default)]
    repository_id: Option<u64>,
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
        Ok(listed.into_iter().map(|hook| hook.config.into_webhook(Some(hook.id), hook.active, hook.events)).collect())
    }

    /// The App's webhook.
    pub async fn get_app_webhook(&self, access: &Access) -> Result<Webhook, GithubError> {
        let request = Request::new(Call::GetHookConfig, Method::GET, &["app", "hook", "config"]);
        let (raw, target) = self.call_as_app(access, &request, self.operation()).await?;
        let configured: Configured = answer::read(&raw, &target)?;
        Ok(configured.into_webhook(None, None, None))
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

    /// One attempt, with what it was about and how it was answered.
    pub async fn get_delivery(&self, access: &Access, log: HookLogOf, delivery: u64) -> Result<DeliveryDetail, GithubError> {
        let (id, delivery) = (log.id(), delivery.to_string());
        let segments = log_path(access, id.as_deref(), &[&delivery]);
        let (raw, target) = self.call_about(access, log, &Request::new(Call::GetDelivery, Method::GET, &segments)).await?;
        let detail: Detail = answer::read(&raw, &target)?;
        let answered = match detail.response.payload {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        let answer = answered.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ANSWER_CHARS_MAX).collect();
        Ok(DeliveryDetail { job_id: detail.request.payload.and_then(|payload| payload.workflow_job).map(|job| job.id), answer })
    }

    /// Asks for a delivery once more. GitHub says that it has heard, and sends it later; asking twice sends it twice.
    pub async fn redeliver(&self, access: &Access, log: HookLogOf, delivery: u64) -> Result<(), GithubError> {
        let (id, delivery) = (log.id(), delivery.to_string());
        let segments = log_path(access, id.as_deref(), &[&delivery, "attempts"]);
        self.call_about(access, log, &Request::new(Call::Redeliver, Method::POST, &segments)).await.map(drop)
    }

    /// Sets where a webhook is sent and what signs it, as JSON and to a receiver whose certificate is checked. Doing it again changes nothing.
    pub async fn set_webhook(&self, access: &Access, log: HookLogOf, url: &str, secret: &SecretString) -> Result<(), GithubError> {
        let id = log.id();
        let segments = hook_path(access, id.as_deref(), &["config"]);
        let request = Request::new(Call::SetHookConfig, Method::PATCH, &segments).body(config_body(url, secret));
        self.call_about(access, log, &request).await.map(drop)
    }

    /// Makes a webhook of the access's scope that is sent one kind of event. GitHub sends it a ping.
    pub async fn create_webhook(&self, access: &Access, url: &str, secret: &SecretString, event: &str) -> Result<u64, GithubError> {
        if matches!(access.scope, Scope::Enterprise(_)) {
            return Err(CredentialError::NoEnterpriseHooks.into());
        }
        let mut segments = scope::segments(&access.scope);
        segments.push("hooks");
        let body = json!({ "name": "web", "active": true, "events": [event], "config": config_body(url, secret) });
        let request = Request::new(Call::CreateHook, Method::POST, &segments).body(body);
        let (raw, target) = self.call(access, &request, self.operation()).await?;
        Ok(answer::read::<Listed>(&raw, &target)?.id)
    }

    /// Has GitHub send a ping to a webhook of the access's scope. An App's has no such call.
    pub async fn ping_webhook(&self, access: &Access, hook: u64) -> Result<(), GithubError> {
        let id = hook.to_string();
        let segments = hook_path(access, Some(&id), &["pings"]);
        self.call(access, &Request::new(Call::PingHook, Method::POST, &segments), self.operation()).await.map(drop)
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

fn config_body(url: &str, secret: &SecretString) -> Value {
    json!({ "url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret.expose_secret() })
}

fn log_path<'a>(access: &'a Access, hook: Option<&'a str>, rest: &[&'a str]) -> Vec<&'a str> {
    let mut segments = hook_path(access, hook, &["deliveries"]);
    segments.extend(rest);
    segments
}

fn hook_path<'a>(access: &'a Access, hook: Option<&'a str>, rest: &[&'a str]) -> Vec<&'a str> {
    let mut segments = match hook {
        None => vec!["app", "hook"],
        Some(id) => {
            let mut segments = scope::segments(&access.scope);
            segments.extend(["hooks", id]);
            segments
        }
    };
    segments.extend(rest);
    segments
}

/// GitHub writes `OK` for any answer of 2xx; the code says the same.
fn read(logged: Logged) -> Option<Delivery> {
    let ok = logged.status.eq_ignore_ascii_case("ok") || (200..300).contains(&logged.status_code);
    Some(Delivery {
        id: logged.id,
        guid: logged.guid,
        delivered_at: time::parse(&logged.delivered_at)?,
        ok,
        event: logged.event,
        action: logged.action,
        status: logged.status,
        status_code: logged.status_code,
        redelivery: logged.redelivery,
        duration: Duration::try_from_secs_f64(logged.duration).unwrap_or_default(),
        repository_id: logged.repository_id,
    })
}
