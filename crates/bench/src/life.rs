//! One life of a function: it is started, asks for its first event, answers it, answers more of the same, and is killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::calls::Call;
use crate::cpu;
use crate::problem::Problem;
use crate::runtime_api::{Event, Heard, RuntimeApi};
use crate::subject::{Subject, environment};
use crate::world::World;

/// A function that does nothing for so long does not work. Instruments such as valgrind slow it down fifty times.
const PATIENCE: Duration = Duration::from_secs(60);

/// The end of a function's output that is repeated when it fails.
const LOG_BYTES: usize = 2_000;

/// How a function lives.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Warm calls, after the first.
    pub calls: usize,
    /// Where its output goes.
    pub log: PathBuf,
    /// What goes before its command: an instrument with its arguments.
    pub instrument: Vec<String>,
}

/// One invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// From giving the event to having the answer; of the first one, from the start of the process.
    pub took: Duration,
    /// The calls that it made.
    pub calls: Vec<Call>,
    /// The answer.
    pub answer: String,
}

/// What was seen of one life.
#[derive(Debug, Clone)]
pub struct Life {
    /// From the start of the process to its asking for the first event.
    pub ready: Duration,
    /// The first invocation.
    pub first: Invocation,
    /// Processor time until it came to rest after the first answer.
    pub first_cpu: Duration,
    /// The calls after the first.
    pub warm: Vec<Invocation>,
    /// Processor time of all warm calls together.
    pub warm_cpu: Duration,
    /// The most memory that it has held, in KiB.
    pub peak_kib: u64,
    /// What it has logged in all warm calls together, in bytes.
    pub warm_log_bytes: u64,
}

/// Lives once.
pub async fn live(subject: &Subject, world: &World, plan: &Plan) -> Result<Life, Problem> {
    let mut api = RuntimeApi::start().await?;
    world.renew();
    drop(world.take_calls());
    let event = world.spoken_of(&subject.event);
    let mut command = command(subject, world, plan, &api)?;
    let began = Instant::now();
    let child = command.spawn().map_err(Problem::machine(format!("starting {}", subject.command.join(" "))))?;
    let mut stage = Stage { subject, world, plan, api: &mut api, event: event.into(), child };
    let (asked, give) = stage.next().await?;
    let ready = asked.saturating_duration_since(began);
    let mut first = stage.invoke(0, give).await?;
    first.0.took = first.1.saturating_duration_since(began);

    let (_, mut give) = stage.next().await?;
    let first_cpu = stage.cpu().await;
    let log_before = stage.logged();
    let mut warm = Vec::with_capacity(plan.calls);
    for number in 1..=plan.calls {
        warm.push(stage.invoke(number, give).await?.0);
        (_, give) = stage.next().await?;
    }
    let warm_cpu = stage.cpu().await.saturating_sub(first_cpu);
    let warm_log_bytes = stage.logged() - log_before;
    let peak_kib = stage.process().map_or(0, cpu::peak_kib);
    stage.end(give).await;
    Ok(Life { ready, first: first.0, first_cpu, warm, warm_cpu, peak_kib, warm_log_bytes })
}

fn command(subject: &Subject, world: &World, plan: &Plan, api: &RuntimeApi) -> Result<Command, Problem> {
    let mut words = plan.instrument.iter().chain(&subject.command);
    let program = words.next().ok_or_else(|| Problem::Stage(format!("{} has no command", subject.name)))?;
    let log = File::create(&plan.log).map_err(Problem::machine(plan.log.display().to_string()))?;
    let errors = log.try_clone().map_err(Problem::machine(plan.log.display().to_string()))?;
    let mut command = Command::new(program);
    command.args(words).kill_on_drop(true).stdin(Stdio::null()).stdout(log).stderr(errors).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs(environment(&subject.name, &api.address().to_string(), &world.aws_url()));
    Ok(command)
}

type Give = tokio::sync::oneshot::Sender<Event>;

struct Stage<'a> {
    subject: &'a Subject,
    world: &'a World,
    plan: &'a Plan,
    api: &'a mut RuntimeApi,
    event: hyper::body::Bytes,
    child: Child,
}

impl Stage<'_> {
    /// Gives the event and takes the answer, with the time at which it was here.
    async fn invoke(&mut self, number: usize, give: Give) -> Result<(Invocation, Instant), Problem> {
        self.world.renew();
        let event = Event { id: format!("00000000-0000-4000-8000-{number:012}"), body: self.event.clone() };
        let given = Instant::now();
        let _ = give.send(event);
        match self.hear().await? {
            Heard::Answer { at, body } => {
                let answer = String::from_utf8_lossy(&body).into_owned();
                Ok((Invocation { took: at.saturating_duration_since(given), calls: self.world.take_calls(), answer }, at))
            }
            Heard::Next { .. } => Err(self.wrong("asked for another event before it had answered")),
            Heard::Failed(what) => Err(self.wrong(&format!("failed: {what}"))),
        }
    }

    async fn next(&mut self) -> Result<(Instant, Give), Problem> {
        match self.hear().await? {
            Heard::Next { at, give } => Ok((at, give)),
            Heard::Answer { .. } => Err(self.wrong("answered what it was not asked")),
            Heard::Failed(what) => Err(self.wrong(&format!("failed: {what}"))),
        }
    }

    async fn hear(&mut self) -> Result<Heard, Problem> {
        let heard = tokio::select! {
            heard = self.api.hear(PATIENCE) => heard,
            ended = self.child.wait() => return Err(self.wrong(&ended.map_or_else(|e| e.to_string(), |status| format!("ended with {status}")))),
        };
        heard.ok_or_else(|| self.wrong(&format!("did nothing for {} s", PATIENCE.as_secs())))
    }

    fn process(&self) -> Option<u32> {
        self.child.id()
    }

    async fn cpu(&self) -> Duration {
        match self.process() {
            Some(process) => cpu::used(process).await,
            None => Duration::ZERO,
        }
    }

    fn logged(&self) -> u64 {
        std::fs::metadata(&self.plan.log).map_or(0, |data| data.len())
    }

    /// Ends it by SIGTERM, which instruments write down their findings at.
    async fn end(mut self, give: Give) {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(process) = group {
            // An error says that it is gone already, which is what is wanted.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        drop(give);
    }

    fn wrong(&self, what: &str) -> Problem {
        let log = end_of(&self.plan.log);
        let log = if log.is_empty() { log } else { format!("; the end of its output:\n{log}") };
        Problem::Function { name: self.subject.name.clone(), what: what.to_owned(), log }
    }
}

fn end_of(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LOG_BYTES)..]).trim().to_owned()
}
