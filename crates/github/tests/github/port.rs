//! The use cases' port over the client.

use crate::mints::minted;
use crate::server::{Play, Server, empty, json, refusal};
use crate::world::{IN_AN_HOUR, PAT, START, World, client};
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::ids::{CredentialName, JobId, RepositoryName, RunId, RunnerId};
use fargate_runners_core::names::RunnerName;
use fargate_runners_github::{Credentials, FleetGithub, GithubClient, Http, MemoryTokenStore, System};
use fargate_runners_use_cases::ports::{Deleted, Github, GithubError, Hook, HookLog, Jobs, MintError, PortError, Retry, Runners, chain};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json as j;
use std::time::Duration;

const RUNNERS: &str = "/orgs/octo/actions/runners";
const NAME: &str = "01234567-default-0123456789abcdef0123456789abcdef-1";

fn mint() -> String {
    format!("POST {RUNNERS}/generate-jitconfig")
}

/// A parameter store in which the credential was replaced: a reader that accepts an old copy gets the old one.
pub struct Replaced;

impl Credentials for Replaced {
    async fn credential(&self, _: &CredentialName, _: &Scope, max_age: Duration) -> Result<SecretString, PortError> {
        let token = if max_age.is_zero() { "ghp_new" } else { PAT };
        Ok(SecretString::from(j!({"kind": "pat", "token": token}).to_string()))
    }
}

struct Nonsense;

impl Credentials for Nonsense {
    async fn credential(&self, _: &CredentialName, _: &Scope, _: Duration) -> Result<SecretString, PortError> {
        Ok(SecretString::from("{\"kind\":\"pat\",\"token\":sesame}"))
    }
}

pub fn fleet(server: &Server) -> Fleet {
    fleet_of(server, "default", "org/octo", "default")
}

pub fn fleet_of(server: &Server, name: &str, scope: &str, credential: &str) -> Fleet {
    let description = j!({
        "fleet": name, "scope": scope, "api_url": server.url, "credential": credential, "labels": ["self-hosted", "linux"],
        "runner_group_id": 3, "launch_mode": "tasks", "maximum": 5, "task_role": "role", "cluster": "arn:aws:ecs:eu-west-1:1:cluster/c",
        "task_definition": "arn:aws:ecs:eu-west-1:1:task-definition/t:1", "subnets": ["subnet-1"], "security_groups": [],
    });
    Fleet::parse(&description.to_string()).unwrap()
}

pub fn github<C: Credentials>(credentials: C) -> FleetGithub<C, MemoryTokenStore, World> {
    FleetGithub::new(client(&World::default()), credentials)
}

fn name() -> RunnerName {
    RunnerName::parse(NAME).unwrap()
}

#[tokio::test]
async fn a_mint_sends_what_the_fleet_says() {
    let server = Server::start().await;
    server.on(&mint(), [json(201, &minted())]);
    let runner = github(Replaced).jit_config(&fleet(&server), &name()).await.unwrap();
    assert_eq!(runner.id, RunnerId(7));
    let expected = j!({"name": NAME, "runner_group_id": 3, "labels": ["linux", "self-hosted"], "work_folder": "_work"});
    assert_eq!(server.seen()[0].json(), expected);
}

#[tokio::test]
async fn a_refused_credential_is_read_anew_once() {
    let server = Server::start().await;
    let call = format!("POST {RUNNERS}/registration-token");
    let answer = json(201, &j!({"token": "AABBCC", "expires_at": IN_AN_HOUR}));
    server.on(&call, [refusal(401, "Bad credentials"), answer, refusal(401, "Bad credentials"), refusal(401, "Bad credentials")]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    assert_eq!(github.registration_token(&fleet).await.unwrap().expose_secret(), "AABBCC");
    assert_eq!(server.seen().iter().map(|seen| seen.bearer().to_owned()).collect::<Vec<_>>(), [PAT, "ghp_new"]);
    let error = github.registration_token(&fleet).await.unwrap_err();
    assert!(matches!(&error, MintError::Refused(PortError { retry: Retry::Never, .. })), "{}", chain(&error));
    server.finished();
}

#[tokio::test]
async fn every_failed_mint_has_its_meaning() {
    let server = Server::start().await;
    let wait = refusal(403, "secondary rate limit").with("retry-after", 9);
    server.on(&mint(), [refusal(409, "Already exists"), wait, Play::HangUp, refusal(422, "no such group")]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    assert!(matches!(github.jit_config(&fleet, &name()).await, Err(MintError::NameTaken)));
    let until = START + Duration::from_secs(9);
    assert!(matches!(github.jit_config(&fleet, &name()).await, Err(MintError::NotBefore(time)) if time == until));
    assert!(matches!(github.jit_config(&fleet, &name()).await, Err(MintError::UnknownEffect(_))));
    let refused = github.jit_config(&fleet, &name()).await.unwrap_err();
    assert!(chain(&refused).contains("422 (no such group)"), "{}", chain(&refused));
    let call = format!("POST {RUNNERS}/registration-token");
    server.on(&call, vec![refusal(500, "Server Error"); 3]);
    let error = github.registration_token(&fleet).await.unwrap_err();
    assert!(matches!(&error, MintError::Refused(PortError { retry: Retry::Throttled, .. })), "{}", chain(&error));
}

#[tokio::test]
async fn deletions_and_finds_have_their_meaning() {
    let server = Server::start().await;
    let call = format!("DELETE {RUNNERS}/5");
    server.on(&call, [empty(204), refusal(404, "Not Found"), refusal(422, "busy"), refusal(429, "slow down"), refusal(403, "no")]);
    server.on(&format!("GET {RUNNERS}"), [json(200, &j!({"total_count": 1, "runners": [{"id": 8, "name": NAME}]}))]);
    let (github, fleet) = (github(Replaced), fleet(&server));
    for expected in [Deleted::Gone, Deleted::Gone, Deleted::Busy] {
        assert_eq!(github.delete(&fleet, RunnerId(5)).await.unwrap(), expected);
    }
    let until = START + Duration::from_secs(60);
    assert!(matches!(github.delete(&fleet, RunnerId(5)).await, Err(GithubError::NotBefore(time)) if time == until));
    let refused = github.delete(&fleet, RunnerId(5)).await;
    assert!(matches!(refused, Err(GithubError::Failed(PortError { retry: Retry::Never, .. }))));
    assert_eq!(github.find(&fleet, &name()).await.unwrap(), Some(RunnerId(8)));
}

#[tokio::test]
async fn a_credential_that_is_none_is_named_and_not_shown() {
    let server = Server::start().await;
    let error = github(Nonsense).jit_config(&fleet(&server), &name()).await.unwrap_err();
    let text = format!("{} {error:?}", chain(&error));
    assert!(text.contains("credential default") && !text.contains("sesame"), "{text}");
    assert!(server.seen().is_empty());
}

/// The functions' runtime may move a request between threads. Checked by the compiler; nothing is called.
#[tokio::test]
async fn the_port_can_be_used_from_any_thread() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let server = Server::start().await;
    let github = FleetGithub::new(GithubClient::new(Http::new(), MemoryTokenStore::default(), System), Replaced);
    let (fleet, name) = (fleet(&server), name());
    drop(is_send(github.jit_config(&fleet, &name)));
    drop(is_send(github.registration_token(&fleet)));
    drop(is_send(github.delete(&fleet, RunnerId(1))));
    drop(is_send(github.find(&fleet, &name)));
    drop(is_send(github.runners(&fleet, 1)));
    drop(is_send(github.refused_from(&fleet, "2.300.0")));
    let repository = RepositoryName::parse("octo/hello").unwrap();
    drop(is_send(github.job(&fleet, &repository, JobId(1))));
    drop(is_send(github.rerun_failed(&fleet, &repository, RunId(1))));
    drop(is_send(github.hooks(std::slice::from_ref(&fleet))));
    let hook = Hook { key: "app/default".to_owned(), fleet: fleet.clone(), id: None };
    drop(is_send(github.deliveries(&hook, None)));
    drop(is_send(github.redeliver(&hook, 1)));
    assert!(server.seen().is_empty());
}
