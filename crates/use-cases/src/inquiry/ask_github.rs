//! Asks how this stack and GitHub stand: each way to GitHub once, and each webhook once.

use super::budget::Budget;
use super::{
    Access, CredentialKind, Delivery, Failure, FailureKind, FleetGroup, GithubAnswer, Inquire, Part, RunnerGroup, RunnerVersion, Runners,
    Webhook, Webhooks,
};
use crate::ports::{Clock, DeliveryLog, FleetList, Fleets, Hook, SeenRunner, Shown, Standing};
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::ids::StackId;
use fargate_runners_core::names::RunnerName;
use std::collections::{BTreeMap, BTreeSet};

/// Ways to GitHub that are asked about: with some ten calls each that is most of an inquiry's.
const ACCESSES_MAX: usize = 20;

/// Versions of the runner program that are asked about in a scope: there are two at most times, while one image takes the place of another.
const VERSIONS_MAX: usize = 5;

/// Failed deliveries of a webhook that are looked into: the newest ones fail for the reason that there is now.
const FAILED_LOOKED_INTO: usize = 3;

impl<G: Standing + Shown + DeliveryLog, F: Fleets, C: Clock> Inquire<'_, G, F, C> {
    pub(super) async fn github(&self, list: &FleetList) -> GithubAnswer {
        let mut budget = Budget::new(self.clock);
        let mut answer = GithubAnswer { asked_at: self.clock.now(), ..GithubAnswer::default() };
        answer.unreadable_fleets = list.unreadable.iter().map(|(name, error)| (name.clone(), crate::ports::chain(error))).collect();
        let ways = ways(list.fleets.iter());
        answer.left_out = u32::try_from(ways.len().saturating_sub(ACCESSES_MAX)).unwrap_or(u32::MAX);
        let mut asked = Asked::default();
        for fleets in ways.iter().take(ACCESSES_MAX) {
            let access = self.access(fleets, &mut budget).await;
            if let Some(webhooks) = self.webhooks(fleets[0], &access, &mut asked, &mut budget).await {
                answer.webhooks.push(webhooks);
            }
            answer.accesses.push(access);
        }
        answer
    }

    async fn access(&self, fleets: &[&Fleet], budget: &mut Budget<'_, C>) -> Access {
        let (github, fleet) = (self.github, fleets[0]);
        let kind = github.kind(fleet).await;
        let mut access = Access {
            api_url: fleet.api_url.clone(),
            scope: fleet.scope.to_string(),
            credential: fleet.credential.to_string(),
            fleets: fleets.iter().map(|fleet| fleet.name.to_string()).collect(),
            ..Access::default()
        };
        let kind = match kind {
            Ok(kind) => kind,
            Err(failure) => {
                // Nothing can be asked without a credential, and each question would fail in the same words.
                access.runners = Part::Failed(failure.clone());
                access.rate_limit = Part::Failed(failure.clone());
                access.newest_runner = Part::Failed(failure.clone());
                access.kind = Part::Failed(failure);
                return access;
            }
        };
        access.kind = Part::Answer(kind);
        if kind == CredentialKind::App {
            access.app = Some(budget.ask(github.app(fleet)).await.into());
            access.installation = Some(budget.ask(github.installation(fleet)).await.into());
        } else {
            access.token = Some(budget.ask(github.token(fleet)).await.into());
        }
        access.rate_limit = match access.app.as_ref().and_then(Part::failure).filter(|failure| is_unwelcome(failure)) {
            Some(failure) => Part::Failed(failure.clone()),
            None => budget.ask(github.rate_limit(fleet)).await.into(),
        };
        access.clock_ahead_seconds = github.clock_ahead(fleet);
        if let Some(failure) = access.rate_limit.failure().filter(|failure| is_about_the_token(failure)).cloned() {
            // The next questions would wait for a token too, each for seconds, only to fail.
            access.runners = Part::Failed(failure.clone());
            access.newest_runner = Part::Failed(failure.clone());
            access.groups = groups_of(fleets, |_| Part::Failed(failure.clone()));
            return access;
        }
        access.runners = self.runners(fleet, budget).await;
        access.newest_runner = budget.ask(github.newest_runner(fleet)).await.into();
        access.groups = self.groups(fleets, budget).await;
        access
    }

    async fn runners(&self, fleet: &Fleet, budget: &mut Budget<'_, C>) -> Part<Runners> {
        let (seen, total) = match budget.ask(self.github.first_runners(fleet)).await {
            Ok(listed) => listed,
            Err(failure) => return Part::Failed(failure),
        };
        let read = u64::try_from(seen.len()).unwrap_or(u64::MAX);
        let ours = online_of(&seen, self.stack);
        let mut runners = Runners { total, read, online: u32::try_from(ours.len()).unwrap_or(u32::MAX), versions: Vec::new() };
        for (version, online) in versions(&ours).into_iter().take(VERSIONS_MAX) {
            let refused_from = budget.ask(self.github.version_refused_from(fleet, &version)).await.into();
            runners.versions.push(RunnerVersion { version, online, refused_from });
        }
        Part::Answer(runners)
    }

    async fn groups(&self, fleets: &[&Fleet], budget: &mut Budget<'_, C>) -> Vec<FleetGroup> {
        let mut known: BTreeMap<u64, Part<RunnerGroup>> = BTreeMap::new();
        // One fleet asks for all of the same group.
        let asking: BTreeMap<u64, &Fleet> = fleets.iter().map(|fleet| (fleet.runner_group_id, *fleet)).collect();
        for (id, fleet) in asking.into_iter().filter(|(_, fleet)| !matches!(fleet.scope, Scope::Repository(_))) {
            known.insert(id, budget.ask(self.github.runner_group(fleet)).await.into());
        }
        groups_of(fleets, |id| known.get(&id).cloned().unwrap_or_default())
    }

    async fn webhooks(&self, fleet: &Fleet, access: &Access, asked: &mut Asked, budget: &mut Budget<'_, C>) -> Option<Webhooks> {
        let kind = *access.kind.answer()?;
        let of = if kind == CredentialKind::App { "app".to_owned() } else { access.scope.clone() };
        if asked.knows(fleet, access, kind) {
            return None;
        }
        let listed = budget.ask(self.github.webhooks(fleet)).await;
        if listed.is_ok() {
            asked.answered(fleet, access, kind);
        }
        let mut listed = match (listed, kind) {
            (Ok(listed), _) => listed,
            // An App's log can be read by itself.
            (Err(failure), CredentialKind::App) => vec![Webhook { config: Part::Failed(failure), ..Webhook::default() }],
            (Err(failure), _) => {
                return Some(Webhooks {
                    api_url: access.api_url.clone(),
                    of,
                    credential: access.credential.clone(),
                    webhooks: Part::Failed(failure),
                });
            }
        };
        for webhook in &mut listed {
            let leads_here = webhook.config.answer().is_some_and(|config| config.leads_here);
            if kind == CredentialKind::App || leads_here {
                let hook = Hook::of(fleet, webhook.id);
                webhook.deliveries = Some(self.newest_deliveries(&hook, budget).await);
            }
        }
        Some(Webhooks { api_url: access.api_url.clone(), of, credential: access.credential.clone(), webhooks: Part::Answer(listed) })
    }

    async fn newest_deliveries(&self, hook: &Hook, budget: &mut Budget<'_, C>) -> Part<Vec<Delivery>> {
        let page = match budget.ask(self.github.log_page(hook, None)).await {
            Ok(page) => page,
            Err(failure) => return Part::Failed(failure),
        };
        let mut deliveries: Vec<Delivery> = page.entries.into_iter().map(|entry| entry.delivery).collect();
        for delivery in deliveries.iter_mut().filter(|delivery| !delivery.ok).take(FAILED_LOOKED_INTO) {
            let looked_into = budget.ask(self.github.look_into(hook, delivery.id)).await;
            delivery.answer = Some(looked_into.map(|found| found.answer).into());
        }
        Part::Answer(deliveries)
    }
}

/// Whether GitHub does not accept the App at all, so that it gives it no token either.
const fn is_unwelcome(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Credential | FailureKind::Unauthorized | FailureKind::Clock)
}

/// Whether it was not the asked call that failed, but what has to go before it: an App's installation must be found, and its token fetched.
fn is_about_the_token(failure: &Failure) -> bool {
    failure.kind != FailureKind::LeftOut && failure.call.as_ref().is_none_or(|call| !call.ends_with("/rate_limit"))
}

/// The fleets' groups; a repository has none.
fn groups_of(fleets: &[&Fleet], group: impl Fn(u64) -> Part<RunnerGroup>) -> Vec<FleetGroup> {
    let with_groups = fleets.iter().filter(|fleet| !matches!(fleet.scope, Scope::Repository(_)));
    let of = |fleet: &&Fleet| FleetGroup {
        fleet: fleet.name.to_string(),
        runner_group_id: fleet.runner_group_id,
        group: group(fleet.runner_group_id),
    };
    with_groups.map(of).collect()
}

/// Which webhooks were told of already.
#[derive(Default)]
struct Asked {
    /// API and App, by its id or, where GitHub did not tell it, by the credential's name.
    apps: BTreeSet<(String, String)>,
    /// API and scope of the lists that were read.
    scopes: BTreeSet<(String, String)>,
}

impl Asked {
    fn knows(&self, fleet: &Fleet, access: &Access, kind: CredentialKind) -> bool {
        match kind {
            CredentialKind::App => self.apps.contains(&app_key(fleet, access)),
            _ => self.scopes.contains(&(fleet.api_url.clone(), access.scope.clone())),
        }
    }

    fn answered(&mut self, fleet: &Fleet, access: &Access, kind: CredentialKind) {
        match kind {
            CredentialKind::App => self.apps.insert(app_key(fleet, access)),
            _ => self.scopes.insert((fleet.api_url.clone(), access.scope.clone())),
        };
    }
}

fn app_key(fleet: &Fleet, access: &Access) -> (String, String) {
    let app = access.app.as_ref().and_then(Part::answer).map_or_else(|| access.credential.clone(), |app| format!("#{}", app.id));
    (fleet.api_url.clone(), app)
}

/// The fleets by the way that they go to GitHub, each way in the order of its first fleet.
pub(super) fn ways<'a>(fleets: impl Iterator<Item = &'a Fleet>) -> Vec<Vec<&'a Fleet>> {
    let mut ways: Vec<Vec<&Fleet>> = Vec::new();
    for fleet in fleets {
        let same = |way: &&mut Vec<&Fleet>| {
            way.first()
                .is_some_and(|first| (&first.api_url, &first.scope, &first.credential) == (&fleet.api_url, &fleet.scope, &fleet.credential))
        };
        match ways.iter_mut().find(same) {
            Some(way) => way.push(fleet),
            None => ways.push(vec![fleet]),
        }
    }
    ways
}

/// The runners of this installation that are online: a scope may have many others, which are other people's to renew.
fn online_of<'a>(seen: &'a [SeenRunner], stack: &StackId) -> Vec<&'a SeenRunner> {
    let is_ours = |runner: &&SeenRunner| RunnerName::parse(&runner.name).is_ok_and(|name| name.stack == *stack);
    seen.iter().filter(|runner| runner.online).filter(is_ours).collect()
}

/// The versions of these runners, the most frequent first.
fn versions(runners: &[&SeenRunner]) -> Vec<(String, u32)> {
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    for version in runners.iter().filter_map(|runner| runner.version.as_deref()) {
        *counted.entry(version).or_default() += 1;
    }
    let mut versions: Vec<_> = counted.into_iter().map(|(version, online)| (version.to_owned(), online)).collect();
    versions.sort_by_key(|(_, online)| std::cmp::Reverse(*online));
    versions
}
