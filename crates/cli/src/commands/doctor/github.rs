//! What GitHub says: credentials, permissions, runner groups, versions.

use super::finding::Finding;
use super::webhooks;
use crate::needs;
use crate::words::{count, duration, utc};
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::inquiry::{Access, Failure, FailureKind, GithubAnswer, RunnerGroup, Runners, Token};
use std::collections::BTreeMap;
use std::time::Duration;

/// The credential that fleets have unless they name another.
const DEFAULT: &str = "default";

/// GitHub refuses a JWT from about a minute on; this much is worth a word.
const CLOCK_MATTERS: i64 = 20;

/// Fewer calls left than this share of the hour's are few.
const FEW_CALLS_PERCENT: u64 = 20;

/// Versions that are refused so soon are told of.
const VERSION_SOON: Duration = Duration::from_secs(14 * 86_400);

/// A token that expires so soon is told of: whoever can make another may be away for two weeks.
const TOKEN_SOON: Duration = Duration::from_secs(14 * 86_400);

/// All of it.
pub fn findings(answer: &GithubAnswer, fleets: &[Fleet], retries_jobs: bool, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for access in &answer.accesses {
        findings.extend(credential(access, now));
        findings.extend(clock(access));
        findings.extend(permissions(access, retries_jobs));
        findings.extend(limits(access));
        findings.extend(groups(access, fleets));
        findings.extend(versions(access, now));
    }
    findings.extend(webhooks::findings(answer, now));
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

/// The command that sets a credential up, with an option more or none.
pub fn setup(credential: &str, option: &str) -> String {
    let named = if credential == DEFAULT { String::new() } else { format!(" --credential {credential}") };
    format!("`fargate-runners setup{option}{named}`")
}

/// A part of the answer that could not be had; `credential` asked for it.
pub fn failed(check: &'static str, what: &str, credential: &str, failure: &Failure) -> Finding {
    let status = failure.status.map(|status| format!(" ({status})")).unwrap_or_default();
    let says = format!("{what}: {}{status}", failure.message);
    let setup = |option| setup(credential, option);
    match failure.kind {
        FailureKind::Credential => Finding::wrong(
            check,
            says,
            format!("{} writes it (a token: {}; by hand: the output PutCredential).", setup(""), setup(" --token")),
        ),
        FailureKind::Unauthorized => Finding::wrong(
            check,
            says,
            format!(
                "GitHub does not accept it: an App's id and key must belong together; a token may have expired or been revoked. Write it anew: a new key of the App by {}, another App by {}, a token by {} (by hand: the output PutCredential).",
                setup(" --rotate key"),
                setup(""),
                setup(" --token")
            ),
        ),
        FailureKind::Clock => Finding::wrong(
            check,
            says,
            "The times of the App's JWT are not accepted: compare the clocks (on GitHub Enterprise Server, its NTP settings).",
        ),
        FailureKind::Forbidden => {
            let needed = failure.needed.as_deref().unwrap_or("the permission");
            Finding::wrong(check, says, format!("Give the credential: {needed}. {} then says whether all is there.", setup("")))
        }
        FailureKind::NotFound => Finding::wrong(
            check,
            says,
            failure.needed.as_ref().map_or_else(
                || "There is no such thing, or the credential may not see it.".to_owned(),
                |needed| {
                    format!("Check that it exists, and that the credential has: {needed}. {} then says whether all is there.", setup(""))
                },
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

fn credential(access: &Access, now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "credential";
    let what = way(access);
    if let Some(failure) = access.kind.failure() {
        return vec![failed(CHECK, &what, &access.credential, failure)];
    }
    let mut findings = Vec::new();
    if let Some(token) = &access.token {
        match token.answer() {
            None => findings.extend(token.failure().map(|failure| failed(CHECK, &what, &access.credential, failure))),
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
                        format!("Make a token with {scope}; {} checks and stores it.", setup(&access.credential, " --token")),
                    )
                }));
                findings.extend(expires(access, token, now));
            }
        }
    }
    if let Some(app) = &access.app {
        match app.answer() {
            None => {
                findings.extend(app.failure().map(|failure| failed(CHECK, &what, &access.credential, failure)));
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
                        format!(
                            "{} leads to where it is installed on {}: {slug}/installations/new",
                            setup(&access.credential, ""),
                            access.scope
                        ),
                    ),
                    _ => failed("installation", &what, &access.credential, failure),
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

/// When a token ends, where GitHub says so.
fn expires(access: &Access, token: &Token, now: Timestamp) -> Option<Finding> {
    const CHECK: &str = "credential";
    let (what, said) = (way(access), token.expires.as_ref()?);
    let anew = || format!("Make another token before that; {} checks and stores it.", setup(&access.credential, " --token"));
    Some(match expiry(said) {
        Some(at) if at <= now => Finding::wrong(CHECK, format!("{what} has expired: {said}"), anew()),
        Some(at) if at.since(now) < TOKEN_SOON => {
            Finding::warning(CHECK, format!("{what} expires in {}: {said}", duration(at.since(now))), anew())
        }
        _ => Finding::ok(CHECK, format!("{what} is good until {said}")),
    })
}

/// The time that GitHub writes as `2026-12-01 10:00:00 UTC`, or with an offset such as `-0800` in the last place.
fn expiry(said: &str) -> Option<Timestamp> {
    let mut parts = said.split_whitespace();
    let (date, clock, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let there = Timestamp::parse_rfc3339(&format!("{date}T{clock}Z"))?;
    if zone == "UTC" {
        return Some(there);
    }
    let digits = zone.get(1..).filter(|digits| digits.len() == 4)?;
    let (hours, minutes): (u64, u64) = (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?);
    let offset = Duration::from_secs((hours * 60 + minutes) * 60);
    match zone.get(..1)? {
        "+" => Some(there - offset),
        "-" => Some(there + offset),
        _ => None,
    }
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
                    format!(
                        "The App's settings, Permissions & events, {where_} ({wanted}); then accept it where the App is installed. {} then says whether all is there ({} makes another App, with all that is needed).",
                        setup(&access.credential, ""),
                        setup(&access.credential, " --new-app")
                    ),
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
                format!(
                    "The App's settings, Permissions & events, Subscribe to events: Workflow job. {} then says whether all is there.",
                    setup(&access.credential, "")
                ),
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
            findings.push(failed(CHECK, &format!("{what}: listing the runners"), &access.credential, failure));
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
                _ => failed(CHECK, &what, &access.credential, failure),
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
        if group.restricted_to_workflows && group.selected_workflows.is_empty() {
            findings.push(Finding::wrong(
                CHECK,
                format!("{name}: only selected workflows may use it, and none is selected"),
                "Organisation settings, Actions, Runner groups, Workflow access: select them, or admit all.",
            ));
        }
        if findings.iter().all(|finding| !finding.says.starts_with(&name)) {
            findings.push(Finding::ok(CHECK, format!("{name} {}", admits(group))));
        }
    }
    findings
}

/// Whom it admits. That it is not everybody is no trouble: of a job that it keeps out, `why` says so.
fn admits(group: &RunnerGroup) -> String {
    let repositories = format!("admits {} repositories, no public ones", group.visibility);
    if group.restricted_to_workflows {
        format!("{repositories}, and of these only the workflows {}", group.selected_workflows.join(", "))
    } else {
        repositories
    }
}

/// Why no version is known: without a runner there is nothing to ask GitHub about, and a fleet without jobs has none.
fn no_version(runners: &Runners) -> String {
    if runners.online > 0 {
        format!("GitHub does not tell that of the {} online now", count(runners.online, "runner"))
    } else if runners.read < runners.total {
        format!("none of this stack's runners is online among the first {} of {} that GitHub lists", runners.read, runners.total)
    } else {
        "no runner is online now".to_owned()
    }
}

fn versions(access: &Access, now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "runner version";
    let Some(runners) = access.runners.answer() else { return Vec::new() };
    if runners.versions.is_empty() {
        return vec![Finding::ok(CHECK, format!("{}: not known: {}", way(access), no_version(runners)))];
    }
    let newest = access.newest_runner.answer().map_or_else(String::new, |newest| format!(" (the newest is {newest})"));
    let told = runners.versions.iter().filter_map(|version| {
        let refused = match (version.refused_from.answer(), version.refused_from.failure()) {
            (Some(refused), _) => *refused,
            (None, Some(failure)) => {
                let what = format!("{}: asking until when version {} is good", way(access), version.version);
                return Some(failed(CHECK, &what, &access.credential, failure));
            }
            (None, None) => return None,
        };
        let says = format!("{}: {} of version {}", way(access), count(version.online, "runner"), version.version);
        let Some(refused) = refused else { return Some(Finding::ok(CHECK, format!("{says}; GitHub has announced no end of it{newest}"))) };
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
