//! The world in which runners lease: tasks with their runners at GitHub, jobs, the fleet's messages, the ledger, and the calls under way. It says
//! what happens to them, and nothing of what may happen when.

use crate::call::{Call, Reply, Said, What};
use crate::cast::{News, fleet_name, task_id};
use crate::fleet::registered;
use crate::ledger::Ledger;
use fargate_runners_core::task::{TaskRecord, TaskState};

/// What a task's script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Script {
    /// It boots.
    Boots,
    /// Its runner is idle, as far as it can see.
    Idle,
    /// It was told to leave, and waits for a job that may come.
    Told,
    /// A worker runs.
    Works,
    /// It has ended.
    Gone,
}

/// A task, and its runner at GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Task {
    pub(super) script: Script,
    /// GitHub has the runner.
    pub(super) listed: bool,
    /// The job that GitHub has given it.
    pub(super) job: Option<u8>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Job {
    ToCome,
    Waits,
    Runs,
    Over,
}

/// Who waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Caller {
    /// The fleet's message group.
    Group,
    /// A task's script.
    Script(u8),
    /// Nobody any more.
    Nobody,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) ledger: Ledger,
    pub(super) calls: Vec<(Caller, Call)>,
    pub(super) tasks: Vec<Task>,
    pub(super) jobs: Vec<Job>,
    /// Messages in the fleet's group.
    pub(super) news: Vec<News>,
    /// A wake-up is under way.
    pub(super) wake: bool,
    /// Launches that ECS has made, by their tokens.
    pub(super) launched: Vec<(String, Vec<u8>)>,
    pub(super) faults: u8,
    /// How many more may leave, by what `scale` wrote last.
    pub(super) may_leave: u32,
    pub(super) seen: Seen,
}

/// What has happened on the way, as far as a property asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) too_many_left: bool,
    pub(super) ended_in_job: bool,
    pub(super) last: Last,
}

/// What has happened just now: kept for one step only, so that states are told apart by what matters later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other, each asked for by one property")]
pub(super) struct Last {
    pub(super) job_in_grace: bool,
    pub(super) taken_back: bool,
    pub(super) left: bool,
    pub(super) look_overtaken: bool,
    pub(super) launched: bool,
}

impl State {
    pub(super) fn launch(&mut self, token: &str, count: u32) -> Reply {
        if let Some((_, tasks)) = self.launched.iter().find(|(known, _)| known == token) {
            return Reply::Tasks(tasks.clone());
        }
        let tasks: Vec<u8> = (0..count).map(|_| self.boot()).collect();
        self.launched.push((token.to_owned(), tasks.clone()));
        self.seen.last.launched = true;
        Reply::Tasks(tasks)
    }

    /// A task starts, in the place of one that is forgotten if there is one.
    pub(super) fn boot(&mut self) -> u8 {
        let task = Task { script: Script::Boots, listed: false, job: None };
        let free = (0..).zip(&self.tasks).find(|(number, task)| task.script == Script::Gone && self.is_forgotten(*number));
        if let Some(number) = free.map(|(number, _)| number) {
            self.tasks[usize::from(number)] = task;
            return number;
        }
        self.tasks.push(task);
        u8::try_from(self.tasks.len() - 1).unwrap_or(u8::MAX)
    }

    pub(super) fn is_forgotten(&self, task: u8) -> bool {
        self.ledger.task(fleet_name(0), task_id(task)).is_none()
            && !self.is_news(task)
            && !self.calls.iter().any(|(_, call)| *call.what() == What::Lease(task))
    }

    /// Whether a message speaks of the task.
    pub(super) fn is_news(&self, task: u8) -> bool {
        self.news.iter().any(|news| matches!(news, News::Taken(_, _, of) | News::Over(_, _, of) | News::Stopped(of) if *of == task))
    }

    pub(super) fn register(&mut self, number: u8) {
        let task = &mut self.tasks[usize::from(number)];
        (task.script, task.listed) = (Script::Idle, true);
        registered(&mut self.ledger, 0, number);
    }

    /// Messages that were not taken in.
    pub(super) fn come_again(&mut self, what: &What) {
        match what {
            What::Look(_, news) if news[..] == [News::Again] => self.wake = true,
            What::Look(_, news) => self.news.extend(news),
            _ => {}
        }
    }

    pub(super) fn hears(&mut self, task: u8, said: Said) {
        let task = &mut self.tasks[usize::from(task)];
        if task.script == Script::Idle && matches!(said, Said::LeaveLease | Said::Leave) {
            task.script = Script::Told;
        }
    }

    pub(super) fn asks(&self, task: u8) -> bool {
        self.calls.iter().any(|(caller, _)| *caller == Caller::Script(task))
    }

    /// Whether the ledger has it that the runner was told to leave, and its script, which waits for no answer, goes on as if it might stay.
    pub(super) fn has_not_heard(&self, number: u8) -> bool {
        let task = &self.tasks[usize::from(number)];
        task.script == Script::Idle && task.job.is_none() && !self.asks(number) && self.state_of(number) == TaskState::Leaving
    }

    pub(super) fn looks(&self) -> bool {
        self.calls.iter().any(|(caller, _)| *caller == Caller::Group)
    }

    pub(super) fn state_of(&self, task: u8) -> TaskState {
        self.ledger.task(fleet_name(0), task_id(task)).map_or(TaskState::Booting, TaskRecord::state)
    }

    pub(super) fn count(&self, script: Script) -> u32 {
        u32::try_from(self.tasks.iter().filter(|task| task.script == script).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn waiting(&self) -> u32 {
        u32::try_from(self.jobs.iter().filter(|job| **job == Job::Waits).count()).unwrap_or(u32::MAX)
    }

    /// Nothing is under way, nothing that has happened is unknown, and no wake-up is noted: time stands still here, so that one that comes later is never
    /// heard of.
    pub(super) fn rests(&self) -> bool {
        self.ledger.fleet(fleet_name(0)).is_some_and(|state| state.wake_at.is_none())
            && self.calls.is_empty()
            && self.news.is_empty()
            && !self.wake
            && self.tasks.iter().all(|task| task.script != Script::Told && (task.job.is_none() || task.script == Script::Works))
    }

    /// Runners that would take a job now, or will once they have booted.
    pub(super) fn takers(&self) -> u32 {
        let ready = |task: &Task| task.script == Script::Boots || (task.script == Script::Idle && task.listed && task.job.is_none());
        u32::try_from(self.tasks.iter().filter(|task| ready(task)).count()).unwrap_or(u32::MAX)
    }

    /// Idle runners that stay if they ask.
    pub(super) fn stayers(&self) -> u32 {
        let idle = (0..).zip(&self.tasks).filter(|(number, task)| task.script == Script::Idle && self.state_of(*number) == TaskState::Idle);
        let idle = u32::try_from(idle.count()).unwrap_or(u32::MAX);
        idle.saturating_sub(self.ledger.fleet(fleet_name(0)).map_or(0, |fleet| fleet.surplus))
    }

    /// The number of living tasks.
    pub(super) fn living(&self) -> usize {
        self.tasks.iter().filter(|task| task.script != Script::Gone).count()
    }

    /// While nobody has read anything, nobody can tell one version from another: they begin anew, so that fewer states differ. The client tokens are made
    /// of versions: they begin anew only when no launch is due, as if each version were new. Tombstones are forgotten once no message can be about them.
    pub(super) fn settle(&mut self) {
        self.calls.sort_by_key(|(caller, call)| (*caller, call.rank()));
        self.news.sort_unstable();
        if self.calls.is_empty() && !self.ledger.is_launch_due() {
            self.launched.clear();
            self.ledger.begin_anew(self.news.is_empty());
        }
    }
}
