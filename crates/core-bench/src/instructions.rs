//! Instructions instead of time: the same on every machine and on a busy one. Counted by valgrind, where it is installed, in a process for each size.

use std::io;
use std::process::Command;

/// By this name the profiler finds what is measured (`operations::measured`).
const MEASURED: &str = "*operations*measured*";

/// Why there is no count.
#[derive(Debug, thiserror::Error)]
pub enum Uncounted {
    /// Valgrind could not be run.
    #[error("valgrind counts the instructions, and cannot be run")]
    Valgrind(#[from] io::Error),
    /// It said something else.
    #[error("valgrind did not say how many instructions it counted")]
    Unsaid,
}

/// Instructions of one run of an operation at a size.
pub fn count(operation: &str, size: usize) -> Result<u64, Uncounted> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(std::env::current_exe()?)
        .args([operation, "--once", &size.to_string()])
        .output()?;
    said(&String::from_utf8_lossy(&output.stderr)).ok_or(Uncounted::Unsaid)
}

/// From `==123== Collected : 456`.
fn said(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.split_once("Collected :"))?.1.trim().parse().ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn the_count_is_read_where_there_is_one() {
        assert_eq!(said("==7== Events    : Ir\n==7== Collected : 20480\n"), Some(20_480));
        assert_eq!(said("==7== Collected : 0\n"), None, "nothing was found by its name");
        assert_eq!(said("valgrind: failed"), None);
    }
}
