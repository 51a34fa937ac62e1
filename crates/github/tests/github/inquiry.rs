//! What a person is told of how a stack and GitHub stand: all of it when all is well, and each trouble by its own words when it is not.

use crate::inquiry_stage::{GROUP, NOW, STACK, Stage, URL};
use crate::world::START;
use fargate_runners_core::time::Timestamp;
use fargate_runners_model_github::{
    Access as Level, Answer, Deprecation, HookOwner, HookSettings, JitRequest, ListenerCredentials, NewHook, NewJob, Permissions, Scope,
};
use fargate_runners_use_cases::inquiry::{CredentialKind, Failure, FailureKind, Part, Webhook, Webhooks};

/// A task's id.
const TASK: &str = "0123456789abcdef0123456789abcdef";

fn failure<T>(part: &Part<T>) -> (FailureKind, Option<u16>) {
    part.failure().map(|failure| (failure.kind, failure.status)).expect("a failure")
}

fn only(webhooks: &Webhooks) -> &Webhook {
    let [webhook] = webhooks.webhooks.answer().expect("webhooks").as_slice() else { panic!("one webhook: {webhooks:?}") };
    webhook
}

fn permissions(granted: &[(&str, Level)]) -> Permissions {
    Permissions(granted.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect())
}

/// A runner of this name and version comes online.
fn online(stage: &Stage, name: &str, version: &str) {
    let listener = stage.with(|model| {
        let caller = fargate_runners_model_github::Caller::Token(crate::world::PAT.to_owned());
        let request = JitRequest { name: name.to_owned(), runner_group_id: GROUP, labels: vec!["linux".to_owned()], work_folder: None };
        let minted = model.generate_jit(NOW, &caller, &Scope::Organization("octo".to_owned()), &request);
        let Ok(jit) = minted else { panic!("not minted") };
        ListenerCredentials { version: version.to_owned(), ..jit.credentials }
    });
    stage.with(|model| model.open_session(NOW, &listener)).unwrap();
}

#[tokio::test]
async fn when_all_is_well_everything_is_told_and_nothing_fails() {
    let stage = Stage::new().await;
    stage.with(|model| model.deprecate("2.300.0", Deprecation { registration_at: Some(NOW + 1000), runtime_at: None }));
    online(&stage, &format!("{STACK}-a-{TASK}-1"), "2.300.0");
    let fleets = ["a", "b"].map(|name| stage.fleet(name, "org/octo", "app")).to_vec();
    let answer = stage.github(fleets).await;
    assert!(answer.unreadable_fleets["/fleets/broken"].contains("maximum is 6000"));
    let [access] = answer.accesses.as_slice() else { panic!("the fleets share one way") };
    assert_eq!((access.fleets.as_slice(), access.kind.answer()), (["a".to_owned(), "b".to_owned()].as_slice(), Some(&CredentialKind::App)));
    let app = access.app.as_ref().unwrap().answer().unwrap();
    assert_eq!((app.slug.as_str(), app.events.as_slice()), ("app-123", ["workflow_job".to_owned()].as_slice()));
    assert_eq!(app.permissions["organization_self_hosted_runners"], "write");
    let installation = access.installation.as_ref().unwrap().answer().unwrap();
    assert_eq!((installation.id, installation.suspended_at), (stage.installation, None));
    assert!(access.not_accepted().is_empty() && access.token.is_none());
    let runners = access.runners.answer().unwrap();
    assert_eq!((runners.total, runners.versions[0].version.as_str(), runners.versions[0].online), (1, "2.300.0", 1));
    assert_eq!(runners.versions[0].refused_from, Part::Answer(Some(Timestamp::from_millis(NOW + 1000))));
    assert_eq!(access.newest_runner.answer().map(String::as_str), Some("2.338.0"));
    assert!(access.rate_limit.answer().is_some_and(|left| left.limit == 5000 && left.remaining == 5000 && left.resets_at > START));
    assert_eq!(access.clock_ahead_seconds, Some(0));
    assert_eq!(access.groups.iter().map(|group| group.group.answer().unwrap().name.as_str()).collect::<Vec<_>>(), ["third", "third"]);
    let [webhooks] = answer.webhooks.as_slice() else { panic!("one App") };
    let config = only(webhooks).config.answer().unwrap();
    assert!(webhooks.of == "app" && config.leads_here && config.has_secret && config.content_type == "json" && !config.insecure_ssl);
    assert_eq!(only(webhooks).deliveries, Some(Part::Answer(Vec::new())));
    assert_eq!(stage.server.count(&format!("GET /orgs/octo/actions/runner-groups/{GROUP}")), 1, "fleets of one group share the question");
}

#[tokio::test]
async fn only_this_stacks_runners_are_judged_by_their_version() {
    let stage = Stage::new().await;
    // A person's own runner, and one of another installation of the same scope.
    online(&stage, "old-mac", "2.200.0");
    online(&stage, &format!("ffffffff-a-{TASK}-1"), "2.300.0");
    let (access, _) = stage.stands("app").await;
    let runners = access.runners.answer().unwrap();
    assert_eq!((runners.total, runners.read, runners.online, runners.versions.len()), (2, 2, 0, 0), "{runners:?}");
    online(&stage, &format!("{STACK}-a-{TASK}-1"), "2.338.0");
    let (access, _) = stage.stands("app").await;
    let runners = access.runners.answer().unwrap();
    let versions: Vec<_> = runners.versions.iter().map(|found| (found.version.as_str(), found.online)).collect();
    assert_eq!((runners.total, runners.online, versions), (3, 1, vec![("2.338.0", 1)]));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_from_a_key_that_is() {
    for (ahead, words) in [(-120_000, "too far in the future"), (900_000, "must be a numeric value")] {
        let stage = Stage::new().await;
        stage.with(|model| model.config_mut().clock_ahead_ms = ahead);
        let (access, _) = stage.stands("app").await;
        let app = access.app.unwrap();
        assert_eq!(failure(&app), (FailureKind::Clock, Some(401)));
        assert!(app.failure().unwrap().message.contains(words), "{app:?}");
        assert_eq!(access.clock_ahead_seconds, Some(ahead / 1000));
        assert_eq!(failure(&access.runners), (FailureKind::Clock, Some(401)));
    }
    // A PAT bears no time: all goes well, and the difference is told.
    let stage = Stage::new().await;
    stage.with(|model| model.config_mut().clock_ahead_ms = 900_000);
    let (access, _) = stage.stands("pat").await;
    assert!(access.runners.answer().is_some() && access.clock_ahead_seconds == Some(900));
    stage.with(|model| model.config_mut().clock_ahead_ms = 0);
    let (access, _) = stage.stands("stranger").await;
    assert_eq!(failure(access.app.as_ref().unwrap()), (FailureKind::Unauthorized, Some(401)));
    assert_eq!(access.clock_ahead_seconds, Some(0));
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_and_so_is_what_an_owner_has_not_accepted() {
    let stage = Stage::new().await;
    let granted = permissions(&[("actions", Level::Read), ("metadata", Level::Read), ("organization_self_hosted_runners", Level::Read)]);
    stage.with(|model| model.set_installation_permissions(stage.installation, granted));
    let (access, _) = stage.stands("app").await;
    assert_eq!(
        access.not_accepted().into_iter().collect::<Vec<_>>(),
        [("administration", "write"), ("organization_self_hosted_runners", "write")]
    );
    let stage = Stage::new().await;
    stage.with(|model| {
        let few = permissions(&[("metadata", Level::Read)]);
        model.set_app_permissions(123, few.clone());
        model.set_installation_permissions(stage.installation, few);
        model.set_app_events(123, &[]);
    });
    let (access, _) = stage.stands("app").await;
    let Failure { kind, status, needed, message, .. } = access.runners.failure().cloned().unwrap();
    assert_eq!((kind, status), (FailureKind::Forbidden, Some(403)));
    assert!(needed.unwrap().contains("Self-hosted runners: read and write") && message.contains("not accessible"));
    assert!(access.not_accepted().is_empty(), "what is not asked for need not be accepted");
    assert!(access.app.unwrap().answer().unwrap().events.is_empty());
    assert!(access.installation.unwrap().answer().unwrap().events.is_empty());
}

#[tokio::test]
async fn an_app_that_is_not_installed_or_is_suspended_is_told_as_such() {
    let stage = Stage::new().await;
    stage.with(|model| model.suspend_installation(stage.installation, true));
    let (access, _) = stage.stands("app").await;
    assert_eq!(access.installation.unwrap().answer().unwrap().suspended_at, Some(START));
    assert_eq!(failure(&access.runners), (FailureKind::Forbidden, Some(403)));
    assert!(access.runners.failure().unwrap().message.contains("suspended"));
    let stage = Stage::new().await;
    stage.with(|model| model.uninstall_app(stage.installation));
    let (access, _) = stage.stands("app").await;
    assert!(access.app.unwrap().answer().is_some(), "the App itself is there");
    assert_eq!(failure(access.installation.as_ref().unwrap()), (FailureKind::NotFound, Some(404)));
    assert_eq!(failure(&access.runners), (FailureKind::NotFound, Some(404)));
}

#[tokio::test]
async fn a_token_is_told_with_its_scopes_and_what_they_do_not_allow() {
    let stage = Stage::new().await;
    let (access, webhooks) = stage.stands("poor").await;
    let token = access.token.as_ref().unwrap().answer().unwrap();
    assert_eq!((token.login.as_str(), token.scopes.as_deref()), ("mona", Some(["repo".to_owned()].as_slice())));
    assert_eq!(failure(&access.runners), (FailureKind::Forbidden, Some(403)));
    assert_eq!(failure(&access.groups[0].group), (FailureKind::Forbidden, Some(403)));
    assert_eq!(failure(&webhooks.webhooks), (FailureKind::Forbidden, Some(403)));
    assert!(webhooks.webhooks.failure().unwrap().needed.as_ref().unwrap().contains("admin:org_hook"));
    let (access, _) = stage.stands("fine").await;
    assert_eq!(access.token.unwrap().answer().unwrap().scopes, None);
    assert!(access.runners.answer().is_some() && access.app.is_none());
    let (access, _) = stage.stands("wrong").await;
    assert_eq!(failure(access.token.as_ref().unwrap()), (FailureKind::Unauthorized, Some(401)));
    let (access, _) = stage.stands("lost").await;
    assert_eq!(failure(&access.kind), (FailureKind::Credential, None));
    assert_eq!(failure(&access.runners), (FailureKind::Credential, None));
}

#[tokio::test]
async fn a_runner_group_that_is_not_there_is_not_found() {
    let stage = Stage::new().await;
    stage.with(|model| model.remove_runner_group("octo", GROUP));
    let (access, _) = stage.stands("app").await;
    assert_eq!((access.groups[0].runner_group_id, failure(&access.groups[0].group)), (GROUP, (FailureKind::NotFound, Some(404))));
    let answer = stage.github(vec![stage.fleet("own", "repo/octo/hello", "app")]).await;
    assert!(answer.accesses[0].groups.is_empty(), "a repository has no groups");
}

#[tokio::test]
async fn a_webhook_that_leads_elsewhere_or_sends_nothing_is_told_as_it_is_set_up() {
    let stage = Stage::new().await;
    stage.with(|model| model.set_hook_url(stage.app_hook, "https://elsewhere.example.com/"));
    let (_, webhooks) = stage.stands("app").await;
    let config = only(&webhooks).config.answer().unwrap();
    assert_eq!((config.url.as_str(), config.leads_here), ("https://elsewhere.example.com/", false));
    assert!(only(&webhooks).deliveries.as_ref().unwrap().answer().is_some(), "how an App's are answered is told wherever they lead");

    let (_, webhooks) = stage.stands("pat").await;
    assert_eq!(webhooks.webhooks, Part::Answer(Vec::new()), "nobody has set one up");
    stage.with(|model| {
        let owner = HookOwner::Organization("octo".to_owned());
        let [ours, _] = [URL, "https://elsewhere.example.com/"]
            .map(|url| model.add_hook(NewHook { owner: owner.clone(), url: url.to_owned(), secret: "another made-up secret".to_owned() }));
        let settings = HookSettings { active: false, events: vec!["push".to_owned()], content_type: "form".to_owned(), insecure_ssl: true };
        model.set_hook(ours, settings);
        model.queue_job(NOW, NewJob::new("octo", "hello", &["linux"]));
        let sent = model.take_deliveries(NOW);
        assert!(sent.iter().all(|outgoing| outgoing.url != URL), "what is switched off is sent nothing");
    });
    let (_, webhooks) = stage.stands("pat").await;
    let [ours, other] = webhooks.webhooks.answer().unwrap().as_slice() else { panic!("two webhooks") };
    let config = ours.config.answer().unwrap();
    assert_eq!((config.active, config.events.as_deref()), (Some(false), Some(["push".to_owned()].as_slice())));
    assert!(config.leads_here && config.insecure_ssl && config.content_type == "form" && ours.deliveries.is_some());
    assert!(!other.config.answer().unwrap().leads_here && other.deliveries.is_none());
}

#[tokio::test]
async fn the_newest_deliveries_are_told_and_what_the_failed_ones_were_answered() {
    let stage = Stage::new().await;
    stage.with(|model| {
        for _ in 0..5 {
            model.queue_job(NOW, NewJob::new("octo", "hello", &["linux"]));
        }
        for outgoing in model.take_deliveries(NOW) {
            model.answered_with(NOW, outgoing.id, Answer::Status(401), "the signature fits none of the webhook secrets");
        }
    });
    let (_, webhooks) = stage.stands("app").await;
    let deliveries = only(&webhooks).deliveries.as_ref().unwrap().answer().unwrap();
    assert_eq!(deliveries.len(), 5);
    let newest = &deliveries[0];
    assert_eq!((newest.status_code, newest.ok, newest.action.as_deref(), newest.delivered_at), (401, false, Some("queued"), START));
    let told: Vec<_> = deliveries.iter().filter_map(|delivery| delivery.answer.as_ref()).collect();
    assert_eq!(told.len(), 3, "only the newest few are looked into");
    assert!(told.iter().all(|answer| answer.answer().is_some_and(|text| text == "the signature fits none of the webhook secrets")));
}

#[tokio::test]
async fn a_rate_limit_that_is_used_up_is_told_with_its_end() {
    let stage = Stage::new().await;
    stage.with(|model| model.config_mut().limits.primary_per_hour = 0);
    let (access, _) = stage.stands("pat").await;
    let failure = access.runners.failure().unwrap();
    assert!(failure.kind == FailureKind::RateLimited && failure.until.is_some_and(|until| until > START), "{failure:?}");
    assert_eq!(access.rate_limit.answer().map(|left| left.remaining), Some(0), "asking what is left is free");
}

#[tokio::test]
async fn more_ways_to_github_than_an_inquiry_has_calls_for_are_counted() {
    let stage = Stage::new().await;
    let fleets = (0..40).map(|number| stage.fleet(&format!("f-{number}"), "org/octo", &format!("lost-{number}"))).collect();
    let answer = stage.github(fleets).await;
    assert_eq!((answer.accesses.len(), answer.left_out), (20, 20));
}
