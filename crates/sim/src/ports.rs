//! The ports of the use cases over the models. Each method is one call over the network: it takes time, may fail before or after it was carried out, and
//! the function may die on the way. What it has done is shown to the oracle at once.

mod capacity;
mod github;
mod ledger;
mod queues;
mod survey;

pub(crate) use github::VERSION;
pub use ledger::Memories;

use crate::faults::Fault;
use crate::host::Call;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Clock, FleetList, Fleets, PortError, WebhookSecrets};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// The secret that signs the story's deliveries.
pub const WEBHOOK_SECRET: &str = "It's a Secret to Everybody";

impl Clock for Call {
    fn now(&self) -> Timestamp {
        self.clock()
    }
}

impl Fleets for Call {
    async fn fleets(&self, max_age: Duration) -> Result<Arc<FleetList>, PortError> {
        let known = self.host().fleets.borrow().clone();
        if let Some(known) = known {
            let age = self.clock().since(known.read_at);
            if age <= max_age || (!max_age.is_zero() && age <= Duration::from_secs(300) && self.world().strikes(Fault::HostOld)) {
                return Ok(known);
            }
        }
        self.enter("reading the fleets").await?;
        let fleets = self.world().book.borrow().fleets();
        let list = Arc::new(FleetList { fleets, unreadable: vec![], read_at: self.clock() });
        *self.host().fleets.borrow_mut() = Some(Arc::clone(&list));
        Ok(list)
    }
}

impl WebhookSecrets for Call {
    async fn webhook_secrets(&self, _max_age: Duration) -> Result<Arc<Vec<SecretString>>, PortError> {
        Ok(Arc::new(vec![SecretString::from(WEBHOOK_SECRET)]))
    }
}
