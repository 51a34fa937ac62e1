//! The client against the model of GitHub, which knows nothing of the client: both must understand GitHub in the same way.

use crate::port::fleet_of;
use crate::server::{Play, Seen, Server};
use crate::world::{PAT, START, World, client, private_pem, public_pem};
use fargate_runners_core::fleet::{self, Fleet};
use fargate_runners_core::ids::{CredentialName, JobId, RepositoryName, RunId, RunnerId};
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{Credentials, FleetGithub, MemoryTokenStore};
use fargate_runners_model_github::{
    Answer, Conclusion, Config, Deprecation, GithubModel, HookOwner, JitRequest, JwtTimes, ListenerCredentials, NewHook, NewJob,
    Permissions, Reply, Request, Scope, Timing, Visibility,
};
use fargate_runners_use_cases::ports::{GithubError, HookLog, Jobs, PortError, Retry, Runners, chain};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::SecretString;
use serde_json::{Value, json as j};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const URL: &str = "https://example.com/webhook";
const NOW: u64 = START.as_millis();
const LABELS: [&str; 2] = ["self-hosted", "linux"];

struct Kept;

impl Credentials for Kept {
    async fn credential(&self, name: &CredentialName, _: &fleet::Scope, _: Duration) -> Result<SecretString, PortError> {
        let credential = match name.as_str() {
            "app" => j!({"kind": "app", "app_id": "123", "private_key": private_pem()}),
            _ => j!({"kind": "pat", "token": PAT}),
        };
        Ok(SecretString::from(credential.to_string()))
    }
}

struct Stage {
    model: Arc<Mutex<GithubModel>>,
    server: Server,
    github: FleetGithub<Kept, MemoryTokenStore, World>,
}

impl Stage {
    async fn new() -> Self {
        let timing = Timing { assign_ms: (0, 0), delivery_ms: (0, 0), ..Timing::default() };
        let mut model = GithubModel::new(Config { timing, ..Config::default() }, 1);
        model.add_organization("octo");
        model.add_repository("octo", "hello", Visibility::Private);
        model.add_pat(PAT);
        model.add_app(123, "Iv1.x");
        model.install_app(123, "octo", Permissions::runners());
        let model = Arc::new(Mutex::new(model));
        let behind = Arc::clone(&model);
        let server = Server::minded(move |seen| ask(&mut behind.lock().unwrap(), seen)).await;
        let github = FleetGithub::new(client(&World::default()), Kept).with_webhook_url(URL);
        Self { model, server, github }
    }

    fn fleet(&self, credential: &str) -> Fleet {
        fleet_of(&self.server, "default", "org/octo", credential)
    }

    fn with<T>(&self, act: impl FnOnce(&mut GithubModel) -> T) -> T {
        act(&mut self.model.lock().unwrap())
    }

    fn mint(&self, name: &str) -> ListenerCredentials {
        let caller = fargate_runners_model_github::Caller::Token(PAT.to_owned());
        let request =
            JitRequest { name: name.to_owned(), runner_group_id: 1, labels: LABELS.map(str::to_owned).to_vec(), work_folder: None };
        let minted = self.with(|model| model.generate_jit(NOW, &caller, &Scope::Organization("octo".to_owned()), &request));
        let Ok(jit) = minted else { panic!("not minted") };
        jit.credentials
    }
}

/// Answers as the model does; JWTs are verified here, as by whoever serves it.
pub fn ask(model: &mut GithubModel, seen: &Seen) -> Play {
    let (method, path_and_query) = seen.line.split_once(' ').unwrap();
    let (app, jwt) = claims_of(seen.bearer()).unzip();
    let request = Request {
        method: method.to_owned(),
        path_and_query: path_and_query.to_owned(),
        authorization: seen.headers.get("authorization").cloned(),
        app,
        jwt,
        body: seen.body.clone().into_bytes(),
    };
    match model.http(NOW, &request) {
        Reply::Answer(answer) => {
            let headers = answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Play::Answer { status: answer.status, headers, body: answer.body }
        }
        Reply::Drop => Play::HangUp,
    }
}

fn claims_of(bearer: &str) -> Option<(String, JwtTimes)> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    let key = DecodingKey::from_rsa_pem(public_pem().as_bytes()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(bearer, &key, &validation).ok()?.claims;
    let times = JwtTimes { issued_at: claims["iat"].as_u64()?, expires_at: claims["exp"].as_u64()?, now: START.as_secs() };
    Some((claims["iss"].as_str()?.to_owned(), times))
}

#[tokio::test]
async fn runners_are_seen_on_all_pages() {
    let stage = Stage::new().await;
    let minted: Vec<_> = (0..150).map(|number| stage.mint(&format!("runner-{number}"))).collect();
    let online = ListenerCredentials { version: "2.300.0".to_owned(), ..minted[7].clone() };
    stage.with(|model| model.open_session(NOW, &online)).unwrap();
    for credential in ["app", "pat"] {
        let fleet = stage.fleet(credential);
        let first = stage.github.runners(&fleet, 1).await.unwrap();
        let second = stage.github.runners(&fleet, 2).await.unwrap();
        assert_eq!((first.runners.len(), first.last, second.runners.len(), second.last), (100, false, 50, true));
        let seen = stage.github.runner(&fleet, RunnerId(online.runner_id)).await.unwrap().unwrap();
        assert_eq!((seen.name.as_str(), seen.online, seen.version.as_deref()), ("runner-7", true, Some("2.300.0")));
        assert_eq!(stage.github.runner(&fleet, RunnerId(1)).await.unwrap(), None);
    }
    let at = Deprecation { registration_at: Some(NOW + 2000), runtime_at: Some(NOW + 1000) };
    stage.with(|model| model.deprecate("2.300.0", at));
    let refused = stage.github.refused_from(&stage.fleet("app"), "2.300.0").await.unwrap();
    assert_eq!(refused, Some(Timestamp::from_millis(NOW + 1000)));
    assert_eq!(stage.github.refused_from(&stage.fleet("app"), "2.338.0").await.unwrap(), None);
}

#[tokio::test]
async fn a_failed_job_is_seen_and_run_again_by_a_credential_that_may() {
    let stage = Stage::new().await;
    let (app, pat) = (stage.fleet("app"), stage.fleet("pat"));
    let hello = RepositoryName::parse("octo/hello").unwrap();
    let id = stage.with(|model| model.queue_job(NOW, NewJob::new("octo", "hello", &LABELS).titled("build")));
    let job = stage.github.job(&app, &hello, JobId(id.0)).await.unwrap().unwrap();
    assert_eq!((job.phase, job.run_attempt, job.name.as_str(), job.labels.len()), (JobPhase::Queued, 1, "build", 2));
    let run = stage.github.run(&app, &hello, job.run_id).await.unwrap().unwrap();
    assert_eq!((run.attempt, run.ended), (1, false));
    let early = stage.github.rerun_failed(&pat, &hello, job.run_id).await.unwrap_err();
    assert!(chain(&early).contains("already running"), "{}", chain(&early));

    let listener = stage.mint("runner");
    stage.with(|model| {
        let session = model.open_session(NOW, &listener).unwrap();
        model.poll(NOW, session).unwrap().unwrap();
        model.finish_job(NOW, session, id, Conclusion::Failure).unwrap();
    });
    let job = stage.github.job(&app, &hello, JobId(id.0)).await.unwrap().unwrap();
    assert_eq!((job.phase, job.conclusion.as_deref(), job.runner_name.as_deref()), (JobPhase::Completed, Some("failure"), Some("runner")));
    assert_eq!(job.at, Some(START));
    let forbidden = stage.github.rerun_failed(&app, &hello, job.run_id).await.unwrap_err();
    assert!(matches!(&forbidden, GithubError::Failed(PortError { retry: Retry::Never, .. })));
    assert!(chain(&forbidden).contains("Actions: read and write"), "{}", chain(&forbidden));
    stage.github.rerun_failed(&pat, &hello, job.run_id).await.unwrap();
    let run = stage.github.run(&app, &hello, job.run_id).await.unwrap().unwrap();
    assert_eq!((run.attempt, run.ended, run.conclusion), (2, false, None));
    assert_eq!(stage.github.run(&app, &hello, RunId(1)).await.unwrap(), None);
}

#[tokio::test]
async fn failed_deliveries_are_found_and_asked_for_again() {
    let stage = Stage::new().await;
    let organization = HookOwner::Organization("octo".to_owned());
    stage.with(|model| {
        for (owner, url) in [(HookOwner::App(123), URL), (organization.clone(), URL), (organization, "https://example.com/another")] {
            model.add_hook(NewHook { owner, url: url.to_owned(), secret: "made up".to_owned() });
        }
        for _ in 0..120 {
            model.queue_job(NOW, NewJob::new("octo", "hello", &LABELS));
        }
        for outgoing in model.take_deliveries(NOW) {
            model.answered(NOW, outgoing.id, Answer::Status(500));
        }
    });
    let hooks = stage.github.hooks(&[stage.fleet("app"), stage.fleet("pat")]).await.unwrap();
    assert_eq!(hooks.len(), 2, "the App's, and the one of the organisation's that leads here");
    for hook in &hooks {
        let (mut failed, mut cursor) = (Vec::new(), None);
        loop {
            let page = stage.github.deliveries(hook, cursor.as_deref()).await.unwrap();
            failed.extend(page.deliveries.into_iter().filter(|delivery| !delivery.ok));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(failed.len(), 120);
        assert!(failed.iter().all(|delivery| delivery.event == "workflow_job" && delivery.at == START));
        stage.github.redeliver(hook, failed[0].id).await.unwrap();
        let again = stage.with(|model| model.take_deliveries(NOW)).remove(0);
        assert_eq!(*again.guid, *failed[0].guid);
        stage.with(|model| model.answered(NOW, again.id, Answer::Status(202)));
        let newest = stage.github.deliveries(hook, None).await.unwrap().deliveries.remove(0);
        assert!(newest.ok && newest.guid == failed[0].guid);
    }
}
