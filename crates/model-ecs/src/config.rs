//! The knobs of the model: how slow, how limited and how hostile it is. The defaults are AWS's figures and no faults.

/// All knobs. Those that a running model may change are changed by [`crate::EcsModel::config_mut`].
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The region in ARNs and events.
    pub region: String,
    /// The account in ARNs of clusters that are created here; imported ones keep theirs.
    pub account: String,
    /// Delays.
    pub timing: Timing,
    /// Rates of things that go wrong.
    pub faults: Faults,
    /// Throttles and quotas; read once, when the model is made, except the quotas.
    pub limits: Limits,
    /// Which of the unprotected tasks with an equal value scale-in takes.
    pub scale_in: ScaleIn,
    /// When a request for protection is refused because of a deployment.
    pub blocked: BlockedReading,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            timing: Timing::default(),
            faults: Faults::default(),
            limits: Limits::default(),
            scale_in: ScaleIn::Random,
            blocked: BlockedReading::MoreThanDesired,
        }
    }
}

/// Delays, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// PROVISIONING: the network interface.
    pub provision_ms: u64,
    /// PENDING: the image is pulled, nothing is cached between tasks.
    pub pull_ms: u64,
    /// Up to this much more for each of the two.
    pub jitter_ms: u64,
    /// From SIGTERM to SIGKILL where the container says nothing.
    pub stop_timeout_ms: u64,
    /// DEPROVISIONING: from the container's end to STOPPED.
    pub deprovision_ms: u64,
    /// How long the service scheduler takes to act on a change.
    pub scheduler_ms: u64,
    /// A task younger than this is not found by reading calls, which are eventually consistent.
    pub describe_lag_ms: u64,
    /// From a change of a task to its event, at least.
    pub event_ms: u64,
    /// From a Spot warning to SIGTERM. AWS sends both at once.
    pub spot_terminate_after_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            provision_ms: 10_000,
            pull_ms: 15_000,
            jitter_ms: 15_000,
            stop_timeout_ms: 30_000,
            deprovision_ms: 25_000,
            scheduler_ms: 1_000,
            describe_lag_ms: 0,
            event_ms: 500,
            spot_terminate_after_ms: 0,
        }
    }
}

impl Timing {
    /// Sub-second start, for a local stack that a person watches.
    #[must_use]
    pub const fn fast() -> Self {
        Self {
            provision_ms: 150,
            pull_ms: 200,
            jitter_ms: 300,
            stop_timeout_ms: 30_000,
            deprovision_ms: 250,
            scheduler_ms: 100,
            describe_lag_ms: 0,
            event_ms: 20,
            spot_terminate_after_ms: 0,
        }
    }
}

/// Rates between 0 (never) and 1 (always).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    /// An event is never delivered.
    pub lose_event: f64,
    /// An event is delivered twice, with the same id and version.
    pub repeat_event: f64,
    /// An event (or its repetition) is late by up to `event_delay_ms`, so that later ones overtake it.
    pub reorder_event: f64,
    /// The most that an event is late.
    pub event_delay_ms: u64,
    /// The image cannot be pulled.
    pub image_pull: f64,
    /// A call is throttled although its bucket has room.
    pub throttle: f64,
    /// A call fails with 500 and has no effect.
    pub error_without_effect: f64,
    /// A call fails with 500 after it has had its effect.
    pub error_with_effect: f64,
    /// The connection breaks before the call has an effect.
    pub broken_without_effect: f64,
    /// The call has its effect, and the answer is lost.
    pub broken_with_effect: f64,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u64,
    /// How many a second after that.
    pub per_second: u64,
}

/// Throttles and quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// UpdateService, CreateService and DeleteService together.
    pub service_writes: Rate,
    /// DescribeServices and ListServices together.
    pub service_reads: Rate,
    /// DescribeTasks and ListTasks together.
    pub task_reads: Rate,
    /// RunTask calls.
    pub run_task: Rate,
    /// StopTask calls.
    pub stop_task: Rate,
    /// UpdateTaskProtection and GetTaskProtection together.
    pub protection: Rate,
    /// Launches of tasks on Fargate, by calls and by services.
    pub launches: Rate,
    /// Launches a minute of one service.
    pub service_launches_per_minute: u64,
    /// CPU units (1024 = one vCPU) of all tasks that are not stopped; `None` is no limit. A new account has 6 vCPU.
    pub cpu_units: Option<u64>,
    /// Tasks that are not stopped; `None` is no limit.
    pub tasks: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            service_writes: Rate { burst: 50, per_second: 5 },
            service_reads: Rate { burst: 100, per_second: 20 },
            task_reads: Rate { burst: 100, per_second: 20 },
            run_task: Rate { burst: 20, per_second: 20 },
            stop_task: Rate { burst: 100, per_second: 40 },
            protection: Rate { burst: 80, per_second: 80 },
            launches: Rate { burst: 100, per_second: 20 },
            service_launches_per_minute: 500,
            cpu_units: None,
            tasks: None,
        }
    }
}

/// Which one goes first among unprotected tasks that the caller gave the same value ([`crate::EcsModel::set_value`]). AWS documents none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleIn {
    /// The youngest.
    Newest,
    /// The eldest.
    Oldest,
    /// Any.
    Random,
}

/// How `DEPLOYMENT_BLOCKED` is meant; AWS's words allow both readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockedReading {
    /// Refused when more tasks would be protected than the service's desired count.
    MoreThanDesired,
    /// Refused also while a protected task of an older deployment keeps a newer one from its end.
    AlsoOldDeployments,
}
