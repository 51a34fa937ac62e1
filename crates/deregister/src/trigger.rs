//! What invokes the function: ECS's event through EventBridge, or a batch of the retry queue. Which of the two it is shows in the payload.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::SqsEvent;
use fargate_runners_core::ecs_event::TaskStateChange;
use fargate_runners_function::Failure;
use fargate_runners_use_cases::deregister::{Again, Deregister, DeregisterError};
use fargate_runners_use_cases::ports::{Bus, Clock, Fleets, Github, Ledger, RetryQueue, chain};
use serde::{Deserialize, Serialize};

/// A payload of either kind.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// A batch of the retry queue.
    Retries(SqsEvent),
    /// A task state change.
    Event(Box<EventBridgeEvent<TaskStateChange>>),
}

/// The answer: which messages of the retry queue must come again. An event has none.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    batch_item_failures: Vec<Failed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

/// Why an event was not dealt with.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TriggerError(#[from] DeregisterError);

impl Failure for TriggerError {
    fn error_type(&self) -> &'static str {
        match self.0 {
            DeregisterError::Event(_) => "UnreadableEvent",
            DeregisterError::Port(_) => "ServiceUnavailable",
        }
    }
}

impl Trigger {
    /// Deals with it.
    pub async fn handle<L: Ledger, G: Github, F: Fleets, B: Bus, Q: RetryQueue, C: Clock>(
        self,
        deregister: &Deregister<L, G, F, B, Q, C>,
    ) -> Result<Answer, TriggerError> {
        match self {
            Self::Event(event) => {
                deregister.handle(&event.detail).await?;
                Ok(Answer::default())
            }
            Self::Retries(batch) => {
                let mut answer = Answer::default();
                for message in batch.records {
                    let body = message.body.unwrap_or_default();
                    if let Err(error) = retry(deregister, &body).await {
                        tracing::error!(error, "a deletion is tried again later");
                        answer.batch_item_failures.push(Failed { item_identifier: message.message_id.unwrap_or_default() });
                    }
                }
                Ok(answer)
            }
        }
    }
}

async fn retry<L: Ledger, G: Github, F: Fleets, B: Bus, Q: RetryQueue, C: Clock>(
    deregister: &Deregister<L, G, F, B, Q, C>,
    body: &str,
) -> Result<(), String> {
    let again: Again = serde_json::from_str(body).map_err(|error| format!("the message is no retry: {error}"))?;
    deregister.clean_up(again).await.map_err(|error| chain(&error))
}
