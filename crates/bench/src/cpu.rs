//! What the system knows of a process: the time that it has spent on processors, and the most memory that it has held.

use std::fs;
use std::time::{Duration, Instant};

/// How long a process may take to come to rest before it is read all the same.
const REST_WITHIN: Duration = Duration::from_millis(50);

/// Between two looks at whether it rests.
const LOOK_EVERY: Duration = Duration::from_micros(100);

/// The processor time of all its threads, once none of them runs: the kernel brings the account up to date when a thread goes to sleep. The ticks of
/// `/proc/PID/stat` have 10 ms; these are nanoseconds. Threads that have ended are not in it.
pub(crate) async fn used(process: u32) -> Duration {
    let give_up = Instant::now() + REST_WITHIN;
    while runs(process) && Instant::now() < give_up {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let nanoseconds = threads(process, "schedstat").iter().filter_map(|line| line.split(' ').next()?.parse::<u64>().ok()).sum();
    Duration::from_nanos(nanoseconds)
}

/// The most memory that it has held, in KiB.
pub(crate) fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

fn runs(process: u32) -> bool {
    // The state is the first letter after the name, which may hold anything, and stands in parentheses.
    threads(process, "stat").iter().any(|line| line.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R')))
}

fn threads(process: u32, file: &str) -> Vec<String> {
    let folders = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    folders.filter_map(|thread| fs::read_to_string(thread.path().join(file)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_has_used_time_and_memory() {
        assert!(peak_kib(std::process::id()) > 0);
        assert!(used(std::process::id()).await > Duration::ZERO);
        assert_eq!((peak_kib(0), used(0).await), (0, Duration::ZERO));
    }
}
