//! What is done with jobs that arrive while nothing could follow from them: ECS was asked for a change a moment ago, the next one waits for company, and the
//! wake-up that brings the fleet back is under way. Such a batch is written, and not looked at: a look reads all that counts, which in a burst is the burst.
//! Nothing is ever decided here, and nothing rests on what a process remembers: the write goes through only if the fleet's record is still the one that this
//! process wrote last.

use super::Scale;
use super::look::{commit, tell_events};
use crate::ports::{Bus, Capacity, Clock, CommitError, DeadLetters, FleetQueue, Fleets, Ledger, PortError, WakeUp};
use fargate_runners_core::apply::{apply, is_taken_for_new};
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::plan::is_about_to_be_looked_at;
use fargate_runners_core::record::{Slot, View};
use fargate_runners_core::state::FleetState;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The fleets' own records as a process wrote them last. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<BTreeMap<FleetName, Slot<FleetState>>>>);

impl Kept {
    /// Takes a fleet's record out: whoever fails on the way leaves nothing behind that may be out of date.
    fn take(&self, fleet: &FleetName) -> Option<Slot<FleetState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(fleet)
    }

    pub(super) fn put(&self, state: Slot<FleetState>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(state.get().fleet.clone(), state);
    }
}

impl<L, P, F, B, W, Q, D, C> Scale<L, P, F, B, W, Q, D, C>
where
    L: Ledger,
    P: Capacity,
    F: Fleets,
    B: Bus,
    W: WakeUp,
    Q: FleetQueue,
    D: DeadLetters,
    C: Clock,
{
    /// Whether the events are dealt with by being written. If not, nothing has been done about them.
    pub(super) async fn has_noted(&self, name: &FleetName, events: &[Event]) -> Result<bool, PortError> {
        let now = self.clock.now();
        let Some(state) = self.kept.take(name).filter(|state| is_about_to_be_looked_at(state.get(), now)) else { return Ok(false) };
        if !events.iter().all(is_taken_for_new) {
            return Ok(false);
        }
        let mut view = View { state, ..View::new(name.clone()) };
        for event in events {
            apply(&mut view, event, &self.stack, now);
        }
        // A look that has read what counts before this, and writes after it, must begin anew.
        view.state.touch();
        match commit(&self.ledger, &view.writes(), now).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Ok(false),
            Err(CommitError::Failed(error)) => return Err(error),
        }
        view.committed();
        tell_events(events);
        tracing::info!(fleet = %name, jobs = events.len(), "wrote down jobs; the fleet is looked at when the wake-up comes");
        self.kept.put(view.state);
        Ok(true)
    }
}
