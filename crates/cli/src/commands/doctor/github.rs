//! What GitHub says: credentials, permissions, webhooks, runner groups, versions.

use super::finding::Finding;
use crate::needs;
use crate::words::{duration, utc};
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::inquiry::{Access, Delivery, Failure, FailureKind, GithubAnswer, Webhook, Webhooks};
use std::collections::BTreeMap;
use std::time::Duration;

/// GitHub refuses a JWT from about a minute on; this much is worth a word.
const CLOCK_MATTERS: i64 = 20;

/// Fewer calls left than this share of the hour's are few.
const FEW_CALLS_PERCENT: u64 = 20;

/// Versions that are refused so soon are told of.
const VERSION_SOON: Duration = Duration::from_secs(14 * 86_400);

/// All of it.
pub fn findings(answer: &GithubAnswer, fleets: &[Fleet], retries_jobs: bool, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for access in &answer.accesses {
        findings.extend(credential(access));
        findings.extend(clock(access));
        findings.extend(permissions(access, retries_jobs));
        findings.extend(limits(access));
        findings.extend(groups(access, fleets));
        findings.extend(versions(access, now));
    }
    for webhooks in &answer.webhooks {
        findings.extend(hooks(webhooks, answer, now));
    }
    if answer.left_out > 0 {
        findings.push(Finding::warning(
            "GitHub",
            format!("{} further credentials and scopes were left out", answer.left_out),
            "Ask again; the bounds of one inquiry were reached.",
        ));
    }
    findings
}

fn way(access: &Access) -> String {
    format!("credential {} for {}", access.credential, access.scope)
}

fn failed(check: &'static str, what: &str, failure: &Failure) -> Finding {
    let status = failure.status.map(|status| format!(" ({status})")).unwrap_or_default();
    let says = format!("{what}: {}{status}", failure.message);
    match failure.kind {
        FailureKind::Credential => Finding::wrong(check, says, "Write the credential into SSM anew, as the output PutCredential says."),
        FailureKind::Unauthorized => Finding::wrong(
            check,
            says,
            "GitHub does not accept it: an App's id and key must belong together; a token may have expired or been revoked. Write it anew (output PutCredential).",
        ),
        FailureKind::Clock => Finding::wrong(
            check,
            says,
            "The times of the App's JWT are not accepted: compare the clocks (on GitHub Enterprise Server, its NTP settings).",
        ),
        FailureKind::Forbidden => Finding::wrong(
            check,
            says,
            failure
                .needed
                .as_ref()
                .map_or_else(|| "Give the credential the permission.".to_owned(), |needed| format!("Give the credential: {needed}.")),
        ),
        FailureKind::NotFound => Finding::wrong(
            check,
            says,
            failure.needed.as_ref().map_or_else(
                || "There is no such thing, or the credential may not see it.".to_owned(),
                |needed| format!("Check that it exists, and that the credential has: {needed}."),
            ),
        ),
        FailureKind::RateLimited => {
            Finding::warning(check, says, "The rate limit is used up; ask again later. Several Apps have several limits.")
        }
        FailureKind::Unavailable => Finding::warning(
            check,
            says,
            "GitHub does not answer the functions: https://www.githubstatus.com; for a server of your own, the way from the functions to it.",
        ),
        _ => Finding::warning(check, says, "It could not be found out; ask again."),
    }
}

fn credential(access: &Access) -> Vec<Finding> {
    const CHECK: &str = "credential";
    let what = way(access);
    if let Some(failure) = access.kind.failure() {
        return vec![failed(CHECK, &what, failure)];
    }
    let mut findings = Vec::new();
    if let Some(token) = &access.token {
        match token.answer() {
            None => findings.extend(token.failure().map(|failure| failed(CHECK, &what, failure))),
            Some(token) => {
                findings.push(Finding::ok(CHECK, format!("{what} is a token of {}", token.login)));
                let lacks = token
                    .scopes
                    .as_ref()
                    .and_then(|scopes| Scope::parse(&access.scope).ok().and_then(|scope| needs::lacking_scope(&scope, scopes)));
                findings.extend(lacks.map(|scope| {
                    Finding::wrong(
                        "permissions",
                        format!("{what}: the token lacks the scope {scope}"),
                        format!("Make a token with {scope}, and write it (output PutCredential)."),
                    )
                }));
                findings.extend(
                    token
                        .expires
                        .as_ref()
                        .map(|at| Finding::warning(CHECK, format!("{what} expires: {at}"), "Write a new one before that.")),
                );
            }
        }
    }
    if let Some(app) = &access.app {
        match app.answer() {
            None => {
                findings.extend(app.failure().map(|failure| failed(CHECK, &what, failure)));
                return findings;
            }
            Some(app) => findings.push(Finding::ok(CHECK, format!("{what} is the App {}", app.slug))),
        }
    }
    if let Some(installation) = &access.installation {
        match installation.answer() {
            None => {
                let slug = access.app.as_ref().and_then(|app| app.answer()).and_then(|app| app.html_url.clone()).unwrap_or_default();
                findings.extend(installation.failure().map(|failure| match failure.kind {
                    FailureKind::NotFound => Finding::wrong(
                        "installation",
                        format!("{what}: the App is not installed there"),
                        format!("Install it on {}: {slug}/installations/new", access.scope),
                    ),
                    _ => failed("installation", &what, failure),
                }));
            }
            Some(found) => findings.extend(found.suspended_at.map(|at| {
                Finding::wrong(
                    "installation",
                    format!("{what}: the App is suspended since {}", utc(at)),
                    format!("Unsuspend it: {}", found.html_url.as_deref().unwrap_or("the account's settings, GitHub Apps")),
                )
            })),
        }
    }
    findings
}

fn clock(access: &Access) -> Option<Finding> {
    let ahead = access.clock_ahead_seconds?;
    Some(if ahead.abs() < CLOCK_MATTERS {
        Finding::ok("clock", format!("{} and the functions agree", access.api_url))
    } else {
        let direction = if ahead > 0 { "ahead of" } else { "behind" };
        Finding::wrong(
            "clock",
            format!("the clock of {} is {} s {direction} the functions'", access.api_url, ahead.abs()),
            "GitHub refuses an App's JWT from a minute on: put the server's clock right (NTP).",
        )
    })
}

fn permissions(access: &Access, retries_jobs: bool) -> Vec<Finding> {
    const CHECK: &str = "permissions";
    let what = way(access);
    let rank = |permissions: &BTreeMap<String, String>, name: &str| needs::rank(permissions.get(name).map(String::as_str));
    let mut findings = Vec::new();
    let app = access.app.as_ref().and_then(|app| app.answer());
    let installation = access.installation.as_ref().and_then(|installation| installation.answer());
    if let Some(app) = app {
        for need in Scope::parse(&access.scope).map(|scope| needs::permissions(&scope, retries_jobs)).unwrap_or_default() {
            let (name, wanted, where_) = (need.name, need.level, need.settings);
            let wanted_rank = needs::rank(Some(wanted));
            if rank(&app.permissions, name) < wanted_rank {
                findings.push(Finding::wrong(
                    CHECK,
                    format!("{what}: the App lacks the permission {name}: {wanted}"),
                    format!("The App's settings, Permissions & events, {where_} ({wanted}); then accept it where the App is installed."),
                ));
            } else if let Some(installation) = installation.filter(|found| rank(&found.permissions, name) < wanted_rank) {
                let page = installation.html_url.as_deref().unwrap_or("the account's settings, GitHub Apps");
                findings.push(Finding::wrong(
                    CHECK,
                    format!("{what}: the permission {name}: {wanted} is asked for, and not accepted yet"),
                    format!("An owner accepts it: {page}"),
                ));
            }
        }
        if !app.events.iter().any(|event| event == needs::EVENT) {
            findings.push(Finding::wrong(
                "events",
                format!("{what}: the App does not subscribe to workflow_job"),
                "The App's settings, Permissions & events, Subscribe to events: Workflow job.",
            ));
        }
    }
    if let Some(failure) = access.runners.failure() {
        let told = app.is_some() && !findings.is_empty()
            || access
                .installation
                .as_ref()
                .is_some_and(|installation| installation.answer().is_none_or(|found| found.suspended_at.is_some()));
        let unknown = access.app.as_ref().is_some_and(|app| app.answer().is_none())
            || access.token.as_ref().is_some_and(|token| token.answer().is_none())
            || access.kind.answer().is_none();
        if !told && !unknown {
            findings.push(failed(CHECK, &format!("{what}: listing the runners"), failure));
        }
    } else if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("{what} may make and list runners")));
    }
    findings
}

fn limits(access: &Access) -> Option<Finding> {
    let limit = access.rate_limit.answer()?;
    let says = format!("{}: {} of {} calls are left until {}", way(access), limit.remaining, limit.limit, utc(limit.resets_at));
    Some(if limit.remaining * 100 < limit.limit * FEW_CALLS_PERCENT {
        Finding::warning("rate limit", says, "Who else uses this credential? Fleets with Apps of their own have limits of their own.")
    } else {
        Finding::ok("rate limit", says)
    })
}

fn groups(access: &Access, fleets: &[Fleet]) -> Vec<Finding> {
    const CHECK: &str = "runner group";
    let mut findings = Vec::new();
    for found in &access.groups {
        let what = format!("fleet {}, group {}", found.fleet, found.runner_group_id);
        let Some(group) = found.group.answer() else {
            findings.extend(found.group.failure().map(|failure| match failure.kind {
                FailureKind::NotFound => Finding::wrong(
                    CHECK,
                    format!("{what}: GitHub has no such group, or the credential may not see it"),
                    "Correct the parameter RunnerGroupId of the fleet.",
                ),
                _ => failed(CHECK, &what, failure),
            }));
            continue;
        };
        let public = fleets.iter().any(|fleet| fleet.name.as_str() == found.fleet && fleet.allow_public_repositories);
        let name = format!("fleet {}, group {:?}", found.fleet, group.name);
        if group.allows_public_repositories && public {
            findings.push(Finding::warning(CHECK, format!("{name}: both admit public repositories: whoever opens a pull request may run code here"), "Only with approval for outside contributors. Else: AllowPublicRepositories=false, and the group's \"Allow public repositories\" off."));
        } else if group.allows_public_repositories {
            findings.push(Finding::warning(
                CHECK,
                format!("{name}: the group admits public repositories: GitHub may hand their jobs to runners that were started for others"),
                "Organisation settings, Actions, Runner groups: switch \"Allow public repositories\" off.",
            ));
        } else if public {
            findings.push(Finding::wrong(
                CHECK,
                format!(
                    "{name}: the fleet is to take jobs of public repositories, which the group does not admit; they would wait for ever"
                ),
                "Allow public repositories in the group, or deploy with AllowPublicRepositories=false.",
            ));
        }
        if group.restricted_to_workflows {
            findings.push(Finding::warning(
                CHECK,
                format!("{name}: only these workflows may use it: {}", group.selected_workflows.join(", ")),
                "Jobs of others wait. Organisation settings, Actions, Runner groups, Workflow access.",
            ));
        }
        if group.visibility == "selected" {
            findings.push(Finding::warning(
                CHECK,
                format!("{name}: only selected repositories are admitted"),
                "Jobs of others wait; `fargate-runners why` says so of one.",
            ));
        }
        if findings.iter().all(|finding| !finding.says.starts_with(&name)) {
            findings.push(Finding::ok(CHECK, format!("{name} admits {} repositories, no public ones", group.visibility)));
        }
    }
    findings
}

fn versions(access: &Access, now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "runner version";
    let Some(runners) = access.runners.answer() else { return Vec::new() };
    let newest = access.newest_runner.answer().map_or_else(String::new, |newest| format!(" (the newest is {newest})"));
    let told = runners.versions.iter().filter_map(|version| {
        let refused = (*version.refused_from.answer()?)?;
        let says = format!("{}: {} runners of version {}", way(access), version.online, version.version);
        Some(if refused <= now {
            Finding::wrong(CHECK, format!("{says} are refused by GitHub{newest}"), "Use a newer image (parameter Image), and deploy.")
        } else if refused.since(now) < VERSION_SOON {
            Finding::wrong(
                CHECK,
                format!("{says} are refused in {}{newest}", duration(refused.since(now))),
                "Use a newer image (parameter Image), and deploy.",
            )
        } else {
            Finding::ok(CHECK, format!("{says} are good for {}", duration(refused.since(now))))
        })
    });
    told.collect()
}

fn hooks(webhooks: &Webhooks, answer: &GithubAnswer, now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "webhook";
    let of = if webhooks.of == "app" { format!("the App of credential {}", webhooks.credential) } else { webhooks.of.clone() };
    let Some(found) = webhooks.webhooks.answer() else {
        return webhooks.webhooks.failure().map(|failure| failed(CHECK, &of, failure)).into_iter().collect();
    };
    let here: Vec<&Webhook> = found.iter().filter(|hook| hook.config.answer().is_some_and(|config| config.leads_here)).collect();
    if here.is_empty() {
        if let Some(failure) = found.iter().find_map(|hook| hook.config.failure()) {
            return vec![failed(CHECK, &of, failure)];
        }
        // Several ways may exist; one that leads here is enough for a scope.
        let elsewhere: Vec<&str> =
            found.iter().filter_map(|hook| Some(hook.config.answer()?.url.as_str())).filter(|url| !url.is_empty()).collect();
        let any = answer.webhooks.iter().any(|other| {
            other
                .webhooks
                .answer()
                .is_some_and(|found| found.iter().any(|hook| hook.config.answer().is_some_and(|config| config.leads_here)))
        });
        let says = if elsewhere.is_empty() {
            format!("{of}: no webhook is set up")
        } else {
            format!("{of}: the webhook leads elsewhere: {}", elsewhere.join(", "))
        };
        if any {
            return Vec::new();
        }
        return vec![Finding::wrong(
            CHECK,
            says,
            "Set its Payload URL to the output WebhookUrl, content type application/json, event Workflow jobs.",
        )];
    }
    let mut findings = Vec::new();
    for hook in here {
        let Some(config) = hook.config.answer() else { continue };
        if config.content_type != "json" {
            findings.push(Finding::wrong(
                CHECK,
                format!("{of}: its content type is {:?}", config.content_type),
                "Set it to application/json.",
            ));
        }
        if !config.has_secret {
            findings.push(Finding::wrong(
                CHECK,
                format!("{of}: it has no secret, so that every delivery is refused"),
                "Set the secret that stands under webhook-secrets in SSM.",
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
        match hook.deliveries.as_ref().map(|deliveries| (deliveries.answer(), deliveries.failure())) {
            Some((Some(deliveries), _)) => findings.push(newest(&of, deliveries, now)),
            Some((None, Some(failure))) => findings.push(failed("deliveries", &of, failure)),
            _ => {}
        }
    }
    findings
}

/// How the newest deliveries were answered: a failure counts until a later one of the same guid, or of any, succeeds.
fn newest(of: &str, deliveries: &[Delivery], now: Timestamp) -> Finding {
    const CHECK: &str = "deliveries";
    let Some(last) = deliveries.iter().max_by_key(|delivery| delivery.delivered_at) else {
        return Finding::warning(
            CHECK,
            format!("{of}: nothing was ever delivered"),
            "Redeliver the ping, or run a job. The App must be installed, and subscribe to workflow_job.",
        );
    };
    let healed = |delivery: &Delivery| deliveries.iter().any(|other| other.guid == delivery.guid && other.ok);
    let failures: Vec<&Delivery> = deliveries.iter().filter(|delivery| !delivery.ok && !healed(delivery)).collect();
    let Some(worst) = failures.iter().max_by_key(|delivery| delivery.delivered_at) else {
        return Finding::ok(
            CHECK,
            format!("{of}: the newest {} all arrived, the last {} ago", deliveries.len(), duration(now.since(last.delivered_at))),
        );
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
        401 => Finding::wrong(
            "webhook secret",
            says,
            "The webhook's secret at GitHub is none of those under webhook-secrets in SSM: write the right one (output PutWebhookSecret), then redeliver.",
        ),
        _ if last.ok => Finding::warning(CHECK, says, "`sweep` has GitHub repeat them; later ones arrived."),
        _ => Finding::wrong(CHECK, says, "The logs of `webhook` and of the API say why; `sweep` has GitHub repeat them once it works."),
    }
}
