//! Services: which desired counts have drifted, and which services nobody needs any more.

use crate::fleet::Fleet;
use crate::ids::ServiceName;
use crate::record::{Slot, View};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// After a change that `scale` asked for, a count says nothing for this long: what was read of ECS may be older.
pub const QUIET_FOR: Duration = Duration::from_secs(120);

/// An empty service of a replaced revision is kept for this long, so that a roll-back by CloudFormation finds it.
pub const EMPTY_FOR: Duration = Duration::from_secs(3600);

/// Whether the count that ECS has is another than `scale` asked for, or `scale` has not known for long what ECS has.
#[must_use]
pub fn has_drifted(view: &View, service: &ServiceName, desired: u32, now: Timestamp) -> bool {
    let state = view.state.get();
    if now.since(state.changed_at) < QUIET_FOR {
        return false;
    }
    match state.services.get(service) {
        Some(known) if known.applied.is_none() => now.since(state.asked_at) >= QUIET_FOR,
        Some(known) => known.applied == Some(known.desired) && known.desired != desired,
        None => desired > 0,
    }
}

/// Whether nobody needs the service: a newer revision has replaced it, and it neither has nor wants tasks, by ECS's word and by the ledger's. The current
/// revision's is the fleet's stack's own, also where the launch mode leaves it unused.
#[must_use]
pub fn is_spent(view: &View, fleet: &Fleet, service: &ServiceName, desired: u32, tasks: u32) -> bool {
    let wanted = view.state.get().services.get(service).is_some_and(|known| known.desired > 0 || known.applied != Some(0));
    let used = view.tasks.values().map(Slot::get).any(|task| task.stop.is_none() && task.service.as_ref() == Some(service));
    let current = fleet.service() == Some(service) || fleet.task_definition.service() == service.as_str();
    !current && desired == 0 && tasks == 0 && !wanted && !used
}

/// Services that nobody needs, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent(BTreeMap<ServiceName, Timestamp>);

impl Spent {
    /// Notes which services nobody needs now; returns those that were so for long enough to be deleted.
    pub fn note(&mut self, spent: &[ServiceName], now: Timestamp) -> Vec<ServiceName> {
        self.0.retain(|service, _| spent.contains(service));
        for service in spent {
            self.0.entry(service.clone()).or_insert(now);
        }
        self.0.iter().filter(|(_, since)| now.since(**since) >= EMPTY_FOR).map(|(service, _)| service.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::description;
    use crate::state::ServiceState;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_secs(100_000);

    fn service(revision: u32) -> ServiceName {
        ServiceName::parse(&format!("runners-default-{revision}")).unwrap()
    }

    fn view(desired: u32, applied: Option<u32>) -> View {
        let fleet = Fleet::parse(&description(&[])).unwrap();
        let mut view = View::new(fleet.name);
        view.state.get_mut().services.insert(service(3), ServiceState { desired, applied, ..ServiceState::default() });
        view
    }

    #[test]
    fn a_count_has_drifted_once_nobody_is_changing_it() {
        assert!(has_drifted(&view(2, Some(2)), &service(3), 5, NOW));
        assert!(!has_drifted(&view(2, Some(2)), &service(3), 2, NOW));
        let mut unknown = view(2, None);
        assert!(has_drifted(&unknown, &service(3), 2, NOW), "nobody has known for long what ECS has");
        unknown.state.get_mut().asked_at = NOW;
        assert!(!has_drifted(&unknown, &service(3), 5, NOW + Duration::from_secs(119)));
        assert!(has_drifted(&view(2, Some(2)), &service(2), 1, NOW));
        assert!(!has_drifted(&view(2, Some(2)), &service(2), 0, NOW));
        let mut busy = view(2, Some(2));
        busy.state.get_mut().changed_at = NOW;
        assert!(!has_drifted(&busy, &service(3), 5, NOW + Duration::from_secs(119)));
    }

    #[test]
    fn a_service_is_spent_when_it_is_replaced_and_empty() {
        let fleet = Fleet::parse(&description(&[])).unwrap();
        assert!(is_spent(&view(0, Some(0)), &fleet, &service(2), 0, 0));
        assert!(!is_spent(&view(0, Some(0)), &fleet, &service(3), 0, 0), "the current one");
        assert!(!is_spent(&view(0, Some(0)), &fleet, &service(2), 0, 1));
        assert!(!is_spent(&view(0, Some(0)), &fleet, &service(2), 1, 0));
    }

    #[test]
    fn the_current_service_of_a_fleet_that_does_not_use_it_is_never_spent() {
        let fleet = Fleet::parse(&description(&[("launch_mode", json!("tasks")), ("service", json!(""))])).unwrap();
        assert!(!is_spent(&view(0, Some(0)), &fleet, &service(3), 0, 0));
        assert!(is_spent(&view(0, Some(0)), &fleet, &service(2), 0, 0));
    }

    #[test]
    fn a_spent_service_is_kept_for_an_hour_without_a_break() {
        let mut spent = Spent::default();
        assert!(spent.note(&[service(1)], NOW).is_empty());
        assert!(spent.note(&[], NOW + Duration::from_secs(60)).is_empty());
        assert!(spent.note(&[service(1)], NOW + EMPTY_FOR).is_empty());
        assert_eq!(spent.note(&[service(1)], NOW + EMPTY_FOR + EMPTY_FOR), [service(1)]);
    }
}
