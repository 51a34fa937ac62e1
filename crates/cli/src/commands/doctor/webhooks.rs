//! Whether GitHub tells this stack of the jobs of each fleet's scope: where the webhooks lead, and how their newest deliveries were answered.
//!
//! A webhook is judged by the scopes that count on it: an App's is there for all that it is installed on, an organisation's for its repositories too.
//! One that leads here says nothing about the scopes that it does not hold.

use super::finding::Finding;
use super::github::{failed, setup};
use crate::scopes::{holds, may_hold};
use crate::words::duration;
use fargate_runners_core::fleet::Scope;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::inquiry::{Access, CredentialKind, Delivery, GithubAnswer, Webhook, WebhookConfig, Webhooks};

/// What GitHub sends to try a webhook; it tells of no job.
const PING: &str = "ping";

/// What was asked as the App, and not for a scope.
const APP: &str = "app";

/// What an App's installation has where not all repositories are in it.
const SELECTED: &str = "selected";

/// All of them.
pub fn findings(answer: &GithubAnswer, now: Timestamp) -> Vec<Finding> {
    answer.webhooks.iter().flat_map(|webhooks| of_one(webhooks, answer, now)).collect()
}

fn of_one(webhooks: &Webhooks, answer: &GithubAnswer, now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "webhook";
    let of = if webhooks.of == APP { format!("the App of credential {}", webhooks.credential) } else { webhooks.of.clone() };
    let Some(found) = webhooks.webhooks.answer() else {
        let failure = webhooks.webhooks.failure();
        return failure.map(|failure| failed(CHECK, &of, &webhooks.credential, failure)).into_iter().collect();
    };
    let here: Vec<&Webhook> = leading_here(webhooks).collect();
    if here.is_empty() {
        return match found.iter().find_map(|hook| hook.config.failure()) {
            Some(failure) => vec![failed(CHECK, &of, &webhooks.credential, failure)],
            None => missing(webhooks, &of, answer).into_iter().collect(),
        };
    }
    let mut findings = Vec::new();
    for hook in here {
        let Some(config) = hook.config.answer() else { continue };
        findings.extend(configured(webhooks, &of, config));
        match hook.deliveries.as_ref().map(|deliveries| (deliveries.answer(), deliveries.failure())) {
            Some((Some(deliveries), _)) => findings.push(delivered(webhooks, &of, deliveries, now)),
            Some((None, Some(failure))) => findings.push(failed("deliveries", &of, &webhooks.credential, failure)),
            _ => {}
        }
    }
    findings
}

fn leading_here(webhooks: &Webhooks) -> impl Iterator<Item = &Webhook> {
    let found = webhooks.webhooks.answer().map(Vec::as_slice).unwrap_or_default();
    found.iter().filter(|hook| hook.config.answer().is_some_and(|config| config.leads_here))
}

/// What mends it: an App's webhook is set by its credential alone, a token's together with the token.
fn mends(webhooks: &Webhooks) -> String {
    setup(&webhooks.credential, if webhooks.of == APP { "" } else { " --token" })
}

/// Nothing leads here. That is wrong for the scopes that count on it and of which no other webhook tells.
fn missing(webhooks: &Webhooks, of: &str, answer: &GithubAnswer) -> Option<Finding> {
    const CHECK: &str = "webhook";
    let found = webhooks.webhooks.answer()?;
    let elsewhere: Vec<&str> =
        found.iter().filter_map(|hook| Some(hook.config.answer()?.url.as_str())).filter(|url| !url.is_empty()).collect();
    let how = if elsewhere.is_empty() {
        format!("{of}: no webhook is set up")
    } else {
        format!("{of}: the webhook leads elsewhere: {}", elsewhere.join(", "))
    };
    let counting = answer.accesses.iter().filter(|access| counts_on(access, webhooks, answer));
    let told: Vec<(&str, Told)> = counting.map(|access| (access.scope.as_str(), told_of(access, answer))).collect();
    let remedy = format!(
        "{} points it here (by hand: its Payload URL is the output WebhookUrl, content type application/json, event Workflow jobs).",
        mends(webhooks)
    );
    let scopes = |wanted: Told| told.iter().filter(|(_, told)| *told == wanted).map(|(scope, _)| *scope).collect::<Vec<_>>().join(", ");
    if told.iter().any(|(_, told)| *told == Told::Not) {
        return Some(Finding::wrong(CHECK, format!("{how}; nothing tells of jobs of {}", scopes(Told::Not)), remedy));
    }
    told.iter().any(|(_, told)| *told == Told::Perhaps).then(|| {
        let says = format!("{how}; whether another webhook tells of jobs of {} GitHub does not say", scopes(Told::Perhaps));
        Finding::warning(CHECK, says, remedy)
    })
}

/// Whether jobs of a scope are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    /// By no webhook.
    Not,
    /// By an enterprise's, if it is of that one; by an App's, if it is installed on that repository.
    Perhaps,
    /// By a webhook that holds the scope.
    Surely,
}

/// By any webhook that leads here.
fn told_of(access: &Access, answer: &GithubAnswer) -> Told {
    let Ok(scope) = Scope::parse(&access.scope) else { return Told::Perhaps };
    let leading = answer.webhooks.iter().filter(|webhooks| webhooks.api_url == access.api_url && leading_here(webhooks).next().is_some());
    leading.map(|webhooks| tells_of(webhooks, &scope, answer)).max().unwrap_or(Told::Not)
}

fn tells_of(webhooks: &Webhooks, scope: &Scope, answer: &GithubAnswer) -> Told {
    if webhooks.of != APP {
        return match Scope::parse(&webhooks.of) {
            Ok(own) if holds(&own, scope) => Told::Surely,
            Ok(own) if may_hold(&own, scope) => Told::Perhaps,
            _ => Told::Not,
        };
    }
    let installed = answer.accesses.iter().filter(|access| counts_on(access, webhooks, answer));
    let by = installed.filter_map(|access| {
        let own = Scope::parse(&access.scope).ok()?;
        let installation = access.installation.as_ref().and_then(|installation| installation.answer());
        let is_partly = installation.is_some_and(|installation| installation.repository_selection.as_deref() == Some(SELECTED));
        let is_own = holds(&own, scope) && holds(scope, &own);
        if holds(&own, scope) && (is_own || !is_partly) {
            return Some(Told::Surely);
        }
        may_hold(&own, scope).then_some(Told::Perhaps)
    });
    by.max().unwrap_or(Told::Not)
}

/// Whether a way to GitHub has this webhook for its own: the App's, or that of the scope.
fn counts_on(access: &Access, webhooks: &Webhooks, answer: &GithubAnswer) -> bool {
    if access.api_url != webhooks.api_url {
        return false;
    }
    match access.kind.answer() {
        Some(CredentialKind::App) if webhooks.of == APP => {
            access.credential == webhooks.credential || {
                // An App is asked once, whatever the number of its credentials.
                let same = |other: &&Access| other.api_url == webhooks.api_url && other.credential == webhooks.credential;
                app_id(access).is_some_and(|id| answer.accesses.iter().filter(same).any(|other| app_id(other) == Some(id)))
            }
        }
        Some(CredentialKind::Token) => webhooks.of == access.scope,
        _ => false,
    }
}

fn app_id(access: &Access) -> Option<u64> {
    Some(access.app.as_ref()?.answer()?.id)
}

/// How one that leads here is set up.
fn configured(webhooks: &Webhooks, of: &str, config: &WebhookConfig) -> Vec<Finding> {
    const CHECK: &str = "webhook";
    let mut findings = Vec::new();
    if config.content_type != "json" {
        findings.push(Finding::wrong(
            CHECK,
            format!("{of}: its content type is {:?}", config.content_type),
            format!("{} sets it to application/json.", mends(webhooks)),
        ));
    }
    if !config.has_secret {
        findings.push(Finding::wrong(
            CHECK,
            format!("{of}: it has no secret, so that every delivery is refused"),
            format!("{} has GitHub sign with the secret that stands under webhook-secrets in SSM.", mends(webhooks)),
        ));
    }
    if config.active == Some(false) {
        findings.push(Finding::wrong(CHECK, format!("{of}: it is switched off"), "Switch it on (Active)."));
    }
    if config.events.as_ref().is_some_and(|events| !events.iter().any(|event| event == "workflow_job" || event == "*")) {
        findings.push(Finding::wrong(
            "events",
            format!("{of}: it does not send workflow_job"),
            "Let me select individual events: Workflow jobs.",
        ));
    }
    if config.insecure_ssl {
        findings.push(Finding::warning(CHECK, format!("{of}: GitHub does not check the certificate"), "Switch SSL verification on."));
    }
    findings
}

/// How the newest deliveries were answered. A failure counts until the same delivery succeeds; what kept it out is over when a later one has arrived.
fn delivered(webhooks: &Webhooks, of: &str, deliveries: &[Delivery], now: Timestamp) -> Finding {
    const CHECK: &str = "deliveries";
    let at = |delivery: &Delivery| (delivery.delivered_at, delivery.id);
    let Some(last) = deliveries.iter().max_by_key(|delivery| at(delivery)) else {
        return Finding::warning(
            CHECK,
            format!("{of}: nothing was ever delivered"),
            format!("{} has GitHub send a ping; or run a job. The App must be installed, and subscribe to workflow_job.", mends(webhooks)),
        );
    };
    let healed = |delivery: &Delivery| deliveries.iter().any(|other| other.guid == delivery.guid && other.ok);
    let is_past = |delivery: &Delivery| deliveries.iter().any(|other| other.ok && at(other) > at(delivery));
    // A ping tells of nothing but the way, and whatever arrives after it tells the same.
    let counts = |delivery: &&Delivery| !(delivery.ok || healed(delivery) || delivery.event == PING && is_past(delivery));
    let failures: Vec<&Delivery> = deliveries.iter().filter(counts).collect();
    let Some(worst) = failures.iter().max_by_key(|delivery| at(delivery)) else {
        let ago = duration(now.since(last.delivered_at));
        return Finding::ok(CHECK, format!("{of}: what was sent to it has arrived, the last of {} {ago} ago", deliveries.len()));
    };
    let said = worst.answer.as_ref().and_then(|answer| answer.answer()).map(|said| format!(": {said:?}")).unwrap_or_default();
    let says = format!(
        "{of}: {} of the newest {} failed, the last {} ago with {} {}{said}",
        failures.len(),
        deliveries.len(),
        duration(now.since(worst.delivered_at)),
        worst.status_code,
        worst.status
    );
    match worst.status_code {
        _ if is_past(worst) => Finding::warning(CHECK, says, "`sweep` has GitHub repeat them; later ones arrived."),
        401 => Finding::wrong(
            "webhook secret",
            says,
            format!(
                "The webhook's secret at GitHub is none of those under webhook-secrets in SSM: {} has GitHub sign with the stored one (by hand: the output PutWebhookSecret). Then redeliver, or wait for `sweep`.",
                mends(webhooks)
            ),
        ),
        _ => Finding::wrong(CHECK, says, "The logs of `webhook` and of the API say why; `sweep` has GitHub repeat them once it works."),
    }
}
