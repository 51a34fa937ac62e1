//! The bus and the queues, from the side of the functions.

use crate::host::Call;
use fargate_runners_core::events::Event;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{
    Bus, DeadLetter, DeadLetterQueues, DeadLetterSource, DeadLetters, FleetQueue, PortError, Retry, RetryQueue, WakeUp,
};
use std::time::Duration;

fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::new("writing an event", Retry::Never, error)
}

impl Bus for Call {
    async fn publish(&self, events: &[Event]) -> Result<(), PortError> {
        self.enter("publishing").await?;
        for event in events {
            self.world().queues.publish(self.world(), event).map_err(unwritable)?;
        }
        self.leave("publishing").await
    }
}

impl WakeUp for Call {
    async fn look_again(&self, fleet: &FleetName, delay: Duration, due: Timestamp) -> Result<(), PortError> {
        self.enter("asking for a wake-up").await?;
        self.world().queues.wake_up(self.world(), fleet, delay, due);
        self.leave("asking for a wake-up").await
    }
}

impl FleetQueue for Call {
    async fn forward(&self, fleet: &FleetName, id: &str, body: &str) -> Result<(), PortError> {
        self.enter("forwarding").await?;
        self.world().queues.forward(self.world(), fleet, id, body);
        self.leave("forwarding").await
    }
}

impl DeadLetters for Call {
    async fn park(&self, id: &str, body: &str, _reason: &str) -> Result<(), PortError> {
        self.enter("putting a message aside").await?;
        self.world().queues.park(DeadLetterSource::Fleets, id, body, true);
        self.leave("putting a message aside").await
    }
}

impl RetryQueue for Call {
    async fn retry_later(&self, body: &str, delay: Duration) -> Result<(), PortError> {
        self.enter("asking for another try").await?;
        self.world().queues.retry(self.world(), body, delay);
        self.leave("asking for another try").await
    }
}

impl DeadLetterQueues for Call {
    async fn receive(&self, from: DeadLetterSource) -> Result<Vec<DeadLetter>, PortError> {
        self.enter("receiving dead letters").await?;
        let letters = self.world().queues.receive_dead(from, self.world().now());
        self.leave("receiving dead letters").await?;
        Ok(letters)
    }

    async fn remove(&self, from: DeadLetterSource, letter: &DeadLetter) -> Result<(), PortError> {
        self.enter("removing a dead letter").await?;
        self.world().queues.remove_dead(from, &letter.receipt);
        self.leave("removing a dead letter").await
    }
}
