//! An App that a person makes from a manifest, and the webhooks that a program sets up.

use crate::story::{Story, json};
use fargate_runners_model_github::{Answer, KeyPair, Reply, Request, Response};
use serde_json::{Value, json as value};

const MANIFEST: &str = r#"{"name":"Octo Runners","url":"https://example.com","redirect_url":"http://127.0.0.1:7/created","public":false,
    "hook_attributes":{"url":"http://localhost/webhook"},"default_events":["workflow_job"],
    "default_permissions":{"organization_self_hosted_runners":"write","actions":"read"}}"#;

fn story() -> Story {
    let mut story = Story::new();
    story.github.add_key_pair(KeyPair { private_pem: "-----BEGIN made up-----".into(), public_pem: "public".into() });
    story
}

/// Sends a form as a browser does.
fn post(story: &mut Story, path: &str, fields: &[(&str, &str)]) -> Response {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let body = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
    let request = Request { method: "POST".into(), path_and_query: path.into(), body: body.into_bytes(), ..Request::default() };
    match story.github.http(story.now, &request) {
        Reply::Answer(response) => response,
        Reply::Drop => panic!("the connection broke"),
    }
}

fn location(response: &Response) -> String {
    response.headers.iter().find(|(name, _)| *name == "location").map(|(_, value)| value.clone()).expect("a redirect")
}

/// Confirms the manifest, and gives the code.
fn make(story: &mut Story) -> String {
    let page = post(story, "/organizations/octo-org/settings/apps/new?state=mine", &[("manifest", MANIFEST)]);
    assert!(page.status == 200 && page.body.contains("Create GitHub App") && page.body.contains("state=mine"), "{}", page.body);
    let made = post(story, "/organizations/octo-org/settings/apps?state=mine", &[("manifest", MANIFEST), ("name", "Octo Runners")]);
    let back = location(&made);
    assert!(made.status == 302 && back.starts_with("http://127.0.0.1:7/created?code=") && back.ends_with("&state=mine"), "{back}");
    back.split("code=").nth(1).and_then(|rest| rest.split('&').next()).expect("a code").to_owned()
}

#[test]
fn a_manifest_becomes_an_app_whose_key_is_given_once() {
    let mut story = story();
    let code = make(&mut story);
    let path = format!("/app-manifests/{code}/conversions");
    let answer = story.send("POST", &path, None);
    let made = json(&answer);
    assert_eq!((answer.status, &made["slug"], &made["owner"]["type"]), (201, &"octo-runners".into(), &"Organization".into()));
    assert_eq!(made["pem"], "-----BEGIN made up-----");
    assert_eq!(story.send("POST", &path, None).status, 404, "a code is good once");
    let id = made["id"].to_string();
    assert_eq!(story.github.app_keys(&id), ["public"]);
    let app = json(&story.send("GET", "/app", Some(&id)));
    let asked: Value = value!({"organization_self_hosted_runners": "write", "actions": "read", "metadata": "read"});
    assert_eq!(app["permissions"], asked);
}

#[test]
fn a_code_is_good_for_an_hour() {
    let mut story = story();
    let code = make(&mut story);
    story.after(60 * crate::story::MINUTE);
    assert_eq!(story.send("POST", &format!("/app-manifests/{code}/conversions"), None).status, 404);
}

#[test]
fn an_app_is_installed_by_a_button() {
    let mut story = story();
    let code = make(&mut story);
    let id = json(&story.send("POST", &format!("/app-manifests/{code}/conversions"), None))["id"].to_string();
    assert_eq!(story.send("GET", "/orgs/octo-org/installation", Some(&id)).status, 404);
    assert!(story.send("GET", "/apps/octo-runners/installations/new", None).body.contains("Install"));
    let installed = post(&mut story, "/apps/octo-runners/installations", &[]);
    assert_eq!(story.send("GET", &location(&installed), None).status, 200);
    assert_eq!(story.send("GET", "/orgs/octo-org/installation", Some(&id)).status, 200);
}

#[test]
fn a_new_apps_ping_can_be_sent_once_more_under_another_secret() {
    let mut story = story();
    let code = make(&mut story);
    let id = json(&story.send("POST", &format!("/app-manifests/{code}/conversions"), None))["id"].to_string();
    let now = story.now;
    let ping = story.github.take_deliveries(now).pop().expect("a ping");
    let first = signed(&ping);
    story.github.answered(now, ping.id, Answer::Status(401));
    assert_eq!(story.send_body("PATCH", "/app/hook/config", Some(&id), r#"{"secret":"another"}"#).status, 200);
    let log = json(&story.send("GET", "/app/hook/deliveries", Some(&id)));
    assert_eq!((&log[0]["event"], &log[0]["status_code"]), (&"ping".into(), &401.into()));
    let again = format!("/app/hook/deliveries/{}/attempts", log[0]["id"]);
    assert_eq!(story.send("POST", &again, Some(&id)).status, 202);
    story.after(crate::story::MINUTE);
    let now = story.now;
    let second = story.github.take_deliveries(now).pop().expect("the ping once more");
    assert_ne!(first, signed(&second));
    assert_eq!(ping.guid, second.guid);
    assert_eq!(story.send_body("PATCH", "/app/hook/config", Some(&id), r#"{"url":"http://localhost/elsewhere"}"#).status, 200);
    assert_eq!(json(&story.send("GET", "/app/hook/config", Some(&id)))["url"], "http://localhost/elsewhere");
}

fn signed(outgoing: &fargate_runners_model_github::Outgoing) -> String {
    let body = outgoing.body();
    outgoing.headers(&body).into_iter().find(|(name, _)| *name == "x-hub-signature-256").map(|(_, value)| value).expect("a signature")
}

#[test]
fn what_github_does_not_take_is_refused() {
    for (field, other) in [
        ("hook_attributes", value!({"url": "nowhere"})),
        ("redirect_url", value!(null)),
        ("default_permissions", value!({"everything": "write"})),
        ("default_permissions", value!({})),
    ] {
        let mut story = story();
        let mut manifest: Value = serde_json::from_str(MANIFEST).expect("JSON");
        manifest[field] = other;
        let fields = [("manifest", manifest.to_string()), ("name", "Octo Runners".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(post(&mut story, "/organizations/octo-org/settings/apps?state=s", &fields).status, 422, "{field}");
    }
    assert_eq!(post(&mut story(), "/organizations/nobody/settings/apps/new", &[("manifest", MANIFEST)]).status, 404);
}

#[test]
fn an_organisations_webhook_is_made_pinged_and_changed_by_a_token() {
    let mut story = story();
    let new = r#"{"name":"web","active":true,"events":["workflow_job"],"config":{"url":"http://localhost/own","content_type":"json","secret":"s"}}"#;
    let made = story.send_body("POST", "/orgs/octo-org/hooks", None, new);
    assert_eq!(made.status, 201);
    let hook = format!("/orgs/octo-org/hooks/{}", json(&made)["id"]);
    assert_eq!(story.send("POST", &format!("{hook}/pings"), None).status, 204);
    let now = story.now;
    assert_eq!(story.github.take_deliveries(now).iter().filter(|sent| sent.url == "http://localhost/own").count(), 2);
    assert_eq!(story.send_body("PATCH", &format!("{hook}/config"), None, r#"{"secret":"t"}"#).status, 200);
    assert_eq!(story.send("POST", "/orgs/octo-org/hooks/1/pings", None).status, 404);
}
