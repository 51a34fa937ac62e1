//! ECS on a port of its own: the model behind its real protocol, task events to the functions that wait for them, and a host that runs the tasks' start scripts.
//!
//! What it is for: everything that the project deploys talks to this as to ECS; it copies what the deploy created from the emulator, lets the emulator decide
//! whether a caller may do what it asks, and runs each task as a process with what Fargate gives a container: environment, metadata, credentials, signals.
//!
//! What it must never do: listen beyond loopback, or outlive its [`EcsHandle`]. Processes in groups of their own are killed when the handle goes.

mod access;
mod api;
mod callers;
mod config;
mod delivery;
mod endpoints;
mod event_faults;
mod folder;
mod host;
mod leftovers;
mod mirror;
mod policy;
mod process;
mod pump;
mod roles;
mod side;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fargate_runners_model_ecs::EcsModel;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use callers::Callers;
pub use config::{EcsConfig, Observation, Observer, Stream};
pub use event_faults::Events;
pub use policy::Need;
pub use roles::admit_ecs;
pub use side::{AwsSide, Denial, Rule};

use delivery::Delivery;
use event_faults::EventFaults;
use host::Host;

/// How long a shutdown waits for killed processes to be gone.
const LONGEST_SHUTDOWN: Duration = Duration::from_secs(5);

/// What every part of the server shares.
struct Shared<A> {
    model: Arc<Mutex<EcsModel>>,
    aws: Arc<A>,
    config: EcsConfig,
    changed: Notify,
    events: Arc<EventFaults>,
}

impl<A> Shared<A> {
    fn model(&self) -> MutexGuard<'_, EcsModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time that the model runs on here: milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Starts serving `model` as ECS, and running its tasks.
pub async fn serve<A: AwsSide>(
    listener: TcpListener,
    model: Arc<Mutex<EcsModel>>,
    aws: Arc<A>,
    config: EcsConfig,
) -> io::Result<EcsHandle> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "only loopback addresses are served"));
    }
    let shared = Arc::new(Shared { model, aws, config, changed: Notify::new(), events: Arc::default() });
    let (endpoints, endpoints_server) = endpoints::serve(Arc::clone(&shared)).await?;
    let host = Arc::new(Host::new(Arc::clone(&shared), endpoints));
    mirror::copy_all(&shared).await;
    let delivery = Arc::new(Delivery::new(Arc::clone(&shared)));
    let pump = tokio::spawn(pump::run(Arc::clone(&shared), Arc::clone(&host), delivery));
    let api = tokio::spawn(api::serve(listener, Arc::clone(&shared)));
    let for_kill = Arc::clone(&host);
    let (for_nudge, for_copy, for_model) = (Arc::clone(&shared), Arc::clone(&shared), Arc::clone(&shared.model));
    Ok(EcsHandle {
        address,
        work_folder: shared.config.work_folder.clone(),
        model: for_model,
        nudge: Box::new(move || for_nudge.changed.notify_one()),
        copy: Box::new(move || {
            let shared = Arc::clone(&for_copy);
            tokio::spawn(async move { mirror::copy_all(&shared).await })
        }),
        events: Arc::clone(&shared.events),
        killer: Box::new(move |task_id| for_kill.kill(task_id)),
        stopper: Arc::new(move || host.close()),
        tasks: vec![pump, api, endpoints_server],
    })
}

/// The running server. Dropping it ends everything; [`EcsHandle::shutdown`] also waits for that.
pub struct EcsHandle {
    address: SocketAddr,
    work_folder: PathBuf,
    model: Arc<Mutex<EcsModel>>,
    nudge: Box<dyn Fn() + Send + Sync>,
    copy: Box<dyn Fn() -> JoinHandle<()> + Send + Sync>,
    events: Arc<EventFaults>,
    killer: Box<dyn Fn(&str) -> bool + Send + Sync>,
    stopper: Arc<dyn Fn() -> usize + Send + Sync>,
    tasks: Vec<JoinHandle<()>>,
}

impl EcsHandle {
    /// The URL for `AWS_ENDPOINT_URL_ECS`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The model that is served. Call [`EcsHandle::nudge`] after changing it.
    #[must_use]
    pub const fn model(&self) -> &Arc<Mutex<EcsModel>> {
        &self.model
    }

    /// The file with everything that a task wrote.
    #[must_use]
    pub fn log_of(&self, task_id: &str) -> PathBuf {
        folder::log_of(&self.work_folder, task_id)
    }

    /// Looks at the model at once: somebody changed it from outside.
    pub fn nudge(&self) {
        (self.nudge)();
    }

    /// Decides whether this becomes of the task events from now on.
    pub fn set_events(&self, events: Events, on: bool) {
        self.events.set(events, on);
    }

    /// How many task events were lost, and how many were delivered twice.
    #[must_use]
    pub fn events_tampered_with(&self) -> (u64, u64) {
        self.events.counts()
    }

    /// Kills all processes of a task with SIGKILL, as when its memory runs out. `false` when it has none.
    #[must_use]
    pub fn kill(&self, task_id: &str) -> bool {
        (self.killer)(task_id)
    }

    /// Copies clusters, task definitions and services that the emulator has and the model has not, for example after a deploy.
    pub async fn copy_deployed(&self) {
        // A panic there has been reported by the runtime, and what is missing is copied on demand.
        drop((self.copy)().await);
    }

    /// Ends everything and waits until no process is left.
    pub async fn shutdown(self) {
        let deadline = tokio::time::Instant::now() + LONGEST_SHUTDOWN;
        while (self.stopper)() > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for EcsHandle {
    fn drop(&mut self) {
        (self.stopper)();
        for task in &self.tasks {
            task.abort();
        }
    }
}
