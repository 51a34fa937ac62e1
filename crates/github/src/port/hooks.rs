//! The webhooks that deliver to this stack, and their logs. An App has one, read as the App itself; beside PATs people set up webhooks of
//! organisations and repositories, and those are found by their address.

use super::{Credentials, Failed, FleetGithub, call_error};
use crate::call::Call;
use crate::calls::{Delivery, HookLogOf};
use crate::credential::Credential;
use crate::error::GithubError as ClientError;
use crate::limits::CREDENTIAL_MAX_AGE;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::ids::CredentialName;
use fargate_runners_use_cases::ports::{DeliveryPage, GithubError, Hook, HookLog, LoggedDelivery, chain};
use std::collections::BTreeSet;
use std::time::Duration;

impl<C: Credentials, S: TokenStore, W: Surroundings> HookLog for FleetGithub<C, S, W> {
    /// A credential that may not read webhooks, or cannot be used, is left out with a warning; an error comes back only if no hook was found at all.
    async fn hooks(&self, fleets: &[Fleet]) -> Result<Vec<Hook>, GithubError> {
        let mut in_order: Vec<&Fleet> = fleets.iter().collect();
        // The key of an App's hook names one of its credentials, and must be the same each time.
        in_order.sort_by_key(|fleet| (&fleet.credential, &fleet.scope, &fleet.name));
        let mut found = Found::default();
        let mut failed = None;
        for fleet in in_order {
            match self.add_hooks(fleet, &mut found).await {
                Ok(()) => {}
                Err(Failed::At(error @ (ClientError::PermissionMissing { .. } | ClientError::NotFound { .. }))) => {
                    tracing::warn!(%error, fleet = %fleet.name, credential = %fleet.credential, "its webhooks cannot be read; failed deliveries are not repeated");
                }
                Err(error) => {
                    let error = call_error(fleet, Call::ListHooks, error);
                    tracing::warn!(error = chain(&error), fleet = %fleet.name, "its webhooks cannot be read now");
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) if found.hooks.is_empty() => Err(error),
            _ => Ok(found.hooks),
        }
    }

    async fn deliveries(&self, hook: &Hook, cursor: Option<&str>) -> Result<DeliveryPage, GithubError> {
        let (fleet, log) = (&hook.fleet, log_of(hook));
        let page = with_credential!(self, fleet, access => self.client.list_deliveries(access, log, cursor));
        let (deliveries, next) = page.map_err(|failed| call_error(fleet, Call::ListDeliveries, failed))?;
        Ok(DeliveryPage { deliveries: deliveries.into_iter().map(logged).collect(), next })
    }

    async fn redeliver(&self, hook: &Hook, delivery: u64) -> Result<(), GithubError> {
        let (fleet, log) = (&hook.fleet, log_of(hook));
        let asked = with_credential!(self, fleet, access => self.client.redeliver(access, log, delivery));
        asked.map_err(|failed| call_error(fleet, Call::Redeliver, failed))
    }
}

/// What was found so far, and where need not be looked again.
#[derive(Default)]
struct Found<'a> {
    hooks: Vec<Hook>,
    /// API address and id of each App.
    apps: BTreeSet<(String, String)>,
    /// API address and scope of the lists that were read.
    scopes: BTreeSet<(&'a str, &'a Scope)>,
    /// The same with the credential that could not.
    refused: BTreeSet<(&'a str, &'a Scope, &'a CredentialName)>,
}

impl<C: Credentials, S: TokenStore, W: Surroundings> FleetGithub<C, S, W> {
    async fn add_hooks<'a>(&self, fleet: &'a Fleet, found: &mut Found<'a>) -> Result<(), Failed> {
        let access = self.access(fleet, CREDENTIAL_MAX_AGE).await.map_err(Failed::Before)?;
        if let Credential::App(app) = &access.credential {
            if found.apps.insert((access.api.as_str().to_owned(), app.app_id.clone())) {
                found.hooks.push(Hook::of(fleet, None));
            }
            return Ok(());
        }
        let Some(own) = self.webhook_url.as_deref().map(|url| url.trim_end_matches('/')) else { return Ok(()) };
        let (api, scope) = (fleet.api_url.as_str(), &fleet.scope);
        let asked = found.scopes.contains(&(api, scope)) || found.refused.contains(&(api, scope, &fleet.credential));
        if asked || matches!(scope, Scope::Enterprise(_)) {
            return Ok(());
        }
        let listed = with_credential!(self, fleet, access => self.client.list_webhooks(access));
        let listed = listed.inspect_err(|_| {
            found.refused.insert((api, scope, &fleet.credential));
        })?;
        found.scopes.insert((api, scope));
        let ours = listed.into_iter().filter(|hook| hook.url.trim_end_matches('/') == own);
        found.hooks.extend(ours.filter_map(|hook| hook.id).map(|id| Hook::of(fleet, Some(id))));
        Ok(())
    }
}

fn log_of(hook: &Hook) -> HookLogOf {
    hook.id.map_or(HookLogOf::App, HookLogOf::Hook)
}

fn logged(delivery: Delivery) -> LoggedDelivery {
    LoggedDelivery { id: delivery.id, guid: delivery.guid, at: delivery.delivered_at, ok: delivery.ok, event: delivery.event }
}
