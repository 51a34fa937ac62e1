//! `cargo xtask bench`: builds the functions as they are deployed, builds the bench as quick code, and runs it. What it measures is the bench's own to say.

use std::env;

pub use fargate_runners_bench::Arguments;
use fargate_runners_bench::HELLO;

use crate::packages;
use crate::problem::Outcome;
use crate::process;
use crate::project::Project;
use crate::stack::functions::Architecture;
use crate::tools::Tools;

/// Builds what is measured, and measures it.
pub async fn run(project: &Project, arguments: &Arguments) -> Outcome {
    if arguments.measures() && !arguments.no_build {
        let tools = Tools::install(project).await?;
        let mut wanted = vec![HELLO];
        wanted.extend(arguments.functions());
        println!("Building {} as deployed; the first time that takes ten minutes and more", wanted.join(", "));
        packages::build(project, &tools, Architecture::of_this_machine(), &wanted).await?;
    }
    let mut cargo = process::command("cargo");
    cargo.args(["run", "--quiet", "--profile", "sim", "--package", "fargate-runners-bench", "--manifest-path"]);
    cargo.arg(project.path("Cargo.toml")).arg("--");
    // The words after `bench`, as they were typed: the bench reads them in the same way, and its paths are meant from here.
    cargo.args(env::args_os().skip(2)).arg("--root").arg(project.root()).arg("--packages").arg(project.target().join("packages"));
    process::watched(cargo).await
}
