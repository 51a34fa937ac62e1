//! When somebody wants this program to end.

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
