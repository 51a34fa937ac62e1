//! Says what is being done while the stack comes up: a line for each step, with the time that it took.

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use crate::problem::Outcome;

/// Does one step, with its name before it and its time after it.
pub async fn step<T>(name: &str, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let live = std::io::stdout().is_terminal();
    if live {
        print!("  … {name}");
        let _ = std::io::stdout().flush();
    }
    let started = Instant::now();
    let outcome = work.await;
    let (mark, begin) = (if outcome.is_ok() { '✓' } else { '✗' }, if live { "\r\x1b[2K" } else { "" });
    println!("{begin}  {mark} {name} ({:.1} s)", started.elapsed().as_secs_f64());
    outcome
}
