//! `bin/Runner.Worker`: does one job. It takes as long as the job says, and runs the job's step so that a test can look around in there.

use std::fs::File;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
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
        .spawn();
    let Ok(child) = started else { return false };
    let child = group.0.insert(child);
    child.wait().await.is_ok_and(|status| status.success())
}

/// The processes of a step. They end with the worker's job, whatever ends it.
///
/// They stay in the process group of whoever started `run.sh`, as a container's processes stay in their container: who ends that ends all.
struct Group(Option<Child>);

impl Drop for Group {
    fn drop(&mut self) {
        let Some(root) = self.0.as_ref().and_then(Child::id) else { return };
        for process in family(root) {
            if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
                // It may have just ended by itself.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// A process and all that descend from it.
fn family(root: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(u32, u32)> = processes.filter_map(|entry| with_parent(entry.file_name().to_str()?)).collect();
    let mut found = vec![root];
    let mut looked_at = 0;
    while let Some(&parent) = found.get(looked_at) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
        looked_at += 1;
    }
    found
}

fn with_parent(process: &str) -> Option<(u32, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may hold anything, parentheses and blanks too.
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    Some((process.parse().ok()?, parent))
}
