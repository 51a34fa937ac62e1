//! The delivery log of an App's webhook, and redelivery.

use serde_json::{Value, json};

use crate::Millis;
use crate::auth::{Caller, Principal};
use crate::counters::Endpoint;
use crate::deliveries::{Answer, Delivery};
use crate::error::ApiError;
use crate::http::routes::number;
use crate::http::{Response, Routed, parameter};
use crate::ids::DeliveryId;
use crate::model::GithubModel;
use crate::time::rfc3339;
use crate::webhook::Payload;

const PER_PAGE_DEFAULT: usize = 30;
const PER_PAGE_LIMIT: usize = 100;

impl GithubModel {
    /// The list, the newest first, or one with its payload.
    pub(super) fn app_deliveries(&mut self, now: Millis, caller: &Caller, rest: &[&str], query: &str) -> Routed {
        match rest {
            [] => self.list_deliveries(now, caller, query),
            [id] => {
                let id = DeliveryId(number(id)?);
                self.call(now, caller, Endpoint::GetDelivery, |model, principal| {
                    let app = app(principal)?;
                    let delivery =
                        model.post.log.get(&id).filter(|delivery| model.is_of_app(delivery, app)).ok_or_else(ApiError::not_found)?;
                    let mut body = entry(delivery);
                    body["request"] = json!({ "headers": {}, "payload": model.payload_of(delivery) });
                    body["response"] = json!({ "headers": {}, "payload": "" });
                    Ok(Response::json(200, &body))
                })
            }
            _ => Err(ApiError::not_found()),
        }
    }

    /// `POST /app/hook/deliveries/{id}/attempts`
    pub(super) fn app_redeliver(&mut self, now: Millis, caller: &Caller, id: u64) -> Routed {
        self.call(now, caller, Endpoint::Redeliver, |model, principal| {
            let app = app(principal)?;
            let id = DeliveryId(id);
            let visible = model.post.log.get(&id).is_some_and(|delivery| model.is_of_app(delivery, app));
            if visible && model.redeliver(now, id) { Ok(Response::json(202, &json!({}))) } else { Err(ApiError::not_found()) }
        })
    }

    fn list_deliveries(&mut self, now: Millis, caller: &Caller, query: &str) -> Routed {
        let per_page =
            parameter(query, "per_page").and_then(|value| value.parse().ok()).unwrap_or(PER_PAGE_DEFAULT).clamp(1, PER_PAGE_LIMIT);
        // A cursor names the first entry of its page; GitHub's are opaque, so this one looks so too.
        let cursor = parameter(query, "cursor").and_then(|cursor| cursor.strip_prefix("v1_")?.parse().ok());
        self.call(now, caller, Endpoint::ListDeliveries, |model, principal| {
            let app = app(principal)?;
            model.prune_log();
            let newest = cursor.map_or(u64::MAX, |cursor: u64| cursor);
            let mut entries = model
                .post
                .log
                .range(..=DeliveryId(newest))
                .rev()
                .map(|(_, delivery)| delivery)
                .filter(|delivery| delivery.answer.is_some() && model.is_of_app(delivery, app));
            let page: Vec<Value> = entries.by_ref().take(per_page).map(entry).collect();
            let next = entries.next().map(|delivery| delivery.id);
            let mut response = Response::json(200, &Value::Array(page));
            if let Some(next) = next {
                let api_url = &model.config.api_url;
                let link = format!("<{api_url}/app/hook/deliveries?per_page={per_page}&cursor=v1_{next}>; rel=\"next\"");
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
