//! The fleets as their stacks describe them, now and before, and what people did to them: the truth that functions read late, and that the oracle needs.
//! It changes only by what people do; nothing in a story reads it but by a function's port.

use crate::engine::Millis;
use crate::plan::is_public;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::RepositoryName;
use fargate_runners_core::labels::Labels;
use fargate_runners_model_github::Job;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The cluster of every story.
pub const CLUSTER: &str = "arn:aws:ecs:eu-west-1:111122223333:cluster/runners";

/// A description that is older than this is known to every host: hosts go on with what they read for five minutes at most.
pub const KNOWN_AFTER: Millis = 6 * 60_000;

/// What a fleet is made from: the parameters of its stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetPlan {
    /// Its name.
    pub name: &'static str,
    /// `org/NAME` or `repo/OWNER/NAME`.
    pub scope: &'static str,
    /// The name of its credential.
    pub credential: &'static str,
    /// Its labels.
    pub labels: Vec<&'static str>,
    /// Its runner group, a number of the organisation's.
    pub runner_group: u64,
    /// Whether jobs of public repositories count.
    pub allow_public: bool,
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
    pub revision: u64,
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
        format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-{}:{}", self.name, self.revision)
    }

    /// The name of its current service; in launch mode `tasks` it is there too, and unused.
    #[must_use]
    pub fn service_name(&self) -> String {
        format!("runners-{}-{}", self.name, self.revision)
    }

    /// The description that its stack writes, as the functions read it; `None` for a plan that makes no sense.
    #[must_use]
    pub fn describe(&self) -> Option<Fleet> {
        let description = json!({
            "fleet": self.name, "scope": self.scope, "credential": self.credential, "labels": self.labels,
            "runner_group_id": self.runner_group, "allow_public_repositories": self.allow_public,
            "launch_mode": if self.service { "service" } else { "tasks" }, "maximum": self.maximum, "warm": self.warm,
            "task_role": format!("runners-{}-task", self.name), "cluster": CLUSTER, "task_definition": self.task_definition(),
            "service": if self.service { self.service_name() } else { String::new() }, "spot_percent": self.spot_percent,
            "subnets": ["subnet-1"], "security_groups": ["sg-1"], "lease_seconds": self.lease_seconds,
        });
        Fleet::parse(&description.to_string()).ok()
    }
}

/// What stood in a fleet's description from a time on; nothing where it was removed.
#[derive(Debug)]
struct Entry {
    from: Millis,
    name: &'static str,
    fleet: Option<Fleet>,
}

/// The fleets' descriptions and rules.
#[derive(Debug, Default)]
pub struct FleetBook {
    plans: BTreeMap<&'static str, FleetPlan>,
    /// The current descriptions, by name.
    fleets: Vec<Fleet>,
    rules: BTreeSet<&'static str>,
    history: Vec<Entry>,
    revisions: BTreeMap<&'static str, u64>,
    taken: BTreeSet<String>,
    by_hand: BTreeSet<String>,
}

impl FleetBook {
    /// A fleet that was there before the story began.
    pub fn begin_with(&mut self, plan: FleetPlan) {
        self.add_rule(plan.name);
        self.describe(0, plan);
    }

    /// Adds a fleet's rule: from here on its events reach its message group.
    pub fn add_rule(&mut self, name: &'static str) {
        self.rules.insert(name);
    }

    /// Writes a fleet's description, as its stack does.
    pub fn describe(&mut self, now: Millis, plan: FleetPlan) {
        let fleet = plan.describe();
        self.history.push(Entry { from: now, name: plan.name, fleet: fleet.clone() });
        self.fleets.retain(|known| known.name.as_str() != plan.name);
        self.fleets.extend(fleet);
        self.fleets.sort_by(|one, other| one.name.cmp(&other.name));
        let highest = self.revisions.entry(plan.name).or_default();
        *highest = plan.revision.max(*highest);
        self.plans.insert(plan.name, plan);
    }

    /// Removes a fleet's description.
    pub fn remove(&mut self, now: Millis, name: &'static str) {
        self.plans.remove(name);
        self.fleets.retain(|known| known.name.as_str() != name);
        self.history.push(Entry { from: now, name, fleet: None });
    }

    /// Removes a fleet's rule: its events go nowhere.
    pub fn remove_rule(&mut self, name: &str) {
        self.rules.remove(name);
    }

    /// A revision that no task definition of the fleet had yet.
    pub fn next_revision(&mut self, name: &'static str) -> u64 {
        let highest = self.revisions.entry(name).or_default();
        *highest += 1;
        *highest
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

    /// One of them.
    #[must_use]
    pub fn fleet(&self, name: &str) -> Option<&Fleet> {
        self.fleets.iter().find(|fleet| fleet.name.as_str() == name)
    }

    /// What a fleet is made from now.
    #[must_use]
    pub fn plan(&self, name: &str) -> Option<&FleetPlan> {
        self.plans.get(name)
    }

    /// Whether a fleet's rule is there.
    #[must_use]
    pub fn has_rule(&self, name: &str) -> bool {
        self.rules.contains(name)
    }

    /// Whether a fleet was ever removed: what it had is nobody's for a while, or for good.
    #[must_use]
    pub fn was_removed(&self, name: &str) -> bool {
        self.history.iter().any(|entry| entry.name == name && entry.fleet.is_none())
    }

    /// How long a lease of the fleet lasts; the template's default for one that is not described any more.
    #[must_use]
    pub fn lease_of(&self, name: &str) -> Millis {
        self.plans.get(name).map_or(30_000, |plan| u64::from(plan.lease_seconds) * 1000)
    }

    /// The highest maximum that a fleet had since a time.
    #[must_use]
    pub fn highest_maximum_since(&self, name: &str, since: Millis) -> u32 {
        self.since(name, since).map(|fleet| fleet.map_or(0, |fleet| fleet.maximum)).max().unwrap_or(0)
    }

    /// The most warm runners that a fleet was to have since a time.
    #[must_use]
    pub fn most_warm_since(&self, name: &str, since: Millis) -> u32 {
        self.since(name, since).map(|fleet| fleet.map_or(0, |fleet| fleet.warm)).max().unwrap_or(0)
    }

    /// People took this task away: what becomes of its job is no fault of the control plane.
    pub fn take(&mut self, task_id: &str) {
        self.taken.insert(task_id.to_owned());
    }

    /// Whether people took this task away.
    #[must_use]
    pub fn is_taken_by_people(&self, task_id: &str) -> bool {
        self.taken.contains(task_id)
    }

    /// Somebody sets this service's desired count by hand.
    pub fn change_by_hand(&mut self, service: &str) {
        self.by_hand.insert(service.to_owned());
    }

    /// The control plane has set this service's desired count: what somebody did by hand is over.
    pub fn puts_right(&mut self, service: &str) {
        self.by_hand.remove(service);
    }

    /// Whether somebody set this service's desired count by hand, and nobody has put it right yet.
    #[must_use]
    pub fn is_changed_by_hand(&self, service: &str) -> bool {
        self.by_hand.contains(service)
    }

    /// Whether some fleet was there for a job all the time since it was queued, and is still; and none that it may have gone to was removed meanwhile.
    #[must_use]
    pub fn has_fleet_for(&self, job: &Job) -> bool {
        let Ok(labels) = Labels::parse(job.labels.iter().map(String::as_str)) else { return false };
        let Ok(repository) = RepositoryName::parse(&format!("{}/{}", job.owner, job.name)) else { return false };
        let public = is_public(&job.owner, &job.name);
        let admits = |fleet: &Fleet| {
            fleet.scope.admits(&repository, None) && (fleet.allow_public_repositories || !public) && fleet.labels.fit(&labels)
        };
        let queued = job.queued_at.unwrap_or(job.created_at);
        let known = queued.saturating_sub(KNOWN_AFTER);
        let names: BTreeSet<&str> = self.history.iter().map(|entry| entry.name).collect();
        let might_have_gone = |name: &&str| self.since(name, known).any(|fleet| fleet.is_some_and(admits));
        let removed = |name: &&str| self.history.iter().any(|entry| entry.name == *name && entry.from >= known && entry.fleet.is_none());
        if names.iter().any(|name| might_have_gone(name) && removed(name)) {
            return false;
        }
        self.fleets.iter().any(|fleet| {
            let name = fleet.name.as_str();
            let was_there = self.history.iter().any(|entry| entry.name == name && entry.from <= known);
            was_there && self.since(name, known).all(|fleet| fleet.is_some_and(admits))
        })
    }

    /// What stood in a fleet's description at a time and after it.
    fn since<'a>(&'a self, name: &'a str, since: Millis) -> impl Iterator<Item = Option<&'a Fleet>> + 'a {
        let of_it = move || self.history.iter().filter(move |entry| entry.name == name);
        let then = of_it().rfind(|entry| entry.from <= since);
        then.into_iter().chain(of_it().filter(move |entry| entry.from > since)).map(|entry| entry.fleet.as_ref())
    }
}

#[cfg(test)]
mod tests;
