//! `cargo xtask growth`: builds the measurements of the core as quick code and runs them. What they can be asked is theirs to say.

use clap::Args;

use crate::problem::Outcome;
use crate::process;
use crate::project::Project;

/// What the measurements are asked.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Passed on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs them.
pub async fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let mut cargo = process::command("cargo");
    cargo
        .args(["run", "--quiet", "--profile", "sim", "--package", "fargate-runners-core-bench", "--"])
        .args(&arguments.arguments)
        .current_dir(project.root());
    process::watched(cargo).await
}
