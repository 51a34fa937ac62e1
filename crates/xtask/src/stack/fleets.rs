//! The two fleets of the local stack, one in each launch mode, and the template parameters that make them.

use super::Size;
use super::deploy::CONTROL_PLANE;
use super::functions::Architecture;
use super::world::ORGANIZATION;

/// A lease this short is not for real use, where every renewal is a call: here somebody watches.
const LEASE_SECONDS: &str = "5";

/// How a fleet's tasks are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LaunchMode {
    /// An ECS service whose desired count is scaled.
    Service,
    /// RunTask for each wanted task.
    Tasks,
}

impl LaunchMode {
    /// Its name in a template.
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Tasks => "tasks",
        }
    }
}

/// A fleet of the local stack.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    /// Its name.
    pub name: &'static str,
    /// How its tasks are started.
    pub mode: LaunchMode,
    /// The labels of its runners. No job fits both fleets, so that a person sees which one answers.
    pub labels: [&'static str; 3],
}

/// The first comes with the control plane, the second is deployed beside it.
pub const FLEETS: [Fleet; 2] = [
    Fleet { name: "default", mode: LaunchMode::Service, labels: ["self-hosted", "linux", "x64"] },
    Fleet { name: "bursts", mode: LaunchMode::Tasks, labels: ["self-hosted", "linux", "bursts"] },
];

/// What `template.yaml` is deployed with.
pub fn control_plane_parameters(github: &str, size: Size) -> Vec<(&'static str, String)> {
    let mut parameters = fleet_parameters(&FLEETS[0], github, size);
    parameters.push(("FunctionArchitecture", Architecture::of_this_machine().in_a_template().into()));
    parameters
}

/// What `fleet.yaml` is deployed with.
pub fn second_fleet_parameters(github: &str, size: Size) -> Vec<(&'static str, String)> {
    let mut parameters = fleet_parameters(&FLEETS[1], github, size);
    parameters.push(("ControlPlane", CONTROL_PLANE.into()));
    parameters
}

fn fleet_parameters(fleet: &Fleet, github: &str, size: Size) -> Vec<(&'static str, String)> {
    vec![
        ("Fleet", fleet.name.into()),
        ("Scope", format!("org/{ORGANIZATION}")),
        ("Labels", fleet.labels.join(",")),
        ("ApiUrl", github.into()),
        ("LaunchMode", fleet.mode.name().into()),
        ("Maximum", size.maximum.to_string()),
        ("SpotPercent", size.spot_percent.to_string()),
        ("Memory", size.memory.to_string()),
        ("LeaseSeconds", LEASE_SECONDS.into()),
    ]
}
