//! Builds the functions with the real `sam build`, on a profile that is quick to build unless somebody wants them as they are deployed: those are optimised for
//! size, which takes a quarter of an hour and shows nothing in a trial but what its invocations would be billed.
//!
//! Each function is built by cargo-lambda first, where a person can watch cargo work; `sam build` hides that, and then finds everything built.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::account;
use crate::problem::{Outcome, Problem};
use crate::process;
use crate::project::Project;
use crate::tools::Tools;

pub use fargate_runners_bench::FUNCTIONS;

/// The quick profile, in cargo's own settings.
const QUICK: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "true"),
];

/// How functions are built for a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quickly.
    Quick,
    /// As they are deployed.
    Deployed,
}

impl Profile {
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Quick => &QUICK,
            Self::Deployed => &[],
        }
    }
}

/// The processor that functions are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Graviton: what is deployed unless somebody says otherwise.
    Arm64,
    /// Intel and AMD.
    X86,
}

impl Architecture {
    /// The one of this machine, which runs the functions itself.
    pub fn of_this_machine() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86 }
    }

    /// Its name in a template.
    pub fn in_a_template(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }

    /// What SAM passes to cargo-lambda for it.
    pub fn for_cargo_lambda(self) -> &'static [&'static str] {
        match self {
            Self::Arm64 => &["--arm64"],
            Self::X86 => &[],
        }
    }
}

/// Compiles every function, showing cargo at work.
pub async fn compile(project: &Project, tools: &Tools, profile: Profile) -> Outcome {
    for function in FUNCTIONS {
        let mut cargo = tools.command("cargo-lambda");
        cargo.args(["lambda", "build", "--release"]).args(Architecture::of_this_machine().for_cargo_lambda());
        cargo.current_dir(project.path("crates").join(function));
        set(&mut cargo, project, profile);
        process::watched(cargo).await?;
    }
    Ok(())
}

/// Lets SAM build what was compiled, and gives the folder with the templates that are ready to be deployed.
pub async fn build(project: &Project, tools: &Tools, profile: Profile, log: &Path) -> Outcome<PathBuf> {
    let folder = project.functions_build();
    let mut sam = tools.command("sam");
    account::none(&mut sam);
    sam.args(["build", "--template-file", "template.yaml", "--build-dir"]).arg(&folder).arg("--parameter-overrides");
    sam.arg(format!("FunctionArchitecture={}", Architecture::of_this_machine().in_a_template()));
    sam.current_dir(project.root());
    set(&mut sam, project, profile);
    process::logged(sam, log).await?;
    if folder.join("template.yaml").exists() { Ok(folder) } else { Err(Problem::new("`sam build` made no template")) }
}

fn set(command: &mut Command, project: &Project, profile: Profile) {
    let target = match profile {
        Profile::Quick => project.functions_target(),
        // Where `sizes` and `bench` build the same.
        Profile::Deployed => project.target().to_owned(),
    };
    command.envs(profile.settings().iter().copied()).env("CARGO_TARGET_DIR", target);
    // What `cargo run` tells the program that it runs is not meant for the cargo that this program runs.
    for name in std::env::vars_os().map(|(name, _)| name).filter(|name| is_of_cargo_run(name)) {
        command.env_remove(name);
    }
}

fn is_of_cargo_run(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO" || name == "CARGO_PRIMARY_PACKAGE"
}
