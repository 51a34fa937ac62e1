//! Outages, broken connections and rate limits.

use crate::mints::{minted, request};
use crate::server::{Play, Server, empty, json, refusal};
use crate::world::{START, World, client, pat, shown};
use fargate_runners_core::ids::RunnerId;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{ApiUrl, Deletion, GithubError, WaitReason, limits};
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::json as j;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const RUNNER: &str = "/orgs/octo/actions/runners/5";
const MINT: &str = "POST /orgs/octo/actions/runners/generate-jitconfig";

#[tokio::test]
async fn two_failures_are_repeated_with_growing_pauses() {
    for failure in [refusal(500, "Server Error"), Play::HangUp] {
        let (server, world) = (Server::start().await, World::default());
        server.on(&format!("DELETE {RUNNER}"), [failure.clone(), failure, empty(204)]);
        let outcome = client(&world).delete_runner(&pat(&server, "org/octo"), RunnerId(5)).await.unwrap();
        assert_eq!((outcome, world.pauses(), server.count(&format!("DELETE {RUNNER}"))), (Deletion::Deleted, 2, 3));
    }
}

#[tokio::test]
async fn three_failures_end_in_a_retryable_error_with_its_cause() {
    let (server, world) = (Server::start().await, World::default());
    server.on(&format!("GET {RUNNER}"), vec![refusal(503, "Unicorn"); 3]);
    let error = client(&world).get_runner(&pat(&server, "org/octo"), RunnerId(5)).await.unwrap_err();
    assert!(matches!(error, GithubError::Unavailable { attempts: 3, .. }) && error.is_retryable());
    let shown = shown(&error);
    assert!(shown.contains(&format!("GET {RUNNER}")) && shown.contains("503 (Unicorn)"), "{shown}");
    server.finished();
}

#[tokio::test]
async fn nobody_there_is_an_error_that_a_mint_survives_without_doubt() {
    let server = Server::start().await;
    let mut access = pat(&server, "org/octo");
    // Bound and closed again: nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    access.api = ApiUrl::parse(&format!("http://{closed}")).unwrap();
    let error = client(&World::default()).mint_jit_configuration(&access, &request()).await.unwrap_err();
    assert!(matches!(error, GithubError::Unavailable { attempts: 3, .. }) && !error.may_have_had_effect(), "{}", shown(&error));
}

#[tokio::test]
async fn a_mint_that_broke_is_not_repeated_and_said_to_be_in_doubt() {
    for failure in
        [refusal(502, "Bad Gateway"), refusal(503, "Unavailable").with("retry-after", 5), Play::HangUp, json(201, &j!({"half": 1}))]
    {
        let (server, world) = (Server::start().await, World::default());
        server.on(MINT, [failure, json(201, &minted())]);
        let error = client(&world).mint_jit_configuration(&pat(&server, "org/octo"), &request()).await.unwrap_err();
        assert!(error.may_have_had_effect() && error.is_retryable(), "{}", shown(&error));
        assert_eq!((server.count(MINT), world.pauses()), (1, 0));
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let (server, world) = (Server::start().await, World::default());
    server.on(MINT, [Play::Stall]);
    let (client, access, wanted) = (client(&world), pat(&server, "org/octo"), request());
    let (outcome, ()) = tokio::join!(client.mint_jit_configuration(&access, &wanted), async {
        server.stalled.notified().await;
        tokio::time::pause();
        tokio::time::advance(limits::ATTEMPT_TIMEOUT).await;
    });
    let error = outcome.unwrap_err();
    assert!(error.may_have_had_effect(), "{}", shown(&error));
}

#[tokio::test]
async fn an_operation_whose_time_is_over_calls_no_more() {
    let (server, world) = (Server::start().await, World::default());
    // Each pause before a repeat takes far too long.
    let slow = World::whose_pauses_take(&world, limits::OPERATION_TIMEOUT);
    server.on(&format!("GET {RUNNER}"), [refusal(500, "Server Error")]);
    let error = client(&slow).get_runner(&pat(&server, "org/octo"), RunnerId(5)).await.unwrap_err();
    assert!(matches!(error, GithubError::Unavailable { attempts: 1, .. }), "{}", shown(&error));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn tls_is_not_given_up_for_a_server_that_has_none() {
    let server = Server::start().await;
    let mut access = pat(&server, "org/octo");
    access.api = ApiUrl::parse(&server.url.replace("http://", "https://")).unwrap();
    let error = client(&World::default()).mint_jit_configuration(&access, &request()).await.unwrap_err();
    assert!(matches!(error, GithubError::Unavailable { .. }) && !error.may_have_had_effect(), "{}", shown(&error));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn rate_limits_become_a_time_and_never_a_pause() {
    let reset = START + Duration::from_secs(777);
    for (answer, seconds) in [
        (refusal(403, "You have exceeded a secondary rate limit").with("retry-after", 31), 31),
        (refusal(403, "You have exceeded a secondary rate limit."), 60),
        (refusal(429, "Too many requests"), 60),
        (refusal(429, "API rate limit exceeded").with("x-ratelimit-remaining", 0).with("x-ratelimit-reset", reset.as_secs()), 777),
    ] {
        let (server, world) = (Server::start().await, World::default());
        server.on(MINT, [answer]);
        let error = client(&world).mint_jit_configuration(&pat(&server, "org/octo"), &request()).await.unwrap_err();
        assert!(matches!(error, GithubError::NotBefore { reason: WaitReason::RateLimit, .. }), "{}", shown(&error));
        assert_eq!((error.not_before(), error.is_retryable()), (Some(START + Duration::from_secs(seconds)), true));
        assert_eq!(world.pauses(), 0);
    }
}

#[tokio::test]
async fn an_outage_that_names_its_end_is_waited_for_by_the_caller() {
    let (server, world) = (Server::start().await, World::default());
    server.on(&format!("GET {RUNNER}"), [refusal(503, "Maintenance").with("retry-after", 120)]);
    let error = client(&world).get_runner(&pat(&server, "org/octo"), RunnerId(5)).await.unwrap_err();
    assert_eq!((error.not_before(), world.pauses()), (Some(Timestamp::from_secs(START.as_secs() + 120)), 0));
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    for (scope, path, needed) in [
        ("org/octo", "/orgs/octo", "Self-hosted runners: read and write"),
        ("repo/octo/hello", "/repos/octo/hello", "Administration: read and write"),
        ("enterprise/big", "/enterprises/big", "manage_runners:enterprise"),
    ] {
        let server = Server::start().await;
        let answer = refusal(403, "Resource not accessible by integration").with("x-ratelimit-remaining", 4999);
        server.on(&format!("DELETE {path}/actions/runners/5"), [answer]);
        let error = client(&World::default()).delete_runner(&pat(&server, scope), RunnerId(5)).await.unwrap_err();
        assert!(matches!(error, GithubError::PermissionMissing { .. }) && !error.is_retryable());
        assert!(shown(&error).contains(needed), "{}", shown(&error));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = Server::start().await;
    let elsewhere = format!("{}/elsewhere", server.url);
    server.on(&format!("GET {RUNNER}"), [refusal(301, "Moved Permanently").with("location", elsewhere)]);
    let error = client(&World::default()).get_runner(&pat(&server, "org/octo"), RunnerId(5)).await.unwrap_err();
    assert!(shown(&error).contains("has moved"), "{}", shown(&error));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_refused_pat_is_not_tried_again() {
    let server = Server::start().await;
    server.on(&format!("GET {RUNNER}"), [refusal(401, "Bad credentials")]);
    let error = client(&World::default()).get_runner(&pat(&server, "org/octo"), RunnerId(5)).await.unwrap_err();
    assert!(matches!(error, GithubError::Unauthorized { .. }) && !error.is_retryable());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn every_attempt_is_counted_under_its_name() {
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    let server = Server::start().await;
    server.on(&format!("GET {RUNNER}"), [empty(500), refusal(404, "Not Found")]).on(MINT, [json(201, &minted())]);
    let (client, access) = (client(&World::default()), pat(&server, "org/octo"));
    client.get_runner(&access, RunnerId(5)).await.unwrap();
    client.mint_jit_configuration(&access, &request()).await.unwrap();
    let counted = counts.0.lock().unwrap().clone();
    let expected = [("GithubCalls", 3), ("get_runner", 2), ("mint_jit_configuration", 1)];
    assert_eq!(counted, expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect());
}

/// A recorder of counters, for one thread.
#[derive(Clone, Debug, Default)]
struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

struct Count(Counts, String);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
    }
    fn absolute(&self, value: u64) {
        self.0.0.lock().unwrap().insert(self.1.clone(), value);
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        assert_eq!(key.labels().count(), 0, "a label is a metric of its own, which is paid for");
        Counter::from_arc(Arc::new(Count(self.clone(), key.name().to_owned())))
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
