//! What becomes of task events on their way: EventBridge promises to try, and to deliver some twice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What may become of an event. Each goes on and off by itself; while both are on, events are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// It never arrives.
    Lost,
    /// It is delivered twice.
    Repeated,
}

/// What becomes of events now, and what was counted.
#[derive(Debug, Default)]
pub(super) struct EventFaults {
    lost: Switch,
    repeated: Switch,
}

#[derive(Debug, Default)]
struct Switch {
    on: AtomicBool,
    struck: AtomicU64,
}

impl Switch {
    /// Whether it is on; if so, it has struck once more.
    fn strikes(&self) -> bool {
        let on = self.on.load(Ordering::Relaxed);
        if on {
            self.struck.fetch_add(1, Ordering::Relaxed);
        }
        on
    }
}

impl EventFaults {
    pub(super) fn set(&self, events: Events, on: bool) {
        let switch = match events {
            Events::Lost => &self.lost,
            Events::Repeated => &self.repeated,
        };
        switch.on.store(on, Ordering::Relaxed);
    }

    /// How often the next event is delivered.
    pub(super) fn copies(&self) -> usize {
        if self.lost.strikes() {
            0
        } else if self.repeated.strikes() {
            2
        } else {
            1
        }
    }

    /// Lost and repeated.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.lost.struck.load(Ordering::Relaxed), self.repeated.struck.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_that_ends_leaves_the_other_on() {
        let faults = EventFaults::default();
        faults.set(Events::Lost, true);
        faults.set(Events::Repeated, true);
        assert_eq!(faults.copies(), 0);
        faults.set(Events::Lost, false);
        assert_eq!(faults.copies(), 2);
        faults.set(Events::Repeated, false);
        assert_eq!(faults.copies(), 1);
        assert_eq!(faults.counts(), (1, 1));
    }
}
