//! A stage on which a person asks about GitHub: the use case over the client, over HTTP, over the model.

use crate::model::ask;
use crate::port::fleet_of;
use crate::server::Server;
use crate::world::{PAT, START, World, client, private_pem};
use fargate_runners_core::fleet::{Fleet, FleetError, Scope};
use fargate_runners_core::ids::{CredentialName, StackId};
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{Credentials, FleetGithub, MemoryTokenStore};
use fargate_runners_model_github::{
    Config, GithubModel, GroupVisibility, HookId, HookOwner, NewHook, Permissions, RunnerGroup, Timing, Visibility,
};
use fargate_runners_use_cases::inquiry::{Access, Answer, GithubAnswer, Inquire, Inquiry, InquiryError, JobAnswer, Webhooks};
use fargate_runners_use_cases::ports::{Clock, FleetList, Fleets, PortError, Retry};
use secrecy::SecretString;
use serde_json::json as j;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const URL: &str = "https://abc.execute-api.eu-west-1.amazonaws.com/webhook";
pub const NOW: u64 = START.as_millis();
pub const POOR: &str = "ghp_poor";
pub const FINE: &str = "github_pat_fine";
/// This installation.
pub const STACK: &str = "0123abcd";
/// The group of every fleet on this stage.
pub const GROUP: u64 = 3;

/// A parameter store; what has another name is not in it.
struct Kept;

impl Credentials for Kept {
    async fn credential(&self, name: &CredentialName, _: &Scope, _: Duration) -> Result<SecretString, PortError> {
        let app = |id: &str| j!({"kind": "app", "app_id": id, "private_key": private_pem()});
        let credential = match name.as_str() {
            "app" => app("123"),
            "stranger" => app("999"),
            "pat" => j!({"kind": "pat", "token": PAT}),
            "poor" => j!({"kind": "pat", "token": POOR}),
            "fine" => j!({"kind": "pat", "token": FINE}),
            "wrong" => j!({"kind": "pat", "token": "ghp_wrong"}),
            _ => return Err(PortError::bare(format!("reading the credential {name}"), Retry::Never)),
        };
        Ok(SecretString::from(credential.to_string()))
    }
}

struct Described(Vec<Fleet>);

impl Fleets for Described {
    async fn fleets(&self, _: Duration) -> Result<Arc<FleetList>, PortError> {
        let unreadable = FleetError::Bounds { field: "maximum", given: "6000".to_owned(), rule: "at most 5000" };
        Ok(Arc::new(FleetList { fleets: self.0.clone(), unreadable: vec![("/fleets/broken".to_owned(), unreadable)], read_at: START }))
    }
}

struct Watch;

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        START
    }
}

pub struct Stage {
    model: Arc<Mutex<GithubModel>>,
    pub server: Server,
    github: FleetGithub<Kept, MemoryTokenStore, World>,
    pub installation: u64,
    pub app_hook: HookId,
}

impl Stage {
    /// An organisation in which everything is as it should be.
    pub async fn new() -> Self {
        let timing = Timing { assign_ms: (0, 0), delivery_ms: (0, 0), ..Timing::default() };
        let mut model = GithubModel::new(Config { timing, remember_secrets: true, ..Config::default() }, 1);
        model.add_organization("octo");
        model.add_enterprise("big", &["octo"]);
        for (name, visibility) in [("hello", Visibility::Private), ("other", Visibility::Private), ("open", Visibility::Public)] {
            model.add_repository("octo", name, visibility);
        }
        for name in ["second", "third"] {
            model.add_runner_group(
                "octo",
                RunnerGroup { name: name.to_owned(), visibility: GroupVisibility::All, allows_public_repositories: false },
            );
        }
        model.add_pat(PAT);
        model.add_pat_with_scopes(POOR, &["repo"]);
        model.add_fine_grained_pat(FINE);
        model.add_app(123, "Iv1.x");
        let installation = model.install_app(123, "octo", Permissions::runners());
        let hook = |owner| NewHook { owner, url: URL.to_owned(), secret: "a made-up secret".to_owned() };
        let app_hook = model.add_hook(hook(HookOwner::App(123)));
        model.advance(NOW);
        let model = Arc::new(Mutex::new(model));
        let behind = Arc::clone(&model);
        let server = Server::minded(move |seen| ask(&mut behind.lock().unwrap(), seen)).await;
        let github = FleetGithub::new(client(&World::default()), Kept).with_webhook_url(URL);
        Self { model, server, github, installation, app_hook }
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut GithubModel) -> T) -> T {
        act(&mut self.model.lock().unwrap())
    }

    pub fn fleet(&self, name: &str, scope: &str, credential: &str) -> Fleet {
        fleet_of(&self.server, name, scope, credential)
    }

    /// Asks, and looks whether the answer holds a secret.
    pub async fn ask(&self, fleets: Vec<Fleet>, inquiry: &Inquiry) -> Result<Answer, InquiryError> {
        let (fleets, clock, stack) = (Described(fleets), Watch, StackId::parse(STACK).unwrap());
        let answer = Inquire { github: &self.github, fleets: &fleets, clock: &clock, stack: &stack }.handle(inquiry).await?;
        let written = serde_json::to_string(&answer).unwrap();
        let mut secrets = self.with(|model| model.secrets().to_vec());
        secrets.extend(["PRIVATE KEY", "eyJ", "ghs_", "ghp_wrong"].map(str::to_owned));
        for secret in secrets {
            assert!(!written.contains(&secret), "{secret} in {written}");
        }
        assert_eq!(serde_json::from_str::<Answer>(&written).unwrap(), answer, "what is written can be read");
        Ok(answer)
    }

    pub async fn github(&self, fleets: Vec<Fleet>) -> GithubAnswer {
        match self.ask(fleets, &Inquiry::Github).await.unwrap() {
            Answer::Github(answer) => *answer,
            Answer::Job(_) => panic!("not what was asked"),
        }
    }

    pub async fn job(&self, fleets: Vec<Fleet>, repository: &str, job_id: u64) -> JobAnswer {
        match self.ask(fleets, &Inquiry::Job { repository: repository.to_owned(), job_id }).await.unwrap() {
            Answer::Job(answer) => *answer,
            Answer::Github(_) => panic!("not what was asked"),
        }
    }

    /// What is said of one fleet of the organisation with this credential.
    pub async fn stands(&self, credential: &str) -> (Access, Webhooks) {
        let mut answer = self.github(vec![self.fleet("default", "org/octo", credential)]).await;
        (answer.accesses.remove(0), answer.webhooks.pop().unwrap_or_default())
    }
}
