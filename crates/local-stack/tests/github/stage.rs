//! A GitHub, a place that takes its webhooks, and folders with runners, for one test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fargate_runners_local_stack::github::{AppKey, GithubConfig, GithubHandle, now_ms, serve};
use fargate_runners_local_stack::runner::{Binaries, install_runner};
use fargate_runners_model_github::{Config, GithubModel, HookOwner, NewHook, Permissions, Timing, Visibility, signature};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};

/// Whatever a test waits for comes long before this, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const SECRET: &str = "a made-up secret";
const PAT: &str = "ghp_made_up";
const APP: u64 = 123;

/// A webhook that has arrived.
#[derive(Clone)]
pub struct Webhook {
    pub event: String,
    pub signed: bool,
    pub body: Value,
}

#[derive(Default)]
struct Inbox {
    webhooks: Vec<Webhook>,
    refuse: u32,
}

pub struct Stage {
    pub github: GithubHandle,
    key: AppKey,
    folder: Scratch,
    inbox: Arc<Mutex<Inbox>>,
}

impl Stage {
    pub async fn new() -> Self {
        let key = AppKey::generate().expect("a key");
        let mut model = GithubModel::new(Config { timing: Timing { after_job_ms: (50, 100), ..Timing::fast() }, ..Config::default() }, 7);
        model.add_organization("octo-org");
        model.add_repository("octo-org", "hello", Visibility::Private);
        model.add_pat(PAT);
        model.add_app(APP, "Iv1.made-up");
        model.install_app(APP, "octo-org", Permissions::runners());
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let url = receive(Arc::clone(&inbox)).await;
        model.add_hook(NewHook { owner: HookOwner::App(APP), url, secret: SECRET.to_owned() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let apps = BTreeMap::from([(APP.to_string(), key.public_pem().to_owned())]);
        let github = serve(listener, Arc::new(Mutex::new(model)), GithubConfig { apps, ..GithubConfig::default() }).await.expect("served");
        let folder = Scratch(std::env::temp_dir().join(format!("stand-in-{}-{}", std::process::id(), github.address().port())));
        Self { github, key, folder, inbox }
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    pub fn webhooks(&self) -> Vec<Webhook> {
        self.inbox.lock().expect("whole").webhooks.clone()
    }

    pub fn refuse_next(&self, count: u32) {
        self.inbox.lock().expect("whole").refuse = count;
    }

    /// Waits on a condition of the model.
    pub async fn until(&self, what: &str, condition: impl Fn(&GithubModel) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !self.github.with(|github, now| {
            github.advance(now);
            condition(github)
        }) {
            assert!(Instant::now() < deadline, "{what}: in vain");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn api(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.try_api(method, path, body).await.expect("an answer")
    }

    pub async fn try_api(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        call(&self.github, method, path, &format!("token {PAT}"), body).await
    }

    pub async fn app(&self, method: &str, path: &str) -> (u16, Value) {
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(self.key.private_pem().expose_secret().as_bytes()).expect("a PEM");
        let now = now_ms() / 1000;
        let claims = json!({ "iss": APP.to_string(), "iat": now - 60, "exp": now + 300 });
        let jwt = jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256), &claims, &key).expect("signed");
        call(&self.github, method, path, &format!("Bearer {jwt}"), &Value::Null).await.expect("an answer")
    }

    pub async fn mint(&self, name: &str) -> String {
        let body = json!({ "name": name, "runner_group_id": 1, "labels": ["self-hosted", "linux", "x64"] });
        let (status, answer) = self.api("POST", "/orgs/octo-org/actions/runners/generate-jitconfig", &body).await;
        assert_eq!(status, 201, "{answer}");
        answer["encoded_jit_config"].as_str().expect("a configuration").to_owned()
    }

    fn install(&self, name: &str) -> PathBuf {
        let binaries =
            Binaries { listener: env!("CARGO_BIN_EXE_stand-in-listener").into(), worker: env!("CARGO_BIN_EXE_stand-in-worker").into() };
        let folder = self.folder(name);
        install_runner(&folder, &binaries, &self.github.endpoint()).expect("installed");
        folder
    }

    pub async fn configure(&self, name: &str, options: &[&str], token: &str) -> bool {
        Command::new(self.install(name).join("config.sh"))
            .args(options)
            .env("ACTIONS_RUNNER_INPUT_TOKEN", token)
            .status()
            .await
            .expect("started")
            .success()
    }

    pub fn start(&self, name: &str, jit: &str, environment: &[(&str, &str)]) -> Running {
        let folder = self.install(name);
        let mut command = Command::new(folder.join("run.sh"));
        command.env_clear().env("PATH", "/usr/bin:/bin").envs(environment.iter().copied());
        if !jit.is_empty() {
            command.env("ACTIONS_RUNNER_INPUT_JITCONFIG", jit);
        }
        let mut child = command
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("started");
        let mut errors = child.stderr.take().expect("piped");
        let (sender, told) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text).await;
            let _ = sender.send(text);
        });
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Running { child, lines, errors: Some(told) }
    }
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A started `run.sh`.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    errors: Option<tokio::sync::oneshot::Receiver<String>>,
}

impl Running {
    /// Waits for a line with this in it, on stdout or, after stdout's end, on stderr.
    pub async fn prints(&mut self, expected: &str) {
        let search = async {
            while let Some(line) = self.lines.next_line().await.expect("readable") {
                if line.contains(expected) {
                    return true;
                }
                if line.contains("stop the service") {
                    break;
                }
            }
            match self.errors.take() {
                Some(errors) => errors.await.is_ok_and(|text| text.contains(expected)),
                None => false,
            }
        };
        assert!(tokio::time::timeout(DEADLINE, search).await.expect("in time"), "never printed: {expected}");
    }

    pub async fn ends(&mut self) -> Option<i32> {
        tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("in time").expect("waited for").code()
    }

    fn pid(&self) -> Pid {
        self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).expect("running")
    }

    /// What a container's end sends to its first process.
    pub fn signal(&self) {
        kill_process(self.pid(), Signal::TERM).expect("sent");
    }

    /// What a host's end does to all.
    pub fn kill(&self) {
        kill_process_group(self.pid(), Signal::KILL).expect("sent");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

async fn call(github: &GithubHandle, method: &str, path: &str, authorization: &str, body: &Value) -> Option<(u16, Value)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(github.address()).await.expect("connected");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {authorization}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}

/// Takes webhooks, and checks their signatures by itself.
async fn receive(inbox: Arc<Mutex<Inbox>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://hooks.localhost:{}/webhook", listener.local_addr().expect("bound").port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let inbox = Arc::clone(&inbox);
            tokio::spawn(async move {
                let Some((head, body)) = request(&mut stream).await else { return };
                let header = |name: &str| {
                    head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim_start_matches([':', ' ']).to_owned()
                };
                let webhook = Webhook {
                    event: header("x-github-event"),
                    signed: header("x-hub-signature-256") == signature(SECRET, &body),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                let status = {
                    let mut inbox = inbox.lock().expect("whole");
                    if inbox.refuse > 0 {
                        inbox.refuse -= 1;
                        "503 Service Unavailable"
                    } else {
                        inbox.webhooks.push(webhook);
                        "202 Accepted"
                    }
                };
                let _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await;
            });
        }
    });
    url
}

async fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
            if read.len() >= end + 4 + length {
                return Some((head, read[end + 4..end + 4 + length].to_vec()));
            }
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}
