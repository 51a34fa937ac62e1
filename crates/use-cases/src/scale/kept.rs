//! What is done with events that come while nothing could follow from them: ECS was asked for a change a moment ago, and the next one waits for company. Such
//! a batch is written, with the records that it is about, and the look at the whole fleet is left to a wake-up within a second: it reads all that counts,
//! which in a burst is the burst. Nothing is decided here, and nothing rests on what a process remembers: the write goes through only if the fleet's record is
//! still the one that this process wrote last.

use super::Scale;
use super::look::{commit, tell_events};
use crate::measure;
use crate::ports::{Bus, Capacity, Clock, CommitError, DeadLetters, FleetQueue, Fleets, Ledger, PortError, WakeUp};
use fargate_runners_core::apply::{apply, take_losses};
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::news::Awaited;
use fargate_runners_core::plan::{PutOff, put_off};
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
        let Some(mut state) = self.kept.take(name) else { return Ok(false) };
        if events.iter().any(asks_for_a_look) {
            return Ok(false);
        }
        let Some(put_off) = put_off(state.get_mut(), now) else { return Ok(false) };
        let mut view = View { state, ..View::new(name.clone()) };
        self.read_what_they_are_about(&mut view, events, false, now).await?;
        let awaited = Awaited::of(&view, events);
        for event in events {
            apply(&mut view, event, &self.stack, now);
        }
        let losses = take_losses(&mut view, now);
        // A look that has read what counts before this, and writes after it, must begin anew.
        view.state.touch();
        // Before the commit, as in a look: one wake-up too many is harmless.
        if let PutOff::Wake(wait) = put_off
            && !self.look_again(name, wait).await
        {
            return Ok(false);
        }
        match commit(&self.ledger, &view.writes(), now).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Ok(false),
            Err(CommitError::Failed(error)) => return Err(error),
        }
        view.committed();
        tell_events(events);
        tracing::info!(fleet = %name, events = events.len(), "wrote down events; the fleet is looked at within a second");
        measure::news(name, &awaited.told(&view));
        self.report(losses).await;
        self.kept.put(view.state);
        Ok(true)
    }
}

/// Whether an event is not about a job or a task, but wants the fleet to be looked at.
const fn asks_for_a_look(event: &Event) -> bool {
    matches!(event, Event::LookAgain(_) | Event::ServiceDrifted(_))
}
