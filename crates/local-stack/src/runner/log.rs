//! The listener's lines, as the real one writes them.

use std::io::Write;

use fargate_runners_model_github::rfc3339;

use crate::github::now_ms;

/// A line of its own.
pub(super) fn plain(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: there is nobody left to tell either.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line with the time before it.
pub(super) fn timed(line: &str) {
    plain(&format!("{}: {line}", rfc3339(now_ms()).replace('T', " ")));
}
