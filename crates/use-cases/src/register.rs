//! `register`: what a task asks on its way, from its registration to its leave. The credential that can mint stays on this side; a task gets one
//! registration, and none once its listener may have started. A caller who is not one of ours learns nothing but 403; the log says why.

mod caller;
mod kept;
mod leave;
mod mint;

pub use caller::Caller;
pub use kept::Kept;

use crate::find;
use crate::ports::{Bus, Clock, Fleets, Github, JitRunner, Ledger, MintPace, PortError, Tasks, chain};
use crate::webhook::{DOUBT, KEEP};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::StackId;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Key, Record, Slot};
use fargate_runners_core::register::{NONCE_MAX, Refusal, nonce_sha256};
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;

/// How often a decision is made anew because its records were written in between.
const CONFLICTS_MAX: usize = 6;

/// When a service that we depend on fails, the task asks again after this.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Many leaves of one fleet at once go one after the other.
const AFTER_CONTENTION: Duration = Duration::from_secs(2);

/// What the function needs.
pub struct Register<L, P, G, T, F, B, C> {
    /// The ledger.
    pub ledger: L,
    /// The pace of mints.
    pub pace: P,
    /// GitHub.
    pub github: G,
    /// ECS.
    pub tasks: T,
    /// The fleets.
    pub fleets: F,
    /// Where `Runner Done` and `Look Again` go.
    pub bus: B,
    /// The time.
    pub clock: C,
    /// What this process wrote last.
    pub kept: Kept,
    /// This installation.
    pub stack: StackId,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /registrations`: a registration.
    Registration,
    /// `POST /registrations/ack`: the registration has arrived; the listener is about to start.
    Ack,
    /// `POST /registrations/lease`: may this idle runner stay?
    Lease,
    /// `POST /registrations/done`: the job is over, or the runner has left.
    Done,
}

/// The body of every request; the nonce counts only for the first two, the start of the pull for the first, the runner's name for the acknowledgement, the
/// outcome for the last.
#[derive(Deserialize)]
struct Body {
    nonce: SecretString,
    /// Task metadata's `PullStartedAt`.
    #[serde(default)]
    pull_started_at: Option<String>,
    #[serde(default)]
    runner_name: Option<String>,
    #[serde(default)]
    outcome: Option<Outcome>,
}

/// What a task that is done has behind it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Job,
    Left,
}

/// Whether a task is to announce its end, and to wait for a word: only ECS's service must know before it sees the exit. Elsewhere the exit says all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announces(pub bool);

/// The answer to a task.
#[derive(Debug)]
pub enum Answer {
    /// 200: a just-in-time configuration.
    Jit(RunnerName, JitRunner),
    /// 200: a registration token.
    Token(RunnerName, Box<Fleet>, SecretString),
    /// 200: acknowledged. Whether the task is to announce its end.
    Acknowledged(Announces),
    /// 200: stay, and ask again after this time.
    Stay(Duration),
    /// 200: leave.
    LeaveLease,
    /// 200: exit now.
    Go,
    /// 200: wait, and ask again after this time.
    Wait(Duration),
    /// 409: leave at once; nothing is registered.
    Leave,
    /// 403.
    Forbidden,
    /// 429: GitHub's pace; ask again after this time.
    TooMany(Duration),
    /// 503: ask again after this time.
    Unavailable(Duration),
}

/// Why a request did not get what it asked for.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("no mint before {0}")]
    NotBefore(Timestamp),
    #[error("the task's records were written by others again and again")]
    Contention,
    #[error(transparent)]
    Port(#[from] PortError),
}

impl<L: Ledger, P: MintPace, G: Github, T: Tasks, F: Fleets, B: Bus, C: Clock> Register<L, P, G, T, F, B, C> {
    /// Takes a request. `user_arn` is what API Gateway says of the caller; `body` what it sent. Every failure has become an answer, and is logged.
    pub async fn handle(&self, route: Route, user_arn: Option<&str>, body: &[u8]) -> Answer {
        match self.try_handle(route, user_arn, body).await {
            Ok(answer) => answer,
            Err(Trouble::Refused(Refusal::Forbidden(why))) => {
                metrics::counter!("RegistrationsForbidden").increment(1);
                tracing::warn!(caller = user_arn, ?route, why, "refused a request");
                Answer::Forbidden
            }
            Err(Trouble::Refused(Refusal::Leave(why))) => {
                tracing::info!(caller = user_arn, ?route, why, "told a task to leave");
                Answer::Leave
            }
            Err(Trouble::Refused(Refusal::AskAgain { reason, after })) => {
                tracing::info!(caller = user_arn, ?route, reason, after_secs = after.as_secs(), "told a task to ask again");
                Answer::Unavailable(whole_seconds(after))
            }
            Err(Trouble::NotBefore(until)) => {
                metrics::counter!("MintsDelayed").increment(1);
                Answer::TooMany(whole_seconds(until.since(self.clock.now())))
            }
            Err(Trouble::Contention) => {
                tracing::warn!(caller = user_arn, ?route, "the task's records are being written by others; it asks again");
                Answer::Unavailable(AFTER_CONTENTION)
            }
            Err(error @ Trouble::Port(_)) => {
                metrics::counter!("RegistrationsFailed").increment(1);
                tracing::error!(caller = user_arn, ?route, error = chain(&error), "a request failed; the task asks again");
                Answer::Unavailable(AFTER_FAILURE)
            }
        }
    }

    async fn try_handle(&self, route: Route, user_arn: Option<&str>, body: &[u8]) -> Result<Answer, Trouble> {
        let caller =
            user_arn.and_then(Caller::parse).ok_or(Refusal::Forbidden("the caller is no task: API Gateway names no assumed role"))?;
        let fleet = self.fleet_of(&caller, route).await?;
        let body: Body =
            serde_json::from_slice(body).map_err(|_| Refusal::Forbidden("the body is absent, or is no JSON object with a nonce"))?;
        let nonce = {
            use secrecy::ExposeSecret;
            let nonce = body.nonce.expose_secret();
            if nonce.is_empty() || nonce.len() > NONCE_MAX {
                return Err(Refusal::Forbidden("its nonce is empty or too long").into());
            }
            nonce_sha256(nonce)
        };
        match route {
            Route::Registration => {
                let pull_started_at = body.pull_started_at.as_deref().and_then(Timestamp::parse_rfc3339);
                self.registration(&fleet, &caller, &nonce, pull_started_at).await
            }
            Route::Ack => self.ack(&fleet, &caller, &nonce, body.runner_name.as_deref()).await,
            Route::Lease => self.lease(&fleet, &caller).await,
            Route::Done => self.done(&fleet, &caller, body.outcome == Some(Outcome::Job)).await,
        }
    }

    /// The fleet whose tasks have the caller's role. A role that belongs to none may belong to a fleet that is new.
    /// A registration is made from a description that is no older than what `scale` goes by.
    async fn fleet_of(&self, caller: &Caller, route: Route) -> Result<Fleet, Trouble> {
        let max_age = if route == Route::Registration { DOUBT } else { KEEP };
        let found = find::fleet(&self.fleets, [max_age, DOUBT], |fleet| fleet.task_role == caller.role).await?;
        found.ok_or_else(|| Refusal::Forbidden("the caller's role is that of no fleet's tasks").into())
    }

    /// The task's record, or a new one.
    async fn task(&self, fleet: &Fleet, caller: &Caller, now: Timestamp) -> Result<Slot<TaskRecord>, Trouble> {
        let key = Key::Task(fleet.name.clone(), caller.task.clone());
        Ok(match self.ledger.read(&[key], now).await?.into_iter().next() {
            Some(found) => match found.record {
                Record::Task(task) => Slot::read(task, found.version),
                Record::Fleet(_) | Record::Job(_) => return Err(Refusal::Forbidden("its record is no task's").into()),
            },
            None => Slot::new(TaskRecord::new(fleet.name.clone(), caller.task.clone(), now)),
        })
    }

    fn name(&self, fleet: &Fleet, caller: &Caller, attempt: u8) -> RunnerName {
        RunnerName { stack: self.stack.clone(), fleet: fleet.name.clone(), task: caller.task.clone(), attempt }
    }
}

/// A task is told whole seconds, one at least: never fewer than it has to wait, or it would ask before its turn, and be given one that is further off.
fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1))
}
