//! Everything that a story has in common: the clock, the models of GitHub and ECS, the ledger, and what is told about it. Whoever acts in a story holds
//! the world; nothing here acts by itself.

use crate::book::FleetBook;
use crate::engine::{Engine, Millis};
use crate::faults::{Fault, Faults};
use crate::functions::Functions;
use crate::meter::Meter;
use crate::oracle::Oracle;
use crate::ports::Memories;
use crate::queues::Queues;
use crate::tale::Tale;
use crate::task_host::TaskHost;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{CredentialName, StackId};
use fargate_runners_core::time::Timestamp;
use fargate_runners_ledger_memory::MemoryLedger;
use fargate_runners_model_ecs::EcsModel;
use fargate_runners_model_github::{Caller, GithubModel};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A story's world.
pub struct World {
    /// The clock and the actors.
    pub engine: Engine,
    /// What goes wrong.
    pub faults: Faults,
    /// Chance for everything that is no fault: latencies, durations, gaps.
    pub chance: RefCell<fastrand::Rng>,
    /// GitHub.
    pub github: RefCell<GithubModel>,
    /// ECS and Fargate.
    pub ecs: RefCell<EcsModel>,
    /// The tasks' containers: start scripts and runners.
    pub hosts: TaskHost,
    /// The ledger's table.
    pub ledger: MemoryLedger,
    /// The fleets as their stacks describe them.
    pub book: RefCell<FleetBook>,
    /// The functions' hosts.
    pub functions: Functions,
    /// The bus and the queues.
    pub queues: Queues,
    /// Who checks the rules.
    pub oracle: Oracle,
    /// What is told.
    pub tale: Tale,
    /// What the healers keep in mind.
    pub memories: Memories,
    /// Who the control plane is at GitHub.
    pub caller: Caller,
    /// The same for credentials of their own.
    pub callers: BTreeMap<CredentialName, Caller>,
    /// Counts what everything takes, and knows the limits that the models do not; it rests in a story.
    pub meter: Meter,
    /// This installation.
    pub stack: StackId,
    /// The fleets whose tasks ECS refuses to protect, and until when.
    pub protection_refused: RefCell<BTreeMap<String, Millis>>,
    /// How often GitHub, asked about a runner that had a job, called it not busy.
    pub stale_busy: Cell<u64>,
    /// When the last of the jobs that have begun is over, as long as nothing happens to it.
    pub busy_until: Cell<Millis>,
    /// Whether the operator wants jobs that went down with their runners to be run once more.
    pub retries_interrupted_jobs: bool,
    /// How many records a small fleet has, whose looks are never put off; as it is deployed, if nothing is said.
    pub many: Option<usize>,
}

impl World {
    /// The time in the story.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.engine.now()
    }

    /// The same, as the rules have it.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.now())
    }

    /// Who the control plane is at GitHub for a fleet.
    #[must_use]
    pub fn caller_of(&self, fleet: &Fleet) -> Caller {
        self.callers.get(&fleet.credential).unwrap_or(&self.caller).clone()
    }

    /// A number between the two.
    #[must_use]
    pub fn between(&self, least: Millis, most: Millis) -> Millis {
        self.chance.borrow_mut().u64(least..=most)
    }

    /// Whether the fault strikes here and now.
    #[must_use]
    pub fn strikes(&self, fault: Fault) -> bool {
        let strikes = self.faults.is_drawn(fault, self.now());
        if strikes {
            self.struck(fault);
        }
        strikes
    }

    /// A fault that was drawn strikes now.
    pub fn struck(&self, fault: Fault) {
        self.faults.count(fault);
        self.tell("fault", || fault.text().to_owned());
    }

    /// Tells what happens, if anybody listens.
    pub fn tell(&self, who: &str, what: impl FnOnce() -> String) {
        self.tale.tell(self.now(), who, what);
    }
}
