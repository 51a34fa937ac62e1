//! `cargo xtask sizes`: builds the functions as they are deployed, and prints how large each package is.
//!
//! A command of its own, because optimising for size takes a quarter of an hour.

use std::fs;
use std::path::Path;

use crate::packages;
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::project::Project;
use crate::stack::functions::{Architecture, FUNCTIONS};
use crate::tools::Tools;

/// The most that a package may have, zipped: start-up time grows with it.
const LARGEST_PACKAGE_BYTES: u64 = 3_000_000;

/// The Rust target of what is deployed by default.
const ARM64_TARGET: &str = "aarch64-unknown-linux-gnu";

/// Prints the sizes; an error when a package is too large.
pub async fn run(project: &Project) -> Outcome {
    let tools = Tools::install(project).await?;
    let architecture = if has_arm64_target().await? { Architecture::Arm64 } else { Architecture::of_this_machine() };
    println!("Building for {}, as deployed", architecture.in_a_template());
    print(&packages::build(project, &tools, architecture, &FUNCTIONS).await?)
}

fn print(packages: &Path) -> Outcome {
    let mut too_large = Vec::new();
    println!("{:<12} {:>12}", "function", "zipped bytes");
    for function in FUNCTIONS {
        let bytes = fs::metadata(packages.join(function).join("bootstrap.zip"))?.len();
        println!("{function:<12} {bytes:>12}");
        if bytes > LARGEST_PACKAGE_BYTES {
            too_large.push(function);
        }
    }
    if too_large.is_empty() {
        return Ok(());
    }
    Err(Problem::new(format!("larger than {LARGEST_PACKAGE_BYTES} bytes: {}", too_large.join(", "))))
}

async fn has_arm64_target() -> Outcome<bool> {
    let mut rustc = process::command("rustc");
    rustc.args(["--print", "sysroot"]);
    let root = process::read(rustc).await?;
    Ok(Path::new(root.trim()).join("lib/rustlib").join(ARM64_TARGET).exists())
}
