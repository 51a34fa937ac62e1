//! The calls of the REST interface, typed: the way of a simulation, which wants no JSON. The HTTP surface is a layer over these.
//!
//! Each is counted, authenticated, held against the rate limits, and may be struck by a fault, before or after its effect.

use crate::Millis;
use crate::auth::{Access, Area, Caller, InstallationToken, Permissions, Principal, RegistrationToken};
use crate::counters::Endpoint;
use crate::error::ApiError;
use crate::ids::{JobId, RunnerId};
use crate::jit::{self, ListenerCredentials};
use crate::job::Job;
use crate::model::GithubModel;
use crate::runner::Runner;
use crate::runners::Registration;
use crate::scope::Scope;

/// The body of `generate-jitconfig`.
#[derive(Clone, Debug)]
pub struct JitRequest {
    /// The runner's name.
    pub name: String,
    /// Its group.
    pub runner_group_id: u64,
    /// All that it holds: GitHub adds nothing.
    pub labels: Vec<String>,
    /// Where it works.
    pub work_folder: Option<String>,
}

/// The answer to it.
#[derive(Clone)]
pub struct Jit {
    /// The registration.
    pub runner: Runner,
    /// What `run.sh` takes.
    pub encoded_jit_config: String,
    /// What the listener will show, for those who do not want to decode that.
    pub credentials: ListenerCredentials,
}

/// What `config.sh` sends with a registration token.
#[derive(Clone, Debug)]
pub struct TokenRegistration {
    /// The runner's name.
    pub name: String,
    /// Labels beyond those that every runner gets.
    pub labels: Vec<String>,
    /// The name of its group.
    pub runner_group: Option<String>,
    /// Whether it is gone after one job.
    pub ephemeral: bool,
    /// Whether a runner of the same name is replaced.
    pub replace: bool,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: usize,
}

const LABELS_LIMIT: usize = 100;

impl GithubModel {
    /// `POST /app/installations/{id}/access_tokens`
    pub fn exchange_token(
        &mut self,
        now: Millis,
        caller: &Caller,
        installation: u64,
        wanted: Option<&Permissions>,
    ) -> Result<InstallationToken, ApiError> {
        self.call(now, caller, Endpoint::TokenExchange, |model, principal| model.issue(app(principal)?, installation, wanted))
    }

    /// `GET /orgs/{org}/installation` and `GET /repos/{owner}/{repo}/installation`
    pub fn find_installation(&mut self, now: Millis, caller: &Caller, scope: &Scope) -> Result<u64, ApiError> {
        self.call(now, caller, Endpoint::FindInstallation, |model, principal| {
            let app = app(principal)?;
            let (Scope::Organization(owner) | Scope::Repository(owner, _)) = scope else { return Err(ApiError::not_found()) };
            model.installation_of(app, owner).filter(|_| model.world.exists(scope)).ok_or_else(ApiError::not_found)
        })
    }

    /// `POST …/actions/runners/generate-jitconfig`
    pub fn generate_jit(&mut self, now: Millis, caller: &Caller, scope: &Scope, request: &JitRequest) -> Result<Jit, ApiError> {
        self.call(now, caller, Endpoint::JitConfig, |model, _| {
            model.authorize(caller, scope, Access::Write, Area::Runners)?;
            if request.labels.is_empty() || request.labels.len() > LABELS_LIMIT {
                return Err(ApiError::new(422, "Invalid request. Between 1 and 100 labels must be given."));
            }
            let id = model.register(Registration {
                scope,
                name: &request.name,
                labels: request.labels.clone(),
                group_id: request.runner_group_id,
                ephemeral: true,
                jit: true,
            })?;
            let runner = model.runners.get(&id).cloned().ok_or_else(ApiError::not_found)?;
            let client_id = runner.client_id.clone();
            model.remember(&client_id);
            let credentials = ListenerCredentials { runner_id: id.0, client_id, version: String::new() };
            if model.config.bare_jit {
                return Ok(Jit { runner, encoded_jit_config: String::new(), credentials });
            }
            let work_folder = request.work_folder.as_deref().unwrap_or("_work");
            let pool = scope.group_owner().and_then(|owner| model.world.group(owner, runner.group_id));
            let pool = pool.map_or_else(|| "Default".to_owned(), |group| group.name.clone());
            let config = &model.config;
            let files = jit::files(&runner, &pool, work_folder, config.jit_without_disable_update, &config.api_url, &config.web_url);
            let encoded_jit_config = jit::encode(&files, &mut model.random);
            model.remember(&encoded_jit_config);
            Ok(Jit { runner, encoded_jit_config, credentials })
        })
    }

    /// `POST …/actions/runners/registration-token`
    pub fn registration_token(&mut self, now: Millis, caller: &Caller, scope: &Scope) -> Result<RegistrationToken, ApiError> {
        self.call(now, caller, Endpoint::RegistrationToken, |model, _| {
            model.authorize(caller, scope, Access::Write, Area::Runners)?;
            Ok(model.issue_registration(scope))
        })
    }

    /// `POST …/actions/runners/remove-token`
    pub fn remove_token(&mut self, now: Millis, caller: &Caller, scope: &Scope) -> Result<RegistrationToken, ApiError> {
        self.call(now, caller, Endpoint::RemoveToken, |model, _| {
            model.authorize(caller, scope, Access::Write, Area::Runners)?;
            Ok(model.issue_registration(scope))
        })
    }

    /// `GET …/actions/runners?name=&per_page=&page=`; pages are counted from 1.
    pub fn list_runners(
        &mut self,
        now: Millis,
        caller: &Caller,
        scope: &Scope,
        name: Option<&str>,
        per_page: usize,
        page: usize,
    ) -> Result<Page<Runner>, ApiError> {
        self.call(now, caller, Endpoint::ListRunners, |model, _| {
            model.authorize(caller, scope, Access::Read, Area::Runners)?;
            let named = |runner: &&Runner| runner.scope.same(scope) && name.is_none_or(|name| runner.name.eq_ignore_ascii_case(name));
            let total = model.runners.values().filter(named).count();
            let skipped = page.saturating_sub(1).saturating_mul(per_page);
            Ok(Page { items: model.runners.values().filter(named).skip(skipped).take(per_page).cloned().collect(), total })
        })
    }

    /// `GET …/actions/runners/{id}`
    pub fn get_runner(&mut self, now: Millis, caller: &Caller, scope: &Scope, id: RunnerId) -> Result<Runner, ApiError> {
        self.call(now, caller, Endpoint::GetRunner, |model, _| {
            model.authorize(caller, scope, Access::Read, Area::Runners)?;
            model.runners.get(&id).filter(|runner| runner.scope.same(scope)).cloned().ok_or_else(ApiError::not_found)
        })
    }

    /// `DELETE …/actions/runners/{id}`. It goes by what GitHub shows as busy, which is late: it can kill a job that has only just begun.
    pub fn delete_runner(&mut self, now: Millis, caller: &Caller, scope: &Scope, id: RunnerId) -> Result<(), ApiError> {
        self.call(now, caller, Endpoint::DeleteRunner, |model, _| {
            model.authorize(caller, scope, Access::Write, Area::Runners)?;
            model.runners.get(&id).filter(|runner| runner.scope.same(scope)).ok_or_else(ApiError::not_found)?;
            model.unregister(id)
        })
    }

    /// `GET /repos/{owner}/{repo}/actions/jobs/{id}`
    pub fn get_job(&mut self, now: Millis, caller: &Caller, owner: &str, name: &str, id: JobId) -> Result<Job, ApiError> {
        self.call(now, caller, Endpoint::GetJob, |model, _| {
            model.authorize(caller, &Scope::Repository(owner.to_owned(), name.to_owned()), Access::Read, Area::Jobs)?;
            let there = |job: &&Job| job.owner.eq_ignore_ascii_case(owner) && job.name.eq_ignore_ascii_case(name);
            model.jobs.get(&id).filter(there).cloned().ok_or_else(ApiError::not_found)
        })
    }

    /// What `config.sh` does with a registration token. No REST call: not counted, not limited but by registrations.
    pub fn register_by_token(&mut self, now: Millis, token: &str, new: &TokenRegistration) -> Result<ListenerCredentials, ApiError> {
        self.advance(now);
        let scope = self.opened_by(token).ok_or_else(ApiError::not_found)?;
        let groups = scope.group_owner().and_then(|owner| self.world.groups_of(owner));
        let group_id = match (&new.runner_group, groups) {
            (Some(name), Some(groups)) => {
                let found = groups.iter().find(|(_, group)| group.name.eq_ignore_ascii_case(name));
                found
                    .map(|(id, _)| *id)
                    .ok_or_else(|| ApiError::new(404, format!("Could not find any self-hosted runner group named \"{name}\".")))?
            }
            _ => crate::world::DEFAULT_GROUP,
        };
        if new.replace {
            let same = self.runners().find(|runner| runner.scope.same(&scope) && runner.name.eq_ignore_ascii_case(&new.name));
            if let Some(id) = same.map(|runner| runner.id) {
                self.unregister(id)?;
            }
        }
        // Unlike a JIT configuration, this way always brings the platform's own labels.
        let mut labels: Vec<String> = ["self-hosted", "Linux", "X64"].map(str::to_owned).to_vec();
        let own =
            new.labels.iter().filter(|label| !labels.iter().any(|known| known.eq_ignore_ascii_case(label))).cloned().collect::<Vec<_>>();
        labels.extend(own);
        let id = self.register(Registration { scope: &scope, name: &new.name, labels, group_id, ephemeral: new.ephemeral, jit: false })?;
        let client_id = self.runners.get(&id).map(|runner| runner.client_id.clone()).ok_or_else(ApiError::not_found)?;
        self.remember(&client_id);
        Ok(ListenerCredentials { runner_id: id.0, client_id, version: String::new() })
    }

    /// What every REST call goes through.
    pub(crate) fn call<T>(
        &mut self,
        now: Millis,
        caller: &Caller,
        endpoint: Endpoint,
        effect: impl FnOnce(&mut Self, Principal) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.advance(now);
        self.counters.of(endpoint).asked += 1;
        let admitted = self.authenticate(caller).and_then(|principal| {
            self.meter.admit(self.now, principal, endpoint, &self.config.limits, &mut self.random).map(|()| principal).inspect_err(|_| {
                self.counters.of(endpoint).throttled += 1;
                *self.struck.entry("throttled").or_default() += 1;
            })
        });
        let principal = match admitted {
            Ok(principal) => principal,
            Err(error) => {
                if error.status() == Some(401) {
                    self.counters.of(endpoint).refused += 1;
                }
                return Err(error);
            }
        };
        let faults = self.config.faults.clone();
        let result = match self.breaks(("dropped", faults.dropped), ("server_error", faults.server_error)) {
            Some(error) => Err(error),
            None => effect(self, principal).and_then(|answer| {
                let broken = self.breaks(("dropped_after", faults.dropped_after), ("server_error_after", faults.server_error_after));
                broken.map_or(Ok(answer), Err)
            }),
        };
        let count = self.counters.of(endpoint);
        match result.as_ref().map_err(ApiError::status) {
            Ok(_) => count.ok += 1,
            Err(None) => count.dropped += 1,
            Err(Some(500..)) => count.failed += 1,
            Err(Some(_)) => count.refused += 1,
        }
        result
    }

    /// How a call breaks, if one of these two faults strikes it.
    fn breaks(&mut self, dropped: (&'static str, f64), failed: (&'static str, f64)) -> Option<ApiError> {
        if self.strikes(dropped.0, dropped.1) {
            return Some(ApiError::Dropped);
        }
        self.strikes(failed.0, failed.1).then(|| ApiError::new(502, "Server Error"))
    }
}

pub(crate) fn app(principal: Principal) -> Result<u64, ApiError> {
    match principal {
        Principal::App(id) => Ok(id),
        Principal::Installation(_) | Principal::Pat(_) => Err(ApiError::new(401, "A JSON web token could not be decoded")),
    }
}
