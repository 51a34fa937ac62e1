//! What GitHub's deliveries meet at the webhook.

mod common;

use common::around::job_event;
use common::{World, stack};
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::{FleetName, JobId};
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::record::{Key, Record};
use fargate_runners_ledger_memory::MemoryLedger;
use fargate_runners_use_cases::ports::{Clock, Ledger, Notes, PortError, Retry};
use fargate_runners_use_cases::webhook::{Answer, BODY_MAX, Delivery, Webhook};
use serde_json::{Value, json};

fn webhook(world: &World) -> Webhook<World, World, MemoryLedger, World, World> {
    Webhook {
        secrets: world.clone(),
        fleets: world.clone(),
        notes: world.1.clone(),
        bus: world.clone(),
        clock: world.clone(),
        stack: stack(),
    }
}

fn job(labels: &[&str]) -> Value {
    json!({
        "action": "queued",
        "workflow_job": { "id": 7, "run_id": 8, "name": "build", "status": "queued", "labels": labels },
        "repository": { "full_name": "octo-org/hello", "private": true }
    })
}

/// HMAC-SHA-256, by GitHub's documentation, as an independent two-pass computation over SHA-256.
fn sign(body: &[u8], secret: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let mut key = [0u8; 64];
    key[..secret.len()].copy_from_slice(secret);
    let inner = Sha256::new().chain_update(key.map(|byte| byte ^ 0x36)).chain_update(body).finalize();
    let outer = Sha256::new().chain_update(key.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    format!("sha256={}", hex::encode(outer))
}

async fn deliver(world: &World, event: &str, body: &[u8]) -> Answer {
    let signature = sign(body, b"It's a Secret to Everybody");
    webhook(world).handle(Delivery { event, delivery: "guid", signature: Some(&signature), body }).await
}

#[tokio::test]
async fn a_queued_job_is_published_for_its_fleet_and_answered_with_202() {
    let world = World::default();
    assert_eq!(deliver(&world, "workflow_job", job(&["self-hosted", "burst"]).to_string().as_bytes()).await.status, 202);
    let published = world.with(|state| state.published.clone());
    assert!(matches!(&published[..], [Event::Job(event)] if event.fleet.as_str() == "burst" && event.home && event.job_id.0 == 7));
}

#[tokio::test]
async fn a_missing_or_wrong_signature_is_401_and_nothing_is_published() {
    let world = World::default();
    let body = job(&["self-hosted", "burst"]).to_string();
    for signature in [None, Some("sha256=00"), Some("nonsense")] {
        let delivery = Delivery { event: "workflow_job", delivery: "guid", signature, body: body.as_bytes() };
        assert_eq!(webhook(&world).handle(delivery).await.status, 401);
    }
    let stolen = sign(body.as_bytes(), b"another secret");
    let delivery = Delivery { event: "workflow_job", delivery: "guid", signature: Some(&stolen), body: body.as_bytes() };
    assert_eq!(webhook(&world).handle(delivery).await.status, 401);
    assert_eq!(world.with(|state| state.published.len()), 0);
}

#[tokio::test]
async fn both_secrets_are_valid_during_a_rotation() {
    let world = World::default();
    world.with(|state| state.secrets.insert(0, "the new one\n".to_owned()));
    let body = b"{}";
    for secret in [b"the new one".as_slice(), b"It's a Secret to Everybody"] {
        let signature = sign(body, secret);
        let delivery = Delivery { event: "ping", delivery: "guid", signature: Some(&signature), body };
        assert_eq!(webhook(&world).handle(delivery).await.status, 200);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_400_and_names_the_field() {
    let world = World::default();
    assert_eq!(deliver(&world, "workflow_job", b"<xml/>").await.status, 400);
    let mut body = job(&[]);
    body["workflow_job"].as_object_mut().unwrap().remove("run_id");
    let answer = deliver(&world, "workflow_job", body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 400);
    assert!(answer.message.contains("run_id"), "{}", answer.message);
}

#[tokio::test]
async fn other_events_are_204_a_ping_is_200_and_a_megabyte_is_413() {
    let world = World::default();
    assert_eq!(deliver(&world, "push", b"{}").await.status, 204);
    assert_eq!(deliver(&world, "ping", b"{}").await.status, 200);
    assert_eq!(deliver(&world, "workflow_job", &vec![b' '; BODY_MAX + 1]).await.status, 413);
    assert_eq!(world.with(|state| state.published.len()), 0);
}

#[tokio::test]
async fn a_job_that_no_fleet_fits_is_202_and_dropped() {
    let world = World::default();
    assert_eq!(deliver(&world, "workflow_job", job(&["ubuntu-latest"]).to_string().as_bytes()).await.status, 202);
    assert_eq!(world.with(|state| state.published.len()), 0);
}

#[tokio::test]
async fn a_job_whose_fleet_may_be_the_one_that_cannot_be_read_is_not_taken_so_that_it_is_redelivered() {
    let world = World::default();
    world.with(|state| state.unreadable.push("/runners/fleets/gpu".to_owned()));
    let answer = deliver(&world, "workflow_job", job(&["self-hosted", "gpu"]).to_string().as_bytes()).await;
    assert_eq!((answer.status, answer.message.contains("/runners/fleets/gpu")), (503, true), "{answer:?}");
    // What is for GitHub's own runners, and what fits another fleet, is nobody's loss.
    assert_eq!(deliver(&world, "workflow_job", job(&["ubuntu-latest"]).to_string().as_bytes()).await.status, 202);
    assert_eq!(deliver(&world, "workflow_job", job(&["self-hosted", "burst"]).to_string().as_bytes()).await.status, 202);
    assert_eq!(world.with(|state| state.published.len()), 1);
}

#[tokio::test]
async fn a_job_of_a_public_repository_is_refused() {
    let world = World::default();
    let mut body = job(&["self-hosted", "burst"]);
    body["repository"]["private"] = json!(false);
    let answer = deliver(&world, "workflow_job", body.to_string().as_bytes()).await;
    assert_eq!((answer.status, answer.message.contains("public")), (202, true));
    assert_eq!(world.with(|state| state.published.len()), 0);
}

#[tokio::test]
async fn when_publishing_fails_the_delivery_fails_so_that_it_can_be_redelivered() {
    let world = World::default();
    world.with(|state| state.bus_fails = true);
    assert_eq!(deliver(&world, "workflow_job", job(&["self-hosted", "burst"]).to_string().as_bytes()).await.status, 500);
}

/// GitHub says that a job of the fleet is on a runner, or was.
fn on_runner(fleet: &str, action: &str, runner: &str) -> Value {
    json!({
        "action": action,
        "workflow_job": {
            "id": 7, "run_id": 8, "name": "build", "status": action, "labels": ["self-hosted", fleet], "runner_name": runner,
            "started_at": "2026-11-01T10:00:00Z", "completed_at": "2026-11-01T10:05:00Z"
        },
        "repository": { "full_name": "octo-org/hello", "private": true }
    })
}

fn runner_of(fleet: &str) -> String {
    format!("{}-{fleet}-{}-1", stack(), common::task_id(1))
}

/// Whether the event that was published last says that it is noted, and how far the job's record says with its notes that it has come.
async fn noted(world: &World, fleet: &str) -> (bool, Option<JobPhase>) {
    let published = world.with(|state| state.published.last().cloned());
    let Some(Event::Job(event)) = published else { panic!("{published:?} is about no job") };
    let found = world.1.read(&[Key::Job(FleetName::parse(fleet).unwrap(), JobId(7))], world.now()).await.unwrap();
    let phase = found.into_iter().find_map(|found| match found.record {
        Record::Job(job) => Some(job.after(&found.noted).phase),
        _ => None,
    });
    (event.noted, phase)
}

#[tokio::test]
async fn what_a_runner_of_the_fleet_does_with_a_known_job_is_noted_and_needs_no_look() {
    for (fleet, action, expected) in [
        ("burst", "in_progress", (true, Some(JobPhase::InProgress))),
        ("burst", "completed", (true, Some(JobPhase::Completed))),
        ("default", "in_progress", (true, Some(JobPhase::InProgress))),
        // Its place is to be taken out of the service's count before ECS fills it.
        ("default", "completed", (false, Some(JobPhase::Queued))),
    ] {
        let world = World::default();
        world.knows_job(&job_event(fleet, 7, JobPhase::Queued)).await;
        let delivery = on_runner(fleet, action, &runner_of(fleet));
        assert_eq!(deliver(&world, "workflow_job", delivery.to_string().as_bytes()).await.status, 202);
        assert_eq!(noted(&world, fleet).await, expected, "{fleet} {action}");
    }
}

#[tokio::test]
async fn word_of_an_unknown_job_or_of_a_stranger_on_the_job_brings_a_look() {
    let world = World::default();
    let delivery = on_runner("burst", "in_progress", &runner_of("burst"));
    deliver(&world, "workflow_job", delivery.to_string().as_bytes()).await;
    assert_eq!(noted(&world, "burst").await, (false, None), "whoever the runner was meant for waits");
    world.knows_job(&job_event("burst", 7, JobPhase::Queued)).await;
    for stranger in ["GitHub Actions 5".to_owned(), runner_of("default"), "0000aaaa-burst-00000000000000000000000000000001-1".to_owned()] {
        let delivery = on_runner("burst", "in_progress", &stranger);
        deliver(&world, "workflow_job", delivery.to_string().as_bytes()).await;
        assert_eq!(noted(&world, "burst").await, (false, Some(JobPhase::Queued)), "{stranger}");
    }
    let queued = job(&["self-hosted", "burst"]).to_string();
    deliver(&world, "workflow_job", queued.as_bytes()).await;
    assert!(!noted(&world, "burst").await.0);
}

/// A ledger that cannot be reached.
struct Broken;

impl Notes for Broken {
    async fn note(&self, _: &JobEvent) -> Result<bool, PortError> {
        Err(PortError::bare("UpdateItem", Retry::Throttled))
    }
}

#[tokio::test]
async fn a_ledger_that_takes_no_note_keeps_no_delivery_back() {
    let world = World::default();
    world.knows_job(&job_event("burst", 7, JobPhase::Queued)).await;
    let body = on_runner("burst", "in_progress", &runner_of("burst")).to_string();
    let webhook =
        Webhook { secrets: world.clone(), fleets: world.clone(), notes: Broken, bus: world.clone(), clock: world.clone(), stack: stack() };
    let signature = sign(body.as_bytes(), b"It's a Secret to Everybody");
    let delivery = Delivery { event: "workflow_job", delivery: "guid", signature: Some(&signature), body: body.as_bytes() };
    assert_eq!(webhook.handle(delivery).await.status, 202);
    assert_eq!(noted(&world, "burst").await, (false, Some(JobPhase::Queued)));
}
