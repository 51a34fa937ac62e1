//! What is measured of fleets, jobs and tasks. Each value of a histogram is written down once, when it is seen, so that CloudWatch can tell percentiles. What a
//! fleet has is a gauge: written down by who sees it, where it is another than before, and once a minute. Few dimensions: each set of them is a metric that is
//! paid for.

use fargate_runners_core::ids::FleetName;
use fargate_runners_core::news::{News, Step, Taken};
use fargate_runners_core::state::Counts;
use fargate_runners_core::time::Timestamp;
use std::time::Duration;

/// What a fleet has now, and since when the oldest of the jobs has waited that wait there.
pub(crate) fn fleet(name: &FleetName, counts: &Counts, waiting_since: Option<Timestamp>, now: Timestamp) {
    let fleet = name.as_str();
    metrics::gauge!("JobsWaiting", "Fleet" => fleet.to_owned()).set(counts.queued);
    metrics::gauge!("RunnersBooting", "Fleet" => fleet.to_owned()).set(counts.booting);
    metrics::gauge!("RunnersIdle", "Fleet" => fleet.to_owned()).set(counts.idle);
    metrics::gauge!("RunnersBusy", "Fleet" => fleet.to_owned()).set(counts.busy);
    if let Some(since) = waiting_since {
        metrics::histogram!("OldestQueuedSeconds").record(now.since(since));
    }
}

/// What a look has decided: fields beside the fleet's metrics, for whoever searches the log.
pub(crate) fn decided(name: &FleetName, wanted: u32, surplus: u32) {
    metrics::gauge!("wanted", "Fleet" => name.as_str().to_owned()).set(wanted);
    metrics::gauge!("surplus", "Fleet" => name.as_str().to_owned()).set(surplus);
}

/// What a batch of events has told for the first time.
pub(crate) fn news(fleet: &FleetName, news: &News) {
    for taken in &news.taken {
        metrics::histogram!("QueueWaitSeconds", "Fleet" => fleet.as_str().to_owned()).record(taken.waited);
        for (step, took) in &taken.steps {
            // Not one name with a dimension: a line of the log has room for one value of a dimension.
            let seconds = match step {
                Step::Delivered => metrics::histogram!("JobDeliveredSeconds"),
                Step::Wanted => metrics::histogram!("JobWantedSeconds"),
                Step::Pulling => metrics::histogram!("JobPullingSeconds"),
                Step::Registered => metrics::histogram!("JobRegisteredSeconds"),
                Step::Taken => metrics::histogram!("JobTakenSeconds"),
            };
            seconds.record(*took);
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
