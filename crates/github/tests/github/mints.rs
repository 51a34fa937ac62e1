//! Mints, for every kind of scope.

use crate::server::{Server, json, refusal};
use crate::world::{IN_AN_HOUR, START, World, client, pat, shown};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fargate_runners_core::ids::RunnerId;
use fargate_runners_github::{GithubError, JitRequest};
use secrecy::ExposeSecret;
use serde_json::{Value, json as j};

pub fn request() -> JitRequest {
    JitRequest { name: "r-1".to_owned(), labels: vec!["self-hosted".to_owned(), "linux".to_owned()], runner_group_id: 3 }
}

pub fn blob() -> String {
    let settings = STANDARD.encode(j!({"AgentId": "7", "DisableUpdate": "False"}).to_string());
    STANDARD.encode(j!({".runner": settings, ".credentials": "eA=="}).to_string())
}

pub fn minted() -> Value {
    j!({"runner": {"id": 7, "name": "r-1", "os": "linux", "status": "offline", "busy": false, "labels": []}, "encoded_jit_config": blob()})
}

#[tokio::test]
async fn a_jit_configuration_is_minted_with_updates_off() {
    for (scope, path) in [
        ("org/octo", "/orgs/octo/actions/runners/generate-jitconfig"),
        ("repo/octo/hello", "/repos/octo/hello/actions/runners/generate-jitconfig"),
        ("enterprise/big", "/enterprises/big/actions/runners/generate-jitconfig"),
    ] {
        let server = Server::start().await;
        server.on(&format!("POST {path}"), [json(201, &minted())]);
        let jit = client(&World::default()).mint_jit_configuration(&pat(&server, scope), &request()).await.unwrap();
        assert_eq!((jit.runner.id, jit.runner.name.as_str()), (RunnerId(7), "r-1"));
        let files: Value = serde_json::from_slice(&STANDARD.decode(jit.encoded.expose_secret()).unwrap()).unwrap();
        let settings: Value = serde_json::from_slice(&STANDARD.decode(files[".runner"].as_str().unwrap()).unwrap()).unwrap();
        assert_eq!(settings, j!({"AgentId": "7", "DisableUpdate": "True"}));
        let seen = server.seen().remove(0);
        assert_eq!(seen.json(), j!({"name": "r-1", "runner_group_id": 3, "labels": ["self-hosted", "linux"], "work_folder": "_work"}));
        assert_eq!(seen.headers["accept"], "application/vnd.github+json");
        assert_eq!(seen.headers["x-github-api-version"], "2022-11-28");
        assert!(seen.headers["user-agent"].starts_with("fargate-runners/"));
        assert_eq!(seen.bearer(), crate::world::PAT);
    }
}

#[tokio::test]
async fn a_blob_of_an_unknown_form_is_passed_on() {
    let server = Server::start().await;
    let answer = j!({"runner": {"id": 7, "name": "r-1"}, "encoded_jit_config": "bmV3IGZvcm0="});
    server.on("POST /orgs/octo/actions/runners/generate-jitconfig", [json(201, &answer)]);
    let jit = client(&World::default()).mint_jit_configuration(&pat(&server, "org/octo"), &request()).await.unwrap();
    assert_eq!(jit.encoded.expose_secret(), "bmV3IGZvcm0=");
}

#[tokio::test]
async fn a_name_in_use_is_told_apart_from_a_bad_request() {
    let server = Server::start().await;
    let call = "POST /orgs/octo/actions/runners/generate-jitconfig";
    server.on(call, [refusal(409, "Already exists"), refusal(422, "Invalid runner group"), refusal(404, "Not Found")]);
    let (client, access) = (client(&World::default()), pat(&server, "org/octo"));
    let error = client.mint_jit_configuration(&access, &request()).await.unwrap_err();
    assert!(matches!(error, GithubError::NameTaken { .. }) && error.is_retryable(), "{}", shown(&error));
    let error = client.mint_jit_configuration(&access, &request()).await.unwrap_err();
    assert!(matches!(error, GithubError::Rejected { status: 422, .. }) && !error.is_retryable(), "{}", shown(&error));
    let error = client.mint_jit_configuration(&access, &request()).await.unwrap_err();
    assert!(shown(&error).contains("Self-hosted runners: read and write"), "{}", shown(&error));
}

#[tokio::test]
async fn a_registration_token_is_minted() {
    let server = Server::start().await;
    let answer = j!({"token": "AABBCC", "expires_at": IN_AN_HOUR});
    server.on("POST /repos/octo/hello/actions/runners/registration-token", [refusal(502, "Bad Gateway"), json(201, &answer)]);
    let token = client(&World::default()).mint_registration_token(&pat(&server, "repo/octo/hello")).await.unwrap();
    assert_eq!(token.token.expose_secret(), "AABBCC");
    assert_eq!(token.expires_at.since(START).as_secs(), 3600);
}
