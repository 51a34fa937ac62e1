//! A person at the command line: starts it, reads what it says, presses Ctrl-C. And at a browser, as far as a form goes.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::time::timeout;

use crate::account::{Account, STACK};

/// What takes longer hangs, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than this is not "at once".
const AT_ONCE: Duration = Duration::from_secs(5);

/// The command line at work.
pub struct Running {
    child: Child,
    /// Kept open, as a terminal is.
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStderr>>,
    said: String,
}

/// How it ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The program, with nothing in its environment but what it needs.
pub fn environment<'a>(command: &'a mut Command, account: &Account) -> &'a mut Command {
    command.env_clear().env("AWS_ENDPOINT_URL", account.endpoint()).env("AWS_REGION", "eu-west-1").env("FARGATE_RUNNERS_STACK", STACK);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("HOME", "/nonexistent").kill_on_drop(true)
}

impl Running {
    pub fn start(account: &Account, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fargate-runners"));
        environment(&mut command, account).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, err) = (child.stdin.take(), child.stderr.take().unwrap());
        Self { child, input, lines: BufReader::new(err).lines(), said: String::new() }
    }

    /// Reads on until it says so, and gives that line.
    pub async fn says(&mut self, wanted: &str) -> String {
        let looking = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push_str(&line);
                self.said.push('\n');
                if line.contains(wanted) {
                    return line;
                }
            }
            panic!("it ended without saying {wanted:?}, but: {}", self.said);
        };
        timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("it has not said {wanted:?}"))
    }

    /// Pipes this in, and no more.
    pub async fn enter(&mut self, text: &str) {
        self.input.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    /// Ctrl-C, as a terminal sends it; it ends at once.
    pub async fn press_ctrl_c(mut self) -> Ended {
        let pid = Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        // Nobody closes the terminal.
        let _open = self.input.take();
        timeout(AT_ONCE, self.rest()).await.expect("it does not end on Ctrl-C")
    }

    pub async fn ends(self) -> Ended {
        timeout(PATIENCE, self.rest()).await.expect("it does not end")
    }

    async fn rest(mut self) -> Ended {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).await.unwrap();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        Ended { code: self.child.wait().await.unwrap().code(), out, err: self.said }
    }
}

/// Asks for a page, or sends a form to one. Gives all of the answer.
pub async fn browse(address: &str, form: Option<&str>) -> String {
    let (authority, path) = address.trim_start_matches("http://").split_once('/').unwrap();
    let (method, form) = form.map_or(("GET", ""), |form| ("POST", form));
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
        form.len()
    );
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// Confirms on GitHub's page the App that the page of `setup` asks for, and comes back.
pub async fn makes_the_app(page: &str) {
    let form = browse(page, None).await;
    let value = |before: &str| {
        let text = form.split(before).nth(1).unwrap_or_else(|| panic!("no form, but: {form}")).split('"').next().unwrap();
        text.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    let (action, manifest) = (value("action=\""), value("name=\"manifest\" value=\""));
    let asked: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let confirmed = format!("name={}&manifest={}", encoded(asked["name"].as_str().unwrap()), encoded(&manifest));
    let answer = browse(&action.replace("/new?", "?"), Some(&confirmed)).await;
    let back = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_else(|| panic!("{answer}"));
    assert!(browse(back.trim(), None).await.starts_with("HTTP/1.1 303"));
}

fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| ['%'.into(), format!("{byte:02X}")]).collect()
}
