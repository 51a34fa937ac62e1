//! `webhook`: GitHub's deliveries become events on the bus. It answers 202 only when everything that follows from a delivery is published; otherwise
//! 5xx, so that GitHub counts the delivery as failed and it can be redelivered. What needs no look at the fleet it notes with the job's record besides, and says so
//! in the event, which the fleet's rule then leaves to others. It writes nothing else to the ledger, decides nothing by what stands there, and never asks GitHub.

use crate::ports::{Bus, Clock, FleetList, Fleets, Notes, PortError, WebhookSecrets, chain};
use fargate_runners_core::apply::may_wait;
use fargate_runners_core::delivery::{JobDelivery, Route, route};
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::StackId;
use fargate_runners_core::job::{JobEvent, JobPhase};
use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_core::signature::is_signed;
use secrecy::ExposeSecret;
use std::time::Duration;

/// A `workflow_job` delivery has some 10 to 30 kB; GitHub sends at most 25 MB. Nobody signs a megabyte for us to hash.
pub const BODY_MAX: usize = 1_000_000;

/// Fleets and secrets are used for this long without asking.
pub const KEEP: Duration = Duration::from_secs(300);

/// Before a delivery is dropped or refused, what it was held against is read again if it is older than this: a new fleet or secret counts within that time.
pub const DOUBT: Duration = Duration::from_secs(30);

/// The label without which a job is none for runners of one's own: <https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners>.
const SELF_HOSTED: &str = "self-hosted";

/// What the function needs.
pub struct Webhook<S, F, N, B, C> {
    /// The secrets that sign deliveries.
    pub secrets: S,
    /// The fleets.
    pub fleets: F,
    /// Where progress is noted.
    pub notes: N,
    /// Where events go.
    pub bus: B,
    /// The time.
    pub clock: C,
    /// This installation.
    pub stack: StackId,
}

/// A delivery, as it came over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// `X-GitHub-Event`.
    pub event: &'a str,
    /// `X-GitHub-Delivery`.
    pub delivery: &'a str,
    /// `X-Hub-Signature-256`.
    pub signature: Option<&'a str>,
    /// The raw bytes that are signed.
    pub body: &'a [u8],
}

/// The answer: an HTTP status, and a text that tells the reader of GitHub's delivery log what became of the delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What became of it.
    pub message: String,
}

impl Answer {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl<S: WebhookSecrets, F: Fleets, N: Notes, B: Bus, C: Clock> Webhook<S, F, N, B, C> {
    /// Takes a delivery. Every failure has become an answer, and is logged.
    pub async fn handle(&self, delivery: Delivery<'_>) -> Answer {
        match self.try_handle(delivery).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(delivery = delivery.delivery, error = chain(&error), "the delivery was not taken; it can be redelivered");
                metrics::counter!("DeliveriesFailed").increment(1);
                Answer::new(500, "not taken: the control plane could not reach one of its services; redeliver it later")
            }
        }
    }

    async fn try_handle(&self, delivery: Delivery<'_>) -> Result<Answer, PortError> {
        if delivery.body.len() > BODY_MAX {
            return Ok(Answer::new(413, format!("the body has {} bytes, but at most {BODY_MAX} are taken", delivery.body.len())));
        }
        let Some(signature) = delivery.signature else {
            return Ok(Answer::new(401, "the header X-Hub-Signature-256 is missing: set a secret for the webhook"));
        };
        if !self.is_genuine(delivery.body, signature).await? {
            metrics::counter!("SignaturesRefused").increment(1);
            return Ok(Answer::new(401, "the signature fits none of the webhook secrets"));
        }
        match delivery.event {
            "ping" => Ok(Answer::new(200, "pong")),
            "workflow_job" => self.take_job(delivery).await,
            _ => Ok(Answer::new(204, "")),
        }
    }

    async fn is_genuine(&self, body: &[u8], signature: &str) -> Result<bool, PortError> {
        for max_age in [KEEP, DOUBT] {
            let secrets = self.secrets.webhook_secrets(max_age).await?;
            if is_signed(body, signature, secrets.iter().map(|secret| secret.expose_secret().trim().as_bytes())) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn take_job(&self, delivery: Delivery<'_>) -> Result<Answer, PortError> {
        let job = match JobDelivery::parse(delivery.body, delivery.delivery) {
            Ok(job) => job,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(delivery = delivery.delivery, error, "a signed delivery could not be read");
                return Ok(Answer::new(400, error));
            }
        };
        let mut list = self.fleets.fleets(KEEP).await?;
        let mut found = route(&job, &list.fleets, &self.stack);
        let mut unreadable = None;
        if !matches!(found, Route::To(_)) {
            list = self.fleets.fleets(DOUBT).await?;
            found = route(&job, &list.fleets, &self.stack);
            unreadable = list.unreadable.first().map(|(parameter, _)| parameter.clone());
        }
        let to = match (found, unreadable) {
            (Route::To(to), _) => to,
            // Taken, it would never be heard of again; not taken, it is redelivered until the description can be read.
            (Route::NoFleet, Some(parameter)) if job.labels.iter().any(|label| label.as_str() == SELF_HOSTED) => {
                tracing::error!(job_id = job.job_id.0, labels = %job.labels, parameter, "a job fits no fleet whose description can be read; its delivery is not taken");
                metrics::counter!("DeliveriesFailed").increment(1);
                let message = format!(
                    "not taken: {parameter} cannot be read, and no other fleet has all of the labels {}; it is redelivered",
                    job.labels
                );
                return Ok(Answer::new(503, message));
            }
            (Route::NoFleet, _) => {
                metrics::counter!("DeliveriesWithoutFleet").increment(1);
                tracing::debug!(job_id = job.job_id.0, labels = %job.labels, "no fleet has all labels of the job");
                return Ok(Answer::new(202, format!("nothing to do: no fleet has all of the labels {}", job.labels)));
            }
            (Route::PublicRefused(fleet), _) => {
                metrics::counter!("PublicRepositoriesRefused").increment(1);
                tracing::warn!(job_id = job.job_id.0, fleet = %fleet, repository = %job.repository, "refused a job of a public repository");
                return Ok(Answer::new(
                    202,
                    format!("refused: {} is public, and fleet {fleet} does not allow public repositories", job.repository),
                ));
            }
        };
        let now = self.clock.now();
        let mut events = Vec::with_capacity(to.len());
        for (fleet, home) in &to {
            let mut event = job.event_for(fleet, *home, now);
            event.noted = self.notes(&event, &list).await;
            events.push(Event::Job(event));
        }
        let published = self.bus.publish(&events).await;
        if !mutant::is(Mutant::AnswerBeforePublishing) {
            published?;
        }
        let names = to.iter().map(|(fleet, _)| fleet.as_str()).collect::<Vec<_>>().join(", ");
        tracing::info!(job_id = job.job_id.0, fleet = names, phase = ?job.phase, delivery = job.delivery, "published a job's event");
        if job.phase == JobPhase::Queued {
            metrics::counter!("JobsQueued").increment(1);
        }
        Ok(Answer::new(202, format!("published for {names}")))
    }

    /// Whether the event is noted with its job's record. The look at the end of the job's task finds it there, or the next sweep's does if that was before; an event
    /// that is not noted brings a look of its own.
    async fn notes(&self, event: &JobEvent, list: &FleetList) -> bool {
        let fleet = list.fleets.iter().find(|fleet| fleet.name == event.fleet);
        if !fleet.is_some_and(|fleet| may_wait(event, fleet, &self.stack)) {
            return false;
        }
        match self.notes.note(event).await {
            Ok(is_noted) => is_noted,
            Err(error) => {
                tracing::warn!(fleet = %event.fleet, job_id = event.job_id.0, error = chain(&error), "a job's event could not be noted; it brings a look instead");
                false
            }
        }
    }
}
