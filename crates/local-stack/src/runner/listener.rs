//! `bin/Runner.Listener`: connects, waits for a job, has a worker do it, reports its end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Child;
use tokio::signal::unix::{Signal as Incoming, SignalKind, signal};
use tokio::sync::mpsc;

use super::child::{cancel, start_worker};
use super::configuration::{self, Configuration, JIT_VARIABLE};
use super::configure::configure;
use super::connection::Connection;
use super::log::{plain, timed};
use super::task::{Outcome, Task};
use super::{VERSION, exit};

/// Between two tries to connect.
const RETRY: Duration = Duration::from_secs(2);
/// How often it tries while another session holds the runner.
const CONFLICT_TRIES: u32 = 30;
/// How often it tries while nobody answers, before `run.sh` is asked to start it again.
const BROKEN_TRIES: u32 = 5;

/// The program.
#[must_use]
pub fn listen() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return ExitCode::from(exit::TERMINATED) };
    ExitCode::from(runtime.block_on(command(&arguments)))
}

async fn command(arguments: &[String]) -> u8 {
    let Ok(root) = configuration::root() else { return exit::TERMINATED };
    match arguments.first().map(String::as_str) {
        Some("configure") => configure(&root, &arguments[1..]).await,
        Some("--version") => {
            plain(VERSION);
            exit::DONE
        }
        Some("run") | None => run(root, arguments).await,
        Some(other) => {
            eprintln!("Unrecognized command-line input arguments: '{other}'.");
            exit::TERMINATED
        }
    }
}

async fn run(root: PathBuf, arguments: &[String]) -> u8 {
    let given = arguments.iter().position(|argument| argument == "--jitconfig").and_then(|at| arguments.get(at + 1)).cloned();
    let jit = given.or_else(|| std::env::var(JIT_VARIABLE).ok());
    let configuration = match configuration::read(&root, jit.as_deref()) {
        Ok(configuration) => configuration,
        Err(reason) => {
            eprintln!("{reason}");
            return exit::TERMINATED;
        }
    };
    let (Ok(interrupt), Ok(terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return exit::TERMINATED;
    };
    let connection = Connection::new(&configuration.server);
    let mut listener = Listener { root, connection, configuration, interrupt, terminate, session: 0, answers: mpsc::channel(1).1 };
    let code = listener.run().await;
    if code == exit::DONE && listener.configuration.ephemeral {
        configuration::remove(&listener.root);
    }
    code
}

struct Listener {
    root: PathBuf,
    connection: Connection,
    configuration: Configuration,
    interrupt: Incoming,
    terminate: Incoming,
    session: u64,
    answers: mpsc::Receiver<Answer>,
}

/// What a question for news brings.
type Answer = Result<(u16, Value), crate::loopback::Error>;

/// What ends the waiting for a job.
enum News {
    Job(Task),
    Signal,
    Gone,
    Broken,
}

/// What ends the waiting for a worker.
enum During {
    Worker(Outcome),
    Cancel,
    Gone,
    Nothing,
}

impl Listener {
    async fn run(&mut self) -> u8 {
        if let Err(code) = self.connect().await {
            return code;
        }
        plain("");
        plain("√ Connected to GitHub");
        plain("");
        plain(&format!("Current runner version: '{VERSION}'"));
        timed("Listening for Jobs");
        if self.configuration.updates {
            return self.update().await;
        }
        loop {
            match self.wait().await {
                News::Job(task) => {
                    let code = self.do_job(task).await;
                    if self.configuration.ephemeral || code != exit::DONE {
                        self.close().await;
                        return code;
                    }
                }
                News::Signal => {
                    plain("Exiting...");
                    self.close().await;
                    return exit::DONE;
                }
                News::Gone => return gone(),
                News::Broken => return exit::RETRYABLE,
            }
        }
    }

    async fn connect(&mut self) -> Result<(), u8> {
        let shown = json!({
            "runner_id": self.configuration.runner_id,
            "client_id": self.configuration.client_id,
            "version": VERSION,
        });
        let (mut conflicts, mut breaks) = (0, 0);
        loop {
            match self.connection.ask("POST", "sessions", &shown).await {
                Ok((200, answer)) => {
                    self.session = answer["session"].as_u64().unwrap_or_default();
                    self.answers = ask_for_news(self.connection.clone(), self.session);
                    return Ok(());
                }
                Ok((409, _)) => {
                    conflicts += 1;
                    eprintln!("A session for this runner already exists.");
                    if conflicts >= CONFLICT_TRIES {
                        return Err(exit::SESSION_CONFLICT);
                    }
                }
                Ok((404, _)) => return Err(gone()),
                Ok(_) | Err(_) => {
                    breaks += 1;
                    if breaks >= BROKEN_TRIES {
                        return Err(exit::RETRYABLE);
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                _ = self.interrupt.recv() => return Err(exit::DONE),
                _ = self.terminate.recv() => return Err(exit::DONE),
            }
        }
    }

    /// Nobody forbade updates: the listener fetches a newer one, ends, and is started again, as the old one if its folder was not kept.
    async fn update(&mut self) -> u8 {
        plain("Runner update in process, do not shutdown runner.");
        plain("Downloading the latest runner");
        self.close().await;
        exit::UPDATING
    }

    async fn wait(&mut self) -> News {
        let mut breaks = 0;
        loop {
            let answer = tokio::select! {
                Some(answer) = self.answers.recv() => answer,
                _ = self.interrupt.recv() => return News::Signal,
                _ = self.terminate.recv() => return News::Signal,
            };
            match answer {
                Ok((200, message)) if message["kind"] == "job" => {
                    if let Ok(task) = serde_json::from_value::<Task>(message) {
                        return News::Job(Task { runner_name: self.configuration.runner_name.clone(), ..task });
                    }
                }
                Ok((404, _)) => return News::Gone,
                Ok((200 | 204, _)) => breaks = 0,
                Ok(_) | Err(_) => {
                    breaks += 1;
                    if breaks >= BROKEN_TRIES {
                        return News::Broken;
                    }
                }
            }
        }
    }

    async fn do_job(&mut self, task: Task) -> u8 {
        timed(&format!("Running job: {}", task.title));
        let outcome = match start_worker(&self.root, &task).await {
            // The line to the worker stays open until its end.
            Ok((mut worker, _line)) => match self.attend(&mut worker).await {
                Some(outcome) => outcome,
                None => return gone(),
            },
            Err(error) => {
                eprintln!("The worker did not start: {error}");
                Outcome::Failed
            }
        };
        timed(&format!("Job {} completed with result: {}", task.title, outcome.printed()));
        let report = json!({ "job": task.job, "conclusion": outcome.reported() });
        // A report that is refused means that GitHub has given the job up already; the listener ends either way.
        let _ = self.connection.ask("POST", &format!("sessions/{}/finished", self.session), &report).await;
        exit::DONE
    }

    /// Waits for the worker's end, and cancels its job when told to. None: the registration is gone, and the worker with it.
    async fn attend(&mut self, worker: &mut Child) -> Option<Outcome> {
        loop {
            let news = tokio::select! {
                ended = worker.wait() => During::Worker(Outcome::of_code(ended.ok().and_then(|status| status.code()))),
                Some(answer) = self.answers.recv() => match answer {
                    Ok((200, message)) if message["kind"] == "cancel" => During::Cancel,
                    Ok((404, _)) => During::Gone,
                    Ok(_) | Err(_) => During::Nothing,
                },
                _ = self.interrupt.recv() => During::Cancel,
                _ = self.terminate.recv() => During::Cancel,
            };
            match news {
                During::Worker(outcome) => return Some(outcome),
                During::Cancel => return Some(cancel(worker).await),
                During::Gone => {
                    // Its group goes with it: the worker ends its step when it is interrupted.
                    cancel(worker).await;
                    return None;
                }
                During::Nothing => {}
            }
        }
    }

    async fn close(&mut self) {
        // If nobody answers, the server notices the silence.
        let _ = self.connection.ask("DELETE", &format!("sessions/{}", self.session), &Value::Null).await;
    }
}

/// Asks without pause, in a task of its own: a question that is given up half-way looks like a listener that died.
fn ask_for_news(connection: Connection, session: u64) -> mpsc::Receiver<Answer> {
    let (sender, answers) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let answer = connection.ask("GET", &format!("sessions/{session}/message"), &Value::Null).await;
            let (last, broken) = (matches!(answer, Ok((404, _))), answer.is_err());
            if sender.send(answer).await.is_err() || last {
                return;
            }
            if broken {
                tokio::time::sleep(RETRY).await;
            }
        }
    });
    answers
}

fn gone() -> u8 {
    eprintln!("Failed to create a session. The runner registration has been deleted from the server, please re-configure.");
    exit::TERMINATED
}
