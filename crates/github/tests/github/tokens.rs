//! The App's tokens: how one is had, shared, renewed and replaced.

use crate::server::{Play, Server, json, refusal};
use crate::world::{START, World, app, client, client_over, public_pem, shown};
use fargate_runners_core::ids::RunnerId;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{
    Access, GithubClient, GithubError, Http, MemoryTokenStore, StoreFailure, StoredToken, TokenKey, TokenStore, WaitReason,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json as j};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const RUNNER: &str = "GET /orgs/octo/actions/runners/5";
const FIND: &str = "GET /orgs/octo/installation";
const EXCHANGE: &str = "POST /app/installations/42/access_tokens";

fn gone() -> Play {
    refusal(404, "Not Found")
}

/// A token that lives until an hour after the start and this many seconds.
fn token(name: &str, later_secs: u64) -> Play {
    let expires = ["2025-06-15T16:06:40Z", "2025-06-15T17:06:40Z"][usize::try_from(later_secs / 3600).unwrap()];
    json(201, &j!({"token": name, "expires_at": expires, "permissions": {}}))
}

async fn ask<S: TokenStore>(client: &GithubClient<S, World>, access: &Access) -> Result<(), GithubError> {
    client.get_runner(access, RunnerId(5)).await.map(drop)
}

fn bearers(server: &Server, call: &str) -> Vec<String> {
    server.seen().iter().filter(|seen| seen.line == call).map(|seen| seen.bearer().to_owned()).collect()
}

#[tokio::test]
async fn the_jwt_is_what_github_demands() {
    let server = Server::start().await;
    server.on(EXCHANGE, [token("ghs_1", 0)]).on(RUNNER, [gone()]);
    ask(&client(&World::default()), &app(&server, "org/octo", Some(42))).await.unwrap();
    let jwt = bearers(&server, EXCHANGE).remove(0);
    let mut validation = Validation::new(Algorithm::RS256);
    (validation.validate_exp, validation.required_spec_claims) = (false, ["exp".to_owned()].into());
    let key = DecodingKey::from_rsa_pem(public_pem().as_bytes()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&jwt, &key, &validation).expect("a signature of the App's key").claims;
    assert_eq!(claims, j!({"iss": "123", "iat": START.as_secs() - 60, "exp": START.as_secs() + 540}));
    assert_eq!(bearers(&server, RUNNER), ["ghs_1"]);
}

#[tokio::test]
async fn a_token_and_its_installation_are_fetched_once_and_renewed_before_the_end() {
    let (server, world) = (Server::start().await, World::default());
    server.on(FIND, [json(200, &j!({"id": 42}))]).on(EXCHANGE, [token("ghs_1", 0), token("ghs_2", 3600)]).on(RUNNER, vec![gone(); 4]);
    let (client, access) = (client(&world), app(&server, "org/octo", None));
    ask(&client, &access).await.unwrap();
    world.pass(Duration::from_secs(3299));
    ask(&client, &access).await.unwrap();
    world.pass(Duration::from_secs(1));
    ask(&client, &access).await.unwrap();
    ask(&client, &access).await.unwrap();
    assert_eq!(bearers(&server, RUNNER), ["ghs_1", "ghs_1", "ghs_2", "ghs_2"]);
    assert_eq!((server.count(FIND), server.count(EXCHANGE)), (1, 2));
}

#[tokio::test]
async fn processes_share_one_exchange_one_after_the_other() {
    let (server, world, store) = (Server::start().await, World::default(), MemoryTokenStore::default());
    server.on(FIND, [json(200, &j!({"id": 42}))]).on(EXCHANGE, [token("ghs_1", 0)]).on(RUNNER, vec![gone(); 5]);
    for _ in 0..5 {
        ask(&client_over(&store, &world), &app(&server, "org/octo", None)).await.unwrap();
    }
    assert_eq!((server.count(FIND), server.count(EXCHANGE)), (1, 1));
}

/// A store that tells when a token was stored.
#[derive(Clone, Default)]
struct Telling {
    store: MemoryTokenStore,
    stored: Arc<Notify>,
}

impl TokenStore for Telling {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreFailure> {
        self.store.load(key).await
    }
    async fn begin_exchange(&self, key: &TokenKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreFailure> {
        self.store.begin_exchange(key, now, until).await
    }
    async fn store(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreFailure> {
        self.store.store(key, token).await?;
        self.stored.notify_one();
        Ok(())
    }
}

#[tokio::test]
async fn processes_share_one_exchange_at_the_same_time() {
    let (server, store) = (Server::start().await, Telling::default());
    server.on(EXCHANGE, [token("ghs_1", 0)]).on(RUNNER, vec![gone(); 2]);
    let world = World::whose_pauses_last_until(&store.stored);
    let process = || GithubClient::new(Http::new(), store.clone(), world.clone());
    let (first, second, access) = (process(), process(), app(&server, "org/octo", Some(42)));
    let (first, second) = tokio::join!(ask(&first, &access), ask(&second, &access));
    first.unwrap();
    second.unwrap();
    assert_eq!((server.count(EXCHANGE), world.pauses()), (1, 1));
    assert_eq!(bearers(&server, RUNNER), ["ghs_1", "ghs_1"]);
}

#[tokio::test]
async fn whoever_waits_in_vain_for_anothers_exchange_comes_back_later() {
    let (server, world, store) = (Server::start().await, World::default(), MemoryTokenStore::default());
    server.on(EXCHANGE, [refusal(401, "Bad credentials"), token("ghs_1", 0)]).on(RUNNER, [gone()]);
    let (first, second, access) = (client_over(&store, &world), client_over(&store, &world), app(&server, "org/octo", Some(42)));
    // The first has the right to exchange and does not bring a token.
    ask(&first, &access).await.unwrap_err();
    let error = ask(&second, &access).await.unwrap_err();
    assert!(matches!(error, GithubError::NotBefore { reason: WaitReason::TokenExchange, .. }) && error.is_retryable(), "{}", shown(&error));
    assert_eq!((world.pauses(), server.count(EXCHANGE)), (10, 1));
    // Its right ends by itself.
    world.pass(Duration::from_secs(12));
    ask(&second, &access).await.unwrap();
    assert_eq!(bearers(&server, RUNNER), ["ghs_1"]);
}

/// A store that is out of order.
struct OutOfOrder;

impl TokenStore for OutOfOrder {
    async fn load(&self, _: &TokenKey) -> Result<Option<StoredToken>, StoreFailure> {
        Err("out of order".into())
    }
    async fn begin_exchange(&self, _: &TokenKey, _: Timestamp, _: Timestamp) -> Result<bool, StoreFailure> {
        Err("out of order".into())
    }
    async fn store(&self, _: &TokenKey, _: &StoredToken) -> Result<(), StoreFailure> {
        Err("out of order".into())
    }
}

#[tokio::test]
async fn a_store_that_is_out_of_order_costs_sharing_only() {
    let (server, world) = (Server::start().await, World::default());
    server.on(EXCHANGE, [token("ghs_1", 0)]).on(RUNNER, vec![gone(); 2]);
    let client = GithubClient::new(Http::new(), OutOfOrder, world.clone());
    let access = app(&server, "org/octo", Some(42));
    ask(&client, &access).await.unwrap();
    ask(&client, &access).await.unwrap();
    assert_eq!(server.count(EXCHANGE), 1);
}

#[tokio::test]
async fn a_token_refused_before_its_time_is_replaced_once_for_everyone() {
    let (server, world, store) = (Server::start().await, World::default(), MemoryTokenStore::default());
    server.on(EXCHANGE, [token("ghs_1", 0), token("ghs_2", 0)]);
    let access = app(&server, "org/octo", Some(42));
    let (first, second) = (client_over(&store, &world), client_over(&store, &world));
    server.on(RUNNER, [gone(), gone()]);
    ask(&first, &access).await.unwrap();
    ask(&second, &access).await.unwrap();
    // Revoked: the first replaces it, the second finds the replacement.
    server.on(RUNNER, [refusal(401, "Bad credentials"), gone(), refusal(401, "Bad credentials"), gone()]);
    ask(&first, &access).await.unwrap();
    ask(&second, &access).await.unwrap();
    assert_eq!(bearers(&server, RUNNER), ["ghs_1", "ghs_1", "ghs_1", "ghs_2", "ghs_1", "ghs_2"]);
    assert_eq!(server.count(EXCHANGE), 2);
}

#[tokio::test]
async fn an_app_that_github_refuses_is_told_so_and_asks_no_further() {
    let server = Server::start().await;
    server.on(EXCHANGE, [refusal(401, "A JSON web token could not be decoded")]);
    let error = ask(&client(&World::default()), &app(&server, "org/octo", Some(42))).await.unwrap_err();
    assert!(matches!(error, GithubError::Unauthorized { .. }) && shown(&error).contains("access_tokens"), "{}", shown(&error));
}

#[tokio::test]
async fn an_app_that_was_installed_anew_is_looked_up_again() {
    let (server, world) = (Server::start().await, World::default());
    server.on(FIND, [json(200, &j!({"id": 42})), json(200, &j!({"id": 43}))]).on(EXCHANGE, [token("ghs_1", 0), gone()]);
    server.on("POST /app/installations/43/access_tokens", [token("ghs_2", 3600)]).on(RUNNER, vec![gone(); 2]);
    let (client, access) = (client(&world), app(&server, "org/octo", None));
    ask(&client, &access).await.unwrap();
    world.pass(Duration::from_secs(3600));
    ask(&client, &access).await.unwrap();
    assert_eq!(bearers(&server, RUNNER), ["ghs_1", "ghs_2"]);
    server.finished();
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_old_token_in_use_while_it_lasts() {
    let (server, world) = (Server::start().await, World::default());
    server.on(EXCHANGE, [token("ghs_1", 0), refusal(403, "secondary rate limit").with("retry-after", 900)]).on(RUNNER, vec![gone(); 2]);
    let (client, access) = (client(&world), app(&server, "org/octo", Some(42)));
    ask(&client, &access).await.unwrap();
    world.pass(Duration::from_secs(3400));
    ask(&client, &access).await.unwrap();
    assert_eq!(bearers(&server, RUNNER), ["ghs_1", "ghs_1"]);
}

#[tokio::test]
async fn two_organisations_of_one_app_have_tokens_of_their_own() {
    let (server, world, store) = (Server::start().await, World::default(), MemoryTokenStore::default());
    server.on(FIND, [json(200, &j!({"id": 42}))]).on(EXCHANGE, [token("ghs_1", 0)]).on(RUNNER, [gone()]);
    server.on("GET /repos/hexa/x/installation", [json(200, &j!({"id": 43}))]);
    server.on("POST /app/installations/43/access_tokens", [token("ghs_2", 0)]).on("GET /repos/hexa/x/actions/runners/5", [gone()]);
    let client = client_over(&store, &world);
    ask(&client, &app(&server, "org/octo", None)).await.unwrap();
    ask(&client, &app(&server, "repo/hexa/x", None)).await.unwrap();
    assert_eq!(bearers(&server, "GET /repos/hexa/x/actions/runners/5"), ["ghs_2"]);
    let error = ask(&client, &app(&server, "enterprise/big", None)).await.unwrap_err();
    assert!(matches!(error, GithubError::Credential(_)), "{}", shown(&error));
}
