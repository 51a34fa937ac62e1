//! Desired counts that CloudFormation or a person has changed: `scale` is told, and asks for its own again. And what else a service shows to be wrong.

use super::round::Round;
use super::{Outcome, Ports, Sweep, SweepError};
use crate::ports::{Bus, Clock, SeenService, Survey};
use fargate_runners_core::events::{Event, ServiceDrifted};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::sweep::services::has_drifted;
use std::sync::Arc;

impl<P: Ports> Sweep<P> {
    pub(super) async fn drift(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        // The ledger first: a count that `scale` changes in between is then only asked for once more.
        let mut view = self.listed(round, &fleet.name).await?;
        let mut services = self.services_of(fleet, round).await?;
        if services.iter().any(|seen| has_drifted(&view, &seen.name, seen.desired, self.clock.now())) {
            // Both anew, in the same order: `scale` may have changed the count itself since the list was read.
            round.services.remove(&fleet.name);
            view = self.view(round, &fleet.name).await?;
            services = self.services_of(fleet, round).await?;
        }
        let now = self.clock.now();
        for seen in services.iter() {
            if let Some(trouble) = &seen.trouble {
                metrics::counter!("PlacementsFailed").increment(1);
                tracing::error!(fleet = %fleet.name, service = %seen.name, trouble, "ECS cannot place the tasks of a service");
            }
            if has_drifted(&view, &seen.name, seen.desired, now) {
                let meant = view.state.get().services.get(&seen.name).map_or(0, |known| known.desired);
                tracing::warn!(fleet = %fleet.name, service = %seen.name, desired = seen.desired, meant, "somebody has changed a desired count; it is put right");
                let drifted = ServiceDrifted { fleet: fleet.name.clone(), service: seen.name.clone(), desired: seen.desired, at: now };
                self.bus.publish(&[Event::ServiceDrifted(drifted)]).await?;
                outcome.healed();
            }
        }
        if let Some(current) = fleet.service().filter(|current| services.iter().all(|seen| seen.name != **current)) {
            metrics::counter!("ServicesMissing").increment(1);
            tracing::error!(fleet = %fleet.name, service = %current, "ECS does not have the fleet's service: deploy the fleet's stack again");
        }
        Ok(())
    }

    /// The fleet's services at ECS, read once a sweep.
    pub(super) async fn services_of(&self, fleet: &Fleet, round: &mut Round) -> Result<Arc<Vec<SeenService>>, SweepError> {
        if let Some(services) = round.services.get(&fleet.name) {
            return Ok(Arc::clone(services));
        }
        let services = Arc::new(self.survey.services(fleet).await?);
        round.services.insert(fleet.name.clone(), Arc::clone(&services));
        Ok(services)
    }
}
