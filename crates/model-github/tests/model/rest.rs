//! The REST interface: registrations, tokens, pages, limits, faults.

use crate::story::{APP, LABELS, MINUTE, Story, header, json, prompt, read_only};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fargate_runners_model_github::{
    Caller, Config, Deprecation, Endpoint, Faults, JitRequest, Limits, Permissions, Reply, Request, TokenRegistration,
};
use serde_json::{Value, json as value};

const RUNNERS: &str = "/orgs/octo-org/actions/runners";

fn jit_body(name: &str) -> String {
    value!({ "name": name, "runner_group_id": 1, "labels": ["self-hosted", "Linux", "own"], "work_folder": "_work" }).to_string()
}

#[test]
fn a_jit_configuration_has_githubs_shape() {
    let mut story = Story::new();
    let response = story.send_body("POST", &format!("{RUNNERS}/generate-jitconfig"), None, &jit_body("runner"));
    assert_eq!(response.status, 201);
    let answer = json(&response);
    let runner = &answer["runner"];
    assert_eq!((&runner["status"], &runner["busy"], &runner["ephemeral"]), (&"offline".into(), &false.into(), &true.into()));
    let labels: Vec<_> = runner["labels"].as_array().expect("a list").iter().map(|label| label["name"].clone()).collect();
    assert_eq!(labels, ["self-hosted", "Linux", "own"]);
    let decode =
        |text: &Value| -> Value { serde_json::from_slice(&STANDARD.decode(text.as_str().expect("text")).expect("base64")).expect("JSON") };
    let files = decode(&answer["encoded_jit_config"]);
    let settings = decode(&files[".runner"]);
    assert_eq!((&settings["AgentId"], &settings["AgentName"]), (&runner["id"].to_string().into(), &"runner".into()));
    assert_eq!((&settings["DisableUpdate"], &settings["Ephemeral"], &settings["PoolId"]), (&"True".into(), &"True".into(), &"1".into()));
    assert!(decode(&files[".credentials"])["Data"]["ClientId"].is_string());
    assert!(decode(&files[".credentials_rsaparams"])["modulus"].is_string());
    let length = answer["encoded_jit_config"].as_str().map_or(0, str::len);
    assert!((3000..6000).contains(&length), "about 4 KB: {length}");
}

#[test]
fn a_name_is_there_once_and_a_request_must_be_whole() {
    let mut story = Story::new();
    let path = format!("{RUNNERS}/generate-jitconfig");
    let mut ask = |body: &str| story.send_body("POST", &path, None, body).status;
    assert_eq!(ask(&jit_body("runner")), 201);
    assert_eq!(ask(&jit_body("RUNNER")), 409);
    assert_eq!(ask(&jit_body(&"x".repeat(65))), 422);
    assert_eq!(ask(r#"{"name":"a","runner_group_id":1,"labels":[]}"#), 422);
    assert_eq!(ask(r#"{"name":"a","labels":["x"]}"#), 422);
    assert_eq!(ask(r#"{"name":"a","runner_group_id":9,"labels":["x"]}"#), 404);
    assert_eq!(ask("not JSON"), 400);
}

#[test]
fn runners_are_listed_in_pages_and_by_name() {
    let mut story = Story::new();
    for number in 0..250 {
        story.mint(&format!("runner-{number}"), &LABELS);
        if number % 100 == 0 {
            story.after(MINUTE);
        }
    }
    let first = story.get(&format!("{RUNNERS}?per_page=100"));
    assert_eq!((json(&first)["total_count"].as_u64(), json(&first)["runners"].as_array().map(Vec::len)), (Some(250), Some(100)));
    let link = header(&first, "link").expect("more");
    assert!(link.contains("page=2>; rel=\"next\"") && link.contains("page=3>; rel=\"last\""), "{link}");
    let last = story.get(&format!("{RUNNERS}?per_page=100&page=3"));
    assert_eq!(json(&last)["runners"].as_array().map(Vec::len), Some(50));
    assert!(!header(&last, "link").expect("fewer").contains("next"));
    let named = json(&story.get(&format!("{RUNNERS}?name=runner-7")));
    assert_eq!((&named["total_count"], &named["runners"][0]["name"]), (&1.into(), &"runner-7".into()));
    let id = named["runners"][0]["id"].as_u64().expect("a number");
    assert_eq!(story.get(&format!("{RUNNERS}/{id}")).status, 200);
    assert_eq!(story.send("DELETE", &format!("{RUNNERS}/{id}"), None).status, 204);
    assert_eq!(story.get(&format!("{RUNNERS}/{id}")).status, 404);
    assert_eq!(story.get("/api/v3/orgs/octo-org/actions/runners").status, 200, "a server of one's own has a prefix");
    assert_eq!(story.get("/orgs/unknown/actions/runners").status, 404);
}

#[test]
fn an_app_gets_a_token_for_an_hour_that_does_what_was_granted() {
    let mut story = Story::new();
    let (app, installation) = (Caller::App(APP.to_string()), story.installation);
    assert_eq!(story.github.find_installation(story.now, &app, &Story::organization()).ok(), Some(installation));
    let token = story.github.exchange_token(story.now, &app, installation, None).expect("granted");
    let caller = Caller::Token(token.token);
    assert!(story.github.registration_token(story.now, &caller, &Story::organization()).is_ok());
    story.after(60 * MINUTE);
    let expired = story.github.registration_token(story.now, &caller, &Story::organization());
    assert_eq!(expired.err().and_then(|error| error.status()), Some(401));

    let narrow = story.github.exchange_token(story.now, &app, installation, Some(&read_only())).expect("granted");
    let caller = Caller::Token(narrow.token);
    assert!(story.github.list_runners(story.now, &caller, &Story::organization(), None, 30, 1).is_ok());
    let refused = story.github.registration_token(story.now, &caller, &Story::organization());
    assert_eq!(refused.err().and_then(|error| error.status()), Some(403));

    story.github.add_organization("others");
    let elsewhere = fargate_runners_model_github::Scope::Organization("others".into());
    let unseen = story.github.list_runners(story.now, &caller, &elsewhere, None, 30, 1);
    assert_eq!(unseen.err().and_then(|error| error.status()), Some(404));
    let forged = story.github.exchange_token(story.now, &Caller::App("999".into()), installation, None);
    assert_eq!(forged.err().and_then(|error| error.status()), Some(401));
    assert_eq!(Permissions::runners().0.len(), 4);
}

#[test]
fn a_registration_token_registers_as_often_as_one_likes() {
    let mut story = Story::new();
    let token = story.github.registration_token(story.now, &Story::caller(), &Story::organization()).expect("granted").token;
    let new = |name: &str, replace| TokenRegistration {
        name: name.into(),
        labels: vec!["own".into()],
        runner_group: None,
        ephemeral: true,
        replace,
    };
    assert!(story.github.register_by_token(story.now, &token, &new("one", false)).is_ok());
    assert!(story.github.register_by_token(story.now, &token, &new("two", false)).is_ok());
    assert_eq!(story.github.register_by_token(story.now, &token, &new("two", false)).err().and_then(|error| error.status()), Some(409));
    assert!(story.github.register_by_token(story.now, &token, &new("two", true)).is_ok());
    let labels: Vec<_> = story.github.runner_by_name("two").expect("there").labels.iter().map(|label| label.name.clone()).collect();
    assert_eq!(labels, ["self-hosted", "Linux", "X64", "own"]);
    story.after(60 * MINUTE);
    assert_eq!(story.github.register_by_token(story.now, &token, &new("three", false)).err().and_then(|error| error.status()), Some(404));
}

#[test]
fn a_refusal_says_when_to_come_back() {
    let mut story = Story::with(Config { limits: Limits { points_per_minute: 10, ..Limits::default() }, ..Config::default() });
    let path = format!("{RUNNERS}/registration-token");
    assert_eq!((story.send("POST", &path, None).status, story.send("POST", &path, None).status), (201, 201));
    let refused = story.send("POST", &path, None);
    assert!(refused.status == 403 || refused.status == 429);
    assert_eq!(header(&refused, "retry-after").as_deref(), Some("60"));
    assert_eq!(header(&refused, "x-ratelimit-remaining").as_deref(), Some("4998"));
    assert_eq!(story.github.counters().get(Endpoint::RegistrationToken).throttled, 1);
    story.after(MINUTE);
    assert_eq!(story.send("POST", &path, None).status, 201);

    story.github.config_mut().limits.primary_per_hour = 3;
    let refused = story.get(RUNNERS);
    assert!(refused.status == 403 || refused.status == 429);
    assert_eq!((header(&refused, "retry-after"), header(&refused, "x-ratelimit-remaining").as_deref()), (None, Some("0")));
    let reset: u64 = header(&refused, "x-ratelimit-reset").expect("told").parse().expect("seconds");
    assert_eq!(reset, (story.now + 59 * MINUTE) / 1000);
}

#[test]
fn answers_get_lost_before_and_after_their_effect() {
    let asked = |faults: Faults| {
        let mut story = Story::with(Config { timing: prompt(), faults, ..Config::default() });
        let request = Request {
            method: "POST".into(),
            path_and_query: format!("{RUNNERS}/generate-jitconfig"),
            authorization: Some("token ghp_made_up".into()),
            body: jit_body("runner").into_bytes(),
            ..Request::default()
        };
        let reply = story.github.http(story.now, &request);
        (if let Reply::Answer(response) = reply { Some(response.status) } else { None }, story.github.runners().count())
    };
    assert_eq!(asked(Faults { dropped: 1.0, ..Faults::default() }), (None, 0));
    assert_eq!(asked(Faults { dropped_after: 1.0, ..Faults::default() }), (None, 1));
    assert_eq!(asked(Faults { server_error: 1.0, ..Faults::default() }), (Some(502), 0));
    assert_eq!(asked(Faults { server_error_after: 1.0, ..Faults::default() }), (Some(502), 1));
}

#[test]
fn a_job_is_looked_up() {
    let mut story = Story::new();
    let id = story.queue(crate::story::job());
    let found = story.get(&format!("/repos/octo-org/hello/actions/jobs/{id}"));
    assert_eq!((found.status, &json(&found)["status"]), (200, &"queued".into()));
    assert_eq!(story.get(&format!("/repos/octo-org/open/actions/jobs/{id}")).status, 404);
}

#[test]
fn a_simulation_may_do_without_the_text_of_a_jit_configuration() {
    let mut story = Story::with(Config { bare_jit: true, ..Config::default() });
    let request = JitRequest { name: "runner".into(), runner_group_id: 1, labels: vec!["own".into()], work_folder: None };
    let jit = story.github.generate_jit(story.now, &Story::caller(), &Story::organization(), &request).expect("minted");
    assert!(jit.encoded_jit_config.is_empty());
    assert!(story.github.open_session(story.now, &jit.credentials).is_ok());
}

#[test]
fn a_version_that_will_be_refused_is_announced() {
    let mut story = Story::new();
    let path = format!("{RUNNERS}/deprecations/2.300.0");
    assert_eq!(json(&story.get(&path)), value!({ "runner_version": "2.300.0" }));
    let announced = Deprecation { registration_at: Some(0), runtime_at: Some(60 * MINUTE) };
    story.github.deprecate("2.300.0", announced);
    let told = json(&story.get(&path));
    assert_eq!(
        (&told["registration_deprecates_at"], &told["runtime_deprecates_at"]),
        (&"1970-01-01T00:00:00Z".into(), &"1970-01-01T01:00:00Z".into())
    );
    let read = story.github.deprecation(story.now, &Story::caller(), &Story::organization(), "2.300.0");
    assert_eq!(read.expect("readable"), announced);
}

#[test]
fn secrets_are_remembered_for_those_who_look_for_them() {
    let mut story = Story::with(Config { remember_secrets: true, ..Config::default() });
    let jit = json(&story.send_body("POST", &format!("{RUNNERS}/generate-jitconfig"), None, &jit_body("runner")));
    let token = json(&story.send("POST", &format!("{RUNNERS}/registration-token"), None));
    for secret in [&jit["encoded_jit_config"], &token["token"]] {
        assert!(story.github.secrets().iter().any(|kept| secret == kept));
    }
    let groups = json(&story.get("/orgs/octo-org/actions/runner-groups"));
    assert_eq!((&groups["runner_groups"][0]["id"], &groups["runner_groups"][0]["allows_public_repositories"]), (&1.into(), &false.into()));
}
