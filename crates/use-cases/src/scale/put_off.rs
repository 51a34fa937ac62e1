//! What is done with events that come to a large fleet while nothing need follow from them: they could raise nothing, or ECS was asked for a change a moment
//! ago, and the next one waits for company. Such a batch is written, with the records that it is about, and the look at the whole fleet is left to a wake-up
//! within some seconds: it reads all that counts, which in a burst is the burst. Nothing is decided here.

use super::Scale;
use super::look::commit;
use crate::ports::{Bus, Capacity, Clock, CommitError, DeadLetters, FleetQueue, Fleets, Ledger, PortError, WakeUp};
use fargate_runners_core::apply::may_raise;
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::plan::{PutOff, put_off};
use fargate_runners_core::record::{Key, View};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A look that reads more records than this is put off where it can be. As many take 14 read units, against one for the fleet's own record.
const MANY: usize = 100;

/// How large the fleets were when a process looked at them last: whether it is worth a read to find out that a look can be put off. Nothing but that rests on
/// it. Clones share it.
#[derive(Clone, Debug)]
pub struct Sizes {
    many: usize,
    seen: Arc<Mutex<BTreeMap<FleetName, usize>>>,
}

impl Default for Sizes {
    fn default() -> Self {
        Self::with_many(MANY)
    }
}

impl Sizes {
    /// Sizes of which this is the largest that counts as small.
    #[must_use]
    pub fn with_many(many: usize) -> Self {
        Self { many, seen: Arc::default() }
    }

    pub(super) fn saw(&self, fleet: &FleetName, records: usize) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(fleet.clone(), records);
    }

    /// How many records a large fleet had.
    fn of_a_large(&self, fleet: &FleetName) -> Option<usize> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(fleet).copied().filter(|records| *records > self.many)
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
    pub(super) async fn puts_off(&self, name: &FleetName, events: &[Event]) -> Result<bool, PortError> {
        let Some(records) = self.sizes.of_a_large(name).filter(|_| !events.iter().any(asks_for_a_look)) else { return Ok(false) };
        let now = self.clock.now();
        let mut view = View::new(name.clone());
        // In one read: mostly all of it is needed.
        let keys: Vec<Key> = std::iter::once(Key::Fleet(name.clone())).chain(self.keys_about(events, false)).collect();
        view.add(self.ledger.read(&keys, now).await?);
        let Some(put_off) = put_off(view.state.get_mut(), events.iter().any(may_raise), records, now) else { return Ok(false) };
        self.read_closed(&mut view, events, now).await?;
        let noted = self.noted(&mut view, events, now).await?;
        let taken_in = self.take_in(&mut view, &noted, events, now);
        // Also so that a look that has read what counts before this, and writes after it, begins anew.
        let state = view.state.get_mut();
        state.behind = state.behind.saturating_add(u32::try_from(events.len()).unwrap_or(u32::MAX));
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
        tracing::info!(fleet = %name, events = events.len(), "wrote down events; the fleet is looked at within seconds");
        self.tell_of(taken_in, &view, events).await;
        Ok(true)
    }
}

/// Whether an event is not about a job or a task, but wants the fleet to be looked at.
const fn asks_for_a_look(event: &Event) -> bool {
    matches!(event, Event::LookAgain(_) | Event::ServiceDrifted(_))
}
