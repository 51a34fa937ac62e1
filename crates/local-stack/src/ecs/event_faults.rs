//! What becomes of task events on their way: EventBridge promises to try, and to deliver some twice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Events {
    /// It is delivered.
    #[default]
    Delivered,
    /// It never arrives.
    Lost,
    /// It is delivered twice.
    Repeated,
}

/// What becomes of events now, and what was counted.
#[derive(Debug, Default)]
pub(super) struct EventFaults {
    now: Mutex<Events>,
    lost: AtomicU64,
    repeated: AtomicU64,
}

impl EventFaults {
    pub(super) fn set(&self, events: Events) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = events;
    }

    /// How often the next event is delivered.
    pub(super) fn copies(&self) -> usize {
        match *self.now.lock().unwrap_or_else(PoisonError::into_inner) {
            Events::Delivered => 1,
            Events::Lost => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                0
            }
            Events::Repeated => {
                self.repeated.fetch_add(1, Ordering::Relaxed);
                2
            }
        }
    }

    /// Lost and repeated.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.lost.load(Ordering::Relaxed), self.repeated.load(Ordering::Relaxed))
    }
}
