//! `scale`: the one writer of launches and desired counts. It takes a batch of a fleet's messages into the ledger, computes what the fleet should
//! have, writes that, and only then asks ECS. A message counts as dealt with once it is in the ledger, whatever ECS says: that only makes the
//! fleet be looked at again. One fleet's trouble never holds up another's, and no message is handed back for another's sake.

mod act;
mod look;
mod put_off;

pub use put_off::Sizes;

use crate::ports::{Bus, Capacity, Clock, DeadLetters, FleetQueue, Fleets, Ledger, WakeUp, chain};
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::{FleetName, StackId};
use fargate_runners_core::mutant::{self, Mutant};
use futures_util::future::join_all;
use std::collections::BTreeMap;

/// What the function needs.
pub struct Scale<L, P, F, B, W, Q, D, C> {
    /// The ledger.
    pub ledger: L,
    /// ECS.
    pub capacity: P,
    /// The fleets.
    pub fleets: F,
    /// Where lost runners are reported.
    pub bus: B,
    /// What brings a fleet back for another look.
    pub wake_up: W,
    /// The fleets' own queue.
    pub queue: Q,
    /// Where unreadable messages go.
    pub dead_letters: D,
    /// The time.
    pub clock: C,
    /// How large the fleets were when this process looked at them last.
    pub sizes: Sizes,
    /// This installation.
    pub stack: StackId,
}

/// A message of a queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// SQS's `messageId`.
    pub id: String,
    /// Its body.
    pub body: String,
}

impl<L, P, F, B, W, Q, D, C> Scale<L, P, F, B, W, Q, D, C>
where
    L: Ledger,
    P: Capacity,
    F: Fleets,
    B: Bus,
    W: WakeUp,
    Q: FleetQueue,
    D: DeadLetters,
    C: Clock,
{
    /// Takes a batch of the fleets' queue; returns the ids of the messages that must come again.
    pub async fn handle(&self, batch: Vec<Message>) -> Vec<String> {
        let mut failed = Vec::new();
        let mut fleets: BTreeMap<FleetName, Vec<(String, Event)>> = BTreeMap::new();
        for message in batch {
            match Event::from_message(&message.body) {
                Ok(event) => fleets.entry(event.fleet().clone()).or_default().push((message.id, event)),
                Err(_) if mutant::is(Mutant::HandBackPoisoned) => failed.push(message.id),
                Err(error) => failed.extend(self.park(message, &chain(&error)).await),
            }
        }
        let looks = fleets.into_iter().map(async |(fleet, messages)| {
            let (ids, events): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
            match self.look(&fleet, &events).await {
                Ok(()) => vec![],
                Err(error) => {
                    tracing::error!(fleet = %fleet, messages = ids.len(), error = chain(&error), "the ledger could not be written; the messages come again");
                    metrics::counter!("LooksFailed").increment(1);
                    ids
                }
            }
        });
        failed.extend(join_all(looks).await.into_iter().flatten());
        failed
    }

    /// Takes a batch of the wake-up queue: each message goes into its fleet's group, and nothing else is done about it here, since only that group may
    /// write the fleet. Returns the ids of the messages that must come again.
    pub async fn forward(&self, batch: Vec<Message>) -> Vec<String> {
        let mut failed = Vec::new();
        for message in batch {
            match Event::from_message(&message.body) {
                // On the heap: what is deployed has no such look, and must not pay for its size.
                Ok(event) if mutant::is(Mutant::ScaleOutsideTheGroup) => {
                    drop(Box::pin(self.look(event.fleet(), std::slice::from_ref(&event))).await);
                }
                Ok(event) => {
                    if let Err(error) = self.queue.forward(event.fleet(), &message.id, &message.body).await {
                        tracing::warn!(fleet = %event.fleet(), error = chain(&error), "a wake-up could not be forwarded; it comes again");
                        failed.push(message.id);
                    }
                }
                Err(error) => failed.extend(self.park(message, &chain(&error)).await),
            }
        }
        failed
    }

    /// Puts a message that nobody can read aside. Handed back, it would take its whole batch into the dead-letter queue.
    async fn park(&self, message: Message, reason: &str) -> Option<String> {
        tracing::error!(message_id = message.id, reason, "a message cannot be read; it is put into the dead-letter queue");
        metrics::counter!("MessagesParked").increment(1);
        match self.dead_letters.park(&message.id, &message.body, reason).await {
            Ok(()) => None,
            Err(error) => {
                tracing::error!(message_id = message.id, error = chain(&error), "a message could not be put aside; it comes again");
                Some(message.id)
            }
        }
    }
}
