//! When somebody wants this program to end.
//!
//! Waiting for it has an effect on everything that this program starts: a signal that is caught here has its usual meaning again in a new program, also where we
//! were started with Ctrl-C ignored (in a shell's background). The tasks' start script relies on that.

use tokio::signal::unix::{SignalKind, signal};

/// Returns on Ctrl-C, when the terminal is closed, or on a polite kill. Dropping what was being done then ends whatever it had started.
pub async fn interrupted() {
    tokio::select! {
        () = received(SignalKind::interrupt()) => {}
        () = received(SignalKind::terminate()) => {}
        () = received(SignalKind::hangup()) => {}
    }
}

async fn received(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}
