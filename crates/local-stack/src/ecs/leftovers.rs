//! What is left of a container: processes that left their group (a daemon, a `setsid`) still carry the container's environment, or sit in its folder.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Killing goes on while new ones appear, but not for ever.
const ROUNDS: usize = 5;

/// Kills every process with this text in its environment or with its working folder in here. Returns how many it found.
pub(super) fn kill(marker: &str, folder: &Path) -> usize {
    let mut found = 0;
    for _ in 0..ROUNDS {
        let alive = find(marker, folder);
        if alive.is_empty() {
            break;
        }
        found += alive.len();
        for pid in alive {
            // It may have ended since; that is what was wanted.
            _ = kill_process(pid, Signal::KILL);
        }
    }
    found
}

fn find(marker: &str, folder: &Path) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).filter(|pid| *pid != own);
    pids.filter(|pid| belongs(*pid, marker, folder)).filter_map(Pid::from_raw).collect()
}

fn belongs(pid: i32, marker: &str, folder: &Path) -> bool {
    let inside = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    // A zombie has neither folder nor environment, and is nobody's to kill.
    inside || fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| contains(&environment, marker.as_bytes()))
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && text.windows(wanted.len()).any(|window| window == wanted)
}
