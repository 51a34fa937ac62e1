//! What is found on the fleets: their descriptions, and what the ledger and ECS have of them.

use super::finding::Finding;
use crate::commands::fleets::shadows;
use crate::facts::FleetFacts;
use crate::obstacle::Obstacle;
use crate::said::Complaint;
use crate::words::{count, duration};
use fargate_runners_core::fleet::FleetError;
use fargate_runners_core::plan::BREAKER_MEMORY;
use fargate_runners_core::sweep::jobs::{WAITING_LONG, waiting_long};
use fargate_runners_core::task::TaskState;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{SeenService, chain};

/// The descriptions.
pub fn descriptions(unreadable: &[(String, FleetError)], facts: &[FleetFacts]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unreadable
        .iter()
        .map(|(name, error)| {
            Finding::wrong(
                "fleets",
                format!("{name} cannot be used: {}", chain(error)),
                "Deploy the fleet's stack again; the fleet is left out until then.",
            )
        })
        .collect();
    let fleets: Vec<_> = facts.iter().map(|facts| facts.fleet.clone()).collect();
    if fleets.is_empty() {
        findings.push(Finding::wrong("fleets", "there is no fleet", "Deploy one; see the output AddFleet."));
    }
    findings.extend(shadows(&fleets).into_iter().map(|shadow| Finding::warning("labels", shadow, "Give it other labels, or remove it.")));
    for fleet in fleets.iter().filter(|fleet| fleet.drained) {
        findings.push(Finding::warning(
            "fleets",
            format!("fleet {} is drained and takes no jobs", fleet.name),
            format!("`fargate-runners resume {}`", fleet.name),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "fleets",
            format!("{}, each with labels of its own", count(u32::try_from(fleets.len()).unwrap_or(u32::MAX), "fleet")),
        ));
    }
    findings
}

/// A fleet's tasks, jobs and services.
pub fn findings(facts: &FleetFacts, services: &[SeenService], now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![starts(facts, now)];
    findings.extend(refusals(facts, services, now));
    findings.extend(protection(facts, now));
    findings.extend(waits(facts, now));
    findings.extend(retained(facts, services));
    findings
}

/// Whether tasks come up: the image can be pulled, the subnets reach out, the script registers.
fn starts(facts: &FleetFacts, now: Timestamp) -> Finding {
    let (name, state) = (&facts.fleet.name, facts.view.state.get());
    let newer = |at| now.since(at) < BREAKER_MEMORY && at > state.last_registered_at;
    let mut failed: Vec<_> = state.failed_boots.values().filter(|boot| newer(boot.at)).collect();
    failed.sort_by_key(|boot| boot.at);
    let Some(newest) = failed.last() else {
        // Failures are forgotten after that.
        let memory = duration(BREAKER_MEMORY);
        if state.last_registered_at == Timestamp::default() {
            return Finding::ok("starts", format!("fleet {name}: no task has failed to start in the last {memory}; none has started yet"));
        }
        let ago = now.since(state.last_registered_at);
        let silence = if ago < BREAKER_MEMORY { "since".to_owned() } else { format!("in the last {memory}") };
        return Finding::ok("starts", format!("fleet {name}: a runner registered {} ago, and no task has failed {silence}", duration(ago)));
    };
    let says = format!(
        "fleet {name}: {} ended before registering, {} ago: {}",
        count(u32::try_from(failed.len()).unwrap_or(u32::MAX), "task"),
        duration(now.since(newest.at)),
        newest.reason
    );
    let obstacle = Obstacle::of(&newest.reason);
    Finding::wrong(obstacle.check(), says, obstacle.remedy(name.as_str()))
}

fn refusals(facts: &FleetFacts, services: &[SeenService], now: Timestamp) -> Option<Finding> {
    let placed = services.iter().find_map(|service| service.trouble.clone());
    let refused = facts.view.state.get().refused.as_ref().filter(|refusal| now.since(refusal.at) < BREAKER_MEMORY);
    let said = placed.or_else(|| refused.map(|refusal| refusal.reason.clone()))?;
    let says = format!("fleet {}: ECS starts no further task: {said}", facts.fleet.name);
    let obstacle = Obstacle::of(&said);
    let check = if obstacle == Obstacle::Unknown { "capacity" } else { obstacle.check() };
    Some(Finding::wrong(check, says, obstacle.remedy(facts.fleet.name.as_str())))
}

fn protection(facts: &FleetFacts, now: Timestamp) -> Option<Finding> {
    facts.fleet.service()?;
    let registered: Vec<_> =
        facts.tasks().filter(|task| matches!(task.state(), TaskState::Idle | TaskState::Busy) && task.service.is_some()).collect();
    let bare: Vec<_> = registered.iter().filter(|task| task.protected_until.is_none_or(|until| until <= now)).collect();
    Some(match bare.first() {
        None => Finding::ok(
            "protection",
            format!(
                "fleet {}: {} under scale-in protection",
                facts.fleet.name,
                count(u32::try_from(registered.len()).unwrap_or(u32::MAX), "runner")
            ),
        ),
        Some(task) => Finding::wrong(
            "protection",
            format!(
                "fleet {}: {} without scale-in protection, for example task {}",
                facts.fleet.name,
                count(u32::try_from(bare.len()).unwrap_or(u32::MAX), "runner"),
                task.task_id
            ),
            "`sweep` renews it; its log says what ECS refuses (the healer `protection`). Do not lower counts meanwhile.",
        ),
    })
}

/// What `register` complains of since the fleet's last registration: one that came through is proof that it is over.
pub fn registrations(facts: &FleetFacts, complaints: &[Complaint]) -> Option<Finding> {
    let (name, last) = (facts.fleet.name.as_str(), facts.view.state.get().last_registered_at);
    let newest = complaints.iter().rfind(|complaint| complaint.at > last && complaint.is_of(name))?;
    let says = format!("fleet {name}: tasks are not registered: {}", newest.what);
    Some(if newest.what.contains("protect") {
        Finding::wrong(
            "protection",
            says,
            "The role of `register` needs ecs:UpdateTaskProtection; no policy of the organisation (SCP) may deny it; and nobody but `scale` may deploy the service or change its count.",
        )
    } else {
        Finding::warning(
            "registrations",
            says,
            "The lines on credentials, permissions and runner groups may say why; the tasks ask again by themselves.",
        )
    })
}

fn waits(facts: &FleetFacts, now: Timestamp) -> Option<Finding> {
    let (jobs, oldest) = waiting_long(&facts.view, now)?;
    let says = format!(
        "fleet {}: {} for longer than {}, the oldest for {}",
        facts.fleet.name,
        count(jobs, "job waits").replace("job waitss", "jobs wait"),
        duration(WAITING_LONG),
        duration(now.since(oldest))
    );
    let job = facts.jobs().filter(|job| job.is_queued_here()).min_by_key(|job| job.queued_at.unwrap_or(job.seen_at))?;
    Some(Finding::warning("waiting jobs", says, format!("`fargate-runners why {}`", job.job_id)))
}

fn retained(facts: &FleetFacts, services: &[SeenService]) -> Option<Finding> {
    let old: Vec<&SeenService> = services.iter().filter(|service| Some(&service.name) != facts.fleet.service()).collect();
    let names: Vec<String> = old.iter().map(|service| format!("{} ({} tasks)", service.name, service.tasks)).collect();
    let drains = old.iter().any(|service| service.tasks > 0 || service.desired > 0);
    let says = format!("fleet {}: replaced services are left: {}", facts.fleet.name, names.join(", "));
    if names.is_empty() {
        return None;
    }
    Some(if drains {
        Finding::ok("services", format!("{says}; their jobs are still running"))
    } else {
        Finding::warning(
            "services",
            says,
            "`sweep` deletes them an hour after they are empty; before the stack is deleted they must be gone.",
        )
    })
}
