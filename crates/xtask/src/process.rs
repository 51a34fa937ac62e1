//! Runs other programs, with errors that name what was run.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::problem::{Outcome, Problem};

/// The last lines of a program's output that are worth repeating when it fails.
const LINES_WORTH_REPEATING: usize = 30;

/// A command that ends with its owner: dropped, it is killed.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// Runs it with its output going straight to the person.
pub async fn watched(mut command: Command) -> Outcome {
    let words = words(&command);
    let status = command.status().await.map_err(|error| not_started(&words, &error))?;
    if status.success() { Ok(()) } else { Err(Problem::new(format!("`{words}` ended with {status}"))) }
}

/// Runs it and gives what it printed on its standard output.
pub async fn read(mut command: Command) -> Outcome<String> {
    let words = words(&command);
    let output = command.output().await.map_err(|error| not_started(&words, &error))?;
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
    let status = command.status().await.map_err(|error| not_started(&words, &error))?;
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
