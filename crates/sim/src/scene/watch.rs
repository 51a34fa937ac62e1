//! What somebody sees who watches a scene: tasks and runners, as AWS and GitHub have them, and who is being told to leave.

use crate::task_host::Phase;
use crate::world::World;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::Record;
use fargate_runners_model_ecs::Status;
use std::collections::BTreeSet;

/// What was seen since the scene began.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// All tasks that there ever were.
    pub(super) tasks: BTreeSet<String>,
    /// How many lived at once, at most.
    pub(super) most: usize,
}

impl Seen {
    pub(super) fn look(&mut self, world: &World) {
        let ecs = world.ecs.borrow();
        let mut living = 0;
        for task in ecs.tasks() {
            living += usize::from(task.wanted && task.last_status != Status::Stopped);
            if !self.tasks.contains(&task.id) {
                self.tasks.insert(task.id.clone());
            }
        }
        self.most = self.most.max(living);
    }
}

/// How many runners listen and have nothing to do.
pub(super) fn idle_runners(world: &World) -> usize {
    world.hosts.living().iter().filter(|life| life.phase.get() == Phase::Listening && life.session.get().is_some()).count()
}

/// An idle runner that the ledger says is leaving, and that GitHub still has.
pub(super) fn leaver(world: &World) -> Option<String> {
    let mut leaving = BTreeSet::new();
    world.ledger.look(|_, record| {
        if let Record::Task(task) = record
            && task.leaving.is_some()
            && task.stop.is_none()
        {
            leaving.insert(task.task_id.to_string());
        }
    });
    let github = world.github.borrow();
    let ours = |name: &str| RunnerName::parse(name).is_ok_and(|name| leaving.contains(name.task.as_str()));
    github.runners().find(|runner| ours(&runner.name)).map(|runner| runner.name.clone())
}
