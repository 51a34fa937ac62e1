//! What the interface says of those who ask, and what is sent to whom when an App or a webhook is set up otherwise.

use crate::story::{APP, Story, job, json};
use fargate_runners_model_github::{HookSettings, JwtTimes, Permissions, Reply, Request};

#[test]
fn an_app_and_its_installation_have_githubs_shape() {
    let mut story = Story::new();
    let app = json(&story.send("GET", "/app", Some("123")));
    assert_eq!((&app["id"], &app["slug"], &app["events"][0]), (&APP.into(), &"app-123".into(), &"workflow_job".into()));
    assert_eq!(app["permissions"]["organization_self_hosted_runners"], "write");
    story.github.set_app_permissions(APP, Permissions::default());
    assert_eq!(json(&story.send("GET", "/app", Some("123")))["permissions"], serde_json::json!({}));
    let installed = json(&story.send("GET", "/orgs/octo-org/installation", Some("123")));
    assert_eq!(installed["permissions"]["organization_self_hosted_runners"], "write", "an installation keeps what it has");
    assert!(installed["suspended_at"].is_null() && installed["html_url"].is_string());
    assert_eq!(story.get("/app").status, 401, "an App asks as itself");
    assert_eq!(story.send("GET", "/user", Some("123")).status, 403);
    let config = json(&story.send("GET", "/app/hook/config", Some("123")));
    assert_eq!((&config["url"], &config["insecure_ssl"]), (&"http://localhost/webhook".into(), &"0".into()));
}

#[test]
fn nothing_is_sent_from_where_an_app_is_suspended_not_subscribed_or_may_not_look() {
    let mut story = Story::new();
    let installation = story.installation;
    let mut sent = |change: &dyn Fn(&mut Story)| {
        change(&mut story);
        story.queue(job());
        story.after(10);
        let now = story.now;
        story.github.take_deliveries(now).len()
    };
    assert_eq!(sent(&|_| {}), 1);
    assert_eq!(sent(&|story| story.github.suspend_installation(installation, true)), 0);
    assert_eq!(sent(&|story| story.github.suspend_installation(installation, false)), 1);
    assert_eq!(sent(&|story| story.github.set_app_events(APP, &["push"])), 0);
    assert_eq!(sent(&|story| story.github.set_app_events(APP, &["workflow_job"])), 1);
    assert_eq!(sent(&|story| story.github.set_installation_permissions(installation, Permissions::default())), 0);
    assert_eq!(sent(&|story| story.github.set_installation_permissions(installation, Permissions::runners())), 1);
    assert_eq!(sent(&|story| story.github.set_hook(story.hook, HookSettings { active: false, ..HookSettings::default() })), 0);
    assert_eq!(sent(&|story| story.github.uninstall_app(installation)), 0);
}

#[test]
fn a_form_holds_the_same_json() {
    let mut story = Story::new();
    story.github.set_hook(story.hook, HookSettings { content_type: "form".to_owned(), ..HookSettings::default() });
    story.queue(job());
    story.after(10);
    let outgoing = story.github.take_deliveries(story.now).remove(0);
    let body = outgoing.body();
    assert!(body.starts_with("payload=%7B%22") && !body.contains(['{', ' ', '&']), "{body}");
    assert!(outgoing.headers(&body).contains(&("content-type", "application/x-www-form-urlencoded".to_owned())));
}

#[test]
fn a_jwt_is_judged_by_githubs_own_clock() {
    let mut story = Story::new();
    let now = story.now / 1000;
    let mut ask = |issued_at, expires_at, ahead_ms| {
        story.github.config_mut().clock_ahead_ms = ahead_ms;
        let jwt = Some(JwtTimes { issued_at, expires_at, now });
        let request = Request { method: "GET".into(), path_and_query: "/app".into(), app: Some("123".into()), jwt, ..Request::default() };
        let Reply::Answer(answer) = story.github.http(story.now, &request) else { panic!("an answer") };
        (answer.status, answer.body)
    };
    assert_eq!(ask(now - 60, now + 540, 0).0, 200);
    assert_eq!(ask(now - 60, now + 540, 500_000).0, 200);
    for (times, words) in [
        ((now - 700, now - 1, 0), "must be a numeric value representing the future time"),
        ((now, now + 900, 0), "too far in the future"),
        ((now + 300, now + 500, 0), "('iat') must be an Integer"),
        ((now - 60, now + 540, -120_000), "too far in the future"),
        ((now - 60, now + 540, 600_000), "must be a numeric value"),
    ] {
        let (status, body) = ask(times.0, times.1, times.2);
        assert!(status == 401 && body.contains(words), "{times:?}: {body}");
    }
}
