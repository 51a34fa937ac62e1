//! The story of a job, step by step, as far as it is known.

use super::evidence::Evidence;
use crate::words::{self, duration};
use fargate_runners_core::time::Timestamp;
use serde::Serialize;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When, in UTC.
    pub at: Option<String>,
    /// What happened.
    pub what: String,
}

/// All that are known, in the order of their times.
pub fn of(evidence: &Evidence) -> Vec<Step> {
    let mut steps: Vec<(Option<Timestamp>, String)> = Vec::new();
    let queued = evidence.record().and_then(|job| job.queued_at).or_else(|| evidence.shown().and_then(|job| job.created_at));
    if let Some(job) = evidence.record() {
        let workflow = job.workflow_name.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        steps.push((queued, format!("queued: {}{workflow} in {}, labels {}", job.name, job.repository, job.labels)));
        let late = queued.map(|queued| format!(", {} later", duration(job.seen_at.since(queued)))).unwrap_or_default();
        steps.push((Some(job.seen_at), format!("seen by the webhook{late}")));
    } else if let Some(job) = evidence.shown() {
        steps.push((queued, format!("queued, says GitHub: {}, labels {}; {}", job.name, job.labels.join(","), job.status)));
    }
    if let Some(answer) = evidence.answer().filter(|_| evidence.records.is_empty()) {
        for delivery in answer.searches.iter().flat_map(|search| &search.deliveries) {
            let said = delivery.answer.as_ref().and_then(|answer| answer.answer()).map(|said| format!(": {said:?}")).unwrap_or_default();
            let action = delivery.action.as_deref().unwrap_or("?");
            steps.push((
                Some(delivery.delivered_at),
                format!("GitHub's delivery of {action:?}: {} {}{said}", delivery.status_code, delivery.status),
            ));
        }
    }
    for job in &evidence.records {
        let how = if job.home { "its labels lead there" } else { "a runner of it took the job" };
        steps.push((Some(job.seen_at), format!("fleet {}: {how}", job.fleet)));
        steps.extend(job.raised_at.map(|at| (Some(at), format!("the wanted number of fleet {} covers it", job.fleet))));
    }
    // The task that it waits for now; the one that took it has its own record.
    if let Some(task) = evidence.starting().first() {
        steps.extend(task.created_at.map(|at| (Some(at), format!("task {} is created", task.id))));
        steps.extend(evidence.pull_started(task).map(|at| (Some(at), format!("task {} begins to pull its image", task.id))));
        steps.extend(evidence.started.get(&task.id).map(|at| (Some(*at), format!("the container of task {} runs", task.id))));
    }
    if let Some(task) = &evidence.task {
        steps.push((Some(task.first_seen_at), format!("task {} is known", task.task_id)));
        steps.extend(task.hosting.pull_started_at.map(|at| (Some(at), "it begins to pull its image".to_owned())));
        steps.extend(task.minted.as_ref().map(|minted| (Some(minted.at), "its runner is registered at GitHub".to_owned())));
        steps.extend(task.registered_at.map(|at| (Some(at), "its runner listens".to_owned())));
        steps.extend(task.interrupted_at.map(|at| (Some(at), "AWS warns that it takes the task".to_owned())));
        steps.extend(task.stop.as_ref().map(|stop| {
            let reason = stop.reason.clone().or_else(|| stop.code.clone()).unwrap_or_else(|| "no reason given".to_owned());
            let code = stop.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
            (Some(stop.at), format!("the task ended: {reason}{code}"))
        }));
    }
    if let Some(job) = evidence.record() {
        let by = job.runner_name.as_deref().unwrap_or("a runner");
        let waited = |at: Timestamp| queued.map(|queued| format!(" after {}", duration(at.since(queued)))).unwrap_or_default();
        steps.extend(job.taken_at.map(|at| (Some(at), format!("taken by {by}{}", waited(at)))));
        let how = job.conclusion.as_deref().unwrap_or("how is not known");
        steps.extend(job.ended_at.map(|at| (Some(at), format!("over: {how}"))));
        steps.extend(
            job.runner_stopped_at.map(|at| (Some(at), "its runner's task is gone, and GitHub has not said how the job ended".to_owned())),
        );
    }
    steps.sort_by_key(|(at, _)| at.map_or(u64::MAX, Timestamp::as_secs));
    steps.into_iter().map(|(at, what)| Step { at: at.map(words::utc), what }).collect()
}
