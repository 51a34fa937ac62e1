//! What is left of a container: processes that left their group (a daemon, a `setsid`) still carry the container's environment, or sit in its folder.
//!
//! Somebody may look into such a folder from a terminal meanwhile; a shell there is none of ours.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, getsid, kill_process};

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
    let inside = || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    // A zombie has neither folder nor environment, and is nobody's to kill.
    let has_it = fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| contains(&environment, marker.as_bytes()));
    has_it || (inside() && !sits_at_another_terminal(pid))
}

/// Whether a process has a terminal that is not this process's: containers have ours or, after a `setsid`, none.
fn sits_at_another_terminal(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // After the name, which may hold anything, come: state, parent, group, session, terminal.
    let fields: Vec<i32> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(1).map_while(|field| field.parse().ok()).collect();
    let (session, terminal) = (fields.get(2).copied(), fields.get(3).copied());
    let ours = getsid(None).ok().map(|sid| sid.as_raw_nonzero().get());
    terminal.is_some_and(|terminal| terminal != 0) && session != ours
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && text.windows(wanted.len()).any(|window| window == wanted)
}
