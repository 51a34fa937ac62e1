//! `cargo xtask sim`: builds the simulation as quick code and runs it. What it can be asked is the simulation's own to say.

use std::time::{SystemTime, UNIX_EPOCH};

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

/// The stories that every test run tells: the same each time, so that a change which breaks one of them is seen. With their build, about two minutes on two cores.
const FIXED: u64 = 1_200;

/// Stories that nobody has heard: few, since what they find need not be the change's.
const FRESH: u64 = 50;

/// Fresh seeds begin here or later: well beyond the fixed ones.
const FRESH_FROM: u64 = 1_000_000;

/// Tells the fixed stories, then some fresh ones, whose seeds it prints.
pub async fn check(project: &Project) -> Outcome {
    let tell = |seed: u64, seeds: u64| {
        process::watched(simulation(project, &["--seed".to_owned(), seed.to_string(), "--seeds".to_owned(), seeds.to_string()]))
    };
    tell(1, FIXED).await?;
    // The clock is as good as any: two runs shall not tell the same, nothing more.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fresh = FRESH_FROM + since.as_secs() % FRESH_FROM * FRESH;
    println!("fresh stories: cargo xtask sim --seed {fresh} --seeds {FRESH}");
    tell(fresh, FRESH).await
}

fn simulation(project: &Project, arguments: &[String]) -> Command {
    let mut cargo = process::command("cargo");
    cargo
        .args(["run", "--quiet", "--profile", "sim", "--package", "fargate-runners-sim", "--"])
        .args(arguments)
        .current_dir(project.root());
    cargo
}
