//! Webhooks and their logs: which are this stack's, what they failed on, and asking for it again.

use crate::port::{Replaced, fleet_of, github};
use crate::server::{Play, Server, json, refusal};
use crate::world::{PAT, START, World, client, private_pem, public_pem, shown};
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{Credentials, FleetGithub, MemoryTokenStore};
use fargate_runners_use_cases::ports::{GithubError, Hook, HookLog, PortError, Retry, chain};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::SecretString;
use serde_json::{Value, json as j};
use std::time::Duration;

const URL: &str = "https://abc.execute-api.eu-west-1.amazonaws.com/webhook";
const HOOKS: &str = "GET /orgs/octo/hooks";
const LOG: &str = "GET /app/hook/deliveries";

/// A parameter store with Apps and PATs, by the beginnings of their names; one that is named otherwise is no credential.
struct Kept;

impl Credentials for Kept {
    async fn credential(&self, name: &CredentialName, _: &Scope, _: Duration) -> Result<SecretString, PortError> {
        let credential = match name.as_str().split('-').next() {
            Some("app") => j!({"kind": "app", "app_id": "123", "private_key": private_pem(), "installation_id": 42}),
            Some("pat") => j!({"kind": "pat", "token": format!("{PAT}{name}")}),
            _ => return Err(PortError::bare("the credential", Retry::Throttled)),
        };
        Ok(SecretString::from(credential.to_string()))
    }
}

fn kept() -> FleetGithub<Kept, MemoryTokenStore, World> {
    FleetGithub::new(client(&World::default()), Kept).with_webhook_url(URL)
}

fn hook(id: u64, url: &str) -> Value {
    j!({"id": id, "name": "web", "active": true, "config": {"url": url, "content_type": "json", "secret": "********"}})
}

fn keys(hooks: &[Hook]) -> Vec<&str> {
    hooks.iter().map(|hook| hook.key.as_str()).collect()
}

fn app_hook(server: &Server) -> Hook {
    Hook { key: "app/app-1".to_owned(), fleet: fleet_of(server, "default", "org/octo", "app-1"), id: None }
}

fn delivery(id: u64, guid: &str, status: &str, code: u16) -> Value {
    j!({"id": id, "guid": guid, "delivered_at": "2025-06-15T15:00:00.500Z", "redelivery": false, "duration": 0.3, "status": status,
        "status_code": code, "event": "workflow_job", "action": "queued", "installation_id": 42, "repository_id": null})
}

#[tokio::test]
async fn an_app_has_one_webhook_for_all_its_fleets_and_credentials() {
    let server = Server::start().await;
    let fleets: Vec<Fleet> = [("b", "org/octo", "app-2"), ("a", "repo/octo/hello", "app-1"), ("c", "org/octo", "app-1")]
        .map(|(name, scope, credential)| fleet_of(&server, name, scope, credential))
        .into();
    let hooks = kept().hooks(&fleets).await.unwrap();
    assert_eq!(hooks.iter().map(|hook| (hook.key.as_str(), hook.id)).collect::<Vec<_>>(), [("app/app-1", None)]);
    let mut other_order = fleets;
    other_order.reverse();
    assert_eq!(kept().hooks(&other_order).await.unwrap(), hooks, "whatever the order, the key is the same");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn beside_a_pat_the_webhooks_are_those_that_lead_here() {
    let server = Server::start().await;
    let others = [hook(1, "https://elsewhere.example.com/"), j!({"id": 2, "name": "web", "config": {}}), hook(3, URL)];
    server.on(HOOKS, [json(200, &j!(others))]);
    server.on("GET /repos/octo/hello/hooks", [json(200, &j!([hook(4, &format!("{URL}/"))]))]);
    let fleets = [("a", "org/octo"), ("b", "org/octo"), ("c", "repo/octo/hello"), ("d", "enterprise/big")];
    let fleets = fleets.map(|(name, scope)| fleet_of(&server, name, scope, "pat-1"));
    let hooks = kept().hooks(&fleets).await.unwrap();
    assert_eq!(keys(&hooks), ["org/octo/hooks/3", "repo/octo/hello/hooks/4"]);
    assert_eq!(hooks[0].id, Some(3));
    server.finished();
    assert_eq!(server.count(HOOKS), 1, "one list serves all fleets of its scope");
    assert!(github(Replaced).hooks(&fleets).await.unwrap().is_empty(), "without an address nothing is known to lead here");
}

#[tokio::test]
async fn a_credential_that_may_not_read_webhooks_is_left_out() {
    let server = Server::start().await;
    server.on(HOOKS, [refusal(403, "Resource not accessible"), json(200, &j!([hook(3, URL)]))]);
    server.on("GET /repos/octo/hello/hooks", [refusal(404, "Not Found")]);
    let fleets = [("a", "org/octo", "pat-1"), ("b", "org/octo", "pat-1"), ("c", "org/octo", "pat-2"), ("d", "repo/octo/hello", "pat-1")];
    let fleets = fleets.map(|(name, scope, credential)| fleet_of(&server, name, scope, credential));
    assert_eq!(keys(&kept().hooks(&fleets).await.unwrap()), ["org/octo/hooks/3"], "the other credential may");
    server.finished();
    assert_eq!(server.count(HOOKS), 2);
    server.on(HOOKS, [refusal(403, "Resource not accessible")]);
    assert!(kept().hooks(&fleets[..1]).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_credential_that_fails_does_not_keep_the_others_from_their_webhooks() {
    let server = Server::start().await;
    let limited = || refusal(403, "secondary rate limit").with("retry-after", 9);
    server.on(HOOKS, [limited()]);
    let fleets = [("a", "app-1"), ("b", "lost"), ("c", "pat-1")].map(|(name, credential)| fleet_of(&server, name, "org/octo", credential));
    assert_eq!(keys(&kept().hooks(&fleets).await.unwrap()), ["app/app-1"]);
    server.on(HOOKS, [limited()]);
    let until = START + Duration::from_secs(9);
    let alone = kept().hooks(&fleets[2..]).await;
    assert!(matches!(alone, Err(GithubError::NotBefore(time)) if time == until), "{alone:?}");
    let alone = kept().hooks(&fleets[1..2]).await;
    assert!(matches!(alone, Err(GithubError::Failed(PortError { retry: Retry::Throttled, .. }))), "{alone:?}");
}

#[tokio::test]
async fn an_app_reads_its_log_as_itself_page_by_page() {
    let server = Server::start().await;
    let link = "<https://evil.example.com/app/hook/deliveries?per_page=100&cursor=v1_2>; rel=\"next\"";
    let newest = j!([delivery(4, "g-4", "OK", 202), delivery(3, "g-3", "Invalid HTTP Response: 502", 502)]);
    let oldest = j!([delivery(2, "g-2", "timed out", 504), delivery(1, "g-1", "ok", 0)]);
    server.on(LOG, [json(200, &newest).with("link", link), json(200, &oldest)]);
    let (github, hook) = (kept(), app_hook(&server));
    let page = github.deliveries(&hook, None).await.unwrap();
    assert_eq!(
        page.deliveries.iter().map(|entry| (entry.id, entry.guid.as_str(), entry.ok)).collect::<Vec<_>>(),
        [(4, "g-4", true), (3, "g-3", false)]
    );
    assert_eq!(page.deliveries[0].event, "workflow_job");
    assert_eq!(Some(page.deliveries[0].at), Timestamp::parse_rfc3339("2025-06-15T15:00:00.500Z"));
    assert_eq!(page.next.as_deref(), Some("v1_2"));
    let page = github.deliveries(&hook, page.next.as_deref()).await.unwrap();
    assert_eq!((page.deliveries.iter().map(|entry| entry.ok).collect::<Vec<_>>(), page.next), (vec![false, true], None));
    let lines: Vec<_> = server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, [format!("{LOG}?per_page=100"), format!("{LOG}?per_page=100&cursor=v1_2")]);
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    let key = DecodingKey::from_rsa_pem(public_pem().as_bytes()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(server.seen()[0].bearer(), &key, &validation).unwrap().claims;
    assert_eq!(claims["iss"], "123");
}

#[tokio::test]
async fn the_log_of_an_organisations_webhook_is_read_with_the_pat() {
    let server = Server::start().await;
    server.on("GET /orgs/octo/hooks/3/deliveries", [json(200, &j!([delivery(1, "g-1", "OK", 200)]))]);
    server.on("POST /orgs/octo/hooks/3/deliveries/1/attempts", [json(202, &j!({}))]);
    let fleet = fleet_of(&server, "default", "org/octo", "pat-1");
    let hook = Hook { key: "org/octo/hooks/3".to_owned(), fleet, id: Some(3) };
    assert_eq!(kept().deliveries(&hook, None).await.unwrap().deliveries.len(), 1);
    kept().redeliver(&hook, 1).await.unwrap();
    assert_eq!(server.seen()[1].bearer(), format!("{PAT}pat-1"));
}

#[tokio::test]
async fn a_delivery_is_asked_for_again_and_every_refusal_has_its_meaning() {
    let server = Server::start().await;
    let call = "POST /app/hook/deliveries/7/attempts";
    server.on(
        call,
        [refusal(429, "slow down").with("retry-after", 9), json(202, &j!({})), refusal(404, "Not Found"), refusal(422, "too old")],
    );
    let (github, hook) = (kept(), app_hook(&server));
    let until = START + Duration::from_secs(9);
    assert!(matches!(github.redeliver(&hook, 7).await, Err(GithubError::NotBefore(time)) if time == until));
    github.redeliver(&hook, 7).await.unwrap();
    for words in ["Not Found", "too old"] {
        let error = github.redeliver(&hook, 7).await.unwrap_err();
        assert!(matches!(&error, GithubError::Failed(PortError { retry: Retry::Never, .. })) && chain(&error).contains(words));
    }
    server.on(call, [Play::HangUp, json(202, &j!({}))]);
    github.redeliver(&hook, 7).await.unwrap();
    assert_eq!(server.count(call), 6, "a lost answer is no harm: it is sent twice at worst");
    server.on(call, vec![Play::HangUp; 3]);
    let lost = github.redeliver(&hook, 7).await;
    assert!(matches!(lost, Err(GithubError::Failed(PortError { retry: Retry::UnknownEffect, .. }))));
}

#[tokio::test]
async fn a_pat_has_no_log_of_an_app_and_an_enterprise_none_at_all() {
    let server = Server::start().await;
    let of = |scope: &str, id| Hook { key: "x".to_owned(), fleet: fleet_of(&server, "default", scope, "pat-1"), id };
    for hook in [of("org/octo", None), of("enterprise/big", Some(3))] {
        let error = kept().deliveries(&hook, None).await.unwrap_err();
        assert!(matches!(error, GithubError::Failed(PortError { retry: Retry::Never, .. })));
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn nothing_that_a_log_says_shows_the_credential() {
    let server = Server::start().await;
    server.on(LOG, [json(200, &j!([delivery(1, "g-1", "sesame", 0), {"id": "sesame"}]))]);
    let error = kept().deliveries(&app_hook(&server), None).await.unwrap_err();
    let jwt = server.seen()[0].bearer().to_owned();
    server.on(LOG, [refusal(403, &format!("got {jwt}"))]);
    let refused = kept().deliveries(&app_hook(&server), None).await.unwrap_err();
    for text in [shown(&error), shown(&refused)] {
        assert!(!text.contains("sesame") && !text.contains("eyJ0eXAi") && !text.contains("PRIVATE KEY"), "{text}");
    }
}
