//! What invokes the function: ECS's event through EventBridge, or a batch of the retry queue. Which of the two it is shows in the payload.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use fargate_runners_core::ecs_event::TaskStateChange;
use fargate_runners_function::Failure;
use fargate_runners_use_cases::deregister::{Again, Deregister, DeregisterError};
use fargate_runners_use_cases::ports::{Bus, Clock, Fleets, Github, Ledger, RetryQueue, chain};
use serde::Deserialize;

/// A payload of either kind.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// A batch of the retry queue.
    Retries(SqsEvent),
    /// A task state change.
    Event(Box<EventBridgeEvent<TaskStateChange>>),
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
    /// Deals with it. The answer names the messages of the retry queue that must come again; an event has none.
    pub async fn handle<L: Ledger, G: Github, F: Fleets, B: Bus, Q: RetryQueue, C: Clock>(
        self,
        deregister: &Deregister<L, G, F, B, Q, C>,
    ) -> Result<SqsBatchResponse, TriggerError> {
        match self {
            Self::Event(event) => {
                deregister.handle(&event.detail).await?;
                Ok(SqsBatchResponse::default())
            }
            Self::Retries(batch) => {
                let mut answer = SqsBatchResponse::default();
                for message in batch.records {
                    let body = message.body.unwrap_or_default();
                    if let Err(error) = retry(deregister, &body).await {
                        tracing::error!(error, "a deletion is tried again later");
                        answer.add_failure(message.message_id.unwrap_or_default());
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
    let retry: Retry = serde_json::from_str(body).map_err(|error| format!("the message is no retry and no task state change: {error}"))?;
    let dealt_with = match retry {
        Retry::Again(again) => deregister.clean_up(*again).await,
        Retry::Event(event) => deregister.handle(&event.detail).await,
    };
    dealt_with.map_err(|error| chain(&error))
}

/// A message of the retry queue: what this function put there, or a task state change that a person sends again out of a dead-letter queue.
#[derive(Deserialize)]
#[serde(untagged)]
enum Retry {
    Again(Box<Again>),
    Event(Box<EventBridgeEvent<TaskStateChange>>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::events::Event;
    use fargate_runners_core::time::Timestamp;

    /// What each sample of `events/` means.
    fn meaning(name: &str, trigger: Trigger) -> String {
        match trigger {
            Trigger::Event(event) => match event.detail.to_event("fargate-runners", Timestamp::from_secs(1)).unwrap() {
                Some(Event::RunnerStopped(stopped)) => {
                    format!(
                        "stopped {} {}",
                        stopped.stop.code.unwrap_or_default(),
                        stopped.stop.exit_code.map_or("-".to_owned(), |code| code.to_string())
                    )
                }
                Some(event) => event.detail_type().to_owned(),
                None => "nothing".to_owned(),
            },
            Trigger::Retries(batch) => {
                assert!(!batch.records.is_empty(), "{name}");
                for message in batch.records {
                    let retry: Retry = serde_json::from_str(&message.body.unwrap()).unwrap();
                    assert!(
                        matches!(retry, Retry::Again(_)) || matches!(retry, Retry::Event(event) if event.detail.last_status.is_some()),
                        "{name}"
                    );
                }
                "retries".to_owned()
            }
        }
    }

    #[test]
    fn every_sample_is_understood() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
        let mut meanings: Vec<(String, String)> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter_map(|path| {
                Some((path.file_stem()?.to_str()?.strip_prefix("deregister-")?.to_owned(), std::fs::read_to_string(&path).ok()?))
            })
            .map(|(name, text)| (name.clone(), meaning(&name, serde_json::from_str(&text).unwrap())))
            .collect();
        meanings.sort();
        let meanings: Vec<String> = meanings.into_iter().map(|(name, meaning)| format!("{name}: {meaning}")).collect();
        assert_eq!(
            meanings,
            [
                "deprovisioning: nothing",
                "retry: retries",
                "spot-warning: Runner Interrupted",
                "stopped-by-service: stopped ServiceSchedulerInitiated 0",
                "stopped-by-user: stopped UserInitiated 15",
                "stopped-cannot-pull: stopped TaskFailedToStart -",
                "stopped-exit-0: stopped EssentialContainerExited 0",
                "stopped-exit-1: stopped EssentialContainerExited 1",
                "stopped-exit-14-launched: stopped EssentialContainerExited 14",
                "stopped-spot: stopped SpotInterruption 16",
            ]
        );
    }
}
