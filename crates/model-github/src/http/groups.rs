//! Runner groups, and what they admit.

use serde_json::{Value, json};

use crate::Millis;
use crate::auth::{Access, Area, Caller};
use crate::counters::Endpoint;
use crate::error::ApiError;
use crate::http::routes::number;
use crate::http::{Response, Routed, parameter};
use crate::model::GithubModel;
use crate::scope::Scope;
use crate::wire;
use crate::world::{DEFAULT_GROUP, GroupVisibility, RunnerGroup};

const PER_PAGE_DEFAULT: usize = 30;
const PER_PAGE_LIMIT: usize = 100;

impl GithubModel {
    /// Everything below `…/actions/runner-groups` that is read.
    pub(super) fn groups_route(&mut self, now: Millis, caller: &Caller, scope: &Scope, rest: &[&str], query: &str) -> Routed {
        match (rest, scope) {
            ([], _) => self.groups(now, caller, scope),
            ([id], _) => self.group(now, caller, scope, number(id)?),
            ([id, "repositories"], Scope::Organization(_)) | ([id, "organizations"], Scope::Enterprise(_)) => {
                self.group_members(now, caller, scope, number(id)?, query)
            }
            _ => self.call(now, caller, Endpoint::Other, |_, _| Err(ApiError::not_found())),
        }
    }

    fn groups(&mut self, now: Millis, caller: &Caller, scope: &Scope) -> Routed {
        self.call(now, caller, Endpoint::RunnerGroups, |model, _| {
            model.authorize(caller, scope, Access::Read, Area::Runners)?;
            let groups: Vec<Value> = scope
                .group_owner()
                .and_then(|owner| model.world.groups_of(owner))
                .into_iter()
                .flatten()
                .map(|(id, group)| model.shown_group(scope, *id, group))
                .collect();
            Ok(Response::json(200, &json!({ "total_count": groups.len(), "runner_groups": groups })))
        })
    }

    fn group(&mut self, now: Millis, caller: &Caller, scope: &Scope, id: u64) -> Routed {
        self.call(now, caller, Endpoint::RunnerGroups, |model, _| {
            model.authorize(caller, scope, Access::Read, Area::Runners)?;
            let group = scope.group_owner().and_then(|owner| model.world.group(owner, id)).ok_or_else(ApiError::not_found)?;
            Ok(Response::json(200, &model.shown_group(scope, id, group)))
        })
    }

    /// What a group admits whose visibility is `selected`; of any other the list is empty.
    fn group_members(&mut self, now: Millis, caller: &Caller, scope: &Scope, id: u64, query: &str) -> Routed {
        let asked = |name: &str| parameter(query, name).and_then(|value| value.parse::<usize>().ok());
        let per_page = asked("per_page").unwrap_or(PER_PAGE_DEFAULT).clamp(1, PER_PAGE_LIMIT);
        let page = asked("page").unwrap_or(1).max(1);
        self.call(now, caller, Endpoint::GroupMembers, |model, _| {
            model.authorize(caller, scope, Access::Read, Area::Runners)?;
            let owner = scope.group_owner().ok_or_else(ApiError::not_found)?;
            let group = model.world.group(owner, id).ok_or_else(ApiError::not_found)?;
            let names: &[String] = if let GroupVisibility::Selected(names) = &group.visibility { names } else { &[] };
            let on_page = names.iter().skip((page - 1).saturating_mul(per_page)).take(per_page);
            let (kind, members): (&str, Vec<Value>) = match scope {
                Scope::Enterprise(_) => ("organizations", on_page.map(|login| json!({ "login": login })).collect()),
                _ => ("repositories", on_page.filter_map(|name| model.shown_member(owner, name)).collect()),
            };
            let mut body = json!({ "total_count": names.len() });
            body[kind] = members.into();
            let mut response = Response::json(200, &body);
            if page.saturating_mul(per_page) < names.len() {
                let path = format!("{}/{kind}?per_page={per_page}&page={}", model.group_url(scope, id), page + 1);
                response.headers.push(("link", format!("<{path}>; rel=\"next\"")));
            }
            Ok(response)
        })
    }

    fn shown_member(&self, owner: &str, name: &str) -> Option<Value> {
        let repository = self.world.repository(owner, name)?;
        Some(wire::repository(repository, true, &self.config.api_url, &self.config.web_url))
    }

    fn group_url(&self, scope: &Scope, id: u64) -> String {
        let kind = if matches!(scope, Scope::Enterprise(_)) { "enterprises" } else { "orgs" };
        format!("{}/{kind}/{}/actions/runner-groups/{id}", self.config.api_url, scope.group_owner().unwrap_or_default())
    }

    fn shown_group(&self, scope: &Scope, id: u64, group: &RunnerGroup) -> Value {
        let url = self.group_url(scope, id);
        let mut shown = json!({
            "id": id,
            "name": group.name,
            "visibility": match group.visibility {
                GroupVisibility::All => "all",
                GroupVisibility::Private => "private",
                GroupVisibility::Selected(_) => "selected",
            },
            "default": id == DEFAULT_GROUP,
            "runners_url": format!("{url}/runners"),
            "inherited": false,
            "allows_public_repositories": group.allows_public_repositories,
            "restricted_to_workflows": false,
            "selected_workflows": [],
            "workflow_restrictions_read_only": false,
        });
        if matches!(group.visibility, GroupVisibility::Selected(_)) {
            let kind = if matches!(scope, Scope::Enterprise(_)) { "organizations" } else { "repositories" };
            shown[format!("selected_{kind}_url")] = format!("{url}/{kind}").into();
        }
        shown
    }
}
