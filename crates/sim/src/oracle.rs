//! Who checks the rules while a story goes on: after each thing that was done to the ledger, to GitHub or to ECS, whether it was allowed. It knows the
//! truth of the models and of the tasks, which the functions do not, and never changes anything.

mod asked;
mod jobs;
mod stops;

use crate::engine::Millis;
use crate::host::{Call, Function};
use crate::task_host::Phase;
use crate::world::World;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::ServiceName;
use fargate_runners_core::job::JobRecord;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Key, Record, Write};
use fargate_runners_core::state::{FleetState, Launch};
use fargate_runners_core::task::{LeaveReason, TaskRecord, TaskState};
use fargate_runners_model_ecs::{Command, StopCode};
use fargate_runners_model_github::GithubModel;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// A function may still go by a maximum, or a number of warm runners, that was lowered so long ago: hosts keep fleets for five minutes, and a launch that is due is repeated for some.
const OLD_MAXIMUM: Millis = 15 * 60_000;

/// The wanted number is held against the whole ledger at one look of so many.
const COUNTED_ONE_IN: u64 = 8;

/// A desired count may lie below the protected tasks for a while, when somebody changed it, or nobody heard that ECS had granted protection. By then eight
/// sweeps were due, so that it was put right although some were missed, died or failed.
const TOO_FEW_FOR: Millis = 40 * 60_000;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which: `R1` to `R8`.
    pub rule: &'static str,
    /// When.
    pub at: Millis,
    /// How.
    pub text: String,
}

/// Who checks.
#[derive(Default)]
pub struct Oracle {
    violation: RefCell<Option<Violation>>,
    looks: Cell<u64>,
    /// How many more may leave, by what `scale` wrote last.
    may_leave: RefCell<BTreeMap<String, u32>>,
    /// Who has been told to leave.
    left: RefCell<BTreeSet<String>>,
    /// The services whose desired count lies below their protected tasks, and since when that was seen.
    too_few: RefCell<BTreeMap<String, Millis>>,
    phases: jobs::Phases,
    asked: RefCell<asked::Asked>,
}

impl Oracle {
    /// A rule is broken. The first one is kept: what follows may follow from it.
    pub fn violation(&self, world: &World, rule: &'static str, text: String) {
        world.tell("oracle", || format!("{rule} is broken: {text}"));
        let mut kept = self.violation.borrow_mut();
        if kept.is_none() {
            *kept = Some(Violation { rule, at: world.now(), text });
        }
    }

    /// What was broken first.
    #[must_use]
    pub fn found(&self) -> Option<Violation> {
        self.violation.borrow().clone()
    }

    /// Records were written.
    pub fn committed(&self, call: &Call, writes: &[Write]) {
        let world = call.world();
        for write in writes {
            let key = write.record.key();
            call.tell(|| format!("writes {}", sentence(&write.record)));
            let outside = call.function() == Function::Scale && !call.is_in_group(key.fleet().as_str());
            match &write.record {
                _ if outside => self.violation(world, "R3", format!("scale wrote {key} outside of the fleet's message group")),
                Record::Job(_) if call.function() != Function::Scale => {
                    self.violation(world, "R3", format!("{} wrote {key}", call.function().name()));
                }
                Record::Fleet(_) if !matches!(call.function(), Function::Scale | Function::Register) => {
                    self.violation(world, "R3", format!("{} wrote {key}", call.function().name()));
                }
                Record::Job(job) => self.goes_forward(world, job),
                Record::Fleet(state) if call.function() == Function::Scale => {
                    self.may_leave.borrow_mut().insert(state.fleet.to_string(), state.surplus);
                    self.counted(world, state);
                }
                Record::Task(task) if call.function() == Function::Register => self.leaves(world, task),
                _ => {}
            }
        }
    }

    /// No more leave than `scale` has found to be too many.
    fn leaves(&self, world: &World, task: &TaskRecord) {
        let id = task.task_id.to_string();
        match task.leaving {
            None => drop(self.left.borrow_mut().remove(&id)),
            Some((_, LeaveReason::Surplus)) if self.left.borrow_mut().insert(id) => {
                let mut may_leave = self.may_leave.borrow_mut();
                let left = may_leave.entry(task.fleet.to_string()).or_default();
                if *left == 0 {
                    drop(may_leave);
                    return self.violation(
                        world,
                        "R2",
                        format!("more runners of {} were told to leave than there were too many", task.fleet),
                    );
                }
                *left -= 1;
            }
            Some(_) => {}
        }
    }

    /// The wanted number follows from the records, whatever events there were.
    fn counted(&self, world: &World, state: &FleetState) {
        // The look that counts these is yet to come.
        if state.behind > 0 {
            return;
        }
        self.looks.set(self.looks.get() + 1);
        if !self.looks.get().is_multiple_of(COUNTED_ONE_IN) {
            return;
        }
        let book = world.book.borrow();
        let name = state.fleet.as_str();
        if book.fleet(name).is_none() {
            return;
        }
        let warm = book.most_warm_since(name, world.now().saturating_sub(OLD_MAXIMUM));
        let (mut queued, mut busy) = (0, 0);
        world.ledger.look_at_active(&state.fleet, |found| match &found.record {
            Record::Job(job) => queued += u32::from(JobRecord::is_queued_here(job)),
            Record::Task(task) => busy += u32::from(task.state() == TaskState::Busy),
            Record::Fleet(_) => {}
        });
        // Nobody but `scale` writes jobs; what `webhook` notes with them may have come since the look read them, so that they count as they were written. Tasks report by themselves: whoever was busy when the look read them may have ended since.
        let most = queued + busy.max(state.counts.busy) + warm;
        if state.wanted > most || (state.demand == 0 && state.wanted > warm) {
            self.violation(
                world,
                "R2",
                format!("fleet {} wants {} runners, but its records say {most} at most", state.fleet, state.wanted),
            );
        }
    }

    /// GitHub made a runner.
    pub fn minted(&self, call: &Call, github: &GithubModel, name: &RunnerName) {
        let world = call.world();
        call.tell(|| format!("mints {name}"));
        let others = github.runners().filter_map(|runner| RunnerName::parse(&runner.name).ok());
        if let Some(other) = others.filter(|other| other.task == name.task).find(|other| other.attempt != name.attempt) {
            self.violation(world, "R5", format!("{name} was registered while {other} still is"));
        }
        let Some(life) = world.hosts.life(name.task.as_str()) else { return };
        if !matches!(life.phase.get(), Phase::Booting | Phase::Ended) {
            self.violation(world, "R5", format!("{name} was registered although the task's listener may have started"));
        }
        let ecs = world.ecs.borrow();
        let task = ecs.task(name.task.as_str());
        if task.is_some_and(|task| task.service.is_some() && task.wanted && !task.is_protected(world.now())) {
            self.violation(world, "R4", format!("{name} was registered although ECS does not protect its task"));
        }
    }

    /// GitHub deleted a runner.
    pub fn deleted(&self, call: &Call, name: &str) {
        let world = call.world();
        call.tell(|| format!("deletes runner {name}"));
        let Ok(name) = RunnerName::parse(name) else {
            return self.violation(world, "R1", format!("somebody else's runner {name} was deleted"));
        };
        let Some(life) = world.hosts.life(name.task.as_str()) else { return };
        let works = matches!(life.phase.get(), Phase::Listening | Phase::Running);
        let record = world.ledger.task(&name.fleet, &name.task);
        let told = record.as_ref().is_some_and(|task| task.leaving.is_some());
        let older = record.is_some_and(|task| task.attempt > name.attempt);
        if works && !told && !older {
            self.violation(world, "R1", format!("the runner {name} was deleted while its task lives, and nobody had told it to leave"));
        }
    }

    /// A desired count is set.
    pub fn wants(&self, call: &Call, fleet: &Fleet, service: &ServiceName, count: u32) {
        let world = call.world();
        if call.function() != Function::Scale || !call.is_in_group(fleet.name.as_str()) {
            self.violation(world, "R3", format!("{} set a desired count outside of the fleet's message group", call.function().name()));
        }
        let ecs = world.ecs.borrow();
        let prefix = format!("runners-{}-", fleet.name);
        let own = |name: &str| name.strip_prefix(&prefix).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let known = ecs.services().find(|known| known.name == service.as_str()).map_or(0, |known| known.desired);
        // What somebody did to a count by hand is not known before its tasks are.
        let by_hand = |known: &str| world.book.borrow().is_changed_by_hand(known);
        let others = ecs.services().filter(|known| own(&known.name) && known.name != service.as_str() && !by_hand(&known.name));
        let others: usize = others.map(|known| known.desired).sum();
        let most = world.book.borrow().highest_maximum_since(fleet.name.as_str(), world.now().saturating_sub(OLD_MAXIMUM)) as usize;
        let count = count as usize;
        let lives = ecs.tasks().filter(|task| task.wanted && task.service.as_deref().is_some_and(own)).count();
        if count > known && count + others > most.max(lives) {
            let sum = count + others;
            drop(ecs);
            return self.violation(world, "R8", format!("fleet {} is to have {sum} tasks, but at most {most}", fleet.name));
        }
        let now = world.now();
        let own_tasks = ecs.tasks().filter(|task| task.service.as_deref() == Some(service.as_str()) && task.wanted);
        // What ECS has granted since, or what no record tells, nobody could know.
        let protected = own_tasks.filter(|task| task.is_protected(now) && call.has_read_as_protected(&fleet.name, &task.id)).count();
        let current = world.book.borrow().all().iter().any(|known| known.service() == Some(service));
        // What people did to the count by hand is put right, not defended.
        if count >= known || by_hand(service.as_str()) {
            return;
        }
        drop(ecs);
        if current {
            self.lowers(world, fleet, service, u32::try_from(count).unwrap_or(u32::MAX));
        }
        if count < protected {
            self.violation(world, "R8", format!("{service} is to have {count} tasks, but {protected} are protected"));
        }
    }

    /// Looks whether a current service is to have fewer tasks than ECS protects, and since when: ECS refuses protection to all others meanwhile.
    pub fn counts_last(&self, world: &World) {
        let now = world.now();
        let ecs = world.ecs.borrow();
        let book = world.book.borrow();
        let current: Vec<&str> = book.all().iter().filter_map(|fleet| fleet.service()).map(ServiceName::as_str).collect();
        let protected =
            |name: &str| ecs.tasks().filter(|task| task.service.as_deref() == Some(name) && task.wanted && task.is_protected(now)).count();
        let short = ecs.services().filter(|service| current.contains(&service.name.as_str()) && service.desired < protected(&service.name));
        let mut too_few = self.too_few.borrow_mut();
        let before = std::mem::take(&mut *too_few);
        for service in short {
            let since = before.get(&service.name).copied().unwrap_or(now);
            too_few.insert(service.name.clone(), since);
            if now - since >= TOO_FEW_FOR {
                let (name, minutes) = (&service.name, (now - since) / 60_000);
                self.violation(world, "R8", format!("{name} is to have fewer tasks than are protected, for {minutes} minutes now"));
            }
        }
    }

    /// Tasks are launched.
    pub fn launches(&self, call: &Call, fleet: &Fleet, launch: &Launch) {
        let world = call.world();
        if call.function() != Function::Scale || !call.is_in_group(fleet.name.as_str()) {
            self.violation(world, "R3", format!("{} launched tasks outside of the fleet's message group", call.function().name()));
        }
        if !world.hosts.first_launch(&launch.token) {
            return;
        }
        let family = format!("task-definition/runners-{}:", fleet.name);
        let ecs = world.ecs.borrow();
        let lives = ecs.tasks().filter(|task| task.wanted && task.task_definition.contains(&family)).count();
        drop(ecs);
        let most = world.book.borrow().highest_maximum_since(fleet.name.as_str(), world.now().saturating_sub(OLD_MAXIMUM)) as usize;
        let sum = lives + launch.count as usize;
        if sum > most {
            self.violation(world, "R8", format!("fleet {} is to have {sum} tasks, but at most {most}", fleet.name));
        }
    }

    /// ECS ends a container.
    pub fn commanded(&self, world: &World, command: &Command) {
        let Command::Terminate { task_id } = command else { return };
        let ecs = world.ecs.borrow();
        let Some(task) = ecs.task(task_id) else { return };
        let ours = matches!(task.stop_code, Some(StopCode::ServiceSchedulerInitiated | StopCode::UserInitiated));
        let (reason, service) = (task.stopped_reason.clone().unwrap_or_default(), task.service.clone());
        drop(ecs);
        if !ours || world.book.borrow().is_taken_by_people(task_id) {
            return;
        }
        let Some(life) = world.hosts.life(task_id) else { return };
        let fleet = fargate_runners_core::ids::FleetName::parse(&life.fleet);
        let id = fargate_runners_core::ids::TaskId::parse(task_id);
        let record = fleet.ok().zip(id.ok()).and_then(|(fleet, task)| world.ledger.task(&fleet, &task));
        let registered = record.as_ref().is_some_and(|task| task.registered_at.is_some());
        let could = match life.phase.get() {
            Phase::Booting => registered,
            Phase::Listening | Phase::Running | Phase::Leaving => true,
            Phase::Finishing | Phase::Ended => false,
        };
        if could {
            let text = format!(
                "task {} of {} was stopped while it could have a job ({:?}; {reason})",
                &task_id[..8],
                service.as_deref().unwrap_or("no service"),
                life.phase.get()
            );
            self.violation(world, "R1", text);
        }
    }
}

/// A record in few words.
fn sentence(record: &Record) -> String {
    let key: Key = record.key();
    match record {
        Record::Fleet(state) => {
            let services: Vec<String> =
                state.services.iter().map(|(name, service)| format!("{name}={}/{:?}", service.desired, service.applied)).collect();
            let launches: u32 = state.launches.iter().map(|launch| launch.count).sum();
            format!(
                "{key}: wanted {}, {:?}, surplus {}, launches {launches}, {}",
                state.wanted,
                state.counts,
                state.surplus,
                services.join(" ")
            )
        }
        Record::Job(job) => format!("{key}: {:?}{}", job.phase, if job.is_open() { "" } else { " (over)" }),
        Record::Task(task) => format!("{key}: {:?}, attempt {}, answer {:?}", task.state(), task.attempt, task.done_answer),
    }
}
