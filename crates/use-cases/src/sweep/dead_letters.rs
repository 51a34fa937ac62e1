//! Messages that were tried too often: each goes once more to where it was meant for, and is removed only after that. What nobody can read stays for a person.

use super::round::Round;
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::deregister::Again;
use crate::ports::{Bus, Clock, DeadLetter, DeadLetterQueues, DeadLetterSource, FleetQueue, RetryQueue};
use fargate_runners_core::ecs_event::TaskStateChange;
use fargate_runners_core::events::{Event, SOURCE};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Receives from one queue in one sweep, of ten messages each. What was received and stays is hidden for minutes, so that each receive brings others: so
/// many letters that stay for a person (a thousand) do not keep the ones behind them from being replayed.
const RECEIVES_MAX: usize = 100;

/// A deletion that is tried again has failed for a while: a pause for whatever was wrong.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The `source` of ECS's own events.
const ECS: &str = "aws.ecs";

/// What a letter turned out to be.
enum Letter {
    /// A message for a fleet.
    Fleet(Box<Event>, String),
    /// ECS's word of a task.
    Task(Box<TaskStateChange>),
    /// A deletion to be tried again.
    Again(Box<Again>),
    /// Nobody can read it.
    Unreadable,
}

#[derive(Deserialize)]
struct EcsEvent {
    detail: TaskStateChange,
}

impl<P: Ports> Sweep<P> {
    pub(super) async fn dead_letters(&self, round: &Round, outcome: &mut Outcome) {
        let mut kept = 0;
        for source in DeadLetterSource::ALL {
            if let Err(error) = self.replay_all(source, round, &mut kept, outcome).await {
                outcome.failed(Healer::DeadLetters, format!("{source:?}"), &error);
            }
        }
        if kept > 0 {
            metrics::counter!("DeadLettersKept").increment(kept);
            tracing::warn!(kept, "dead letters that nobody can read, or whose fleet is gone, stay for a person");
        }
    }

    async fn replay_all(&self, source: DeadLetterSource, round: &Round, kept: &mut u64, outcome: &mut Outcome) -> Result<(), SweepError> {
        for _ in 0..RECEIVES_MAX {
            let letters = self.dead_letters.receive(source).await?;
            if letters.is_empty() {
                break;
            }
            for letter in letters {
                if self.is_late(round) {
                    return Ok(());
                }
                if self.replay(source, &letter, round).await? {
                    self.dead_letters.remove(source, &letter).await?;
                    outcome.healed();
                } else {
                    *kept += 1;
                }
            }
        }
        Ok(())
    }

    /// Sends a letter to where it was meant for; `false` if it is to stay.
    async fn replay(&self, source: DeadLetterSource, letter: &DeadLetter, round: &Round) -> Result<bool, SweepError> {
        if letter.parked {
            return Ok(false);
        }
        match read(source, &letter.body) {
            Letter::Fleet(event, body) if round.fleet(event.fleet()).is_some() => {
                self.queue.forward(event.fleet(), &letter.id, &body).await?;
            }
            Letter::Again(again) if round.fleet(&again.stopped.fleet).is_some() => {
                self.retries.retry_later(&serde_json::to_string(&again)?, RETRY_AFTER).await?;
            }
            Letter::Task(change) => return self.replay_task(&change, round).await,
            Letter::Fleet(..) | Letter::Again(_) | Letter::Unreadable => return Ok(false),
        }
        Ok(true)
    }

    /// Does what `deregister` would have done: the event to the fleet, the runner to be deleted.
    async fn replay_task(&self, change: &TaskStateChange, round: &Round) -> Result<bool, SweepError> {
        let Ok(event) = change.to_event(&self.stack_name, self.clock.now()) else { return Ok(false) };
        // Nothing follows from it: a task of another stack, or a change that is no end.
        let Some(event) = event else { return Ok(true) };
        if round.fleet(event.fleet()).is_none() {
            return Ok(false);
        }
        self.bus.publish(std::slice::from_ref(&event)).await?;
        if let Event::RunnerStopped(stopped) = event {
            self.clean_up_later(stopped).await?;
        }
        Ok(true)
    }
}

fn read(source: DeadLetterSource, body: &str) -> Letter {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return Letter::Unreadable };
    if source == DeadLetterSource::Retries
        && let Ok(again) = serde_json::from_str::<Again>(body)
    {
        return Letter::Again(Box::new(again));
    }
    // Lambda's record of a failed invocation has the event inside.
    let event = value.get("requestPayload").unwrap_or(&value);
    match event.get("source").and_then(Value::as_str) {
        Some(ECS) => EcsEvent::deserialize(event).map_or(Letter::Unreadable, |event| Letter::Task(Box::new(event.detail))),
        Some(SOURCE) => {
            let body = event.to_string();
            Event::from_message(&body).map_or(Letter::Unreadable, |event| Letter::Fleet(Box::new(event), body))
        }
        _ => Letter::Unreadable,
    }
}
