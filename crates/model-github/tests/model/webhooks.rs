//! What is told, in which order, and what the log keeps.

use std::collections::BTreeSet;

use crate::story::{APP, LABELS, MINUTE, SECOND, Story, header, job, json, prompt};
use fargate_runners_model_github::{Action, Answer, Config, Fault, Faults, Gate, HookOwner, NewHook, Payload};
use serde_json::Value;

#[test]
fn a_job_tells_of_its_three_stations() {
    let mut story = Story::new();
    let session = story.connect("runner", &LABELS);
    let id = story.queue(job().titled("lint"));
    story.after(SECOND);
    assert_eq!(story.receive(), ["queued"]);
    story.take(session).expect("a job");
    story.after(SECOND);
    assert_eq!(story.receive(), ["in_progress"]);
    story.finish(session, id);
    story.after(SECOND);
    let outgoing = story.github.take_deliveries(story.now).remove(0);
    let body = outgoing.body();
    let told: Value = serde_json::from_str(&body).expect("JSON");
    let job = &told["workflow_job"];
    assert_eq!((&told["action"], &job["status"], &job["conclusion"]), (&"completed".into(), &"completed".into(), &"success".into()));
    assert_eq!((&job["name"], &job["runner_name"], &job["runner_group_name"]), (&"lint".into(), &"runner".into(), &"Default".into()));
    assert_eq!((&told["repository"]["full_name"], &told["repository"]["visibility"]), (&"octo-org/hello".into(), &"private".into()));
    assert_eq!((&told["organization"]["login"], &told["installation"]["id"]), (&"octo-org".into(), &story.installation.into()));
    assert!(
        ["id", "run_id", "head_sha", "labels", "created_at", "started_at", "completed_at", "workflow_name"]
            .iter()
            .all(|field| !job[field].is_null())
    );
    let headers = outgoing.headers(&body);
    let of = |name: &str| headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str());
    assert_eq!((of("x-github-event"), of("x-github-hook-installation-target-type")), (Some("workflow_job"), Some("integration")));
    assert_eq!(of("x-github-delivery"), Some(&*outgoing.guid));
    assert_eq!(of("x-hub-signature-256"), Some(fargate_runners_model_github::signature("made up", body.as_bytes()).as_str()));
}

#[test]
fn an_environment_holds_a_job_back() {
    let mut story = Story::new();
    let approved = story.queue(job().gated(Gate::UntilApproved));
    story.queue(job().gated(Gate::For(MINUTE)));
    story.after(SECOND);
    assert_eq!(story.receive(), ["waiting", "waiting"]);
    story.github.approve_job(story.now, approved);
    story.after(SECOND);
    assert_eq!(story.receive(), ["queued"]);
    story.after(MINUTE);
    assert_eq!(story.receive(), ["queued"]);
}

#[test]
fn the_known_traps_are_laid() {
    let faults = Faults { stale_runner: 1.0, queued_while_waiting: 1.0, no_completed: 1.0, ..Faults::default() };
    let mut story = Story::with(Config { timing: prompt(), faults, ..Config::default() });
    let gated = story.queue(job().gated(Gate::UntilApproved));
    story.after(SECOND);
    let told: Value = serde_json::from_str(&story.github.take_deliveries(story.now)[0].body()).expect("JSON");
    assert_eq!((&told["action"], &told["workflow_job"]["status"]), (&"queued".into(), &"waiting".into()));
    assert_eq!(told["workflow_job"]["runner_name"], "GitHub Actions 5");
    story.github.cancel_job(story.now, gated);
    story.after(MINUTE);
    assert!(story.receive().is_empty(), "its end is never told");
    story.github.config_mut().faults = Faults::default();
    story.github.skip_job(story.now, "octo-org", "hello");
    story.after(SECOND);
    let told: Value = serde_json::from_str(&story.github.take_deliveries(story.now)[0].body()).expect("JSON");
    assert_eq!((&told["workflow_job"]["conclusion"], &told["workflow_job"]["labels"]), (&"skipped".into(), &serde_json::json!([])));
}

#[test]
fn deliveries_are_repeated_reordered_delayed_and_lost() {
    let mut story = Story::new();
    let twice = story.queue(job().tampered(Action::Queued, Fault::Repeat));
    story.after(SECOND);
    let outgoing = story.github.take_deliveries(story.now);
    assert_eq!(outgoing.len(), 2);
    assert!(outgoing[0].guid == outgoing[1].guid && outgoing[0].body() == outgoing[1].body());
    story.github.cancel_job(story.now, twice);
    story.after(SECOND);
    assert_eq!(story.receive(), ["completed"]);

    let swapped = story.queue(job().tampered(Action::Queued, Fault::AfterNext));
    story.after(SECOND);
    assert!(story.receive().is_empty());
    story.github.cancel_job(story.now, swapped);
    story.after(SECOND);
    assert_eq!(story.receive(), ["completed", "queued"]);

    story.queue(job().tampered(Action::Queued, Fault::Delay(MINUTE)));
    story.queue(job().tampered(Action::Queued, Fault::Lose));
    story.after(59 * SECOND);
    assert!(story.receive().is_empty());
    story.after(2 * SECOND);
    assert_eq!(story.receive(), ["queued"]);
    assert_eq!(story.github.deliveries().filter(|delivery| delivery.answer == Some(Answer::TimedOut)).count(), 1);
}

#[test]
fn nothing_is_sent_again_by_itself_but_an_app_can_ask_for_it() {
    let mut story = Story::new();
    story.queue(job());
    story.after(SECOND);
    let failed = story.github.take_deliveries(story.now).remove(0);
    story.github.answered(story.now, failed.id, Answer::Status(500));
    story.after(60 * MINUTE);
    assert!(story.receive().is_empty());
    let app = APP.to_string();
    let log = json(&story.send("GET", "/app/hook/deliveries", Some(&app)));
    assert_eq!((&log[0]["id"], &log[0]["status_code"], &log[0]["redelivery"]), (&failed.id.0.into(), &500.into(), &false.into()));
    assert_eq!(story.send("POST", &format!("/app/hook/deliveries/{}/attempts", failed.id), Some(&app)).status, 202);
    story.after(SECOND);
    let again = story.github.take_deliveries(story.now).remove(0);
    assert!(again.guid == failed.guid && again.body() == failed.body() && again.id != failed.id);
    story.github.answered(story.now, again.id, Answer::Status(202));
    let log = json(&story.send("GET", "/app/hook/deliveries", Some(&app)));
    assert_eq!((&log[0]["status"], &log[0]["redelivery"], &log[0]["guid"]), (&"OK".into(), &true.into(), &log[1]["guid"]));
    story.after(3 * 24 * 60 * MINUTE + MINUTE);
    assert_eq!(json(&story.send("GET", "/app/hook/deliveries", Some(&app))).as_array().map(Vec::len), Some(0));
    assert_eq!(story.send("POST", &format!("/app/hook/deliveries/{}/attempts", failed.id), Some(&app)).status, 404);
}

#[test]
fn the_log_is_read_in_pages() {
    let mut story = Story::new();
    for _ in 0..25 {
        story.queue(job());
    }
    story.after(SECOND);
    story.receive();
    let app = APP.to_string();
    let mut path = "/app/hook/deliveries?per_page=10".to_owned();
    let mut seen = BTreeSet::new();
    for page in 1..=3 {
        let response = story.send("GET", &path, Some(&app));
        seen.extend(json(&response).as_array().expect("a list").iter().map(|entry| entry["id"].as_u64()));
        match header(&response, "link") {
            Some(link) => path = link.trim_start_matches("<https://api.github.com").split('>').next().expect("a path").to_owned(),
            None => assert_eq!(page, 3),
        }
    }
    assert_eq!(seen.len(), 25);
}

#[test]
fn a_lost_answer_looks_like_a_failure_although_it_arrived() {
    let mut story = Story::with(Config { timing: prompt(), faults: Faults { lose_answer: 1.0, ..Faults::default() }, ..Config::default() });
    story.queue(job());
    story.after(SECOND);
    assert_eq!(story.receive(), ["queued"]);
    assert_eq!(story.github.deliveries().next().and_then(|delivery| delivery.answer), Some(Answer::TimedOut));
}

#[test]
fn a_ping_is_sent_when_asked_for() {
    let mut story = Story::new();
    story.github.ping(story.now, story.hook);
    let outgoing = story.github.take_deliveries(story.now);
    assert!(matches!(&*outgoing[0].payload, Payload::Ping));
    let told: Value = serde_json::from_str(&outgoing[0].body()).expect("JSON");
    assert!(told["zen"].is_string() && told["hook_id"] == story.hook.0);
}

#[test]
fn an_organisations_own_webhook_has_a_log_of_its_own() {
    let mut story = Story::new();
    let owner = HookOwner::Organization("octo-org".into());
    let hook = story.github.add_hook(NewHook { owner, url: "http://localhost/own".into(), secret: "another".into() });
    story.queue(job());
    story.after(SECOND);
    assert_eq!(story.receive(), ["queued", "queued"]);
    let path = format!("/orgs/octo-org/hooks/{hook}/deliveries");
    let log = json(&story.get(&path));
    assert_eq!((log.as_array().map(Vec::len), &log[0]["installation_id"]), (Some(1), &Value::Null));
    let id = &log[0]["id"];
    assert_eq!(json(&story.get(&format!("{path}/{id}")))["request"]["payload"]["action"], "queued");
    assert_eq!(story.send("POST", &format!("{path}/{id}/attempts"), None).status, 202);
    assert_eq!(story.get(&format!("/orgs/octo-org/hooks/{}/deliveries", story.hook)).body, "[]", "an App's is not the organisation's");
}
