//! The service scheduler: keeps as many tasks as are desired, replaces those that ended, and takes away the worst it may.

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::config::ScaleIn;
use crate::lifecycle::NewTask;
use crate::model::{EcsModel, Timer};
use crate::service::Service;
use crate::task::{Status, StopCode};

/// The first pause after a task that never ran; it doubles with each more in a row.
const FIRST_PAUSE_MS: u64 = 10_000;
/// The longest such pause: 27 minutes.
const LONGEST_PAUSE_MS: u64 = 1_620_000;
/// How long a service waits before it tries again to place what a quota or missing capacity refused.
const PLACEMENT_PAUSE_MS: u64 = 15_000;
/// How many service events are remembered.
const NOTES: usize = 100;

impl EcsModel {
    /// Has the scheduler look at a service after its usual delay.
    pub(crate) fn look_soon(&mut self, key: &str) {
        self.look_at(key, self.now + self.config.timing.scheduler_ms);
    }

    fn look_at(&mut self, key: &str, due: u64) {
        let now = self.now;
        let Some(service) = self.services.get_mut(key) else { return };
        if service.look_at.is_none_or(|at| due < at || at < now) {
            service.look_at = Some(due);
            self.after(due.saturating_sub(now), Timer::Look(key.to_owned()));
        }
    }

    /// A task of this service never ran: the next waits longer.
    pub(crate) fn boot_failed(&mut self, key: &str) {
        let now = self.now;
        let Some(service) = self.services.get_mut(key) else { return };
        let pause = FIRST_PAUSE_MS.saturating_mul(1 << service.failures_in_a_row.min(20)).min(LONGEST_PAUSE_MS);
        service.failures_in_a_row += 1;
        service.not_before = now + pause;
        note(service, now, "is unable to consistently start tasks successfully.");
    }

    pub(crate) fn look(&mut self, key: &str) {
        let now = self.now;
        let Some(service) = self.services.get_mut(key) else { return };
        if service.look_at.is_some_and(|at| at <= now) {
            service.look_at = None;
        }
        let (desired, deployment) = (service.desired, service.deployment);
        let (old, new): (Vec<u64>, Vec<u64>) =
            service.members.iter().partition(|serial| self.tasks.get(serial).is_some_and(|task| task.deployment != deployment));
        if service.status == "DRAINING" && old.is_empty() && new.is_empty() {
            let alive =
                self.tasks.values().any(|t| t.last_status != Status::Stopped && crate::lifecycle::service_key(t).as_deref() == Some(key));
            if !alive && let Some(service) = self.services.get_mut(key) {
                service.status = "INACTIVE";
            }
            return;
        }
        let room = if old.is_empty() { desired } else { (desired * service.maximum_percent / 100).saturating_sub(old.len()).min(desired) };
        let healthy = desired * service.minimum_healthy_percent / 100;
        if new.len() < room {
            self.launch_for(key, room - new.len());
        } else if new.len() > desired {
            self.scale_in(key, &new, new.len() - desired);
        }
        if !old.is_empty() {
            let running = new.iter().filter(|serial| self.tasks.get(serial).is_some_and(|t| t.last_status == Status::Running)).count();
            let spare = (running + old.len()).saturating_sub(healthy).min(old.len());
            self.scale_in(key, &old, spare);
        }
    }

    /// Stops up to `count` of these tasks: never a protected one, of the others those of the highest value first.
    fn scale_in(&mut self, key: &str, members: &[u64], count: usize) {
        let now = self.now;
        let mut candidates = Vec::new();
        let mut next_expiry: Option<u64> = None;
        for serial in members {
            let Some(task) = self.tasks.get(serial) else { continue };
            match task.protected_until.filter(|until| *until > now) {
                Some(until) => next_expiry = Some(next_expiry.map_or(until, |at| at.min(until))),
                None => candidates.push((Reverse(task.value), *serial)),
            }
        }
        candidates = match self.config.scale_in {
            ScaleIn::Oldest => candidates,
            ScaleIn::Newest => candidates.into_iter().rev().collect(),
            ScaleIn::Random => {
                let mut drawn: Vec<_> = candidates.into_iter().map(|candidate| (self.random.next(), candidate)).collect();
                drawn.sort_unstable();
                drawn.into_iter().map(|(_, candidate)| candidate).collect()
            }
        };
        candidates.sort_by_key(|(value, _)| *value);
        let reason =
            self.services.get(key).map(|s| format!("Scaling activity initiated by (deployment {})", s.deployment_id)).unwrap_or_default();
        let taken = candidates.len().min(count);
        for (_, serial) in candidates.into_iter().take(count) {
            self.stop(serial, StopCode::ServiceSchedulerInitiated, &reason);
        }
        if taken < count
            && let Some(expiry) = next_expiry
        {
            self.look_at(key, expiry);
        }
    }

    fn launch_for(&mut self, key: &str, count: usize) {
        for _ in 0..count {
            let now = self.now;
            let Some(service) = self.services.get_mut(key) else { return };
            if service.status != "ACTIVE" {
                return;
            }
            if service.not_before > now {
                let due = service.not_before;
                self.look_at(key, due);
                return;
            }
            if !service.launches.take(now, 1) {
                let due = service.launches.ready_at(now);
                self.look_at(key, due);
                return;
            }
            if !self.buckets.launches.take(now, 1) {
                let due = self.buckets.launches.ready_at(now);
                self.look_at(key, due);
                return;
            }
            if let Err(refusal) = self.launch_one(key) {
                if let Some(service) = self.services.get_mut(key) {
                    note(service, now, &format!("was unable to place a task. Reason: {refusal}"));
                }
                self.look_at(key, now + PLACEMENT_PAUSE_MS);
                return;
            }
            // ECS tells of every task that it starts; here only of one after which a complaint is over.
            if let Some(service) = self.services.get_mut(key).filter(|service| complains(service)) {
                note(service, now, "has started 1 tasks.");
            }
            // Placing is tried one by one after a failure, so that a broken image does not start hundreds.
            if self.services.get(key).is_some_and(|service| service.failures_in_a_row > 0) {
                return;
            }
        }
    }

    fn launch_one(&mut self, key: &str) -> Result<(), String> {
        let service = self.services.get(key).ok_or("no such service")?;
        let definition = self.definition(&service.task_definition).ok_or("the task definition is gone")?;
        let (cpu_units, memory_mib) = (definition.cpu_units, definition.memory_mib);
        let (cluster, name, deployment) = (service.cluster.clone(), service.name.clone(), service.deployment);
        let (task_definition, strategy) = (service.task_definition.clone(), service.strategy.clone());
        let started_by = service.deployment_id.clone();
        let launch_type = service.launch_type.is_some();
        let placed = service.members.len();
        let spot = service.members.iter().filter(|serial| self.tasks.get(serial).is_some_and(|task| task.spot)).count();
        let capacity_provider = if launch_type { None } else { provider(&strategy, placed - spot, spot) };
        self.quota(cpu_units)?;
        if capacity_provider.as_deref() == Some("FARGATE_SPOT") && !self.spot_capacity {
            return Err(NO_CAPACITY.to_owned());
        }
        let new = NewTask {
            cluster,
            task_definition,
            group: format!("service:{name}"),
            service: Some(name),
            deployment,
            capacity_provider,
            started_by: Some(started_by),
            overrides: Value::Null,
            cpu_units,
            memory_mib,
        };
        let serial = self.begin(new).ok_or("the task definition is gone")?;
        if let Some(service) = self.services.get_mut(key) {
            service.members.insert(serial);
        }
        Ok(())
    }

    /// Whether one task more of this size fits into the account's quotas.
    pub(crate) fn quota(&self, cpu_units: u64) -> Result<(), &'static str> {
        let limits = self.config.limits;
        if limits.cpu_units.is_some_and(|most| self.cpu_in_use + cpu_units > most) {
            return Err("You've reached the limit on the number of vCPUs you can run concurrently");
        }
        if limits.tasks.is_some_and(|most| self.tasks_in_use >= most) {
            return Err("You've reached the limit on the number of tasks you can run concurrently");
        }
        Ok(())
    }
}

pub(crate) const NO_CAPACITY: &str = "Capacity is unavailable at this time. Please try again later or in a different availability zone";

/// The provider that a strategy gives to the next task, with so many placed on each already.
pub(crate) fn provider(strategy: &[Value], on_demand: usize, on_spot: usize) -> Option<String> {
    let placed = |name: &str| if name == "FARGATE_SPOT" { on_spot } else { on_demand };
    let number = |item: &Value, field: &str| item[field].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let name = |item: &Value| item["capacityProvider"].as_str().unwrap_or("FARGATE").to_owned();
    if strategy.is_empty() {
        return None;
    }
    if let Some(item) = strategy.iter().find(|item| number(item, "base") > placed(&name(item))) {
        return Some(name(item));
    }
    let weighted = strategy.iter().filter(|item| number(item, "weight") > 0);
    // The one that is furthest behind its share: the smallest placed/weight, compared without division.
    let behind = weighted.min_by(|a, b| {
        let (a_placed, b_placed) = (placed(&name(a)).saturating_sub(number(a, "base")), placed(&name(b)).saturating_sub(number(b, "base")));
        (a_placed * number(b, "weight")).cmp(&(b_placed * number(a, "weight")))
    });
    behind.or(strategy.first()).map(name)
}

/// Whether the newest event of a service is that it could not place a task.
fn complains(service: &Service) -> bool {
    service.notes.last().is_some_and(|(_, text)| text.contains("unable to place"))
}

pub(crate) fn note(service: &mut Service, now: u64, what: &str) {
    let text = format!("(service {}) {what}", service.name);
    if service.notes.last().is_none_or(|(_, last)| *last != text) {
        if service.notes.len() >= NOTES {
            service.notes.remove(0);
        }
        service.notes.push((now, text));
    }
}

/// The events of a service, newest first, as DescribeServices shows them.
pub(crate) fn notes(service: &Service) -> Value {
    let shown = service.notes.iter().rev().enumerate();
    shown.map(|(at, (when, text))| json!({"id": format!("{at}"), "createdAt": crate::time::number(*when), "message": text})).collect()
}
