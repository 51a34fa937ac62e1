//! The delivery logs of webhooks, and redelivery.

use serde_json::{Value, json};

use crate::Millis;
use crate::auth::{Access, Area, Caller, Principal};
use crate::counters::Endpoint;
use crate::deliveries::{Answer, Delivery, HookOwner};
use crate::error::ApiError;
use crate::http::routes::number;
use crate::http::{Response, Routed, parameter};
use crate::ids::{DeliveryId, HookId};
use crate::model::GithubModel;
use crate::scope::Scope;
use crate::time::rfc3339;
use crate::webhook::Payload;

const PER_PAGE_DEFAULT: usize = 30;
const PER_PAGE_LIMIT: usize = 100;

/// Which webhooks a path is about.
pub(super) enum Hooks {
    /// The one of the App that calls.
    OfApp,
    /// One of an organisation or a repository.
    One(Scope, HookId),
}

impl GithubModel {
    /// Everything below `…/deliveries`: the list, the newest first; one with its payload; sending one again.
    pub(super) fn hook_route(&mut self, now: Millis, caller: &Caller, method: &str, hooks: &Hooks, rest: &[&str], query: &str) -> Routed {
        match (method, rest) {
            ("GET", []) => self.list_deliveries(now, caller, hooks, query),
            ("GET", [id]) => {
                let id = DeliveryId(number(id)?);
                self.call(now, caller, Endpoint::GetDelivery, |model, principal| {
                    let (hook, owner) = model.hooks_of(caller, principal, hooks)?;
                    let visible = |delivery: &&Delivery| model.is_of(delivery, hook, &owner);
                    let delivery = model.post.log.get(&id).filter(visible).ok_or_else(ApiError::not_found)?;
                    let mut body = entry(delivery);
                    body["request"] = json!({ "headers": {}, "payload": model.payload_of(delivery) });
                    body["response"] = json!({ "headers": {}, "payload": "" });
                    Ok(Response::json(200, &body))
                })
            }
            ("POST", [id, "attempts"]) => {
                let id = DeliveryId(number(id)?);
                self.call(now, caller, Endpoint::Redeliver, |model, principal| {
                    let (hook, owner) = model.hooks_of(caller, principal, hooks)?;
                    let visible = model.post.log.get(&id).is_some_and(|delivery| model.is_of(delivery, hook, &owner));
                    if visible && model.redeliver(now, id) { Ok(Response::json(202, &json!({}))) } else { Err(ApiError::not_found()) }
                })
            }
            _ => self.call(now, caller, Endpoint::Other, |_, _| Err(ApiError::not_found())),
        }
    }

    fn hooks_of(&self, caller: &Caller, principal: Principal, hooks: &Hooks) -> Result<(Option<HookId>, HookOwner), ApiError> {
        match hooks {
            Hooks::OfApp => Ok((None, HookOwner::App(app(principal)?))),
            Hooks::One(scope, hook) => {
                self.authorize(caller, scope, Access::Write, Area::Hooks)?;
                let owner = match scope {
                    Scope::Repository(owner, name) => HookOwner::Repository(owner.clone(), name.clone()),
                    Scope::Organization(login) | Scope::Enterprise(login) => HookOwner::Organization(login.clone()),
                };
                Ok((Some(*hook), owner))
            }
        }
    }

    fn list_deliveries(&mut self, now: Millis, caller: &Caller, hooks: &Hooks, query: &str) -> Routed {
        let per_page =
            parameter(query, "per_page").and_then(|value| value.parse().ok()).unwrap_or(PER_PAGE_DEFAULT).clamp(1, PER_PAGE_LIMIT);
        // A cursor names the first entry of its page; GitHub's are opaque, so this one looks so too.
        let cursor = parameter(query, "cursor").and_then(|cursor| cursor.strip_prefix("v1_")?.parse().ok());
        self.call(now, caller, Endpoint::ListDeliveries, |model, principal| {
            let (hook, owner) = model.hooks_of(caller, principal, hooks)?;
            model.prune_log();
            let newest = cursor.map_or(u64::MAX, |cursor: u64| cursor);
            let mut entries = model
                .post
                .log
                .range(..=DeliveryId(newest))
                .rev()
                .map(|(_, delivery)| delivery)
                .filter(|delivery| delivery.answer.is_some() && model.is_of(delivery, hook, &owner));
            let page: Vec<Value> = entries.by_ref().take(per_page).map(entry).collect();
            let next = entries.next().map(|delivery| delivery.id);
            let mut response = Response::json(200, &Value::Array(page));
            if let Some(next) = next {
                let base = match hooks {
                    Hooks::OfApp => "app/hook".to_owned(),
                    Hooks::One(Scope::Repository(owner, name), hook) => format!("repos/{owner}/{name}/hooks/{hook}"),
                    Hooks::One(Scope::Organization(login) | Scope::Enterprise(login), hook) => format!("orgs/{login}/hooks/{hook}"),
                };
                let api_url = &model.config.api_url;
                let link = format!("<{api_url}/{base}/deliveries?per_page={per_page}&cursor=v1_{next}>; rel=\"next\"");
                response.headers.push(("link", link));
            }
            Ok(response)
        })
    }

    fn payload_of(&self, delivery: &Delivery) -> Value {
        let envelope = crate::wire::Envelope {
            api_url: self.config.api_url.clone(),
            web_url: self.config.web_url.clone(),
            installation: delivery.installation,
            hook: delivery.hook,
            url: String::new(),
        };
        serde_json::from_str(&envelope.render(&delivery.payload)).unwrap_or_default()
    }
}

fn entry(delivery: &Delivery) -> Value {
    let (status, code) = match delivery.answer {
        Some(Answer::Status(code)) if (200..300).contains(&code) => ("OK".to_owned(), code),
        Some(Answer::Status(code)) => (format!("Invalid HTTP Response: {code}"), code),
        Some(Answer::TimedOut) => ("timed out".to_owned(), 504),
        Some(Answer::Unreachable) => ("failed to connect to host".to_owned(), 502),
        None => ("pending".to_owned(), 0),
    };
    let repository = match &*delivery.payload {
        Payload::Job(event) => Some(event.repository.id),
        Payload::Ping => None,
    };
    json!({
        "id": delivery.id.0,
        "guid": &*delivery.guid,
        "delivered_at": delivery.delivered_at.map(rfc3339),
        "redelivery": delivery.redelivery,
        "duration": std::time::Duration::from_millis(delivery.duration_ms).as_secs_f64(),
        "status": status,
        "status_code": code,
        "event": delivery.payload.event(),
        "action": delivery.payload.action(),
        "installation_id": delivery.installation,
        "repository_id": repository,
        "throttled_at": null,
    })
}

fn app(principal: Principal) -> Result<u64, ApiError> {
    match principal {
        Principal::App(id) => Ok(id),
        Principal::Installation(_) | Principal::Pat(_) => Err(ApiError::new(401, "A JSON web token could not be decoded")),
    }
}
