//! What a diagnosis says of each trouble.

use super::finding::{Finding, Verdict};
use super::{fleet, github};
use crate::arguments::tests::understood;
use crate::facts::FleetFacts;
use crate::said::Complaint;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::record::View;
use fargate_runners_core::state::FailedBoot;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::inquiry::{
    Access, App, CredentialKind, Delivery, Failure, FailureKind, FleetGroup, GithubAnswer, Installation, Part, RateLimit, RunnerGroup,
    RunnerVersion, Runners, Token, Webhook, WebhookConfig, Webhooks,
};
use serde_json::json;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn fleet() -> Fleet {
    let description = json!({
        "fleet": "default", "scope": "org/octo-org", "credential": "default", "labels": ["linux"], "launch_mode": "tasks", "maximum": 10,
        "task_role": "r", "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners", "subnets": ["subnet-1"],
        "task_definition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3",
    });
    Fleet::parse(&description.to_string()).unwrap()
}

/// An App of which nothing is wrong.
fn well() -> GithubAnswer {
    let permissions = || {
        [("organization_self_hosted_runners", "write"), ("actions", "read")]
            .map(|(name, access)| (name.to_owned(), access.to_owned()))
            .into()
    };
    let app = App { slug: "runners".to_owned(), permissions: permissions(), events: vec!["workflow_job".to_owned()], ..App::default() };
    let group = RunnerGroup { id: 1, name: "Default".to_owned(), visibility: "all".to_owned(), ..RunnerGroup::default() };
    let access = Access {
        api_url: "https://api.github.com".to_owned(),
        scope: "org/octo-org".to_owned(),
        credential: "default".to_owned(),
        fleets: vec!["default".to_owned()],
        kind: Part::Answer(CredentialKind::App),
        clock_ahead_seconds: Some(0),
        app: Some(Part::Answer(app)),
        installation: Some(Part::Answer(Installation { permissions: permissions(), ..Installation::default() })),
        runners: Part::Answer(Runners::default()),
        rate_limit: Part::Answer(RateLimit { limit: 5_000, remaining: 4_900, resets_at: NOW }),
        groups: vec![FleetGroup { fleet: "default".to_owned(), runner_group_id: 1, group: Part::Answer(group) }],
        ..Access::default()
    };
    let config = WebhookConfig {
        url: "https://x/webhook".to_owned(),
        leads_here: true,
        content_type: "json".to_owned(),
        has_secret: true,
        ..WebhookConfig::default()
    };
    let delivery = Delivery { guid: "g".to_owned(), ok: true, status_code: 202, delivered_at: NOW, ..Delivery::default() };
    let webhook = Webhook { config: Part::Answer(config), deliveries: Some(Part::Answer(vec![delivery])), ..Webhook::default() };
    let webhooks = Webhooks {
        api_url: access.api_url.clone(),
        of: "app".to_owned(),
        credential: "default".to_owned(),
        webhooks: Part::Answer(vec![webhook]),
    };
    GithubAnswer { accesses: vec![access], webhooks: vec![webhooks], ..GithubAnswer::default() }
}

/// What is not ok after a change, each with a remedy.
fn found(change: impl FnOnce(&mut GithubAnswer)) -> Vec<Finding> {
    let mut answer = well();
    change(&mut answer);
    let found: Vec<_> =
        github::findings(&answer, &[fleet()], false, NOW).into_iter().filter(|finding| finding.verdict != Verdict::Ok).collect();
    assert!(found.iter().all(|finding| finding.remedy.is_some()), "{found:?}");
    for finding in &found {
        understood(finding.remedy.as_deref().unwrap_or_default());
    }
    found
}

/// A token for another scope, with what GitHub says of that scope's webhooks.
fn with_token(answer: &mut GithubAnswer, scope: &str, webhooks: Vec<Webhook>) {
    let token = Access {
        scope: scope.to_owned(),
        credential: "second".to_owned(),
        fleets: vec!["second".to_owned()],
        kind: Part::Answer(CredentialKind::Token),
        app: None,
        installation: None,
        token: Some(Part::Answer(Token { login: "mona".to_owned(), ..Token::default() })),
        groups: vec![],
        ..answer.accesses[0].clone()
    };
    let webhooks = Part::Answer(webhooks);
    answer.webhooks.push(Webhooks { api_url: token.api_url.clone(), of: scope.to_owned(), credential: "second".to_owned(), webhooks });
    answer.accesses.push(token);
}

fn token(answer: &mut GithubAnswer) -> &mut Token {
    with_token(answer, "repo/octo-org/app", vec![]);
    match &mut answer.accesses[1].token {
        Some(Part::Answer(token)) => token,
        _ => unreachable!("it is a token"),
    }
}

/// A webhook that leads somewhere else.
fn elsewhere() -> Webhook {
    let config = WebhookConfig { url: "https://elsewhere".to_owned(), content_type: "json".to_owned(), ..WebhookConfig::default() };
    Webhook { id: Some(7), config: Part::Answer(config), ..Webhook::default() }
}

fn one(change: impl FnOnce(&mut GithubAnswer), check: &str, says: &str) {
    let found = found(change);
    assert!(found.len() == 1 && found[0].check == check && found[0].says.contains(says), "{check}/{says}: {found:#?}");
}

fn app(answer: &mut GithubAnswer) -> &mut App {
    match &mut answer.accesses[0].app {
        Some(Part::Answer(app)) => app,
        _ => unreachable!("it is an App"),
    }
}

fn hook(answer: &mut GithubAnswer) -> &mut Webhook {
    match &mut answer.webhooks[0].webhooks {
        Part::Answer(hooks) => &mut hooks[0],
        Part::Failed(_) => unreachable!("it has one"),
    }
}

fn config(answer: &mut GithubAnswer) -> &mut WebhookConfig {
    match &mut hook(answer).config {
        Part::Answer(config) => config,
        Part::Failed(_) => unreachable!("it is set up"),
    }
}

fn group(answer: &mut GithubAnswer) -> &mut RunnerGroup {
    match &mut answer.accesses[0].groups[0].group {
        Part::Answer(group) => group,
        Part::Failed(_) => unreachable!("there is one"),
    }
}

#[test]
fn a_webhook_that_could_not_be_asked_about_is_not_called_missing() {
    let failure = Failure::new(FailureKind::Unavailable, "connection reset");
    one(|answer| hook(answer).config = Part::Failed(failure), "webhook", "connection reset");
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn each_trouble_with_an_app_is_one_line_that_names_it() {
    one(
        |answer| drop(app(answer).permissions.remove("organization_self_hosted_runners")),
        "permissions",
        "lacks the permission organization_self_hosted_runners",
    );
    one(|answer| app(answer).events.clear(), "events", "does not subscribe to workflow_job");
    one(
        |answer| {
            answer.accesses[0].installation = Some(Part::Answer(Installation {
                permissions: [("actions".to_owned(), "read".to_owned())].into(),
                ..Installation::default()
            }));
        },
        "permissions",
        "not accepted yet",
    );
    one(
        |answer| answer.accesses[0].installation = Some(Part::Failed(Failure::new(FailureKind::NotFound, "Not Found"))),
        "installation",
        "is not installed there",
    );
    one(
        |answer| {
            let Some(Part::Answer(mut suspended)) = answer.accesses[0].installation.take() else { unreachable!("it is installed") };
            suspended.suspended_at = Some(NOW);
            answer.accesses[0].installation = Some(Part::Answer(suspended));
        },
        "installation",
        "is suspended",
    );
    one(
        |answer| {
            answer.accesses[0].app = Some(Part::Failed(Failure::new(FailureKind::Unauthorized, "A JSON web token could not be decoded")));
        },
        "credential",
        "could not be decoded",
    );
    one(
        |answer| {
            answer.accesses[0].kind = Part::Failed(Failure::new(FailureKind::Credential, "there is no parameter /x/credentials/default"));
        },
        "credential",
        "no parameter",
    );
    one(|answer| answer.accesses[0].clock_ahead_seconds = Some(-95), "clock", "95 s behind");
    one(
        |answer| answer.accesses[0].rate_limit = Part::Answer(RateLimit { limit: 5_000, remaining: 3, resets_at: NOW }),
        "rate limit",
        "3 of 5000",
    );
}

#[test]
fn the_line_on_versions_is_there_also_when_no_runner_is() {
    let versions = |runners: Runners| {
        let mut answer = well();
        answer.accesses[0].runners = Part::Answer(runners);
        let lines = github::findings(&answer, &[fleet()], false, NOW);
        let mut lines = lines.into_iter().filter(|finding| finding.check == "runner version");
        let line = lines.next().expect("a line on versions");
        assert_eq!(lines.next(), None);
        (line.verdict, line.says)
    };
    let (verdict, says) = versions(Runners::default());
    assert!(verdict == Verdict::Ok && says.contains("not known: no runner is online now"), "{says}");
    let (_, says) = versions(Runners { total: 250, read: 100, ..Runners::default() });
    assert!(says.contains("among the first 100 of 250"), "{says}");
    let (_, says) = versions(Runners { total: 1, read: 1, online: 1, versions: vec![] });
    assert!(says.contains("GitHub does not tell that of the 1 runner online"), "{says}");
    let of = |refused_from| {
        let version = RunnerVersion { version: "2.300.0".to_owned(), online: 1, refused_from };
        versions(Runners { total: 1, read: 1, online: 1, versions: vec![version] })
    };
    assert_eq!(of(Part::Answer(Some(NOW))).0, Verdict::Wrong);
    assert!(of(Part::Answer(None)).1.contains("no end of it"));
    let (verdict, says) = of(Part::Failed(Failure::new(FailureKind::Unavailable, "connection reset")));
    assert!(verdict == Verdict::Warning && says.contains("connection reset"), "{says}");
}

#[test]
fn each_trouble_with_a_webhook_is_one_line_that_names_it() {
    one(|answer| config(answer).leads_here = false, "webhook", "leads elsewhere");
    one(|answer| config(answer).has_secret = false, "webhook", "has no secret");
    one(|answer| config(answer).content_type = "form".to_owned(), "webhook", "content type");
    one(|answer| config(answer).events = Some(vec!["push".to_owned()]), "events", "does not send workflow_job");
    let refused =
        |status_code| Part::Answer(vec![Delivery { guid: "g".to_owned(), status_code, delivered_at: NOW, ..Delivery::default() }]);
    one(|answer| hook(answer).deliveries = Some(refused(401)), "webhook secret", "401");
    one(|answer| hook(answer).deliveries = Some(refused(500)), "deliveries", "500");
    one(|answer| hook(answer).deliveries = Some(Part::Answer(vec![])), "deliveries", "nothing was ever delivered");
}

#[test]
fn a_good_webhook_of_one_scope_does_not_hide_the_missing_one_of_another() {
    one(
        |answer| with_token(answer, "repo/mona/app", vec![]),
        "webhook",
        "repo/mona/app: no webhook is set up; nothing tells of jobs of repo/mona/app",
    );
    one(
        |answer| with_token(answer, "org/other-org", vec![elsewhere()]),
        "webhook",
        "org/other-org: the webhook leads elsewhere: https://elsewhere",
    );
    // The other way round: the App's is the one that is missing, and it is its scope that suffers.
    one(
        |answer| {
            let Part::Answer(good) = std::mem::take(&mut answer.webhooks[0].webhooks) else { unreachable!("it has one") };
            answer.webhooks[0].webhooks = Part::Answer(vec![elsewhere()]);
            with_token(answer, "repo/mona/app", good);
        },
        "webhook",
        "leads elsewhere: https://elsewhere; nothing tells of jobs of org/octo-org",
    );
    // Another server's organisation of the same name is another organisation.
    one(
        |answer| {
            with_token(answer, "org/octo-org", vec![]);
            answer.accesses[1].api_url = "https://ghe.example.com/api/v3".to_owned();
            answer.webhooks[1].api_url = "https://ghe.example.com/api/v3".to_owned();
        },
        "webhook",
        "no webhook is set up",
    );
}

#[test]
fn a_webhook_counts_for_all_that_it_hears_of() {
    // The App is installed on the organisation, so that it hears of its repositories.
    assert_eq!(found(|answer| with_token(answer, "repo/octo-org/app", vec![])), []);
    assert_eq!(found(|answer| with_token(answer, "org/octo-org", vec![elsewhere()])), []);
    // One App for two organisations, by two credentials: its webhook is asked for once, and both count on it.
    one(
        |answer| {
            let second = Access { scope: "org/other-org".to_owned(), credential: "second".to_owned(), ..answer.accesses[0].clone() };
            answer.accesses.push(second);
            config(answer).leads_here = false;
        },
        "webhook",
        "nothing tells of jobs of org/octo-org, org/other-org",
    );
    let partly = found(|answer| {
        if let Some(Part::Answer(installation)) = &mut answer.accesses[0].installation {
            installation.repository_selection = Some("selected".to_owned());
        }
        with_token(answer, "repo/octo-org/app", vec![]);
    });
    assert!(matches!(&partly[..], [one] if one.verdict == Verdict::Warning && one.says.contains("GitHub does not say")), "{partly:?}");
}

#[test]
fn a_failure_is_past_when_a_later_delivery_has_arrived() {
    let delivery = |guid: &str, event: &str, ok, status_code, ago| Delivery {
        guid: guid.to_owned(),
        event: event.to_owned(),
        ok,
        status_code,
        delivered_at: NOW - Duration::from_secs(ago),
        ..Delivery::default()
    };
    let log = |deliveries: Vec<Delivery>| move |answer: &mut GithubAnswer| hook(answer).deliveries = Some(Part::Answer(deliveries));
    let job = |ago| delivery("job", "workflow_job", true, 202, ago);
    // The ping came before the secret was there, and is never repeated.
    assert_eq!(found(log(vec![job(10), delivery("ping", "ping", false, 401, 900)])), []);
    let past = found(log(vec![job(10), delivery("other", "workflow_job", false, 401, 900)]));
    assert!(matches!(&past[..], [one] if one.verdict == Verdict::Warning && one.check == "deliveries"), "{past:?}");
    let newest = found(log(vec![delivery("ping", "ping", false, 401, 10), job(900)]));
    assert!(matches!(&newest[..], [one] if one.verdict == Verdict::Wrong && one.check == "webhook secret"), "{newest:?}");
}

#[test]
fn a_token_is_told_of_when_it_ends_soon_and_not_before() {
    let until = |expires: &str| {
        let expires = expires.to_owned();
        found(move |answer| token(answer).expires = Some(expires))
    };
    // NOW is 1970-01-12 13:46:40 UTC.
    assert_eq!(until("1970-03-01 00:00:00 UTC"), []);
    assert_eq!(until("some day"), [], "what nobody can read is no trouble");
    let soon = until("1970-01-20 13:46:40 UTC");
    assert!(matches!(&soon[..], [one] if one.verdict == Verdict::Warning && one.says.contains("expires in 8 d")), "{soon:?}");
    // An hour ago in the west is seven hours from now.
    let west = until("1970-01-12 12:46:40 -0800");
    assert!(matches!(&west[..], [one] if one.verdict == Verdict::Warning && one.says.contains("expires in 7 h")), "{west:?}");
    let over = until("1970-01-12 12:46:40 UTC");
    assert!(matches!(&over[..], [one] if one.verdict == Verdict::Wrong && one.says.contains("has expired")), "{over:?}");
    assert!(over[0].remedy.as_deref().unwrap().contains("`fargate-runners setup --token --credential second`"));
}

#[test]
fn what_setup_mends_is_mended_by_setup() {
    type Change = fn(&mut GithubAnswer);
    let changes: [Change; 6] = [
        |answer| app(answer).permissions.clear(),
        |answer| answer.accesses[0].installation = Some(Part::Failed(Failure::new(FailureKind::NotFound, "Not Found"))),
        |answer| answer.accesses[0].app = Some(Part::Failed(Failure::new(FailureKind::Unauthorized, "Bad credentials"))),
        |answer| config(answer).leads_here = false,
        |answer| config(answer).has_secret = false,
        |answer| {
            let refused = Delivery { status_code: 401, delivered_at: NOW, ..Delivery::default() };
            hook(answer).deliveries = Some(Part::Answer(vec![refused]));
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let found = found(change);
        let named = found.iter().any(|finding| finding.remedy.as_deref().unwrap_or_default().contains("`fargate-runners setup"));
        assert!(named, "{number}: {found:#?}");
    }
}

#[test]
fn a_delivery_that_arrived_when_it_was_repeated_is_no_trouble() {
    let delivery = |ok, status_code| Delivery { guid: "g".to_owned(), ok, status_code, delivered_at: NOW, ..Delivery::default() };
    assert_eq!(found(|answer| hook(answer).deliveries = Some(Part::Answer(vec![delivery(true, 202), delivery(false, 500)]))), []);
}

#[test]
fn a_runner_group_that_keeps_jobs_out_or_lets_strangers_in_is_named() {
    one(
        |answer| answer.accesses[0].groups[0].group = Part::Failed(Failure::new(FailureKind::NotFound, "Not Found")),
        "runner group",
        "no such group",
    );
    one(|answer| group(answer).allows_public_repositories = true, "runner group", "admits public repositories");
    one(|answer| group(answer).restricted_to_workflows = true, "runner group", "none is selected");
}

#[test]
fn a_runner_group_that_is_kept_for_some_is_as_somebody_wants_it() {
    assert_eq!(found(|answer| group(answer).visibility = "selected".to_owned()), []);
    assert_eq!(
        found(|answer| {
            group(answer).restricted_to_workflows = true;
            group(answer).selected_workflows = vec!["octo-org/app/.github/workflows/ci.yml@refs/heads/main".to_owned()];
        }),
        []
    );
}

#[test]
fn what_register_complains_of_for_another_fleet_is_not_this_ones() {
    let facts = FleetFacts { fleet: fleet(), view: View::new(FleetName::parse("default").unwrap()) };
    let complaint = |fleet: &str| {
        let line = json!({"timestamp": "1970-01-12T13:46:00Z", "level": "ERROR", "message": "GitHub refuses to mint", "fleet": fleet, "credential": "default"});
        Complaint::parse(&line.to_string()).unwrap()
    };
    assert!(fleet::registrations(&facts, &[complaint("big")]).is_none());
    assert!(fleet::registrations(&facts, &[complaint("big"), complaint("default")]).is_some());
}

#[test]
fn that_no_task_has_failed_is_said_only_of_the_hour_that_is_remembered() {
    let starts = |ago: u64| {
        let mut facts = FleetFacts { fleet: fleet(), view: View::new(FleetName::parse("default").unwrap()) };
        facts.view.state.get_mut().last_registered_at = NOW - Duration::from_secs(ago);
        let found = fleet::findings(&facts, &[], NOW);
        found.into_iter().find(|finding| finding.check == "starts").map(|finding| finding.says).unwrap_or_default()
    };
    assert!(starts(600).ends_with("no task has failed since"), "{}", starts(600));
    assert!(starts(3 * 86_400).ends_with("no task has failed in the last 1 h"), "{}", starts(3 * 86_400));
}

#[test]
fn tasks_that_cannot_pull_their_image_or_reach_out_are_told_apart() {
    let check = |reason: &str| {
        let mut facts = FleetFacts { fleet: fleet(), view: View::new(FleetName::parse("default").unwrap()) };
        let boot = FailedBoot { at: NOW, reason: reason.to_owned() };
        facts.view.state.get_mut().failed_boots.insert(TaskId::parse(&"a".repeat(32)).unwrap(), boot);
        let found = fleet::findings(&facts, &[], NOW);
        found.iter().find(|finding| finding.verdict == Verdict::Wrong).map(|finding| finding.check)
    };
    assert_eq!(check("CannotPullContainerError: no such tag"), Some("image"));
    assert_eq!(check("ResourceInitializationError: unable to pull secrets or registry auth: connection timeout"), Some("network"));
    assert_eq!(check("Essential container in task exited (exit code 10)"), Some("starts"));
}
