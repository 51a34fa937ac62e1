//! The local stack: the AWS emulator with the project's own templates deployed into it, and the models of GitHub and of ECS beside it.
//!
//! Everything here ends with the value that stands for it. Nothing listens anywhere but on the loopback interface.

mod bus;
pub mod counted;
mod deploy;
pub mod emulator;
mod fleets;
pub mod functions;
pub mod leavings;
pub mod lines;
pub mod logs;
mod queues;
mod run_folder;
mod secrets;
pub mod service;
pub mod steps;
mod tap;
mod world;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fargate_runners_local_stack::aws;
use fargate_runners_local_stack::ecs::EcsHandle;
use fargate_runners_local_stack::github::GithubHandle;
use fargate_runners_model_ecs::EcsModel;
use secrecy::SecretString;
use tokio::net::TcpListener;

use self::functions::Profile;
use crate::problem::{Outcome, Problem};
use crate::project::Project;
use crate::tools::Tools;

use self::bus::Listener;
pub use self::bus::OnTheBus;
use self::counted::{Call, EcsCalls};
pub use self::deploy::CONTROL_PLANE;
use self::deploy::Deploy;
use self::emulator::Emulator;
pub use self::fleets::{FLEETS, Fleet, LaunchMode};
use self::lines::{Between, Lines};
pub use self::run_folder::RunFolder;
pub use self::secrets::APP_ID;
use self::secrets::Secrets;
use self::steps::step;
use self::tap::Tap;
pub use self::world::{Installed, ORGANIZATION, PRIVATE_REPOSITORY, PUBLIC_REPOSITORY};

/// The parameter with the App's credential, below the stack's name.
pub const CREDENTIAL: &str = "credentials/default";

/// The parameter with the webhook's secret, below the stack's name.
const WEBHOOK_SECRET: &str = "webhook-secrets/demo";

/// A running local stack.
pub struct Stack {
    /// GitHub.
    pub github: GithubHandle,
    /// The emulator's APIs, as its root user.
    pub aws: aws::Emulator,
    /// Where the logs are.
    pub run: RunFolder,
    /// What runs between its parts.
    pub lines: Lines,
    /// What it was made with.
    pub size: Size,
    installed: Option<Installed>,
    deploy: Deploy,
    ecs: EcsHandle,
    ecs_model: Arc<Mutex<EcsModel>>,
    ecs_calls: EcsCalls,
    tap: Tap,
    listener: Option<Listener>,
    emulator: Emulator,
    secrets: Secrets,
    outputs: BTreeMap<String, String>,
}

/// How large a stack is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The most tasks that a fleet may have.
    pub maximum: usize,
    /// What decides every random choice of the models.
    pub seed: u64,
    /// Share of the tasks on Spot capacity, in the steps that the templates take.
    pub spot_percent: u8,
    /// MiB of a task: something to be changed by another deploy.
    pub memory: u32,
    /// Whether tasks run, or are only accepted.
    pub runs_tasks: bool,
    /// Whether GitHub's App and the stack's secrets are there from the start, or somebody sets them up.
    pub is_set_up: bool,
    /// How the functions are built.
    pub profile: Profile,
}

impl Size {
    /// Without Spot, with the templates' own memory, and quick to build.
    pub const fn new(maximum: usize, seed: u64) -> Self {
        Self { maximum, seed, spot_percent: 0, memory: 2_048, runs_tasks: true, is_set_up: true, profile: Profile::Quick }
    }
}

impl Stack {
    /// Builds, starts and deploys all of it; the tools for that are installed first.
    pub async fn up(project: &Project, size: Size) -> Outcome<Self> {
        let tools = &Tools::install(project).await?;
        println!("Building the functions (the first time takes minutes, later ones seconds)");
        functions::compile(project, tools, size.profile).await?;
        let runner = world::build_runner(project).await?;

        println!("Starting the local stack");
        let run = RunFolder::create(project)?;
        let build = step("sam build", functions::build(project, tools, size.profile, &run.setup_log())).await?;
        let secrets = Secrets::generate()?;
        let world::Github { handle: github, installed } = step("GitHub, as a model", world::github(&run, &secrets, size)).await?;
        let ecs_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = emulator::free_port()?;
        let lines = Lines::open(port, ecs_listener.local_addr()?.port(), github.address().port()).await?;
        let emulator = step("AWS, as an emulator (IAM enforced)", Emulator::start(project, tools, &run, port, &lines)).await?;
        let aws = aws::Emulator::test(emulator.endpoint()).map_err(|error| Problem::new(error.to_string()))?;
        let ecs_model = Arc::new(Mutex::new(world::ecs_model(size.seed)));
        let tap = Tap::open(lines.between(Between::TasksAndApi).port()).await?;
        let ecs_calls = EcsCalls::default();
        let runner = size.runs_tasks.then(|| world::install_runner(&run, &runner, &github)).transpose()?;
        let ecs = world::ecs(ecs_listener, ecs_model.clone(), &aws, &run, runner, tap.port(), ecs_calls.clone());
        let ecs = step("ECS and Fargate, as a model that runs each task's real start script", ecs).await?;

        let deploy = Deploy {
            project: project.clone(),
            tools: tools.clone(),
            endpoint: emulator.endpoint(),
            log: run.setup_log(),
            build,
            github: lines.between(Between::FunctionsAndGithub).endpoint(),
        };
        let outputs = BTreeMap::new();
        let mut stack = Self {
            github,
            aws,
            run,
            lines,
            size,
            installed,
            deploy,
            ecs,
            ecs_model,
            ecs_calls,
            tap,
            listener: None,
            emulator,
            secrets,
            outputs,
        };
        if size.is_set_up {
            step("credential and webhook secret into Parameter Store", stack.put_secrets()).await?;
        }
        step("sam deploy template.yaml", stack.deploy.control_plane(size)).await?;
        step("sam deploy fleet.yaml", stack.deploy.second_fleet(size)).await?;
        stack.outputs = stack.aws.stack_outputs(CONTROL_PLANE).await.map_err(|error| Problem::new(error.to_string()))?;
        stack.listener = Some(Listener::start(&stack.aws, stack.output("BusName")?).await?);
        let url = stack.output("WebhookUrl")?;
        stack.github.resolve(url, &stack.webhook_url()?);
        if let Some(Installed { hook, .. }) = stack.installed {
            stack.github.with(|model, _| model.set_hook_url(hook, url));
        }
        Ok(stack)
    }

    /// Where webhooks are sent: the deployed API, at the emulator.
    pub fn webhook_url(&self) -> Outcome<String> {
        let url = self.output("WebhookUrl")?;
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let api = host.split('.').next().unwrap_or_default();
        Ok(format!("http://{api}.execute-api.localhost:{}/{path}", self.lines.between(Between::GithubAndApi).port()))
    }

    /// The App at GitHub; an error while nobody has set it up.
    pub fn app(&self) -> Outcome<Installed> {
        self.installed.ok_or_else(|| Problem::new("this stack began without an App"))
    }

    /// One of the deployed stack's outputs.
    pub fn output(&self, name: &str) -> Outcome<&str> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| Problem::new(format!("the deployed stack has no output {name}")))
    }

    /// The ECS model; hold it for a moment only, since ECS answers nobody meanwhile.
    pub fn ecs(&self) -> MutexGuard<'_, EcsModel> {
        self.ecs_model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the models and the emulator listen: emulator, ECS, GitHub.
    pub fn endpoints(&self) -> [(&'static str, String); 3] {
        [("AWS", self.emulator.endpoint()), ("ECS", self.ecs.endpoint()), ("GitHub", self.github.endpoint())]
    }

    /// Has the queues give messages back soon after whoever had them must have ended.
    pub async fn hasten_queues(&self) -> Outcome {
        queues::hasten(&self.aws).await
    }

    /// Has the queues give messages back this many seconds after a function took them, whether or not it may still be at work: what is done twice is done once.
    pub async fn give_back_after(&self, seconds: u64) -> Outcome {
        queues::come_back_after(&self.aws, seconds).await
    }

    /// Deploys both stacks once more, so that new tasks are of another size, while everything goes on.
    pub fn redeploy(&self, size: Size) -> impl Future<Output = Outcome> + Send + 'static {
        let deploy = self.deploy.clone();
        async move {
            deploy.control_plane(size).await?;
            deploy.second_fleet(size).await
        }
    }

    /// Kills all processes of a task, as when its memory runs out. `false` when it has none.
    pub fn kill_task(&self, task_id: &str) -> bool {
        self.ecs.kill(task_id)
    }

    /// The server of the ECS model.
    pub fn ecs_server(&self) -> &EcsHandle {
        &self.ecs
    }

    /// An error when a part of it has ended by itself.
    pub fn check(&mut self) -> Outcome {
        self.emulator.check()
    }

    /// Puts what was logged elsewhere into the run's folder: the functions' logs and the bus's events. Counts the events.
    pub async fn collect_logs(&self) -> Outcome<OnTheBus> {
        logs::fetch(&self.aws, &self.run).await?;
        match &self.listener {
            Some(listener) => listener.write(&self.aws, &self.run.bus_log()).await,
            None => Ok(OnTheBus::default()),
        }
    }

    /// What the functions have asked of AWS since a moment, in seconds since the epoch; the oldest first.
    pub async fn calls_since(&self, since: f64) -> Outcome<Vec<Call>> {
        counted::calls(&self.aws, &self.ecs_calls, since).await
    }

    /// Messages of the fleets' queue that are waiting or being worked on.
    pub async fn fleet_messages(&self) -> Outcome<u64> {
        queues::fleet_messages(&self.aws).await
    }

    /// Messages of the wake-up queue that are still to come: each brings a look.
    pub async fn wake_ups_to_come(&self) -> Outcome<u64> {
        queues::wake_ups(&self.aws).await
    }

    /// Every secret that this run made or handed out.
    pub fn secrets(&self) -> Vec<SecretString> {
        let handed_out = self.github.with(|model, _| model.secrets().iter().map(|secret| secret.clone().into()).collect::<Vec<_>>());
        let nonces = self.tap.nonces().into_iter().map(SecretString::from);
        self.secrets.to_look_for().into_iter().chain(handed_out).chain(nonces).collect()
    }

    /// How many tasks' nonces went by.
    pub fn nonces_seen(&self) -> usize {
        self.tap.nonces().len()
    }

    /// Ends everything, the tasks first.
    pub async fn down(self) {
        self.ecs.shutdown().await;
        self.emulator.stop().await;
        self.github.shutdown().await;
    }

    /// Writes the credential and the webhook's secret, as a person does after the first deploy.
    pub async fn put_secrets(&self) -> Outcome {
        let credential = self.secrets.credential();
        let parameters = [(CREDENTIAL, &credential), (WEBHOOK_SECRET, self.secrets.webhook())];
        for (name, value) in parameters {
            let name = format!("/{CONTROL_PLANE}/{name}");
            self.aws.put_parameter(&name, value, true).await.map_err(|error| Problem::new(error.to_string()))?;
        }
        Ok(())
    }

    /// The secret that GitHub signs its deliveries with.
    pub fn webhook_secret(&self) -> &SecretString {
        self.secrets.webhook()
    }
}
