//! What may be turned: how long things take, how often they go wrong, how much is allowed.
//!
//! The defaults are GitHub's own figures, without faults. Everything may be changed while the model runs.

use crate::Millis;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// How the model behaves.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, and any of them may go with any other")]
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// How long things take.
    pub timing: Timing,
    /// How often things go wrong.
    pub faults: Faults,
    /// How much is allowed.
    pub limits: Limits,
    /// Which job a runner gets, and which runner a job.
    pub assignment: Assignment,
    /// Where the REST interface is reached; stands in bodies and headers. A server sets it to its own address.
    pub api_url: String,
    /// Where people and listeners go; a server sets it to its own address.
    pub web_url: String,
    /// Leaves `DisableUpdate` out of JIT configurations, as GitHub did for years and promises nowhere not to do again.
    pub jit_without_disable_update: bool,
    /// Leaves JIT configurations empty, since a simulation goes by `Jit::credentials`: writing the text costs more than all else of a mint.
    pub bare_jit: bool,
    /// What GitHub does with the job of a runner that is deleted while GitHub believes it idle, which it promises nowhere: false, the job goes on
    /// as long as its runner lives, and is lost with it; true, GitHub gives it up at once.
    pub delete_ends_job: bool,
    /// By how much GitHub's clock is ahead of everybody else's (negative: behind). It shows where GitHub says what time it is, and where it judges a
    /// JWT; the times in its answers stay as they are.
    pub clock_ahead_ms: i64,
    /// Keeps every secret that was handed out, so that a test can look for them in all output.
    pub remember_secrets: bool,
}

/// Which of several fitting jobs or runners is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assignment {
    /// Any: nothing may rely on an order that GitHub does not promise.
    #[default]
    Random,
    /// The oldest, for tests that want to know beforehand.
    Oldest,
}

/// How long things take. Pairs are the shortest and the longest.
#[derive(Clone, Debug)]
pub struct Timing {
    /// From queueing a job until a runner may get it.
    pub assign_ms: (Millis, Millis),
    /// From an event to its webhook's arrival. A wide range reorders by itself.
    pub delivery_ms: (Millis, Millis),
    /// For how long after its job's start a runner is still shown as not busy, and can be deleted.
    pub busy_lag_ms: Millis,
    /// For how long after its job's end a runner stays registered, busy and undeletable.
    pub after_job_ms: (Millis, Millis),
    /// For how long a crashed runner keeps its job, stays busy and is undeletable.
    pub lost_ms: Millis,
    /// For how long a dead listener is still shown as online.
    pub offline_notice_ms: Millis,
    /// For how long a job waits for its runner's listener to take it before it goes back to the queue.
    pub acquire_ms: Millis,
    /// For how long a running job may ignore its cancellation.
    pub cancel_limit_ms: Millis,
    /// For how long a job may wait in the queue.
    pub queue_limit_ms: Millis,
    /// After this long offline, an ephemeral runner is removed.
    pub ephemeral_offline_ms: Millis,
    /// After this long offline, any other runner is removed.
    pub offline_ms: Millis,
    /// When an idle JIT runner loses its registration, where that fault strikes.
    pub idle_removal_ms: (Millis, Millis),
    /// From queueing a job for one of GitHub's own runners until it starts.
    pub hosted_start_ms: (Millis, Millis),
    /// How long a delivery stays in the log.
    pub delivery_kept_ms: Millis,
    /// The life of an installation token.
    pub installation_token_ms: Millis,
    /// The life of a registration or removal token.
    pub registration_token_ms: Millis,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            assign_ms: (500, 5 * SECOND),
            delivery_ms: (300, 3 * SECOND),
            busy_lag_ms: 30 * SECOND,
            after_job_ms: (0, 40 * SECOND),
            lost_ms: 10 * MINUTE,
            offline_notice_ms: 40 * SECOND,
            acquire_ms: 2 * MINUTE,
            cancel_limit_ms: 5 * MINUTE,
            queue_limit_ms: DAY,
            ephemeral_offline_ms: DAY,
            offline_ms: 14 * DAY,
            idle_removal_ms: (2 * MINUTE, 15 * MINUTE),
            hosted_start_ms: (2 * SECOND, 10 * SECOND),
            delivery_kept_ms: 3 * DAY,
            installation_token_ms: HOUR,
            registration_token_ms: HOUR,
        }
    }
}

impl Timing {
    /// For someone who watches: what takes GitHub seconds or minutes takes a moment. The order of things and the lives of tokens stay.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            assign_ms: (50, 400),
            delivery_ms: (20, 200),
            busy_lag_ms: 3 * SECOND,
            after_job_ms: (200, 3 * SECOND),
            lost_ms: 20 * SECOND,
            offline_notice_ms: 3 * SECOND,
            acquire_ms: 10 * SECOND,
            cancel_limit_ms: 30 * SECOND,
            hosted_start_ms: (200, SECOND),
            ..Self::default()
        }
    }
}

/// How often things go wrong, each a rate from 0 to 1.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// A delivery is sent twice, with the same GUID.
    pub repeat: f64,
    /// By how much the second of them is later.
    pub repeat_late_ms: (Millis, Millis),
    /// A delivery arrives only after the job's next one.
    pub reorder: f64,
    /// A delivery is late by `late_ms`.
    pub delay: f64,
    /// How late.
    pub late_ms: (Millis, Millis),
    /// A delivery never arrives; the log shows it as failed.
    pub lose: f64,
    /// A delivery arrives, but the answer to it is lost; the log shows it as failed.
    pub lose_answer: f64,
    /// A `completed` event that GitHub never makes: no delivery, no trace in the log.
    pub no_completed: f64,
    /// A `queued` event that already bears a runner.
    pub stale_runner: f64,
    /// The environment gate's event is `queued` with the status `waiting`, not `waiting`.
    pub queued_while_waiting: f64,
    /// A call is answered 502 and had no effect.
    pub server_error: f64,
    /// A call is answered 502 although its effect happened.
    pub server_error_after: f64,
    /// A call is never answered and had no effect.
    pub dropped: f64,
    /// A call is never answered although its effect happened.
    pub dropped_after: f64,
    /// A listener that connects, looks healthy and never takes a job.
    pub hang: f64,
    /// An idle JIT runner loses its registration.
    pub idle_removal: f64,
}

/// How much is allowed.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls an hour and credential.
    pub primary_per_hour: u32,
    /// Points a minute, credential and endpoint.
    pub points_per_minute: u32,
    /// What a writing call costs; a reading one costs 1.
    pub write_points: u32,
    /// Registrations in five minutes, for one organisation, repository or enterprise.
    pub registrations_per_five_minutes: u32,
    /// Runners in one group.
    pub runners_per_group: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            primary_per_hour: 5000,
            points_per_minute: 900,
            write_points: 5,
            registrations_per_five_minutes: 1500,
            runners_per_group: 10_000,
        }
    }
}
