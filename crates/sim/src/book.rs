//! The fleets as their stacks describe them, now and before, and what people did to them: the truth that functions read late, and that the oracle needs.

use crate::engine::Millis;
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::labels::Labels;
use fargate_runners_model_github::Job;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The cluster of every story.
pub const CLUSTER: &str = "arn:aws:ecs:eu-west-1:111122223333:cluster/runners";

/// What a fleet is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetPlan {
    /// Its name.
    pub name: String,
    /// `org/NAME` or `repo/OWNER/NAME`.
    pub scope: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether it scales a service; else it launches tasks.
    pub service: bool,
    /// Its maximum.
    pub maximum: u32,
    /// Its warm runners.
    pub warm: u32,
    /// Percent of its tasks on Spot.
    pub spot_percent: u32,
    /// Seconds of a lease.
    pub lease_seconds: u32,
    /// The revision of its task definition.
    pub revision: u32,
}

impl FleetPlan {
    /// The family of its task definitions.
    #[must_use]
    pub fn family(&self) -> String {
        format!("runners-{}", self.name)
    }

    /// The ARN of its current task definition.
    #[must_use]
    pub fn task_definition(&self) -> String {
        format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/{}:{}", self.family(), self.revision)
    }

    /// The name of its current service.
    #[must_use]
    pub fn service_name(&self) -> String {
        format!("{}-{}", self.family(), self.revision)
    }

    fn describe(&self) -> Option<Fleet> {
        let description = json!({
            "fleet": self.name, "scope": self.scope, "credential": "default", "labels": self.labels,
            "launch_mode": if self.service { "service" } else { "tasks" }, "maximum": self.maximum, "warm": self.warm,
            "task_role": format!("runners-{}-task", self.name), "cluster": CLUSTER, "task_definition": self.task_definition(),
            "service": self.service_name(), "spot_percent": self.spot_percent, "subnets": ["subnet-1"], "lease_seconds": self.lease_seconds,
        });
        Fleet::parse(&description.to_string()).ok()
    }
}

/// The fleets' descriptions.
#[derive(Debug, Default)]
pub struct FleetBook {
    plans: BTreeMap<String, FleetPlan>,
    fleets: Vec<Fleet>,
    maxima: Vec<(Millis, String, u32)>,
    taken: BTreeSet<String>,
}

impl FleetBook {
    /// Writes a fleet's description, as its stack does.
    pub fn describe(&mut self, now: Millis, plan: FleetPlan) {
        self.maxima.push((now, plan.name.clone(), plan.maximum));
        self.plans.insert(plan.name.clone(), plan);
        self.read_again();
    }

    /// Removes a fleet's description and rule.
    pub fn remove(&mut self, name: &str) {
        self.plans.remove(name);
        self.read_again();
    }

    fn read_again(&mut self) {
        self.fleets = self.plans.values().filter_map(FleetPlan::describe).collect();
    }

    /// The fleets as they are described now.
    #[must_use]
    pub fn fleets(&self) -> Vec<Fleet> {
        self.fleets.clone()
    }

    /// The same, to look at.
    #[must_use]
    pub fn all(&self) -> &[Fleet] {
        &self.fleets
    }

    /// What a fleet is made from now.
    #[must_use]
    pub fn plan(&self, name: &str) -> Option<&FleetPlan> {
        self.plans.get(name)
    }

    /// Whether a fleet's rule is there.
    #[must_use]
    pub fn has_rule(&self, name: &str) -> bool {
        self.plans.contains_key(name)
    }

    /// How long a lease of the fleet lasts.
    #[must_use]
    pub fn lease_of(&self, name: &str) -> Millis {
        self.plans.get(name).map_or(30_000, |plan| u64::from(plan.lease_seconds) * 1000)
    }

    /// The highest maximum that a fleet had since a time.
    #[must_use]
    pub fn highest_maximum_since(&self, name: &str, since: Millis) -> u32 {
        let of_it = || self.maxima.iter().filter(|(_, fleet, _)| fleet == name);
        let in_force = of_it().rfind(|(at, ..)| *at <= since);
        let later = of_it().filter(|(at, ..)| *at > since);
        in_force.into_iter().chain(later).map(|(.., maximum)| *maximum).max().unwrap_or(0)
    }

    /// People took this task away.
    pub fn take(&mut self, task_id: &str) {
        self.taken.insert(task_id.to_owned());
    }

    /// Whether people took this task away.
    #[must_use]
    pub fn is_taken_by_people(&self, task_id: &str) -> bool {
        self.taken.contains(task_id)
    }

    /// Whether some fleet is there for a job.
    #[must_use]
    pub fn has_fleet_for(&self, job: &Job) -> bool {
        let Ok(labels) = Labels::parse(job.labels.iter().map(String::as_str)) else { return false };
        if labels.is_empty() {
            return false;
        }
        self.fleets.iter().any(|fleet| fleet.labels.fit(&labels) && admits(&fleet.scope, &job.owner, &job.name))
    }
}

fn admits(scope: &Scope, owner: &str, name: &str) -> bool {
    match scope {
        Scope::Organisation(organisation) => organisation == owner,
        Scope::Repository(repository) => repository.as_str() == format!("{owner}/{name}"),
        Scope::Enterprise(_) => false,
    }
}
