//! Runs other programs, with errors that name what was run. Each leads a process group of its own, which ends with its owner: when we are interrupted, nothing
//! that a program had started goes on.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::problem::{Outcome, Problem};

/// The last lines of a program's output that are worth repeating when it fails.
const LINES_WORTH_REPEATING: usize = 30;

/// A command without input.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true).stdin(Stdio::null()).process_group(0);
    command
}

/// Runs it with its output going straight to the person.
pub async fn watched(mut command: Command) -> Outcome {
    let words = words(&command);
    let status = status(&mut command, &words).await?;
    if status.success() { Ok(()) } else { Err(Problem::new(format!("`{words}` ended with {status}"))) }
}

/// Runs it and gives what it printed on its standard output.
pub async fn read(mut command: Command) -> Outcome<String> {
    let words = words(&command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| not_started(&words, &error))?;
    let group = Group::of(&child);
    let output = child.wait_with_output().await?;
    group.has_ended();
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Problem::new(format!("`{words}` ended with {}:\n{}", output.status, said(&output))))
}

/// Runs it with all of its output going to a file, of which the end is repeated when it fails.
pub async fn logged(mut command: Command, log: &Path) -> Outcome {
    let words = words(&command);
    let file = File::options().create(true).append(true).open(log)?;
    command.stdout(file.try_clone()?).stderr(file);
    let status = status(&mut command, &words).await?;
    if status.success() {
        return Ok(());
    }
    let text = tokio::fs::read(log).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    Err(Problem::new(format!("`{words}` ended with {status}:\n{}", last_lines(&text))).next(format!("all of it is in {}", log.display())))
}

/// The end of a text, as far as it is worth repeating.
pub fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LINES_WORTH_REPEATING)..].join("\n")
}

async fn status(command: &mut Command, words: &str) -> Outcome<ExitStatus> {
    let mut child = command.spawn().map_err(|error| not_started(words, &error))?;
    let group = Group::of(&child);
    let status = child.wait().await?;
    group.has_ended();
    Ok(status)
}

/// The processes that a program has started; dropped, they are killed.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error says that it is gone already, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn said(output: &Output) -> String {
    let both = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    last_lines(&both)
}

fn words(command: &Command) -> String {
    let command = command.as_std();
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

fn not_started(words: &str, error: &std::io::Error) -> Problem {
    Problem::new(format!("`{words}` could not be started: {error}"))
}
