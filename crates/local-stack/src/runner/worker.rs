//! `bin/Runner.Worker`: does one job. It takes as long as the job says, and runs the job's step so that a test can look around in there.

use std::fs::File;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::task::{Outcome, Task};

/// Hooks of the runner: the absolute path of a script.
const STARTED_HOOK: &str = "ACTIONS_RUNNER_HOOK_JOB_STARTED";
const COMPLETED_HOOK: &str = "ACTIONS_RUNNER_HOOK_JOB_COMPLETED";

/// The program.
#[must_use]
pub fn work() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return ExitCode::FAILURE };
    let outcome = runtime.block_on(run());
    // Nothing may keep the process: the read of stdin would, on a thread of its own.
    runtime.shutdown_background();
    ExitCode::from(outcome.code())
}

async fn run() -> Outcome {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return Outcome::Failed;
    };
    let mut input = BufReader::new(tokio::io::stdin());
    let mut line = String::new();
    if input.read_line(&mut line).await.is_err() {
        return Outcome::Failed;
    }
    let Ok(task) = serde_json::from_str::<Task>(&line) else { return Outcome::Failed };
    let mut group = Group(None);
    let mut rest = [0_u8; 1];
    tokio::select! {
        outcome = perform(&task, &mut group) => return outcome,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        // The listener is gone: nobody will ask for the result.
        _ = input.read(&mut rest) => {}
    }
    Outcome::Canceled
}

async fn perform(task: &Task, group: &mut Group) -> Outcome {
    let end = tokio::time::Instant::now() + Duration::from_millis(task.duration_ms);
    let mut good = task.conclusion == "success";
    if let Ok(hook) = std::env::var(STARTED_HOOK) {
        good &= shell(task, &hook, group).await;
    }
    if let (true, Some(step)) = (good, &task.step) {
        good &= shell(task, step, group).await;
    }
    tokio::time::sleep_until(end).await;
    if let Ok(hook) = std::env::var(COMPLETED_HOOK) {
        good &= shell(task, &hook, group).await;
    }
    if good { Outcome::Succeeded } else { Outcome::Failed }
}

async fn shell(task: &Task, command: &str, group: &mut Group) -> bool {
    let diagnostics = Path::new("_diag");
    let log =
        std::fs::create_dir_all(diagnostics).and_then(|()| File::options().create(true).append(true).open(diagnostics.join("step.log")));
    let Ok(log) = log else { return false };
    let Ok(errors) = log.try_clone() else { return false };
    let started = Command::new("bash")
        .args(["-c", command])
        .envs([
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_JOB", task.title.clone()),
            ("GITHUB_RUN_ID", task.job.to_string()),
            ("RUNNER_NAME", task.runner_name.clone()),
            ("RUNNER_OS", "Linux".to_owned()),
        ])
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0)
        .spawn();
    let Ok(child) = started else { return false };
    let child = group.0.insert(child);
    child.wait().await.is_ok_and(|status| status.success())
}

/// The processes of a step. They end with the worker, whatever ends it.
struct Group(Option<Child>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // None is left if the step has just ended.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
