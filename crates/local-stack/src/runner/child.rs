//! The worker, as its listener sees it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

use super::configuration::JIT_VARIABLE;
use super::task::{Outcome, Task};

/// How long a worker may take to end its job when told to.
const CANCEL_LIMIT: Duration = Duration::from_secs(10);

/// Starts the worker of a job. The line to it must stay open until its end.
pub(super) async fn start_worker(root: &Path, task: &Task) -> std::io::Result<(Child, ChildStdin)> {
    let mut worker = Command::new(root.join("bin/Runner.Worker"))
        .env_remove(JIT_VARIABLE)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    // Waiting for a child closes what it still holds of this, so it is taken out: its end tells the worker that its listener is gone.
    let mut stdin = worker.stdin.take().ok_or_else(|| std::io::Error::other("no line to the worker"))?;
    stdin.write_all(format!("{}\n", serde_json::to_string(task)?).as_bytes()).await?;
    Ok((worker, stdin))
}

/// Has the worker end its job.
pub(super) async fn cancel(worker: &mut Child) -> Outcome {
    if let Some(pid) = worker.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // It may have ended in this very moment, which is as good.
        let _ = kill_process(pid, Signal::INT);
    }
    let ended = tokio::time::timeout(CANCEL_LIMIT, worker.wait()).await;
    match ended {
        // It had done its job just before.
        Ok(Ok(status)) if Outcome::of_code(status.code()) == Outcome::Succeeded => return Outcome::Succeeded,
        // Also one that was so young that the signal ended it before it could listen.
        Ok(_) => {}
        Err(_) => drop(worker.kill().await),
    }
    Outcome::Canceled
}
