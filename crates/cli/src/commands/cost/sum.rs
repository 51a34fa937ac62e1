//! What one task costs, and what many do.

use super::prices::Prices;
use fargate_runners_core::hosting::{BILLED_AT_LEAST, Hosting};
use fargate_runners_core::job::JobRecord;
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use fargate_runners_prices::{ADDRESS_HOUR, ARM_GB_HOUR, ARM_VCPU_HOUR, STORAGE_GB_HOUR, X86_GB_HOUR, X86_VCPU_HOUR};
use serde::Serialize;

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
    /// Seconds between two questions of an idle runner.
    pub lease_seconds: f64,
}

impl Size {
    /// This one, but for what ECS has told of the task itself.
    fn of_the_task(self, hosting: &Hosting) -> Self {
        Self {
            vcpus: hosting.cpu_units.map_or(self.vcpus, |units| f64::from(units) / 1024.0),
            gigabytes: hosting.memory_mib.map_or(self.gigabytes, |mib| f64::from(mib) / 1024.0),
            ..self
        }
    }

    /// Dollars for an hour.
    fn hour(&self, prices: &Prices) -> f64 {
        let (vcpu, gigabyte) = if self.arm { (ARM_VCPU_HOUR, ARM_GB_HOUR) } else { (X86_VCPU_HOUR, X86_GB_HOUR) };
        let on_demand = prices.of(vcpu, self.vcpus) + prices.of(gigabyte, self.gigabytes);
        let factor = 1.0 - self.spot_share * (1.0 - prices.spot_factor());
        on_demand * factor + prices.of(STORAGE_GB_HOUR, self.extra_storage) + prices.of(ADDRESS_HOUR, 1.0)
    }
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
    /// Adds a task. Fargate bills it from the pull of its image to its end (<https://aws.amazon.com/fargate/pricing/>); while ECS has not told when it began
    /// to pull, the ledger knows it from a little later, when its script first called. Of a task that began before `since` only what came after counts.
    pub fn add(&mut self, task: &TaskRecord, job: Option<&JobRecord>, size: &Size, prices: &Prices, since: Timestamp, now: Timestamp) {
        let end = task.stop.as_ref().map_or(now, |stop| stop.at);
        let first_billed = task.hosting.pull_started_at.unwrap_or(task.first_seen_at);
        let begin = first_billed.max(since);
        let lived = end.since(begin).as_secs_f64();
        let ended_too_soon = task.stop.is_some() && end.since(first_billed) < BILLED_AT_LEAST;
        let billed = if ended_too_soon { BILLED_AT_LEAST.as_secs_f64() } else { lived };
        let ran = job.and_then(|job| Some(job.ended_at.or(job.runner_stopped_at).unwrap_or(end).min(end).since(job.taken_at?.max(begin))));
        let ran = ran.map_or(0.0, |ran| ran.as_secs_f64()).min(lived);
        self.jobs += u32::from(job.is_some());
        self.tasks += 1;
        self.billed_seconds += billed;
        self.job_seconds += ran;
        self.idle_seconds += lived - ran;
        self.minimum_seconds += billed - lived;
        self.fargate += size.of_the_task(&task.hosting).hour(prices) * billed / 3600.0;
        let idle = task.registered_at.map(|at| job.and_then(|job| job.taken_at).unwrap_or(end).since(at.max(begin)).as_secs_f64());
        let leases = (idle.unwrap_or_default().min(lived) / size.lease_seconds).floor();
        self.control_plane += prices.control_plane_task() + leases * prices.lease();
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

    const DEFAULT: Size = Size { vcpus: 1.0, gigabytes: 2.0, extra_storage: 0.0, arm: false, spot_share: 0.0, lease_seconds: 30.0 };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn task(seconds: u64) -> TaskRecord {
        let mut task = TaskRecord::new(FleetName::parse("default").unwrap(), TaskId::parse(&"a".repeat(32)).unwrap(), at(1_000));
        task.stopped(Stop { at: at(1_000 + seconds), code: None, reason: None, exit_code: Some(0) });
        task
    }

    fn sum(task: &TaskRecord, since: u64) -> Row {
        let mut row = Row::default();
        row.add(task, None, &DEFAULT, &Prices::built_in(), at(since), at(9_000));
        row
    }

    #[test]
    fn a_task_of_half_a_minute_is_billed_for_a_whole_one_and_one_of_an_hour_for_an_hour() {
        let short = sum(&task(30), 0);
        assert!((short.billed_seconds - 60.0).abs() < 1e-9 && (short.minimum_seconds - 30.0).abs() < 1e-9);
        // The README's price of a task of the default size by the hour.
        let hour = sum(&task(3_600), 0).fargate;
        assert!((hour - 0.05437).abs() < 1e-9, "{hour}");
    }

    #[test]
    fn a_task_is_billed_from_its_images_pull_and_by_the_size_that_it_had() {
        let mut large = task(3_600 - 40);
        large.hosting = Hosting { pull_started_at: Some(at(960)), cpu_units: Some(4_096), memory_mib: Some(8_192) };
        let row = sum(&large, 0);
        assert!((row.billed_seconds - 3_600.0).abs() < 1e-9, "{}", row.billed_seconds);
        assert!((row.fargate - (4.0 * 0.04048 + 8.0 * 0.004_445 + 0.005)).abs() < 1e-9, "{}", row.fargate);
    }

    #[test]
    fn a_runner_that_idles_costs_the_control_plane_its_questions() {
        let prices = Prices::built_in();
        let mut warm = task(3_600);
        warm.registered_at = Some(at(1_000 + 60));
        let asked = sum(&warm, 0).control_plane - prices.control_plane_task();
        assert!((asked - 118.0 * prices.lease()).abs() < 1e-12, "one each 30 s of 59 minutes: {asked}");
        assert!((sum(&task(3_600), 0).control_plane - prices.control_plane_task()).abs() < 1e-12, "one that never registered asks nothing");
    }

    #[test]
    fn of_a_task_that_began_before_only_what_came_after_counts_without_a_minimum() {
        let row = sum(&task(600), 1_590);
        assert!((row.billed_seconds - 10.0).abs() < 1e-9 && row.minimum_seconds.abs() < 1e-9, "{row:?}");
    }

    #[test]
    fn what_was_billed_is_what_the_dashboards_metric_counts() {
        let mut small = task(30);
        small.hosting = Hosting { pull_started_at: Some(at(995)), cpu_units: Some(512), memory_mib: Some(1_024) };
        let measured = small.hosting.billed(small.stop.as_ref().unwrap().at).unwrap();
        assert!((sum(&small, 0).billed_seconds * 0.5 - measured.vcpu_seconds).abs() < 1e-9);
    }
}
