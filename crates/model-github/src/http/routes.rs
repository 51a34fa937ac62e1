//! Which path means which call.

use serde_json::{Value, json};

use crate::Millis;
use crate::auth::{Access, Caller, Permissions};
use crate::counters::Endpoint;
use crate::error::ApiError;
use crate::hook_log::LogOf;
use crate::http::{Request, Response, Routed};
use crate::ids::{HookId, JobId};
use crate::model::GithubModel;
use crate::scope::Scope;
use crate::time::rfc3339;
use crate::wire;

impl GithubModel {
    pub(super) fn route(&mut self, now: Millis, request: &Request, caller: &Caller) -> Routed {
        let (path, query) = request.path_and_query.split_once('?').unwrap_or((&request.path_and_query, ""));
        // A GitHub Enterprise Server has the same interface below a prefix.
        let path = path.strip_prefix("/api/v3").unwrap_or(path);
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let body = || parse(&request.body);
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["app", "installations", id, "access_tokens"]) => self.access_token(now, caller, number(id)?, &body()?),
            ("GET", ["app"]) => self.app(now, caller),
            ("GET", ["app", "hook", "config"]) => self.app_hook_route(now, caller),
            ("POST", ["app-manifests", code, "conversions"]) => self.convert_manifest(now, code),
            (method, ["organizations", org, "settings", "apps", rest @ ..]) => {
                self.apps_pages(now, method, Some(org), rest, query, &request.body)
            }
            (method, ["settings", "apps", rest @ ..]) => self.apps_pages(now, method, None, rest, query, &request.body),
            (method, ["apps", slug, "installations", rest @ ..]) => self.installation_pages(now, method, slug, rest),
            ("PATCH", ["app", "hook", "config"]) => self.set_hook_route(now, caller, &LogOf::App, &body()?),
            ("PATCH", ["orgs", org, "hooks", hook, "config"]) => {
                let log = LogOf::Hook(Scope::Organization((*org).to_owned()), HookId(number(hook)?));
                self.set_hook_route(now, caller, &log, &body()?)
            }
            ("PATCH", ["repos", owner, repo, "hooks", hook, "config"]) => {
                let log = LogOf::Hook(repository(owner, repo), HookId(number(hook)?));
                self.set_hook_route(now, caller, &log, &body()?)
            }
            ("POST", ["orgs", org, "hooks"]) => self.new_hook_route(now, caller, &Scope::Organization((*org).to_owned()), &body()?),
            ("POST", ["repos", owner, repo, "hooks"]) => self.new_hook_route(now, caller, &repository(owner, repo), &body()?),
            ("POST", ["orgs", org, "hooks", hook, "pings"]) => {
                self.ping_route(now, caller, &Scope::Organization((*org).to_owned()), HookId(number(hook)?))
            }
            ("POST", ["repos", owner, repo, "hooks", hook, "pings"]) => {
                self.ping_route(now, caller, &repository(owner, repo), HookId(number(hook)?))
            }
            ("GET", ["users", login]) => Ok(self.public_account(now, login)),
            ("GET", ["user"]) => self.user(now, caller),
            (method, ["app", "hook", "deliveries", rest @ ..]) => self.log_route(now, caller, method, &LogOf::App, rest, query),
            ("GET", ["orgs", org, "hooks"]) => self.hooks_route(now, caller, &Scope::Organization((*org).to_owned())),
            ("GET", ["repos", owner, repo, "hooks"]) => self.hooks_route(now, caller, &repository(owner, repo)),
            (method, ["orgs", org, "hooks", hook, "deliveries", rest @ ..]) => {
                let log = LogOf::Hook(Scope::Organization((*org).to_owned()), HookId(number(hook)?));
                self.log_route(now, caller, method, &log, rest, query)
            }
            (method, ["repos", owner, repo, "hooks", hook, "deliveries", rest @ ..]) => {
                let log = LogOf::Hook(repository(owner, repo), HookId(number(hook)?));
                self.log_route(now, caller, method, &log, rest, query)
            }
            ("GET", ["orgs", org, "installation"]) => self.installation(now, caller, &Scope::Organization((*org).to_owned())),
            ("GET", ["repos", owner, repo, "installation"]) => self.installation(now, caller, &repository(owner, repo)),
            ("GET", ["repos", owner, repo, "actions", "jobs", id]) => {
                let job = self.get_job(now, caller, owner, repo, JobId(number(id)?))?;
                Ok(Response::json(200, &wire::job(&job, &self.config.api_url, &self.config.web_url)))
            }
            ("GET", ["repos", owner, repo, "actions", "runs", id]) => {
                let run = self.get_run(now, caller, owner, repo, number(id)?)?;
                Ok(Response::json(200, &wire::run(&run, &self.config.api_url, &self.config.web_url)))
            }
            ("POST", ["repos", owner, repo, "actions", "runs", id, "rerun-failed-jobs"]) => {
                self.rerun_failed_jobs(now, caller, owner, repo, number(id)?)?;
                Ok(Response::json(201, &json!({})))
            }
            ("GET", ["rate_limit"]) => self.rate_limit(now, caller),
            ("GET", ["repos", owner, repo]) => self.repository(now, caller, owner, repo),
            ("GET", ["orgs", org, "actions", "runner-groups", rest @ ..]) => {
                self.groups_route(now, caller, &Scope::Organization((*org).to_owned()), rest, query)
            }
            ("GET", ["enterprises", slug, "actions", "runner-groups", rest @ ..]) => {
                self.groups_route(now, caller, &Scope::Enterprise((*slug).to_owned()), rest, query)
            }
            (method, ["orgs", org, "actions", "runners", rest @ ..]) => {
                self.runner_route(now, caller, method, &Scope::Organization((*org).to_owned()), rest, query, &request.body)
            }
            (method, ["repos", owner, repo, "actions", "runners", rest @ ..]) => {
                self.runner_route(now, caller, method, &repository(owner, repo), rest, query, &request.body)
            }
            (method, ["enterprises", slug, "actions", "runners", rest @ ..]) => {
                self.runner_route(now, caller, method, &Scope::Enterprise((*slug).to_owned()), rest, query, &request.body)
            }
            _ => self.call(now, caller, Endpoint::Other, |_, _| Err(ApiError::not_found())),
        }
    }

    fn access_token(&mut self, now: Millis, caller: &Caller, installation: u64, body: &Value) -> Routed {
        let wanted = body.get("permissions").and_then(Value::as_object).map(|wanted| {
            let access = |value: &Value| if value == "write" || value == "admin" { Access::Write } else { Access::Read };
            Permissions(wanted.iter().map(|(name, value)| (name.clone(), access(value))).collect())
        });
        let issued = self.exchange_token(now, caller, installation, wanted.as_ref())?;
        Ok(Response::json(
            201,
            &json!({
                "token": issued.token,
                "expires_at": rfc3339(issued.expires_at),
                "permissions": wire::permissions(&issued.permissions),
                "repository_selection": "all",
            }),
        ))
    }
}

pub(super) fn number(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

/// A body, which may be absent where nothing in it is needed.
pub(super) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|_| ApiError::new(400, "Problems parsing JSON"))
}

fn repository(owner: &str, name: &str) -> Scope {
    Scope::Repository(owner.to_owned(), name.to_owned())
}
