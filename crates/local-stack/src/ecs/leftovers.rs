//! What is left of a container: processes that left their group (a daemon, a `setsid`) still carry the container's environment, or sit in its folder.
//!
//! Somebody may look into such a folder from a terminal meanwhile; a shell there is none of ours.

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
    let inside = || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    // A zombie has neither folder nor environment, and is nobody's to kill.
    let has_it = fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| contains(&environment, marker.as_bytes()));
    has_it || (inside() && !sits_at_another_terminal(pid))
}

/// Whether a process has a terminal that is not this process's: containers have ours or, after a `setsid`, none.
fn sits_at_another_terminal(pid: i32) -> bool {
    let Some((session, terminal)) = seat(&pid.to_string()) else { return false };
    let ours = seat("self").map(|(session, _)| session);
    terminal != 0 && Some(session) != ours
}

/// A process's session and terminal (`proc(5)`, `/proc/pid/stat`). Where the session began outside of this PID namespace, as in a container that somebody
/// entered, its number is 0: not a process, so that `getsid` has no answer for it.
fn seat(pid: &str) -> Option<(i32, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    seat_in(&stat)
}

fn seat_in(stat: &str) -> Option<(i32, i32)> {
    // After the name, which may hold anything, come: state, parent, group, session, terminal.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(3).map(|field| field.parse().ok());
    Some((fields.next()??, fields.next()??))
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && text.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_began_outside_of_the_namespace_has_the_number_0() {
        assert_eq!(seat_in("71 (a) b (c) S 0 71 0 34816 71 4194560 1 2"), Some((0, 34816)));
        assert_eq!(seat_in("71 (bash) S 1 71 71 0 -1 4194560"), Some((71, 0)));
        assert_eq!(seat_in("71 (bash"), None);
        assert_eq!(seat("0"), None);
    }

    #[test]
    fn this_process_sits_at_its_own_terminal() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(seat("self").is_some());
        assert!(!sits_at_another_terminal(own));
    }
}
