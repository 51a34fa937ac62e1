//! The words in which the stories about GitHub are told.

use fargate_runners_model_github::{
    Access, Assignment, Caller, Conclusion, Config, GithubModel, HookId, HookOwner, JitRequest, Job, JobId, ListenerCredentials, Message,
    NewHook, NewJob, Permissions, Reply, Request, Response, RunnerId, Scope, SessionId, Timing, Visibility,
};
use serde_json::Value;

pub const SECOND: u64 = 1000;
pub const MINUTE: u64 = 60 * SECOND;
pub const LABELS: [&str; 3] = ["self-hosted", "linux", "x64"];
const PAT: &str = "ghp_made_up";
pub const APP: u64 = 123;

/// GitHub with one organisation, and the time.
pub struct Story {
    pub github: GithubModel,
    pub now: u64,
    pub hook: HookId,
    pub installation: u64,
}

impl Story {
    pub fn new() -> Self {
        Self::with(Config { assignment: Assignment::Oldest, timing: prompt(), ..Config::default() })
    }

    pub fn with(config: Config) -> Self {
        let mut github = GithubModel::new(config, 42);
        github.add_organization("octo-org");
        github.add_repository("octo-org", "hello", Visibility::Private);
        github.add_repository("octo-org", "open", Visibility::Public);
        github.add_pat(PAT);
        github.add_app(APP, "Iv1.made-up");
        let installation = github.install_app(APP, "octo-org", Permissions::runners());
        let hook =
            github.add_hook(NewHook { owner: HookOwner::App(APP), url: "http://localhost/webhook".into(), secret: "made up".into() });
        Self { github, now: 1_800_000_000_000, hook, installation }
    }

    pub fn caller() -> Caller {
        Caller::Token(PAT.to_owned())
    }

    pub fn organization() -> Scope {
        Scope::Organization("octo-org".to_owned())
    }

    pub fn after(&mut self, length: u64) {
        self.now += length;
        self.github.advance(self.now);
    }

    pub fn queue(&mut self, job: NewJob) -> JobId {
        self.github.queue_job(self.now, job)
    }

    pub fn mint(&mut self, name: &str, labels: &[&str]) -> ListenerCredentials {
        let request = JitRequest {
            name: name.to_owned(),
            runner_group_id: 1,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            work_folder: None,
        };
        self.github.generate_jit(self.now, &Self::caller(), &Self::organization(), &request).expect("minted").credentials
    }

    /// Mints a runner and connects its listener.
    pub fn connect(&mut self, name: &str, labels: &[&str]) -> SessionId {
        let shown = self.mint(name, labels);
        self.github.open_session(self.now, &shown).expect("connected")
    }

    pub fn runner(&self, name: &str) -> RunnerId {
        self.github.runner_by_name(name).expect("registered").id
    }

    /// Takes what the listener is offered.
    pub fn take(&mut self, session: SessionId) -> Option<JobId> {
        match self.github.poll(self.now, session).expect("a session") {
            Some(Message::Offer(job)) => Some(job),
            Some(Message::Cancel(_)) | None => None,
        }
    }

    pub fn finish(&mut self, session: SessionId, job: JobId) {
        self.github.finish_job(self.now, session, job, Conclusion::Success).expect("reported");
    }

    pub fn job(&self, id: JobId) -> &Job {
        self.github.job(id).expect("known")
    }

    pub fn delete(&mut self, runner: RunnerId) -> Option<u16> {
        self.github
            .delete_runner(self.now, &Self::caller(), &Self::organization(), runner)
            .map_or_else(|error| error.status(), |()| Some(204))
    }

    /// Actions in the order in which they arrive, each answered with 202.
    pub fn receive(&mut self) -> Vec<&'static str> {
        let mut actions = Vec::new();
        for outgoing in self.github.take_deliveries(self.now) {
            actions.extend(outgoing.payload.action());
            self.github.answered(self.now, outgoing.id, fargate_runners_model_github::Answer::Status(202));
        }
        actions
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, None)
    }

    pub fn send(&mut self, method: &str, path: &str, app: Option<&str>) -> Response {
        self.send_body(method, path, app, "")
    }

    pub fn send_body(&mut self, method: &str, path: &str, app: Option<&str>, body: &str) -> Response {
        let request = Request {
            method: method.to_owned(),
            path_and_query: path.to_owned(),
            authorization: Some(format!("token {PAT}")),
            app: app.map(str::to_owned),
            jwt: None,
            body: body.as_bytes().to_vec(),
        };
        match self.github.http(self.now, &request) {
            Reply::Answer(response) => response,
            Reply::Drop => panic!("no answer"),
        }
    }
}

pub fn json(response: &Response) -> Value {
    serde_json::from_str(&response.body).expect("JSON")
}

pub fn header(response: &Response, name: &str) -> Option<String> {
    response.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.clone())
}

pub fn job() -> NewJob {
    NewJob::new("octo-org", "hello", &LABELS)
}

/// GitHub's figures where they matter, and no waiting where they do not.
pub fn prompt() -> Timing {
    Timing {
        assign_ms: (0, 0),
        delivery_ms: (1, 1),
        after_job_ms: (20 * SECOND, 20 * SECOND),
        hosted_start_ms: (SECOND, SECOND),
        ..Timing::default()
    }
}

pub fn read_only() -> Permissions {
    Permissions([("organization_self_hosted_runners".to_owned(), Access::Read)].into())
}
