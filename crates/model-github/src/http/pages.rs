//! The few pages that a person sees while an App is made and installed: plain, with GitHub's own buttons.

use serde_json::{Value, json};

use crate::Millis;
use crate::error::ApiError;
use crate::http::{Response, Routed, encode, parameter};
use crate::model::GithubModel;
use crate::wire;

impl GithubModel {
    /// Everything below `/settings/apps` and `/organizations/{org}/settings/apps`.
    pub(super) fn apps_pages(
        &mut self,
        now: Millis,
        method: &str,
        organization: Option<&str>,
        rest: &[&str],
        query: &str,
        body: &[u8],
    ) -> Routed {
        self.advance(now);
        if organization.is_some_and(|login| self.world.organization(login).is_none()) {
            return Err(ApiError::not_found());
        }
        let owner = organization.unwrap_or("mona");
        let form = String::from_utf8_lossy(body).into_owned();
        let state = parameter(query, "state").unwrap_or_default();
        match (method, rest) {
            ("GET", ["new"]) => Ok(Response::html(200, "<h1>Register new GitHub App</h1><p>This model takes a manifest only.</p>")),
            ("POST", ["new"]) => {
                let manifest = parameter(&form, "manifest").unwrap_or_default();
                let read: Value = serde_json::from_str(&manifest).map_err(|_| ApiError::new(422, "The manifest is no JSON"))?;
                let base = organization.map(|login| format!("/organizations/{login}")).unwrap_or_default();
                let page = format!(
                    "<h1>Create GitHub App for {}</h1><form method=\"post\" action=\"{base}/settings/apps?state={}\">\
                     <input type=\"hidden\" name=\"manifest\" value=\"{}\">\
                     <label>GitHub App name <input name=\"name\" value=\"{}\"></label> <button id=\"create-app\">Create GitHub App</button></form>",
                    escaped(owner),
                    encode(&state),
                    escaped(&manifest),
                    escaped(read["name"].as_str().unwrap_or_default())
                );
                Ok(Response::html(200, &page))
            }
            ("POST", []) => {
                let manifest = parameter(&form, "manifest").and_then(|text| serde_json::from_str::<Value>(&text).ok()).unwrap_or_default();
                let name = parameter(&form, "name").unwrap_or_default();
                self.make_app(owner, &name, &manifest, &state).map(Response::redirect)
            }
            _ => Err(ApiError::not_found()),
        }
    }

    /// Everything below `/apps/{slug}/installations`. An App that is its owner's own can be installed there only.
    pub(super) fn installation_pages(&mut self, now: Millis, method: &str, slug: &str, rest: &[&str]) -> Routed {
        self.advance(now);
        let found = self.credentials.apps.iter().find(|app| app.slug() == slug).ok_or_else(ApiError::not_found)?;
        let (id, owner, permissions) = (found.id, found.owner.clone(), found.permissions.clone());
        match (method, rest) {
            ("GET", ["new"]) => {
                let page = format!(
                    "<h1>Install {}</h1><p>on {}</p><form method=\"post\" action=\"/apps/{slug}/installations\"><button id=\"install\">Install</button></form>",
                    escaped(&found.name()),
                    escaped(&owner)
                );
                Ok(Response::html(200, &page))
            }
            ("POST", []) => {
                let installation = match self.installation_of(id, &owner) {
                    Some(there) => there,
                    None => self.install_app(id, &owner, permissions),
                };
                Ok(Response::redirect(format!("/apps/{slug}/installations/{installation}")))
            }
            ("GET", [_]) => Ok(Response::html(200, "<h1 id=\"installed\">Installed</h1>")),
            _ => Err(ApiError::not_found()),
        }
    }

    /// `POST /app-manifests/{code}/conversions`
    pub(super) fn convert_manifest(&mut self, now: Millis, code: &str) -> Routed {
        self.advance(now);
        let made = self.spend(code)?;
        let app = self.credentials.apps.iter().find(|app| app.id == made.app).ok_or_else(ApiError::not_found)?;
        let body = json!({
            "id": app.id,
            "slug": app.slug(),
            "client_id": app.client_id,
            "client_secret": made.client_secret,
            "webhook_secret": made.webhook_secret,
            "pem": made.private_pem,
            "name": app.name(),
            "owner": self.account(&app.owner),
            "html_url": format!("{}/apps/{}", self.config.web_url, app.slug()),
            "permissions": wire::permissions(&app.permissions),
            "events": app.events,
        });
        Ok(Response::json(201, &body))
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
