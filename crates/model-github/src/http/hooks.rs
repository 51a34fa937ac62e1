//! The lists of webhooks, their delivery logs, and redelivery.

use serde_json::{Value, json};

use crate::Millis;
use crate::auth::Caller;
use crate::counters::Endpoint;
use crate::deliveries::{Answer, Delivery, HookSettings};
use crate::error::ApiError;
use crate::hook_log::{ListedHook, LogOf};
use crate::http::routes::number;
use crate::http::{Response, Routed, parameter};
use crate::ids::{DeliveryId, HookId};
use crate::model::GithubModel;
use crate::scope::Scope;
use crate::time::rfc3339;
use crate::webhook::Payload;

const PER_PAGE_DEFAULT: usize = 30;
const PER_PAGE_LIMIT: usize = 100;

impl GithubModel {
    /// The webhooks of an organisation or a repository.
    pub(super) fn hooks_route(&mut self, now: Millis, caller: &Caller, scope: &Scope) -> Routed {
        let hooks = self.list_hooks(now, caller, scope)?;
        let entry = |hook: &ListedHook| {
            json!({
                "type": if matches!(scope, Scope::Repository(..)) { "Repository" } else { "Organization" },
                "id": hook.id.0, "name": "web", "active": hook.settings.active, "events": hook.settings.events, "config": hook_config(hook),
            })
        };
        Ok(Response::json(200, &hooks.iter().map(entry).collect()))
    }

    /// The App's own webhook.
    pub(super) fn app_hook_route(&mut self, now: Millis, caller: &Caller) -> Routed {
        let hook = self.app_hook(now, caller)?;
        Ok(Response::json(200, &hook_config(&hook)))
    }

    /// `PATCH …/config`: what is given is changed.
    pub(super) fn set_hook_route(&mut self, now: Millis, caller: &Caller, log: &LogOf, body: &Value) -> Routed {
        let hook = self.set_hook_config(now, caller, log, body["url"].as_str(), body["content_type"].as_str(), body["secret"].as_str())?;
        Ok(Response::json(200, &hook_config(&hook)))
    }

    /// `POST …/hooks`
    pub(super) fn new_hook_route(&mut self, now: Millis, caller: &Caller, scope: &Scope, body: &Value) -> Routed {
        let config = &body["config"];
        let (Some(url), Some(secret)) = (config["url"].as_str(), config["secret"].as_str()) else {
            return Err(ApiError::new(422, "Validation Failed"));
        };
        let settings = HookSettings {
            active: body["active"] != false,
            events: body["events"].as_array().into_iter().flatten().filter_map(|event| event.as_str().map(str::to_owned)).collect(),
            content_type: config["content_type"].as_str().unwrap_or("form").to_owned(),
            insecure_ssl: config["insecure_ssl"] == "1",
        };
        let hook = self.create_hook(now, caller, scope, url, secret, settings)?;
        let shown = json!({ "id": hook.id.0, "name": "web", "active": hook.settings.active, "events": hook.settings.events, "config": hook_config(&hook) });
        Ok(Response::json(201, &shown))
    }

    /// `POST …/pings`
    pub(super) fn ping_route(&mut self, now: Millis, caller: &Caller, scope: &Scope, hook: HookId) -> Routed {
        self.ping_as(now, caller, scope, hook)?;
        Ok(Response::empty(204))
    }

    /// Everything below `…/deliveries`: the list, the newest first; one with its payload; sending one again.
    pub(super) fn log_route(&mut self, now: Millis, caller: &Caller, method: &str, log: &LogOf, rest: &[&str], query: &str) -> Routed {
        match (method, rest) {
            ("GET", []) => self.delivery_list(now, caller, log, query),
            ("GET", [id]) => {
                let delivery = self.get_delivery(now, caller, log, DeliveryId(number(id)?))?;
                let mut body = entry(&delivery);
                body["request"] = json!({ "headers": {}, "payload": self.payload_of(&delivery) });
                body["response"] = json!({ "headers": {}, "payload": delivery.answer_body });
                Ok(Response::json(200, &body))
            }
            ("POST", [id, "attempts"]) => {
                self.redeliver_as(now, caller, log, DeliveryId(number(id)?))?;
                Ok(Response::json(202, &json!({})))
            }
            _ => self.call(now, caller, Endpoint::Other, |_, _| Err(ApiError::not_found())),
        }
    }

    fn delivery_list(&mut self, now: Millis, caller: &Caller, log: &LogOf, query: &str) -> Routed {
        let per_page =
            parameter(query, "per_page").and_then(|value| value.parse().ok()).unwrap_or(PER_PAGE_DEFAULT).clamp(1, PER_PAGE_LIMIT);
        // A cursor names the first entry of its page; GitHub's are opaque, so this one looks so too.
        let cursor = parameter(query, "cursor").and_then(|cursor| cursor.strip_prefix("v1_")?.parse().ok());
        let page = self.list_deliveries(now, caller, log, cursor.map(DeliveryId), per_page)?;
        let mut response = Response::json(200, &page.deliveries.iter().map(entry).collect());
        if let Some(next) = page.next {
            let base = match log {
                LogOf::App => "app/hook".to_owned(),
                LogOf::Hook(Scope::Repository(owner, name), hook) => format!("repos/{owner}/{name}/hooks/{hook}"),
                LogOf::Hook(Scope::Organization(login) | Scope::Enterprise(login), hook) => format!("orgs/{login}/hooks/{hook}"),
            };
            let link = format!("<{}/{base}/deliveries?per_page={per_page}&cursor=v1_{next}>; rel=\"next\"", self.config.api_url);
            response.headers.push(("link", link));
        }
        Ok(response)
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

fn hook_config(hook: &ListedHook) -> Value {
    let insecure = if hook.settings.insecure_ssl { "1" } else { "0" };
    json!({ "content_type": hook.settings.content_type, "insecure_ssl": insecure, "secret": "********", "url": hook.url })
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
