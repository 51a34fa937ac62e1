//! Services of replaced revisions: kept while they have tasks, and for an hour more; then deleted, never by force.

use super::round::Round;
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::ports::{Clock, Survey};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::ServiceName;
use fargate_runners_core::record::View;
use fargate_runners_core::sweep::services::{Spent, is_spent};

/// Deletions for a fleet in one sweep: DeleteService admits few calls a second, and nobody waits for it.
const DELETIONS_MAX: usize = 5;

impl<P: Ports> Sweep<P> {
    pub(super) async fn services(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let services = self.services_of(fleet, round).await?;
        let spent_by = |view: &View| -> Vec<ServiceName> {
            let spent = services.iter().filter(|seen| is_spent(view, fleet, &seen.name, seen.desired, seen.tasks));
            spent.map(|seen| seen.name.clone()).collect()
        };
        let mut spent = spent_by(&*self.listed(round, &fleet.name).await?);
        if !spent.is_empty() {
            // Anew: the list may be older than what ECS has said, and a service may have come into use in between.
            spent = spent_by(&*self.view(round, &fleet.name).await?);
        }
        let mut memo = self.recall::<Spent>(round, Healer::Services.name(), fleet.name.as_str()).await?;
        let due = memo.value.note(&spent, self.clock.now());
        self.keep(round, memo).await?;
        for service in due.iter().take(DELETIONS_MAX) {
            self.survey.delete_service(fleet, service).await?;
            tracing::info!(fleet = %fleet.name, service = %service, "the empty service of a replaced revision is deleted");
            outcome.healed();
        }
        Ok(())
    }
}
