//! What people do in the middle of a story. Each kind draws from its fault's own chances.

use crate::book::FleetPlan;
use crate::engine::Millis;
use crate::faults::{Fault, Faults};
use crate::plan::fleets::UNASKED;
use crate::plan::{Act, MINUTE};
use crate::story::BEGIN;

/// The label that fleets get in the middle.
pub const NEW_LABEL: &str = "green";

/// What people do, by time: none in the first eighth of the story, nor so late that it is not over when the faults end.
pub fn draw(fleets: &[FleetPlan], spare: Option<FleetPlan>, length: Millis, faults: &Faults) -> Vec<(Millis, Act)> {
    let mut acts = Vec::new();
    let at = |fault: Fault| BEGIN + faults.between(fault, length / 8, length * 6 / 8);
    let choose = |fault: Fault, fleets: &[&FleetPlan]| fleets[index(faults, fault, fleets.len())].clone();
    let all: Vec<&FleetPlan> = fleets.iter().collect();
    let services: Vec<&FleetPlan> = fleets.iter().filter(|fleet| fleet.service).collect();
    let strikes = |fault: Fault| faults.strikes(fault, BEGIN);

    if strikes(Fault::FunctionsDeployed) {
        acts.push((at(Fault::FunctionsDeployed), Act::DeployFunctions));
    }
    if strikes(Fault::RevisionDeployed) {
        let fault = Fault::RevisionDeployed;
        for _ in 0..=index(faults, fault, 3) {
            acts.push((at(fault), Act::DeployRevision(choose(fault, &all).name)));
        }
    }
    if let Some(fleet) = spare
        && strikes(Fault::FleetAdded)
    {
        acts.push((at(Fault::FleetAdded), Act::AddFleet(fleet)));
    }
    if fleets.len() > 1 && strikes(Fault::FleetRemoved) {
        let fault = Fault::FleetRemoved;
        let (fleet, at, drained) = (choose(fault, &all), at(fault), index(faults, fault, 2) == 0);
        acts.push((at, Act::RemoveFleet { name: fleet.name, drained }));
        if index(faults, fault, 5) < 2 {
            acts.push((at + faults.between(fault, 10 * MINUTE, 40 * MINUTE), Act::AddFleet(fleet)));
        }
    }
    let large: Vec<&FleetPlan> = fleets.iter().filter(|fleet| fleet.maximum > 1).collect();
    // It strikes where more runs by then.
    if !large.is_empty() && faults.is_drawn(Fault::MaximumLowered, BEGIN) {
        let fault = Fault::MaximumLowered;
        let (fleet, at) = (choose(fault, &large), at(fault));
        let lowered = 1 + u32::try_from(faults.between(fault, 0, u64::from(fleet.maximum / 3))).unwrap_or(0);
        acts.push((at, Act::LowerMaximum(fleet.name, lowered.min(fleet.maximum - 1))));
        if index(faults, fault, 5) < 3 {
            let again = [fleet.maximum, fleet.maximum.saturating_add(5)][index(faults, fault, 2)];
            acts.push((at + faults.between(fault, 10 * MINUTE, 60 * MINUTE), Act::SetMaximum(fleet.name, again)));
        }
    }
    if strikes(Fault::LabelsChanged) {
        let fleet = choose(Fault::LabelsChanged, &all);
        let mut labels: Vec<&'static str> = fleet.labels.iter().copied().filter(|label| *label != UNASKED).collect();
        labels.push(NEW_LABEL);
        acts.push((at(Fault::LabelsChanged), Act::SetLabels(fleet.name, labels)));
    }
    if !services.is_empty() && strikes(Fault::DesiredChanged) {
        let fault = Fault::DesiredChanged;
        for _ in 0..=index(faults, fault, 2) {
            let fleet = choose(fault, &services);
            let desired = u32::try_from(faults.between(fault, 0, u64::from(fleet.maximum) + 3)).unwrap_or(0);
            acts.push((at(fault), Act::SetDesired(fleet.name, desired)));
        }
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}

fn index(faults: &Faults, fault: Fault, count: usize) -> usize {
    usize::try_from(faults.between(fault, 0, count.saturating_sub(1) as u64)).unwrap_or(0)
}
