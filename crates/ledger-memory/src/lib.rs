//! The ledger in memory, for the simulation and for tests; and the contract that every ledger passes, as tests in [`contract`].
//!
//! It keeps exactly the promises of the ports and no more. It never waits: each call is done before it returns.

pub mod contract;
mod pace;
mod records;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A ledger and a pace of mints in memory. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub struct MemoryLedger {
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    records: records::Records,
    paces: pace::Paces,
}

impl MemoryLedger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // What is held is changed only when nothing can go wrong any more.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
