//! The life of a task, from PROVISIONING to STOPPED.

use serde_json::Value;

use crate::arn;
use crate::import::number;
use crate::model::{Command, EcsModel, Report, Timer};
use crate::service::Service;
use crate::task::{Container, Status, StopCode, Task};

/// Stopped tasks can be described for about an hour.
const REMEMBERED_MS: u64 = 3_600_000;
/// A Spot warning comes this long before the end, whatever the container asked for.
const SPOT_WARNING_MS: u64 = 120_000;

/// What a new task is made of.
pub(crate) struct NewTask {
    pub(crate) cluster: String,
    pub(crate) task_definition: String,
    pub(crate) service: Option<String>,
    pub(crate) deployment: u64,
    pub(crate) group: String,
    pub(crate) capacity_provider: Option<String>,
    pub(crate) started_by: Option<String>,
    pub(crate) overrides: Value,
    pub(crate) cpu_units: u64,
    pub(crate) memory_mib: u64,
}

impl EcsModel {
    /// Begins a task's life. The caller has checked cluster, definition, size and quota.
    pub(crate) fn begin(&mut self, new: NewTask) -> Option<u64> {
        let cluster_arn = self.clusters.get(&new.cluster)?.arn.clone();
        let definition = self.definition(&new.task_definition)?;
        let container = definition.container();
        let stop_timeout_ms = number(&container["stopTimeout"]).and_then(|seconds| u64::try_from(seconds).ok());
        let stop_timeout_ms = stop_timeout_ms.map_or(self.config.timing.stop_timeout_ms, |seconds| seconds.min(120) * 1_000);
        let container_name = definition.container_name().to_owned();
        let task_definition = definition.arn.clone();
        let serial = self.next_serial();
        let id = self.random.hex32();
        let zone = format!("{}{}", self.config.region, if self.random.up_to(1) == 0 { 'a' } else { 'b' });
        let task = Task {
            arn: format!("{}:task/{}/{id}", arn::prefix(&cluster_arn), new.cluster),
            id: id.clone(),
            cluster: new.cluster,
            cluster_arn,
            task_definition,
            service: new.service,
            group: new.group,
            last_status: Status::Provisioning,
            wanted: true,
            spot: new.capacity_provider.as_deref() == Some("FARGATE_SPOT"),
            protected_until: None,
            exit_code: None,
            stop_code: None,
            stopped_reason: None,
            version: 0,
            created_at: self.now,
            pull_started_at: None,
            started_at: None,
            stopping_at: None,
            stopped_at: None,
            value: 0,
            started_by: new.started_by,
            overrides: new.overrides,
            container: Container::Waiting,
            container_name,
            cpu_units: new.cpu_units,
            memory_mib: new.memory_mib,
            stop_timeout_ms,
            deployment: new.deployment,
            launch_type: "FARGATE".to_owned(),
            zone,
            capacity_provider: new.capacity_provider,
            never_started: false,
        };
        self.cpu_in_use += task.cpu_units;
        self.tasks_in_use += 1;
        self.tasks_started += 1;
        self.serials.insert(id, serial);
        self.tasks.insert(serial, task);
        self.changed(serial);
        let delay = self.config.timing.provision_ms + self.random.up_to(self.config.timing.jitter_ms);
        self.after(delay, Timer::Provisioned(serial));
        Some(serial)
    }

    pub(crate) fn provisioned(&mut self, serial: u64) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(&serial).filter(|task| task.last_status == Status::Provisioning) else { return };
        task.last_status = Status::Pending;
        task.pull_started_at = Some(now);
        self.changed(serial);
        let delay = self.config.timing.pull_ms + self.random.up_to(self.config.timing.jitter_ms);
        self.after(delay, Timer::Pulled(serial));
    }

    pub(crate) fn pulled(&mut self, serial: u64) {
        let broken = self.random.happens(self.config.faults.image_pull);
        let Some(task) = self.tasks.get_mut(&serial).filter(|task| task.last_status == Status::Pending && task.wanted) else { return };
        if broken {
            let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: not found";
            self.never_started(serial, reason);
            return;
        }
        task.container = Container::Asked;
        let task_id = task.id.clone();
        self.command(Command::Start { task_id });
    }

    /// Takes in what the host says has happened. What does not fit the task's state is ignored, so that a host may report twice.
    pub fn report(&mut self, now: u64, report: &Report) {
        self.advance(now);
        let (Report::Started { task_id } | Report::FailedToStart { task_id, .. } | Report::Exited { task_id, .. }) = report;
        let Some(&serial) = self.serials.get(task_id) else { return };
        match report {
            Report::Started { .. } => self.container_started(serial),
            Report::FailedToStart { reason, .. } => self.never_started(serial, reason),
            Report::Exited { code, .. } => self.container_exited(serial, *code),
        }
    }

    fn container_started(&mut self, serial: u64) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(&serial).filter(|task| task.container == Container::Asked) else { return };
        task.container = Container::Running;
        task.last_status = Status::Running;
        task.started_at = Some(now);
        let key = service_key(task);
        self.changed(serial);
        if let Some(key) = key
            && let Some(service) = self.services.get_mut(&key)
            && service.failures_in_a_row > 0
        {
            service.failures_in_a_row = 0;
            service.not_before = 0;
            // While tasks failed, they were placed one by one: the others that are missing follow now.
            self.look_soon(&key);
        }
    }

    fn never_started(&mut self, serial: u64, reason: &str) {
        let Some(task) = self.tasks.get_mut(&serial).filter(|task| matches!(task.container, Container::Waiting | Container::Asked)) else {
            return;
        };
        task.container = Container::Ended;
        task.never_started = true;
        if task.wanted {
            task.stop_code = Some(StopCode::TaskFailedToStart);
            task.stopped_reason = Some(reason.to_owned());
        }
        let service = service_key(task);
        self.unwanted(serial);
        if let Some(key) = service {
            self.boot_failed(&key);
        }
        self.deprovision(serial);
    }

    fn container_exited(&mut self, serial: u64, code: i32) {
        let Some(task) = self.tasks.get_mut(&serial).filter(|task| matches!(task.container, Container::Asked | Container::Running)) else {
            return;
        };
        task.container = Container::Ended;
        task.exit_code = Some(code);
        if task.wanted {
            task.stop_code = Some(StopCode::EssentialContainerExited);
            task.stopped_reason = Some("Essential container in task exited".to_owned());
        }
        self.unwanted(serial);
        self.deprovision(serial);
    }

    /// Tells a task to stop. Nothing happens to one that stops already.
    pub(crate) fn stop(&mut self, serial: u64, code: StopCode, reason: &str) {
        let Some(task) = self.tasks.get_mut(&serial).filter(|task| task.wanted) else { return };
        task.stop_code = Some(code);
        task.stopped_reason = Some(reason.to_owned());
        let spot = code == StopCode::SpotInterruption;
        let (container, timeout) = (task.container, task.stop_timeout_ms);
        self.unwanted(serial);
        if container == Container::Waiting {
            self.deprovision(serial);
            return;
        }
        self.changed(serial);
        let wait = if spot { self.config.timing.spot_terminate_after_ms } else { 0 };
        let end = if spot { (wait + timeout).min(SPOT_WARNING_MS.max(wait)) } else { timeout };
        if wait == 0 {
            self.terminate(serial);
        } else {
            self.after(wait, Timer::Terminate(serial));
        }
        self.after(end, Timer::Kill(serial));
    }

    pub(crate) fn terminate(&mut self, serial: u64) {
        if let Some(task_id) = self.living(serial) {
            self.command(Command::Terminate { task_id });
        }
    }

    pub(crate) fn kill(&mut self, serial: u64) {
        if let Some(task_id) = self.living(serial) {
            self.command(Command::Kill { task_id });
        }
    }

    fn living(&self, serial: u64) -> Option<String> {
        let task = self.tasks.get(&serial)?;
        matches!(task.container, Container::Asked | Container::Running).then(|| task.id.clone())
    }

    /// The desired status becomes STOPPED; the task's service notices.
    fn unwanted(&mut self, serial: u64) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(&serial) else { return };
        task.wanted = false;
        task.stopping_at.get_or_insert(now);
        if let Some(key) = service_key(task) {
            if let Some(service) = self.services.get_mut(&key) {
                service.members.remove(&serial);
            }
            self.look_soon(&key);
        }
    }

    fn deprovision(&mut self, serial: u64) {
        let Some(task) = self.tasks.get_mut(&serial) else { return };
        task.last_status = Status::Deprovisioning;
        self.changed(serial);
        self.after(self.config.timing.deprovision_ms, Timer::Stopped(serial));
    }

    pub(crate) fn stopped(&mut self, serial: u64) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(&serial).filter(|task| task.last_status != Status::Stopped) else { return };
        task.last_status = Status::Stopped;
        task.stopped_at = Some(now);
        self.cpu_in_use -= task.cpu_units;
        self.tasks_in_use -= 1;
        let service = service_key(task);
        self.changed(serial);
        if let Some(key) = service {
            self.look_soon(&key);
        }
        self.after(REMEMBERED_MS, Timer::Forget(serial));
    }

    pub(crate) fn forget(&mut self, serial: u64) {
        if let Some(task) = self.tasks.remove(&serial) {
            self.serials.remove(&task.id);
        }
    }

    /// Spot wants this task's capacity back: the warning now, SIGTERM, and two minutes later at most the end. `false` for a task that does not run.
    pub fn interrupt(&mut self, now: u64, task_id: &str) -> bool {
        self.take_back(now, task_id, StopCode::SpotInterruption, "Your Spot Task was interrupted.")
    }

    /// Interrupts any Spot task that runs.
    pub fn interrupt_any_spot(&mut self, now: u64) -> Option<String> {
        self.advance(now);
        let candidates: Vec<&Task> = self.tasks.values().filter(|task| task.spot && task.wanted && task.is_running()).collect();
        let most = u64::try_from(candidates.len()).ok()?.checked_sub(1)?;
        let at = usize::try_from(self.random.up_to(most)).ok()?;
        let id = candidates.get(at)?.id.clone();
        self.interrupt(now, &id).then_some(id)
    }

    /// Fargate retires the host of this task: SIGTERM, then the end, whatever its protection.
    pub fn retire(&mut self, now: u64, task_id: &str) -> bool {
        self.take_back(
            now,
            task_id,
            StopCode::TerminationNotice,
            "ECS is performing maintenance on the underlying infrastructure hosting the task.",
        )
    }

    fn take_back(&mut self, now: u64, task_id: &str, code: StopCode, reason: &str) -> bool {
        self.advance(now);
        let Some(&serial) = self.serials.get(task_id) else { return false };
        let runs = self.tasks.get(&serial).is_some_and(|task| task.wanted && task.is_running());
        if runs {
            self.stop(serial, code, reason);
        }
        runs
    }
}

pub(crate) fn service_key(task: &Task) -> Option<String> {
    task.service.as_ref().map(|name| Service::key(&task.cluster, name))
}
