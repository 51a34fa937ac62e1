//! `cargo xtask sim`: builds the simulation as quick code and runs it. What it can be asked is the simulation's own to say.

use clap::Args;
use tokio::process::Command;

use crate::problem::Outcome;
use crate::process;
use crate::project::Project;

/// What the simulation is asked.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Passed on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs it.
pub async fn run(project: &Project, arguments: &Arguments) -> Outcome {
    process::watched(simulation(project, &arguments.arguments)).await
}

fn simulation(project: &Project, arguments: &[String]) -> Command {
    let mut cargo = process::command("cargo");
    cargo
        .args(["run", "--quiet", "--profile", "sim", "--package", "fargate-runners-sim", "--"])
        .args(arguments)
        .current_dir(project.root());
    cargo
}
