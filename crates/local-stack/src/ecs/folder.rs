//! A fresh folder per task: its home with the runner program in it, and the file of its output beside that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a task's home is.
pub(super) fn home_of(work_folder: &Path, task_id: &str) -> PathBuf {
    work_folder.join(task_id).join("home")
}

/// Where a task's output goes.
pub(super) fn log_of(work_folder: &Path, task_id: &str) -> PathBuf {
    work_folder.join(task_id).join("output.log")
}

/// Makes a task's home as a copy of the runner's folder. Files are linked where that works: a runner is large, and nobody writes into its program files.
pub(super) fn prepare(runner_folder: &Path, work_folder: &Path, task_id: &str) -> io::Result<PathBuf> {
    let home = home_of(work_folder, task_id);
    copy(runner_folder, &home)?;
    Ok(home)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
