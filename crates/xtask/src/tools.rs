//! The tools that the project brings along: a Python virtual environment of its own with the versions that `tools/requirements.txt` pins.
//!
//! Nothing is installed outside the project's folder, and nothing at all when the list has not changed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::problem::{Outcome, Problem};
use crate::process;
use crate::project::Project;

/// The programs that nobody brings along: what must be on the machine.
const NEEDED: [&str; 2] = ["curl", "jq"];

/// Pythons to try, the plain name first; 3.10 is the oldest that the emulator runs on.
const PYTHONS: [&str; 7] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/// The file beside the environment that says what it was made from.
const STAMP: &str = "made-from";

/// The installed tools.
#[derive(Debug, Clone)]
pub struct Tools {
    bin: PathBuf,
}

impl Tools {
    /// Makes sure that the tools are there, and says so when that takes a while.
    pub async fn install(project: &Project) -> Outcome<Self> {
        for program in NEEDED {
            require(program).await?;
        }
        let requirements = project.path("tools/requirements.txt");
        let wanted = fs::read(&requirements).map_err(|error| Problem::new(format!("{}: {error}", requirements.display())))?;
        let wanted = hex::encode(Sha256::digest(wanted));
        let folder = project.tools();
        let tools = Self { bin: folder.join("bin") };
        if fs::read_to_string(folder.join(STAMP)).is_ok_and(|made_from| made_from == wanted) {
            return Ok(tools);
        }

        println!("Installing the tools that tools/requirements.txt names into {} (once; a minute or two)", folder.display());
        make_environment(&folder).await?;
        let mut pip = tools.python();
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--requirement"]);
        process::watched(with(pip, [requirements.as_os_str()]))
            .await
            .map_err(|problem| problem.next("see what pip says above; a package index must be in reach"))?;
        fs::write(folder.join(STAMP), wanted)?;
        Ok(tools)
    }

    /// Where an installed program lies.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// One of the installed programs, with the environment's folder first on its path (cargo-lambda finds its linker by that).
    pub fn command(&self, program: &str) -> Command {
        let mut command = process::command(self.program(program));
        command.env("PATH", self.path()).env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        command
    }

    /// The environment's Python.
    pub fn python(&self) -> Command {
        self.command("python")
    }

    /// The search path with the environment's programs first.
    pub fn path(&self) -> OsString {
        let rest = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.bin.clone()).chain(env::split_paths(&rest));
        env::join_paths(folders).unwrap_or(rest.clone())
    }
}

async fn require(program: &str) -> Outcome {
    let mut version = process::command(program);
    version.arg("--version");
    match process::read(version).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Problem::new(format!("{program} is needed and was not found"))
            .next(format!("install it with the system's package manager (on Debian or Ubuntu: apt-get install {program})"))),
    }
}

async fn make_environment(folder: &PathBuf) -> Outcome {
    let python = find_python().await?;
    let mut venv = process::command(&python);
    venv.args(["-m", "venv", "--clear"]).arg(folder);
    process::read(venv).await.map(drop).map_err(|problem| {
        Problem::new(format!("{python} cannot make a virtual environment: {problem}"))
            .next("install Python's venv module (on Debian or Ubuntu: apt-get install python3-venv)")
    })
}

async fn find_python() -> Outcome<String> {
    for python in PYTHONS {
        let mut probe = process::command(python);
        probe.args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]);
        if process::read(probe).await.is_ok() {
            return Ok(python.to_owned());
        }
    }
    Err(Problem::new("Python 3.10 or newer is needed and was not found")
        .next("install it (on Debian or Ubuntu: apt-get install python3 python3-venv) and see that `python3 --version` says 3.10 or more"))
}

fn with<'a>(mut command: Command, arguments: impl IntoIterator<Item = &'a std::ffi::OsStr>) -> Command {
    command.args(arguments);
    command
}
