//! Everything below `…/actions/runners`, which is the same for all scopes.

use serde_json::{Value, json};

use crate::Millis;
use crate::auth::{Access, Area, Caller, RegistrationToken};
use crate::counters::Endpoint;
use crate::error::ApiError;
use crate::http::routes::{number, parse};
use crate::http::{Response, Routed, parameter};
use crate::ids::RunnerId;
use crate::model::GithubModel;
use crate::rest::JitRequest;
use crate::scope::Scope;
use crate::time::rfc3339;
use crate::wire;

const PER_PAGE_DEFAULT: usize = 30;
const PER_PAGE_LIMIT: usize = 100;
/// The release that the stand-in runner is.
const VERSION: &str = "2.338.0";

impl GithubModel {
    #[expect(clippy::too_many_arguments, reason = "the parts of one request, taken apart already")]
    pub(super) fn runner_route(
        &mut self,
        now: Millis,
        caller: &Caller,
        method: &str,
        scope: &Scope,
        rest: &[&str],
        query: &str,
        body: &[u8],
    ) -> Routed {
        match (method, rest) {
            ("GET", []) => self.list(now, caller, scope, query),
            ("POST", ["generate-jitconfig"]) => self.jit(now, caller, scope, &parse(body)?),
            ("POST", ["registration-token"]) => self.registration_token(now, caller, scope).map(|token| token_body(&token)),
            ("POST", ["remove-token"]) => self.remove_token(now, caller, scope).map(|token| token_body(&token)),
            ("GET", ["downloads"]) => self.downloads(now, caller, scope),
            ("GET", ["deprecations", version]) => {
                let announced = self.deprecation(now, caller, scope, version)?;
                let mut body = json!({ "runner_version": version });
                for (field, at) in
                    [("registration_deprecates_at", announced.registration_at), ("runtime_deprecates_at", announced.runtime_at)]
                {
                    if let Some(at) = at {
                        body[field] = rfc3339(at).into();
                    }
                }
                Ok(Response::json(200, &body))
            }
            ("GET", [id]) => {
                let runner = self.get_runner(now, caller, scope, RunnerId(number(id)?))?;
                Ok(Response::json(200, &wire::runner(&runner, self.shows_busy(&runner))))
            }
            ("DELETE", [id]) => {
                self.delete_runner(now, caller, scope, RunnerId(number(id)?))?;
                Ok(Response::empty(204))
            }
            _ => self.call(now, caller, Endpoint::Other, |_, _| Err(ApiError::not_found())),
        }
    }

    fn jit(&mut self, now: Millis, caller: &Caller, scope: &Scope, body: &Value) -> Routed {
        let request = JitRequest {
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            runner_group_id: body["runner_group_id"]
                .as_u64()
                .ok_or_else(|| ApiError::new(422, "Invalid request. \"runner_group_id\" wasn't supplied."))?,
            labels: body["labels"].as_array().into_iter().flatten().filter_map(|label| label.as_str().map(str::to_owned)).collect(),
            work_folder: body["work_folder"].as_str().map(str::to_owned),
        };
        let jit = self.generate_jit(now, caller, scope, &request)?;
        let runner = wire::runner(&jit.runner, false);
        Ok(Response::json(201, &json!({ "runner": runner, "encoded_jit_config": jit.encoded_jit_config })))
    }

    fn list(&mut self, now: Millis, caller: &Caller, scope: &Scope, query: &str) -> Routed {
        let asked = |name: &str| parameter(query, name).and_then(|value| value.parse::<usize>().ok());
        let per_page = asked("per_page").unwrap_or(PER_PAGE_DEFAULT).clamp(1, PER_PAGE_LIMIT);
        let page = asked("page").unwrap_or(1).max(1);
        let name = parameter(query, "name");
        let found = self.list_runners(now, caller, scope, name.as_deref(), per_page, page)?;
        let runners: Vec<Value> = found.items.iter().map(|runner| wire::runner(runner, self.shows_busy(runner))).collect();
        let mut response = Response::json(200, &json!({ "total_count": found.total, "runners": runners }));
        let base = match scope {
            Scope::Organization(login) => format!("orgs/{login}"),
            Scope::Repository(owner, name) => format!("repos/{owner}/{name}"),
            Scope::Enterprise(slug) => format!("enterprises/{slug}"),
        };
        let name = name.map(|name| format!("&name={name}")).unwrap_or_default();
        let link = |page: usize, relation: &str| {
            format!("<{}/{base}/actions/runners?per_page={per_page}&page={page}{name}>; rel=\"{relation}\"", self.config.api_url)
        };
        let last = found.total.div_ceil(per_page).max(1);
        let mut links = Vec::new();
        if page > 1 {
            links.extend([link(1, "first"), link(page - 1, "prev")]);
        }
        if page < last {
            links.extend([link(page + 1, "next"), link(last, "last")]);
        }
        if !links.is_empty() {
            response.headers.push(("link", links.join(", ")));
        }
        Ok(response)
    }

    fn downloads(&mut self, now: Millis, caller: &Caller, scope: &Scope) -> Routed {
        self.call(now, caller, Endpoint::Downloads, |model, _| {
            model.authorize(caller, scope, Access::Read, Area::Runners)?;
            let asset = |architecture: &str| {
                let filename = format!("actions-runner-linux-{architecture}-{VERSION}.tar.gz");
                json!({
                    "os": "linux", "architecture": architecture, "filename": filename,
                    "download_url": format!("{}/actions/runner/releases/download/v{VERSION}/{filename}", model.config.web_url),
                    "sha256_checksum": "0".repeat(64),
                })
            };
            Ok(Response::json(200, &json!([asset("x64"), asset("arm64")])))
        })
    }
}

fn token_body(token: &RegistrationToken) -> Response {
    Response::json(201, &json!({ "token": token.token, "expires_at": rfc3339(token.expires_at) }))
}
