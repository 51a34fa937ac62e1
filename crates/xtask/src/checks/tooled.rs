//! The checks that need the pinned tools.

use std::fs;
use std::path::PathBuf;

use crate::account;
use crate::problem::{Outcome, Problem};
use crate::process;

use super::check::Context;

/// The files that CloudFormation reads.
const TEMPLATES: [&str; 4] = ["template.yaml", "fleet.yaml", "observability.yaml", "docs/examples/chat.yaml"];

/// The scripts of the repository that are files of their own.
const SCRIPTS: [&str; 1] = [".ci/run"];

/// Prints the start script, which lives in a template.
const EXTRACT_START_SCRIPT: &str = "tests/start-script/extract_start_script.py";

/// SAM's two validations (each finds what the other passes), and cfn-lint.
pub async fn templates(context: &mut Context<'_>) -> Outcome {
    let tools = context.tools().await?;
    for template in TEMPLATES {
        // The default settings have `--lint` in them.
        for manner in [&["--config-env", "local"][..], &["--lint"][..]] {
            let mut sam = tools.command("sam");
            sam.args(["validate", "--region", account::REGION, "--template-file", template]).args(manner);
            account::none(sam.current_dir(context.project.root()));
            process::watched(sam).await?;
        }
    }
    let mut lint = tools.command("cfn-lint");
    lint.args(TEMPLATES).current_dir(context.project.root());
    process::watched(lint).await
}

/// shellcheck, also of the script that is part of a template.
pub async fn shell(context: &mut Context<'_>) -> Outcome {
    let tools = context.tools().await?;
    let mut extract = tools.python();
    extract.arg(context.project.path(EXTRACT_START_SCRIPT)).env("PYTHONDONTWRITEBYTECODE", "1");
    let script = context.project.target().join("start-script.sh");
    fs::create_dir_all(context.project.target())?;
    fs::write(&script, process::read(extract).await?)?;
    let mut shellcheck = tools.command("shellcheck");
    shellcheck.arg("--shell=bash").args(SCRIPTS).arg(script).current_dir(context.project.root());
    process::watched(shellcheck).await
}

/// Every folder of tests/ that has tests in Python.
pub async fn python(context: &mut Context<'_>) -> Outcome {
    let tools = context.tools().await?;
    let folders = fs::read_dir(context.project.path("tests"))?.flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = folders.filter(|folder| folder.is_dir()).collect();
    folders.sort();
    if folders.is_empty() {
        return Err(Problem::new("there is nothing in tests/"));
    }
    let mut failed = Vec::new();
    for folder in folders {
        let mut tests = tools.python();
        tests.args(["-m", "unittest", "discover", "--start-directory"]).arg(&folder).env("PYTHONDONTWRITEBYTECODE", "1");
        account::none(tests.current_dir(context.project.root()));
        if let Err(problem) = process::watched(tests).await {
            failed.push(problem.to_string());
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Problem::new(failed.join("; "))) }
}

/// A command of this program in a process of its own, so that nothing that it does to itself ends the other checks.
pub async fn itself(arguments: &[&str]) -> Outcome {
    let mut command = process::command(std::env::current_exe()?);
    command.args(arguments);
    process::watched(command).await
}
