//! The ports of the use cases over a list of answers: what has been answered is given back, the first question beyond that is noted, and never answered.
//! What plays no part in the protocols has a fixed answer: the bus takes everything, and nothing is kept in mind from one sweep to the next.

use crate::call::{Entry, Question, Reply};
use crate::cast::{START, task_id, time};
use fargate_runners_core::events::Event;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{CredentialName, FleetName, JobId, RepositoryName, RunId, RunnerId, ServiceName, TaskId};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Key, Version, Versioned, View, Write};
use fargate_runners_core::shared::Shared;
use fargate_runners_core::state::Launch;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{
    Asks, Bus, Capacity, Clock, CommitError, DeadLetter, DeadLetterQueues, DeadLetterSource, DeadLetters, Deleted, DeliveryPage, FleetList,
    FleetQueue, Fleets, Github, GithubError, Hook, HookLog, JitRunner, Jobs, Kept, Launched, Ledger, Memory, MintError, MintPace,
    PortError, Protection, Retry, RetryQueue, RunnerPage, Runners, SeenJob, SeenRun, SeenRunner, SeenService, SeenTask, Slot, Survey,
    TaskFacts, TaskPage, Tasks, WakeUp, Wanted,
};
use fargate_runners_use_cases::sweep::{Ports, Sweep};
use secrecy::SecretString;
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A pause that the world asks for.
const PAUSE: Duration = Duration::from_secs(5);

/// All ports of one call.
#[derive(Clone)]
pub(crate) struct Port(Rc<Tape>);

struct Tape {
    entries: Vec<Entry>,
    heard: Cell<usize>,
    started: u8,
    asked: RefCell<Option<Question>>,
    fleets: Arc<FleetList>,
}

impl Port {
    pub(crate) fn new(tape: &[Entry], started: u8, fleets: Arc<FleetList>) -> Self {
        Self(Rc::new(Tape { entries: tape.to_vec(), heard: Cell::new(0), started, asked: RefCell::new(None), fleets }))
    }

    /// The question that has no answer yet.
    pub(crate) fn asked(&self) -> Question {
        self.0.asked.take().expect("a use case waits for nothing but a port")
    }

    async fn ask(&self, question: Question) -> Reply {
        let heard = self.0.heard.get();
        let Some((_, reply)) = self.0.entries.get(heard) else {
            *self.0.asked.borrow_mut() = Some(question);
            return pending().await;
        };
        self.0.heard.set(heard + 1);
        reply.clone()
    }

    /// Something that is done or not.
    async fn bid(&self, question: Question) -> Result<(), PortError> {
        match self.ask(question).await {
            Reply::Done => Ok(()),
            _ => Err(lost()),
        }
    }
}

fn lost() -> PortError {
    PortError::bare("a call", Retry::UnknownEffect)
}

impl Clock for Port {
    fn now(&self) -> Timestamp {
        let last = self.0.heard.get().checked_sub(1).and_then(|last| self.0.entries.get(last));
        time(last.map_or(self.0.started, |(at, _)| *at))
    }
}

impl Fleets for Port {
    async fn fleets(&self, _: Duration) -> Result<Arc<FleetList>, PortError> {
        Ok(Arc::clone(&self.0.fleets))
    }
}

impl Port {
    async fn records(&self, question: Question) -> Result<Vec<Versioned>, PortError> {
        match self.ask(question).await {
            Reply::Records(held) => Ok(held.iter().map(|held| held.get().clone()).collect()),
            _ => Err(lost()),
        }
    }
}

impl Ledger for Port {
    async fn active(&self, empty: View, _: Timestamp) -> Result<View, PortError> {
        let (mut view, mut shared) = (empty, Shared::default());
        for found in self.records(Question::Active(view.fleet().clone())).await? {
            view.list(found, &mut shared);
        }
        Ok(view)
    }

    async fn read(&self, keys: &[Key], _: Timestamp) -> Result<Vec<Versioned>, PortError> {
        self.records(Question::Read(keys.to_vec())).await
    }

    async fn commit(&self, writes: &[Write], _: Timestamp) -> Result<(), CommitError> {
        if writes.is_empty() {
            return Ok(());
        }
        match self.ask(Question::Commit(writes.to_vec())).await {
            Reply::Done => Ok(()),
            Reply::Conflict => Err(CommitError::Conflict),
            _ => Err(lost().into()),
        }
    }
}

impl MintPace for Port {
    async fn take_slot(&self, _: &CredentialName, _: Asks, now: Timestamp) -> Result<Slot, PortError> {
        match self.ask(Question::Slot).await {
            Reply::Done => Ok(Slot::Taken),
            Reply::Refused => Ok(Slot::NotBefore(now + PAUSE)),
            _ => Err(lost()),
        }
    }

    async fn hold(&self, _: &CredentialName, _: Timestamp) -> Result<(), PortError> {
        Ok(())
    }
}

impl Github for Port {
    async fn jit_config(&self, _: &Fleet, name: &RunnerName) -> Result<JitRunner, MintError> {
        match self.ask(Question::Mint(name.clone())).await {
            Reply::Runner(Some(id)) => Ok(JitRunner { id: RunnerId(id), encoded_jit_config: SecretString::from("jit") }),
            Reply::NameTaken => Err(MintError::NameTaken),
            Reply::Refused => Err(MintError::NotBefore(self.now() + PAUSE)),
            _ => Err(MintError::UnknownEffect(lost())),
        }
    }

    async fn registration_token(&self, _: &Fleet) -> Result<SecretString, MintError> {
        unreachable!("no fleet here has registration tokens")
    }

    async fn delete(&self, _: &Fleet, runner: RunnerId) -> Result<Deleted, GithubError> {
        match self.ask(Question::Delete(runner)).await {
            Reply::Done => Ok(Deleted::Gone),
            Reply::Refused => Ok(Deleted::Busy),
            _ => Err(lost().into()),
        }
    }

    async fn find(&self, _: &Fleet, name: &RunnerName) -> Result<Option<RunnerId>, GithubError> {
        match self.ask(Question::Find(name.clone())).await {
            Reply::Runner(id) => Ok(id.map(RunnerId)),
            _ => Err(lost().into()),
        }
    }
}

impl Tasks for Port {
    async fn describe(&self, fleet: &Fleet, task: &TaskId) -> Result<Option<TaskFacts>, PortError> {
        let status = |runs: bool| if runs { "RUNNING" } else { "STOPPED" }.to_owned();
        match self.ask(Question::Describe(task.clone())).await {
            Reply::Runs(runs) => Ok(runs.map(|runs| TaskFacts {
                last_status: status(runs),
                desired_status: status(runs),
                task_definition: fleet.task_definition.clone(),
                service: fleet.service().cloned(),
                hosting: Hosting::UNKNOWN,
            })),
            _ => Err(lost()),
        }
    }

    async fn protect(&self, _: &Fleet, task: &TaskId, _: Duration) -> Result<Protection, PortError> {
        match self.ask(Question::Protect(task.clone())).await {
            Reply::Done => Ok(Protection::Granted),
            Reply::Refused => Ok(Protection::Refused("DEPLOYMENT_BLOCKED".to_owned())),
            _ => Err(lost()),
        }
    }
}

impl Capacity for Port {
    async fn want(&self, _: &Fleet, _: &ServiceName, _: u32) -> Result<Wanted, PortError> {
        unreachable!("no service is scaled here")
    }

    async fn launch(&self, _: &Fleet, launch: &Launch) -> Result<Launched, PortError> {
        match self.ask(Question::Launch(launch.clone())).await {
            Reply::Tasks(tasks) => Ok(Launched { tasks: tasks.into_iter().map(|task| task_id(task).clone()).collect(), failures: vec![] }),
            _ => Err(lost()),
        }
    }

    async fn unprotect(&self, _: &Fleet, _: &[TaskId]) -> Result<(), PortError> {
        unreachable!("no service is scaled here")
    }
}

impl Bus for Port {
    async fn publish(&self, _: &[Event]) -> Result<(), PortError> {
        Ok(())
    }
}

impl WakeUp for Port {
    async fn look_again(&self, fleet: &FleetName, _: Duration, _: Timestamp) -> Result<(), PortError> {
        self.bid(Question::Wake(fleet.clone())).await
    }
}

impl FleetQueue for Port {
    async fn forward(&self, fleet: &FleetName, _: &str, _: &str) -> Result<(), PortError> {
        self.bid(Question::Forward(fleet.clone())).await
    }
}

impl DeadLetters for Port {
    async fn park(&self, _: &str, _: &str, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

/// The ports of the healer.
pub(crate) struct Sweeping;

impl Sweeping {
    /// The healer.
    pub(crate) fn of(port: Port) -> Sweep<Self> {
        Sweep {
            ledger: port.clone(),
            survey: port.clone(),
            github: port.clone(),
            dead_letters: port.clone(),
            memory: port.clone(),
            fleets: port.clone(),
            queue: port.clone(),
            retries: port.clone(),
            bus: port.clone(),
            clock: port,
            stack: crate::cast::stack().clone(),
            stack_name: "runners".to_owned(),
            retry_interrupted_jobs: false,
        }
    }
}

impl Ports for Sweeping {
    type Ledger = Port;
    type Survey = Port;
    type Github = Port;
    type DeadLetters = Port;
    type Memory = Port;
    type Fleets = Port;
    type Queue = Port;
    type Retries = Port;
    type Bus = Port;
    type Clock = Port;
}

impl Survey for Port {
    async fn running(&self, fleet: &Fleet, _: Option<&str>) -> Result<TaskPage, PortError> {
        let Reply::Tasks(tasks) = self.ask(Question::Running).await else { return Err(lost()) };
        let seen = tasks.into_iter().map(|task| SeenTask {
            id: task_id(task).clone(),
            last_status: "RUNNING".to_owned(),
            desired_status: "RUNNING".to_owned(),
            task_definition: fleet.task_definition.clone(),
            service: fleet.service().cloned(),
            // Long ago: whoever has not registered is overdue.
            created_at: Some(Timestamp::from_secs(START.as_secs() / 2)),
            hosting: Hosting::UNKNOWN,
            stop: None,
        });
        Ok(TaskPage { tasks: seen.collect(), next: None })
    }

    async fn stop(&self, _: &Fleet, task: &TaskId, _: &str) -> Result<(), PortError> {
        self.bid(Question::Stop(task.clone())).await
    }

    async fn described(&self, _: &Fleet, _: &[TaskId]) -> Result<Vec<SeenTask>, PortError> {
        unreachable!("of another healer")
    }

    async fn services(&self, _: &Fleet) -> Result<Vec<SeenService>, PortError> {
        unreachable!("of another healer")
    }

    async fn renew(&self, _: &Fleet, _: &[TaskId], _: Duration) -> Result<Vec<(TaskId, Protection)>, PortError> {
        unreachable!("of another healer")
    }

    async fn delete_service(&self, _: &Fleet, _: &ServiceName) -> Result<(), PortError> {
        unreachable!("of another healer")
    }
}

impl Memory for Port {
    async fn recall_all(&self, _: Timestamp) -> Result<Vec<Kept>, PortError> {
        Ok(vec![])
    }

    async fn keep(&self, _: &str, _: &str, _: &str, _: Version, _: Timestamp) -> Result<(), CommitError> {
        Ok(())
    }
}

impl RetryQueue for Port {
    async fn retry_later(&self, _: &str, _: Duration) -> Result<(), PortError> {
        unreachable!("of another healer")
    }
}

impl DeadLetterQueues for Port {
    async fn receive(&self, _: DeadLetterSource) -> Result<Vec<DeadLetter>, PortError> {
        unreachable!("of another healer")
    }

    async fn remove(&self, _: DeadLetterSource, _: &DeadLetter) -> Result<(), PortError> {
        unreachable!("of another healer")
    }
}

impl Runners for Port {
    async fn runners(&self, _: &Fleet, _: u32) -> Result<RunnerPage, GithubError> {
        unreachable!("of another healer")
    }

    async fn runner(&self, _: &Fleet, _: RunnerId) -> Result<Option<SeenRunner>, GithubError> {
        unreachable!("of another healer")
    }

    async fn refused_from(&self, _: &Fleet, _: &str) -> Result<Option<Timestamp>, GithubError> {
        unreachable!("of another healer")
    }
}

impl Jobs for Port {
    async fn job(&self, _: &Fleet, _: &RepositoryName, _: JobId) -> Result<Option<SeenJob>, GithubError> {
        unreachable!("of another healer")
    }

    async fn run(&self, _: &Fleet, _: &RepositoryName, _: RunId) -> Result<Option<SeenRun>, GithubError> {
        unreachable!("of another healer")
    }

    async fn rerun_failed(&self, _: &Fleet, _: &RepositoryName, _: RunId) -> Result<(), GithubError> {
        unreachable!("of another healer")
    }
}

impl HookLog for Port {
    async fn hooks(&self, _: &[Fleet]) -> Result<Vec<Hook>, GithubError> {
        unreachable!("of another healer")
    }

    async fn deliveries(&self, _: &Hook, _: Option<&str>) -> Result<DeliveryPage, GithubError> {
        unreachable!("of another healer")
    }

    async fn redeliver(&self, _: &Hook, _: u64) -> Result<(), GithubError> {
        unreachable!("of another healer")
    }
}
