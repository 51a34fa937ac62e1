//! Nothing that is printed shows a secret: neither values nor errors, even when the server repeats what it was given.

use crate::mints::{blob, minted, request};
use crate::server::{Play, Server, json, refusal};
use crate::world::{IN_AN_HOUR, PAT, World, app, client, pat, private_pem, shown};
use fargate_runners_core::ids::RunnerId;
use serde_json::json as j;

const MINT: &str = "POST /orgs/octo/actions/runners/generate-jitconfig";
const EXCHANGE: &str = "POST /app/installations/42/access_tokens";
const TOKEN: &str = "ghs_installationSecret";

fn check(what: &str, text: &str) {
    let key = private_pem();
    let key_lines = key.lines().filter(|line| !line.starts_with("-----"));
    let blob = blob();
    for secret in key_lines.chain([PAT, TOKEN, blob.as_str(), "eyJ0eXAi", "AABBCC"]) {
        assert!(!text.contains(secret), "{what} shows a secret: {text}");
    }
}

#[tokio::test]
async fn values_hide_their_secrets() {
    let server = Server::start().await;
    server.on(EXCHANGE, [json(201, &j!({"token": TOKEN, "expires_at": IN_AN_HOUR}))]).on(MINT, [json(201, &minted())]);
    server.on("POST /orgs/octo/actions/runners/registration-token", [json(201, &j!({"token": "AABBCC", "expires_at": IN_AN_HOUR}))]);
    let (client, access) = (client(&World::default()), app(&server, "org/octo", Some(42)));
    check("access", &format!("{access:?} {:?}", pat(&server, "org/octo")));
    check("JIT configuration", &format!("{:?}", client.mint_jit_configuration(&access, &request()).await.unwrap()));
    check("registration token", &format!("{:?}", client.mint_registration_token(&access).await.unwrap()));
    // By now it holds a token in its memory and in its store.
    check("client", &format!("{client:?}"));
}

#[tokio::test]
async fn errors_hide_what_a_server_repeats() {
    for status in [401, 403, 404, 409, 422, 429, 500, 301] {
        let server = Server::start().await;
        let echo = |secret: &str| refusal(status, &format!("got Bearer {secret} from you"));
        server.on(EXCHANGE, vec![json(201, &j!({"token": TOKEN, "expires_at": IN_AN_HOUR})); 2]).on(MINT, vec![echo(TOKEN); 2]);
        let (client, access) = (client(&World::default()), app(&server, "org/octo", Some(42)));
        check("error", &shown(&client.mint_jit_configuration(&access, &request()).await.unwrap_err()));
        server.on("GET /orgs/octo/actions/runners/5", vec![echo(PAT); 3]);
        let outcome = client.get_runner(&pat(&server, "org/octo"), RunnerId(5)).await;
        check("outcome", &outcome.map_or_else(|error| shown(&error), |runner| format!("{runner:?}")));
    }
}

#[tokio::test]
async fn errors_of_half_read_answers_hide_them() {
    let half = format!("{{\"runner\": {{\"id\": \"{}\", \"name\": 5}}, \"encoded_jit_config\": \"{}\"", PAT, blob());
    let server = Server::start().await;
    server.on(MINT, [Play::Answer { status: 201, headers: Vec::new(), body: half }, Play::HangUp]);
    server.on("POST /orgs/octo/actions/runners/registration-token", [json(201, &j!({"token": "AABBCC", "expires_at": "AABBCC"}))]);
    let (client, access) = (client(&World::default()), pat(&server, "org/octo"));
    check("unreadable", &shown(&client.mint_jit_configuration(&access, &request()).await.unwrap_err()));
    check("broken", &shown(&client.mint_jit_configuration(&access, &request()).await.unwrap_err()));
    check("no time", &shown(&client.mint_registration_token(&access).await.unwrap_err()));
}
