//! What one task costs, and what many do.

use super::prices::Prices;
use fargate_runners_core::job::JobRecord;
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use serde::Serialize;

/// Fargate bills a minute at least: <https://aws.amazon.com/fargate/pricing/>.
const LEAST_SECONDS: f64 = 60.0;

/// A task's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// vCPUs.
    pub vcpus: f64,
    /// GB of memory.
    pub gigabytes: f64,
    /// GB of disk beyond 20.
    pub extra_storage: f64,
    /// Whether it is ARM.
    pub arm: bool,
    /// Share of the fleet's tasks that run on Spot. Which task did is not recorded.
    pub spot_share: f64,
}

/// What was summed up. Seconds and dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Jobs that ran.
    pub jobs: u32,
    /// Tasks, with or without a job.
    pub tasks: u32,
    /// Seconds that Fargate bills.
    pub billed_seconds: f64,
    /// Of these, in jobs.
    pub job_seconds: f64,
    /// Of these, before, between and after.
    pub idle_seconds: f64,
    /// Of these, beyond what the task lived: the minute's minimum.
    pub minimum_seconds: f64,
    /// Fargate's dollars, with the addresses.
    pub fargate: f64,
    /// The control plane's.
    pub control_plane: f64,
}

impl Row {
    /// Adds a task. It is billed from its image's pull to its end; the ledger knows it from a little later, when its script first called.
    pub fn add(&mut self, task: &TaskRecord, job: Option<&JobRecord>, size: &Size, prices: &Prices, since: Timestamp, now: Timestamp) {
        let end = task.stop.as_ref().map_or(now, |stop| stop.at);
        let begin = task.first_seen_at.max(since);
        let lived = end.since(begin).as_secs_f64();
        let billed = if task.stop.is_some() { lived.max(LEAST_SECONDS) } else { lived };
        let ran = job.and_then(|job| Some(job.ended_at.or(job.runner_stopped_at).unwrap_or(end).min(end).since(job.taken_at?.max(begin))));
        let ran = ran.map_or(0.0, |ran| ran.as_secs_f64()).min(lived);
        let (vcpu, gigabyte) =
            if size.arm { (prices.arm_vcpu_hour, prices.arm_gb_hour) } else { (prices.x86_vcpu_hour, prices.x86_gb_hour) };
        let factor = 1.0 - size.spot_share * (1.0 - prices.spot_factor);
        let hour =
            (size.vcpus * vcpu + size.gigabytes * gigabyte) * factor + size.extra_storage * prices.storage_gb_hour + prices.address_hour;
        self.jobs += u32::from(job.is_some());
        self.tasks += 1;
        self.billed_seconds += billed;
        self.job_seconds += ran;
        self.idle_seconds += lived - ran;
        self.minimum_seconds += billed - lived;
        self.fargate += hour * billed / 3600.0;
        self.control_plane += prices.control_plane_task;
    }

    /// Both.
    pub fn plus(self, other: &Self) -> Self {
        Self {
            jobs: self.jobs + other.jobs,
            tasks: self.tasks + other.tasks,
            billed_seconds: self.billed_seconds + other.billed_seconds,
            job_seconds: self.job_seconds + other.job_seconds,
            idle_seconds: self.idle_seconds + other.idle_seconds,
            minimum_seconds: self.minimum_seconds + other.minimum_seconds,
            fargate: self.fargate + other.fargate,
            control_plane: self.control_plane + other.control_plane,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::ids::{FleetName, TaskId};
    use fargate_runners_core::task::Stop;

    #[test]
    fn a_task_of_half_a_minute_is_billed_for_a_whole_one_and_one_of_an_hour_for_an_hour() {
        let size = Size { vcpus: 1.0, gigabytes: 2.0, extra_storage: 0.0, arm: false, spot_share: 0.0 };
        let at = Timestamp::from_secs;
        let task = |seconds: u64| {
            let mut task = TaskRecord::new(FleetName::parse("default").unwrap(), TaskId::parse(&"a".repeat(32)).unwrap(), at(1_000));
            task.stopped(Stop { at: at(1_000 + seconds), code: None, reason: None, exit_code: Some(0) });
            task
        };
        let sum = |seconds: u64| {
            let mut row = Row::default();
            row.add(&task(seconds), None, &size, &Prices::built_in(), at(0), at(9_000));
            row
        };
        assert!((sum(30).billed_seconds - 60.0).abs() < 1e-9 && (sum(30).minimum_seconds - 30.0).abs() < 1e-9);
        // The README's price of a task of the default size by the hour.
        assert!((sum(3_600).fargate - 0.05437).abs() < 1e-9, "{}", sum(3_600).fargate);
    }
}
