//! What whoever started the server holds.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use fargate_runners_model_github::GithubModel;
use tokio::task::JoinHandle;

use super::shared::Shared;

/// A running server. Dropping it stops it.
pub struct GithubHandle {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl GithubHandle {
    pub(super) fn new(address: SocketAddr, shared: Arc<Shared>, tasks: Vec<JoinHandle<()>>) -> Self {
        Self { address, shared, tasks }
    }

    /// The API's base URL, without a slash at its end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The model's time.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    /// The model. Whoever changes it must [`nudge`](Self::nudge) afterwards.
    #[must_use]
    pub fn model(&self) -> Arc<Mutex<GithubModel>> {
        Arc::clone(&self.shared.model)
    }

    /// Does something to the model at its present time, and lets what follows from it happen.
    pub fn with<T>(&self, act: impl FnOnce(&mut GithubModel, u64) -> T) -> T {
        self.shared.with(act)
    }

    /// Says where an address of a webhook is on this machine, as a name server would: what is set up at GitHub is the address that the stack tells.
    pub fn resolve(&self, url: &str, here: &str) {
        super::shared::lock(&self.shared.addresses).insert(url.to_owned(), here.to_owned());
    }

    /// Looks again at what is due.
    pub fn nudge(&self) {
        self.shared.nudge.notify_one();
    }

    /// Stops: nothing is accepted or sent any more, and open connections break.
    pub async fn shutdown(mut self) {
        self.shared.stop.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            // A task that panicked has said so on stderr; there is nothing left to stop.
            drop(task.await);
        }
    }
}

impl Drop for GithubHandle {
    fn drop(&mut self) {
        self.shared.stop.send_replace(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}
