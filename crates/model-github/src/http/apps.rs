//! Who asks: an App, where it is installed, whose token it is, and how many calls are left. And the repository that is asked about.

use serde_json::json;

use crate::Millis;
use crate::auth::{Access, Area, Caller, Principal};
use crate::counters::Endpoint;
use crate::error::ApiError;
use crate::http::{Response, Routed};
use crate::model::GithubModel;
use crate::rest::app;
use crate::scope::Scope;
use crate::time::rfc3339;
use crate::wire;

impl GithubModel {
    /// `GET /app`
    pub(super) fn app(&mut self, now: Millis, caller: &Caller) -> Routed {
        self.call(now, caller, Endpoint::App, |model, principal| {
            let id = app(principal)?;
            let found = model.credentials.apps.iter().find(|app| app.id == id).ok_or_else(ApiError::not_found)?;
            let installations = model.credentials.installations.values().filter(|installed| installed.app == id).count();
            let body = json!({
                "id": found.id,
                "slug": found.slug(),
                "client_id": found.client_id,
                "name": found.name(),
                "owner": model.account(&found.owner),
                "description": "",
                "external_url": "",
                "html_url": format!("{}/apps/{}", model.config.web_url, found.slug()),
                "created_at": rfc3339(0),
                "updated_at": rfc3339(0),
                "permissions": wire::permissions(&found.permissions),
                "events": found.events,
                "installations_count": installations,
            });
            Ok(Response::json(200, &body))
        })
    }

    /// `GET /orgs/{org}/installation` and `GET /repos/{owner}/{repo}/installation`
    pub(super) fn installation(&mut self, now: Millis, caller: &Caller, scope: &Scope) -> Routed {
        let id = self.find_installation(now, caller, scope)?;
        let found = self.credentials.installations.get(&id).ok_or_else(ApiError::not_found)?;
        let organization = &found.organization;
        let body = json!({
            "id": id,
            "app_id": found.app,
            "account": { "login": organization, "type": "Organization" },
            "target_type": "Organization",
            "repository_selection": "all",
            "access_tokens_url": format!("{}/app/installations/{id}/access_tokens", self.config.api_url),
            "html_url": format!("{}/organizations/{organization}/settings/installations/{id}", self.config.web_url),
            "permissions": wire::permissions(&found.permissions),
            "events": self.events_of(id),
            "suspended_at": found.suspended_at.map(rfc3339),
            "suspended_by": found.suspended_at.map(|_| json!({ "login": "mona" })),
        });
        Ok(Response::json(200, &body))
    }

    /// `GET /users/{login}`, which anybody may ask.
    pub(super) fn public_account(&mut self, now: Millis, login: &str) -> Response {
        self.advance(now);
        Response::json(200, &self.account(login))
    }

    /// An organisation, or else a person.
    pub(super) fn account(&self, login: &str) -> serde_json::Value {
        let (id, kind) = self.world.organization(login).map_or((21, "User"), |found| (found.id, "Organization"));
        wire::account(&self.config.api_url, &self.config.web_url, login, id, kind)
    }

    /// `GET /user`
    pub(super) fn user(&mut self, now: Millis, caller: &Caller) -> Routed {
        self.call(now, caller, Endpoint::User, |model, principal| match principal {
            Principal::Pat(_) => Ok(Response::json(200, &wire::account(&model.config.api_url, &model.config.web_url, "mona", 21, "User"))),
            Principal::Installation(_) | Principal::App(_) => Err(ApiError::new(403, "Resource not accessible by integration")),
        })
    }

    /// `GET /rate_limit`
    pub(super) fn rate_limit(&mut self, now: Millis, caller: &Caller) -> Routed {
        self.call(now, caller, Endpoint::RateLimit, |model, principal| {
            let standing = model.meter.standing(model.now, principal, &model.config.limits);
            let core = json!({
                "limit": standing.limit, "used": standing.used, "remaining": standing.remaining(), "reset": standing.reset_at.div_ceil(1000),
            });
            Ok(Response::json(200, &json!({ "resources": { "core": core }, "rate": core })))
        })
    }

    /// `GET /repos/{owner}/{repo}`
    pub(super) fn repository(&mut self, now: Millis, caller: &Caller, owner: &str, name: &str) -> Routed {
        self.call(now, caller, Endpoint::Repository, |model, _| {
            model.authorize(caller, &Scope::Repository(owner.to_owned(), name.to_owned()), Access::Read, Area::Repository)?;
            let found = model.world.repository(owner, name).ok_or_else(ApiError::not_found)?;
            let of_organization = model.world.organization(owner).is_some();
            Ok(Response::json(200, &wire::repository(found, of_organization, &model.config.api_url, &model.config.web_url)))
        })
    }
}
