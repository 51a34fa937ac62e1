//! What is measured of fleets, jobs and tasks. Each value is written down once, when it is seen, so that CloudWatch can tell percentiles; a gauge would be
//! repeated by every process that has ever set it. Few dimensions: each set of them is a metric that is paid for.

use fargate_runners_core::ids::FleetName;
use fargate_runners_core::news::{News, Step, Taken};
use fargate_runners_core::state::Counts;
use fargate_runners_core::time::Timestamp;
use std::time::Duration;

/// What a fleet has now, and since when the oldest of the jobs has waited that wait there.
pub(crate) fn fleet(name: &FleetName, counts: &Counts, waiting_since: Option<Timestamp>, now: Timestamp) {
    let fleet = name.as_str();
    metrics::histogram!("JobsWaiting", "Fleet" => fleet.to_owned()).record(counts.queued);
    metrics::histogram!("RunnersBooting", "Fleet" => fleet.to_owned()).record(counts.booting);
    metrics::histogram!("RunnersIdle", "Fleet" => fleet.to_owned()).record(counts.idle);
    metrics::histogram!("RunnersBusy", "Fleet" => fleet.to_owned()).record(counts.busy);
    if let Some(since) = waiting_since {
        metrics::histogram!("OldestQueuedSeconds").record(now.since(since));
    }
}

/// What a batch of events has told for the first time.
pub(crate) fn news(fleet: &FleetName, news: &News) {
    for taken in &news.taken {
        metrics::histogram!("QueueWaitSeconds", "Fleet" => fleet.as_str().to_owned()).record(taken.waited);
        for (step, took) in &taken.steps {
            metrics::histogram!("JobStepSeconds", "Step" => step.name()).record(*took);
        }
        tell(fleet, taken);
    }
    for (task_id, cause) in &news.failed_boots {
        metrics::counter!("BootsFailed", "Cause" => cause.name()).increment(1);
        tracing::warn!(fleet = %fleet, task_id = %task_id, cause = cause.name(), "a task ended before it had registered");
    }
    for billed in &news.billed {
        metrics::histogram!("VcpuSeconds", "Fleet" => fleet.as_str().to_owned()).record(billed.vcpu_seconds);
        metrics::histogram!("GigabyteSeconds", "Fleet" => fleet.as_str().to_owned()).record(billed.gb_seconds);
    }
}

fn tell(fleet: &FleetName, taken: &Taken) {
    let step = |step: Step| taken.steps.iter().find(|(known, _)| *known == step).map(|(_, took)| millis(*took));
    tracing::info!(
        fleet = %fleet, job_id = taken.job_id.0, repository = %taken.repository, runner_name = taken.runner_name,
        waited_ms = millis(taken.waited), delivered_ms = step(Step::Delivered), wanted_ms = step(Step::Wanted),
        pulling_ms = step(Step::Pulling), registered_ms = step(Step::Registered), taken_ms = step(Step::Taken),
        "a runner took a job"
    );
}

/// The log writes larger numbers as text, which Logs Insights would sort by its letters.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
