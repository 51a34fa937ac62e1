//! Fleets in which something may be due are looked at, whatever was lost: a wake-up, an event, an answer. The look goes through the fleet's own group.

use super::round::Round;
use super::{Outcome, Ports, Sweep, SweepError};
use crate::ports::{Clock, FleetQueue};
use fargate_runners_core::events::{Event, LookAgain};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::sweep::look::needs_look;

impl<P: Ports> Sweep<P> {
    pub(super) async fn nudge(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let view = self.listed(round, &fleet.name).await?;
        if needs_look(&view, fleet, self.clock.now()) {
            let look = Event::LookAgain(LookAgain::now(fleet.name.clone()));
            let id = format!("sweep-{}-{}", fleet.name, round.started.as_millis());
            self.queue.forward(&fleet.name, &id, &look.to_message()?).await?;
            outcome.healed();
        }
        Ok(())
    }
}
