//! Putting the stand-in runner into a folder, laid out like GitHub's.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const RUN: &str = include_str!("run.sh");
const CONFIG: &str = include_str!("config.sh");

/// The two programs, as cargo built them.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// `stand-in-listener`
    pub listener: PathBuf,
    /// `stand-in-worker`
    pub worker: PathBuf,
}

impl Binaries {
    /// Those in the same folder as a program, if they were built.
    #[must_use]
    pub fn beside(program: &Path) -> Option<Self> {
        let folder = program.parent()?;
        let found = Self { listener: folder.join("stand-in-listener"), worker: folder.join("stand-in-worker") };
        (found.listener.is_file() && found.worker.is_file()).then_some(found)
    }
}

/// Writes `run.sh`, `config.sh` and the programs under their real names. `server` is the model's address; a runner that is configured by a
/// registration token goes there, whatever host its `--url` names.
pub fn install_runner(folder: &Path, binaries: &Binaries, server: &str) -> io::Result<()> {
    let programs = folder.join("bin");
    fs::create_dir_all(&programs)?;
    place(&binaries.listener, &programs.join("Runner.Listener"))?;
    place(&binaries.worker, &programs.join("Runner.Worker"))?;
    for (name, script) in [("run.sh", RUN), ("config.sh", CONFIG)] {
        let path = folder.join(name);
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    fs::write(folder.join(".server"), server)
}

/// A hard link where that is possible: a hundred folders then cost nothing. The name is what makes the process's name.
fn place(program: &Path, target: &Path) -> io::Result<()> {
    match fs::remove_file(target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::hard_link(program, target).or_else(|_| fs::copy(program, target).map(|_| ()))
}
