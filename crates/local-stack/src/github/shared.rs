//! What the parts of the server share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fargate_runners_model_github::{GithubModel, SessionId};
use tokio::sync::{Notify, watch};

use super::clock::Clock;
use super::jwt::Keys;
use super::{Observation, Observer};

/// A listener's line: how it is woken, and how often it has asked.
#[derive(Default)]
pub(super) struct Line {
    pub(super) wake: Notify,
    pub(super) asked: std::sync::atomic::AtomicU64,
}

pub(super) struct Shared {
    pub(super) model: Arc<Mutex<GithubModel>>,
    pub(super) clock: Clock,
    pub(super) keys: Keys,
    /// Something may have become due earlier than was thought.
    pub(super) nudge: Notify,
    pub(super) lines: Mutex<BTreeMap<SessionId, Arc<Line>>>,
    pub(super) stop: watch::Sender<bool>,
    /// Where an address of a webhook is on this machine.
    pub(super) addresses: Mutex<BTreeMap<String, String>>,
    observer: Option<Observer>,
}

impl Shared {
    pub(super) fn new(model: Arc<Mutex<GithubModel>>, clock: Clock, keys: Keys, observer: Option<Observer>) -> Self {
        Self {
            model,
            clock,
            keys,
            nudge: Notify::new(),
            lines: Mutex::default(),
            stop: watch::Sender::new(false),
            addresses: Mutex::default(),
            observer,
        }
    }

    /// Does something to the model, and lets what follows from it happen.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut GithubModel, u64) -> T) -> T {
        let result = {
            let mut model = lock(&self.model);
            let now = self.clock.now();
            act(&mut model, now)
        };
        self.nudge.notify_one();
        result
    }

    pub(super) fn line(&self, session: SessionId) -> Arc<Line> {
        Arc::clone(lock(&self.lines).entry(session).or_default())
    }

    /// Where deliveries to this address go.
    pub(super) fn address_of(&self, url: &str) -> String {
        lock(&self.addresses).get(url).cloned().unwrap_or_else(|| url.to_owned())
    }

    pub(super) fn observe(&self, observation: impl FnOnce() -> Observation) {
        if let Some(observer) = &self.observer {
            observer(observation());
        }
    }
}

/// A lock whose holder panicked is still a lock: the panic has been reported, and a model in tests is worth looking at.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
