//! `cargo xtask protocols`: builds the exhaustive checks of the protocols as quick code and runs them.

use crate::problem::Outcome;
use crate::process;
use crate::project::Project;

/// Runs them.
pub async fn run(project: &Project) -> Outcome {
    let mut cargo = process::command("cargo");
    cargo.args(["run", "--quiet", "--profile", "sim", "--package", "fargate-runners-protocol-checks"]).current_dir(project.root());
    process::watched(cargo).await
}
