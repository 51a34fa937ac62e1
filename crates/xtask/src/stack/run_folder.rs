//! The folder of one run of the local stack: its logs, and everything else that is written while it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::problem::Outcome;
use crate::project::Project;

/// Runs whose folders are kept, this one included: enough to compare with, and no pile.
const RUNS_KEPT: usize = 5;

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the next one, and removes the oldest.
    pub fn create(project: &Project) -> Outcome<Self> {
        let runs = project.runs();
        fs::create_dir_all(&runs)?;
        remove_oldest(&runs)?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let path = runs.join(format!("{seconds}-{}", std::process::id()));
        for part in ["tmp", "home", "tasks", "functions"] {
            fs::create_dir_all(path.join(part))?;
        }
        let latest = runs.join("latest");
        let _ = fs::remove_file(&latest);
        std::os::unix::fs::symlink(&path, &latest)?;
        Ok(Self { path })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `sam` and cargo said while the stack came up.
    pub fn setup_log(&self) -> PathBuf {
        self.path.join("setup.log")
    }

    /// What the emulator said.
    pub fn emulator_log(&self) -> PathBuf {
        self.path.join("emulator.log")
    }

    /// What the GitHub and ECS models saw and did.
    pub fn events_log(&self) -> PathBuf {
        self.path.join("events.log")
    }

    /// The events that the control plane published.
    pub fn bus_log(&self) -> PathBuf {
        self.path.join("bus.log")
    }

    /// What was printed to the person.
    pub fn output_log(&self) -> PathBuf {
        self.path.join("output.log")
    }

    /// One log for each function, fetched from the emulator's CloudWatch Logs.
    pub fn functions(&self) -> PathBuf {
        self.path.join("functions")
    }

    /// One log and one home folder for each task.
    pub fn tasks(&self) -> PathBuf {
        self.path.join("tasks")
    }

    /// For programs that want to write where nobody looks.
    pub fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// A home without any settings in it.
    pub fn home(&self) -> PathBuf {
        self.path.join("home")
    }
}

fn remove_oldest(runs: &Path) -> Outcome {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(runs)?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir() && !path.is_symlink()).collect();
    folders.sort();
    let too_many = (folders.len() + 1).saturating_sub(RUNS_KEPT);
    for folder in folders.iter().take(too_many) {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
