//! The calls about webhooks: which there are, what was sent to them and how that ended, and sending it once more.

use crate::Millis;
use crate::auth::{Access, Area, Caller, Principal};
use crate::counters::Endpoint;
use crate::deliveries::{Delivery, Hook, HookOwner, HookSettings, NewHook};
use crate::error::ApiError;
use crate::ids::{DeliveryId, HookId};
use crate::model::GithubModel;
use crate::rest::app;
use crate::scope::Scope;

/// Whose log of deliveries is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogOf {
    /// The webhook of the App that calls.
    App,
    /// A webhook of an organisation or a repository.
    Hook(Scope, HookId),
}

/// A webhook as a list shows it, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedHook {
    /// Its number.
    pub id: HookId,
    /// Where it is sent.
    pub url: String,
    /// How it is set up.
    pub settings: HookSettings,
}

/// A page of a log, the newest first.
#[derive(Clone, Debug)]
pub struct DeliveryPage {
    /// The attempts that have ended.
    pub deliveries: Vec<Delivery>,
    /// Where the next, older page begins; none on the last.
    pub next: Option<DeliveryId>,
}

impl GithubModel {
    /// `GET /orgs/{org}/hooks` and `GET /repos/{owner}/{repo}/hooks`
    pub fn list_hooks(&mut self, now: Millis, caller: &Caller, scope: &Scope) -> Result<Vec<ListedHook>, ApiError> {
        self.call(now, caller, Endpoint::ListHooks, |model, _| {
            model.authorize(caller, scope, Access::Read, Area::Hooks)?;
            let owner = owner_of(scope)?;
            let hooks = model.post.hooks.iter().filter(|(_, hook)| hook.owner.same(&owner));
            Ok(hooks.map(|(id, hook)| ListedHook { id: *id, url: hook.url.clone(), settings: hook.settings.clone() }).collect())
        })
    }

    /// `GET /app/hook/config`: the App's webhook, if it has one.
    pub fn app_hook(&mut self, now: Millis, caller: &Caller) -> Result<ListedHook, ApiError> {
        self.call(now, caller, Endpoint::HookConfig, |model, principal| {
            let owner = HookOwner::App(app(principal)?);
            let found = model.post.hooks.iter().find(|(_, hook)| hook.owner.same(&owner));
            let listed = found.map(|(id, hook)| ListedHook { id: *id, url: hook.url.clone(), settings: hook.settings.clone() });
            listed.ok_or_else(ApiError::not_found)
        })
    }

    /// `GET …/deliveries?per_page=&cursor=`. What is still on its way is not in it.
    pub fn list_deliveries(
        &mut self,
        now: Millis,
        caller: &Caller,
        log: &LogOf,
        cursor: Option<DeliveryId>,
        per_page: usize,
    ) -> Result<DeliveryPage, ApiError> {
        self.call(now, caller, Endpoint::ListDeliveries, |model, principal| {
            let (hook, owner) = model.readable(caller, principal, log)?;
            model.prune_log();
            let newest = cursor.unwrap_or(DeliveryId(u64::MAX));
            let mut entries = model
                .post
                .log
                .range(..=newest)
                .rev()
                .map(|(_, delivery)| delivery)
                .filter(|delivery| delivery.answer.is_some() && model.is_of(delivery, hook, &owner));
            let deliveries = entries.by_ref().take(per_page).cloned().collect();
            Ok(DeliveryPage { deliveries, next: entries.next().map(|delivery| delivery.id) })
        })
    }

    /// `GET …/deliveries/{id}`
    pub fn get_delivery(&mut self, now: Millis, caller: &Caller, log: &LogOf, id: DeliveryId) -> Result<Delivery, ApiError> {
        self.call(now, caller, Endpoint::GetDelivery, |model, principal| {
            let (hook, owner) = model.readable(caller, principal, log)?;
            let visible = |delivery: &&Delivery| model.is_of(delivery, hook, &owner);
            model.post.log.get(&id).filter(visible).cloned().ok_or_else(ApiError::not_found)
        })
    }

    /// `POST …/deliveries/{id}/attempts`: the same event once more, under the same GUID. It is sent after the answer, and may fail again.
    pub fn redeliver_as(&mut self, now: Millis, caller: &Caller, log: &LogOf, id: DeliveryId) -> Result<(), ApiError> {
        self.call(now, caller, Endpoint::Redeliver, |model, principal| {
            let (hook, owner) = model.readable(caller, principal, log)?;
            let visible = model.post.log.get(&id).is_some_and(|delivery| model.is_of(delivery, hook, &owner));
            if visible && model.redeliver(now, id) { Ok(()) } else { Err(ApiError::not_found()) }
        })
    }

    /// `PATCH /app/hook/config` and `PATCH …/hooks/{id}/config`
    pub(crate) fn set_hook_config(
        &mut self,
        now: Millis,
        caller: &Caller,
        log: &LogOf,
        url: Option<&str>,
        content_type: Option<&str>,
        secret: Option<&str>,
    ) -> Result<ListedHook, ApiError> {
        self.call(now, caller, Endpoint::SetHookConfig, |model, principal| {
            let (id, owner) = model.readable(caller, principal, log)?;
            let of_it = |found: &(&HookId, &Hook)| found.1.owner.same(&owner) && id.is_none_or(|id| id == *found.0);
            let id = model.post.hooks.iter().find(of_it).map(|(id, _)| *id).ok_or_else(ApiError::not_found)?;
            if let Some(secret) = secret {
                model.set_hook_secret(id, secret);
            }
            let hook = model.post.hooks.get_mut(&id).ok_or_else(ApiError::not_found)?;
            if let Some(url) = url {
                url.clone_into(&mut hook.url);
            }
            if let Some(content_type) = content_type {
                content_type.clone_into(&mut hook.settings.content_type);
            }
            Ok(ListedHook { id, url: hook.url.clone(), settings: hook.settings.clone() })
        })
    }

    /// `POST /orgs/{org}/hooks` and `POST /repos/{owner}/{repo}/hooks`. A ping is sent to the new webhook.
    pub(crate) fn create_hook(
        &mut self,
        now: Millis,
        caller: &Caller,
        scope: &Scope,
        url: &str,
        secret: &str,
        settings: HookSettings,
    ) -> Result<ListedHook, ApiError> {
        self.call(now, caller, Endpoint::CreateHook, |model, _| {
            model.authorize(caller, scope, Access::Write, Area::Hooks)?;
            let id = model.add_hook(NewHook { owner: owner_of(scope)?, url: url.to_owned(), secret: secret.to_owned() });
            model.set_hook(id, settings.clone());
            model.ping(now, id);
            Ok(ListedHook { id, url: url.to_owned(), settings })
        })
    }

    /// `POST …/hooks/{id}/pings`
    pub(crate) fn ping_as(&mut self, now: Millis, caller: &Caller, scope: &Scope, hook: HookId) -> Result<(), ApiError> {
        self.call(now, caller, Endpoint::PingHook, |model, _| {
            model.authorize(caller, scope, Access::Write, Area::Hooks)?;
            let owner = owner_of(scope)?;
            model.post.hooks.get(&hook).filter(|found| found.owner.same(&owner)).ok_or_else(ApiError::not_found)?;
            model.ping(now, hook);
            Ok(())
        })
    }

    fn readable(&self, caller: &Caller, principal: Principal, log: &LogOf) -> Result<(Option<HookId>, HookOwner), ApiError> {
        match log {
            LogOf::App => Ok((None, HookOwner::App(app(principal)?))),
            LogOf::Hook(scope, hook) => {
                self.authorize(caller, scope, Access::Write, Area::Hooks)?;
                Ok((Some(*hook), owner_of(scope)?))
            }
        }
    }
}

/// Webhooks of an enterprise are nobody's here: GitHub tells of them only to its administrators.
fn owner_of(scope: &Scope) -> Result<HookOwner, ApiError> {
    match scope {
        Scope::Repository(owner, name) => Ok(HookOwner::Repository(owner.clone(), name.clone())),
        Scope::Organization(login) => Ok(HookOwner::Organization(login.clone())),
        Scope::Enterprise(_) => Err(ApiError::not_found()),
    }
}
