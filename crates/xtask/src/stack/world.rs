//! The models of the local stack, set up: an organisation with an installed App and two repositories at GitHub, and an ECS that is quick.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use fargate_runners_local_stack::aws;
use fargate_runners_local_stack::ecs::{self, EcsConfig, EcsHandle};
use fargate_runners_local_stack::github::{self, GithubConfig, GithubHandle};
use fargate_runners_local_stack::runner::{self, Binaries};
use fargate_runners_model_ecs::{Config as EcsModelConfig, EcsModel, Timing as EcsTiming};
use fargate_runners_model_github::{
    Config as GithubModelConfig, GithubModel, HookId, HookOwner, KeyPair, NewHook, Permissions, Timing as GithubTiming, Visibility,
};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

use crate::account;
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::project::Project;

use super::Size;
use super::counted::EcsCalls;
use super::run_folder::RunFolder;
use super::secrets::{APP_ID, Secrets};

/// The organisation whose jobs are run.
pub const ORGANIZATION: &str = "octo-org";

/// A repository of it.
pub const PRIVATE_REPOSITORY: &str = "hello";

/// A repository of it that anyone may open a pull request in.
pub const PUBLIC_REPOSITORY: &str = "website";

/// The App's other name, which newer Apps sign with.
const CLIENT_ID: &str = "Iv23liDemo";

/// How the tasks' patience is set: somebody watches.
const TASK_SETTINGS: [(&str, &str); 3] = [("GRACE_SECONDS", "3"), ("BOOT_SECONDS", "180"), ("STOP_SECONDS", "20")];

/// Where nothing listens: the hook has no address before the deploy.
const NO_HOOK_YET: &str = "http://127.0.0.1:9/";

/// Builds the program that stands in for GitHub's runner.
pub async fn build_runner(project: &Project) -> Outcome<Binaries> {
    let mut cargo = process::command("cargo");
    cargo.args(["build", "--quiet", "--package", "fargate-runners-local-stack", "--bins"]).current_dir(project.root());
    process::watched(cargo).await?;
    let folder = project.target().join("debug");
    Binaries::beside(&folder.join("xtask")).ok_or_else(|| Problem::new(format!("no stand-in runner in {}", folder.display())))
}

/// GitHub, with what was set up at it.
pub struct Github {
    /// The server.
    pub handle: GithubHandle,
    /// The App, unless somebody is to make it.
    pub installed: Option<Installed>,
}

/// An App that is there from the start.
#[derive(Debug, Clone, Copy)]
pub struct Installed {
    /// Its webhook.
    pub hook: HookId,
    /// Its installation.
    pub installation: u64,
}

/// Starts GitHub: with an App that is installed and has a webhook, or without any, and with keys for Apps that somebody may make.
pub async fn github(run: &RunFolder, secrets: &Secrets, size: Size) -> Outcome<Github> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let config = GithubModelConfig {
        timing: GithubTiming::fast(),
        api_url: address.clone(),
        web_url: address,
        remember_secrets: true,
        ..GithubModelConfig::default()
    };
    let mut model = GithubModel::new(config, size.seed);
    model.add_organization(ORGANIZATION);
    model.add_repository(ORGANIZATION, PRIVATE_REPOSITORY, Visibility::Private);
    model.add_repository(ORGANIZATION, PUBLIC_REPOSITORY, Visibility::Public);
    let (mut apps, mut installed) = (BTreeMap::new(), None);
    if size.is_set_up {
        model.add_app(APP_ID, CLIENT_ID);
        let installation = model.install_app(APP_ID, ORGANIZATION, Permissions::runners());
        let secret = secrets.webhook().expose_secret().to_owned();
        let hook = model.add_hook(NewHook { owner: HookOwner::App(APP_ID), url: NO_HOOK_YET.into(), secret });
        installed = Some(Installed { hook, installation });
        let key = secrets.public_key().to_owned();
        apps = BTreeMap::from([(APP_ID.to_string(), key.clone()), (CLIENT_ID.to_owned(), key)]);
    } else {
        let private_pem = secrets.private_key().expose_secret().to_owned();
        model.add_key_pair(KeyPair { private_pem, public_pem: secrets.public_key().to_owned() });
    }
    let log = EventLog::open(run)?;
    let observer = Arc::new(move |observation| log.write("github", &observation));
    let config = GithubConfig { apps, observer: Some(observer), ..GithubConfig::default() };
    let handle = github::serve(listener, Arc::new(Mutex::new(model)), config).await?;
    Ok(Github { handle, installed })
}

/// The two models draw from like generators: from the same seed a task's id would be the same as some runner's secret.
const APART: u64 = 0x5eed_0000_0000_0001;

/// An ECS that takes a second for what takes AWS half a minute.
pub fn ecs_model(seed: u64) -> EcsModel {
    EcsModel::new(EcsModelConfig { timing: EcsTiming::fast(), ..EcsModelConfig::default() }, seed ^ APART)
}

/// Installs the program that stands in for GitHub's runner, and says where.
pub fn install_runner(run: &RunFolder, binaries: &Binaries, github: &GithubHandle) -> Outcome<PathBuf> {
    let folder = run.path().join("runner");
    fs::create_dir_all(&folder)?;
    runner::install_runner(&folder, binaries, &github.endpoint())?;
    Ok(folder)
}

/// Starts ECS, with a host for its tasks. Without a runner's folder tasks are accepted and never run.
pub async fn ecs(
    listener: TcpListener,
    model: Arc<Mutex<EcsModel>>,
    aws: &aws::Emulator,
    run: &RunFolder,
    runner_folder: Option<PathBuf>,
    api_port: u16,
    calls: EcsCalls,
) -> Outcome<EcsHandle> {
    let log = EventLog::open(run)?;
    let observer = Arc::new(move |observation| {
        calls.note(github::now_ms(), &observation);
        log.write("ecs", &observation);
    });
    let config = EcsConfig {
        path: std::env::var("PATH").unwrap_or_default(),
        emulator_port: Some(api_port),
        region: account::REGION.into(),
        extra_environment: TASK_SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        observer: Some(observer),
        starts_containers: runner_folder.is_some(),
        ..EcsConfig::new(runner_folder.unwrap_or_else(|| run.path().to_owned()), run.tasks())
    };
    Ok(ecs::serve(listener, model, Arc::new(aws.clone()), config).await?)
}

/// What the models saw and did, a line each.
struct EventLog(Mutex<File>);

impl EventLog {
    fn open(run: &RunFolder) -> Outcome<Self> {
        Ok(Self(Mutex::new(File::options().create(true).append(true).open(run.events_log())?)))
    }

    fn write(&self, who: &str, what: &impl std::fmt::Debug) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written stops nothing.
        let _ = writeln!(file, "{} {who} {what:?}", github::now_ms());
    }
}
