//! The host of the containers: does what the model commands, and knows every process that it has started.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fargate_runners_model_ecs::{Command, Report};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::sync::Semaphore;

use super::endpoints::Endpoints;
use super::side::AwsSide;
use super::{Shared, leftovers, now_ms, process};

/// A container, from the command to start it until everything in it is gone.
#[derive(Debug, Default)]
struct Container {
    pid: Option<Pid>,
    /// A signal that came before the process was there.
    early: Option<Signal>,
}

pub(super) struct Host<A> {
    pub(super) shared: Arc<Shared<A>>,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) starts: Semaphore,
    containers: Mutex<BTreeMap<String, Container>>,
    closing: AtomicBool,
}

impl<A: AwsSide> Host<A> {
    pub(super) fn new(shared: Arc<Shared<A>>, endpoints: Arc<Endpoints>) -> Self {
        let starts = Semaphore::new(shared.config.starts_at_once.max(1));
        Self { shared, endpoints, starts, containers: Mutex::new(BTreeMap::new()), closing: AtomicBool::new(false) }
    }

    pub(super) fn execute(self: &Arc<Self>, command: &Command) {
        match command {
            Command::Start { .. } if !self.shared.config.starts_containers => {}
            Command::Start { task_id } => {
                self.containers().insert(task_id.clone(), Container::default());
                tokio::spawn(process::run(Arc::clone(self), task_id.clone()));
            }
            Command::Terminate { task_id } => self.signal(task_id, Signal::TERM),
            Command::Kill { task_id } => self.signal(task_id, Signal::KILL),
        }
    }

    /// SIGTERM goes to the first process only, as to a container's; SIGKILL to all of them.
    fn signal(&self, task_id: &str, signal: Signal) {
        let mut containers = self.containers();
        let Some(container) = containers.get_mut(task_id) else { return };
        match container.pid {
            Some(pid) => send(pid, signal),
            None => container.early = Some(signal),
        }
    }

    /// Kills everything in a container, as a host that fails would: ECS hears of it from the exit code only. `false` when there is no process to kill.
    pub(super) fn kill(&self, task_id: &str) -> bool {
        let pid = self.containers().get(task_id).and_then(|container| container.pid);
        if let Some(pid) = pid {
            send(pid, Signal::KILL);
        }
        pid.is_some()
    }

    /// The process of a container is there. `false` when nothing may be started any more.
    pub(super) fn began(&self, task_id: &str, pid: Pid) -> bool {
        if self.closing.load(Ordering::SeqCst) {
            send(pid, Signal::KILL);
            return false;
        }
        let early = self.containers().get_mut(task_id).and_then(|container| {
            container.pid = Some(pid);
            container.early
        });
        // Somebody may have begun to close between the question and the entry.
        if self.closing.load(Ordering::SeqCst) {
            send(pid, Signal::KILL);
        } else if let Some(signal) = early {
            send(pid, signal);
        }
        true
    }

    /// The first process of a container has been waited for: its id is not to be used again, and the rest of the container goes with it.
    pub(super) fn ended(&self, task_id: &str, pid: Option<Pid>) {
        if let Some(container) = self.containers().get_mut(task_id) {
            container.pid = None;
        }
        if let Some(pid) = pid {
            // No such group: nobody was left in it.
            _ = kill_process_group(pid, Signal::KILL);
        }
        leftovers::kill(&self.endpoints.metadata_uri(task_id), &self.shared.config.work_folder.join(task_id));
    }

    /// Everything of a container is gone.
    pub(super) fn gone(&self, task_id: &str) {
        self.endpoints.close(task_id);
        self.containers().remove(task_id);
    }

    pub(super) fn report(&self, report: &Report) {
        self.shared.model().report(now_ms(), report);
        self.shared.changed.notify_one();
    }

    /// Kills everything and starts nothing any more. Returns how many containers are not gone yet.
    pub(super) fn close(&self) -> usize {
        self.closing.store(true, Ordering::SeqCst);
        let containers = self.containers();
        for pid in containers.values().filter_map(|container| container.pid) {
            send(pid, Signal::KILL);
        }
        leftovers::kill(&self.endpoints.marker(), &self.shared.config.work_folder);
        containers.len()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    fn containers(&self) -> MutexGuard<'_, BTreeMap<String, Container>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that has ended meanwhile is no error.
fn send(pid: Pid, signal: Signal) {
    _ = if signal == Signal::KILL { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
}
