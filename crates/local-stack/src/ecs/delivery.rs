//! Task events to whoever waits for them: the targets of the rules on the default bus whose pattern fits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fargate_runners_model_ecs::TaskEvent;
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};

use super::Shared;
use super::config::Observation;
use super::side::{AwsSide, Rule};
use crate::aws::Error;

/// Before another try at a target that could not be reached.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];

/// Delivers events. Each is on its way by itself, so they may overtake each other, as they do on AWS.
pub(super) struct Delivery<A> {
    shared: Arc<Shared<A>>,
    rules: Mutex<Option<(Instant, Arc<Vec<Rule>>)>>,
    places: Arc<Semaphore>,
}

impl<A: AwsSide> Delivery<A> {
    pub(super) fn new(shared: Arc<Shared<A>>) -> Self {
        let places = Arc::new(Semaphore::new(shared.config.deliveries_at_once.max(1)));
        Self { shared, rules: Mutex::new(None), places }
    }

    /// Sends an event on its way.
    pub(super) fn send(self: &Arc<Self>, event: TaskEvent) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let Ok(_place) = Arc::clone(&this.places).acquire_owned().await else { return };
            if let Err(error) = this.deliver(&event).await {
                this.shared.config.problem(format!("a task event could not be delivered: {error}"));
            }
        });
    }

    async fn deliver(&self, event: &TaskEvent) -> Result<(), Error> {
        let envelope = event.envelope();
        let mut reached = 0;
        for rule in self.rules().await?.iter() {
            if !self.shared.aws.fits(&rule.pattern, &envelope).await? {
                continue;
            }
            for target in &rule.targets {
                match self.hand_over(target, &envelope).await {
                    Ok(()) => reached += 1,
                    Err(error) => self.shared.config.problem(format!("the rule {} did not reach {target}: {error}", rule.name)),
                }
            }
        }
        self.shared.config.observe(Observation::Event { envelope, targets: reached });
        Ok(())
    }

    /// A target that cannot be reached is tried again, as EventBridge does; one that refuses is not.
    async fn hand_over(&self, target: &str, envelope: &Value) -> Result<(), Error> {
        for pause in PAUSES {
            match self.shared.aws.deliver(target, envelope).await {
                Err(Error::Unreachable(_)) => tokio::time::sleep(pause).await,
                answer => return answer,
            }
        }
        self.shared.aws.deliver(target, envelope).await
    }

    async fn rules(&self) -> Result<Arc<Vec<Rule>>, Error> {
        let mut known = self.rules.lock().await;
        if let Some((at, rules)) = known.as_ref()
            && at.elapsed() < self.shared.config.rules_for
        {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(self.shared.aws.rules().await?);
        *known = Some((Instant::now(), Arc::clone(&rules)));
        Ok(rules)
    }
}
