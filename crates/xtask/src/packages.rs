//! The functions as they are deployed, built by cargo-lambda, as programs and as packages.

use std::path::PathBuf;

use crate::problem::Outcome;
use crate::process;
use crate::project::Project;
use crate::stack::functions::Architecture;
use crate::tools::Tools;

/// Builds these packages, and gives the folder that has a folder for each, with `bootstrap` and `bootstrap.zip`. Of a first build that is some ten minutes,
/// of a build after nothing has changed some seconds.
pub async fn build(project: &Project, tools: &Tools, architecture: Architecture, packages: &[&str]) -> Outcome<PathBuf> {
    let folder = project.target().join("packages");
    for package in packages {
        // The second one finds everything compiled.
        for format in ["zip", "binary"] {
            let mut cargo = tools.command("cargo-lambda");
            cargo.args(["lambda", "build", "--release", "--output-format", format, "--lambda-dir"]).arg(&folder);
            cargo.args(architecture.for_cargo_lambda()).current_dir(project.path("crates").join(package));
            cargo.env("CARGO_TARGET_DIR", project.target());
            process::watched(cargo).await?;
        }
    }
    Ok(folder)
}
