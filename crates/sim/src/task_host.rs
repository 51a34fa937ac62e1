//! The tasks' containers: starts, ends and kills what ECS says, and knows the truth about each task, which nobody else in the story does.

use crate::engine::{ActorId, Flag, Millis};
use crate::faults::Fault;
use crate::runner;
use crate::script;
use crate::world::World;
use fargate_runners_model_ecs::{Command, Report, StopCode};
use fargate_runners_model_github::SessionId;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How long a storm of failing image pulls lasts at most.
const STORM: Millis = 600_000;

/// The exit code of a container that was killed.
const KILLED: i32 = 137;

/// What a task is really doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No listener of it may have started.
    Booting,
    /// Its listener starts, or waits for a job.
    Listening,
    /// A worker runs.
    Running,
    /// It was told to leave, and waits for a job that may have been assigned before.
    Leaving,
    /// Its job is over, or it has left: nothing of it is needed any more.
    Finishing,
    /// It has ended.
    Ended,
}

/// The truth about a task.
pub struct TaskLife {
    /// The task.
    pub task_id: String,
    /// Its fleet.
    pub fleet: String,
    /// What it is doing.
    pub phase: Cell<Phase>,
    /// Whether its listener has taken a job.
    pub has_job: Cell<bool>,
    /// Whether that job came to its end.
    pub job_over: Cell<bool>,
    /// Whether what becomes of its job is AWS's doing, or the runner's own program's.
    pub excused: Cell<bool>,
    /// SIGTERM has come.
    pub stopped: Flag,
    /// The listener is told to end.
    pub interrupted: Flag,
    /// The runner's program has ended.
    pub runner_ended: Flag,
    /// Something of the above has changed.
    pub news: Flag,
    /// The listener's session.
    pub session: Cell<Option<SessionId>>,
    script: Cell<Option<ActorId>>,
    runner: Cell<Option<ActorId>>,
}

impl TaskLife {
    /// Notes who plays the runner.
    pub fn played_by(&self, runner: ActorId) {
        self.runner.set(Some(runner));
    }

    /// The first letters of its id, for people.
    #[must_use]
    pub fn short(&self) -> String {
        format!("task {}", &self.task_id[..8])
    }
}

/// All containers that ever were.
#[derive(Default)]
pub struct TaskHost {
    lives: RefCell<BTreeMap<String, Rc<TaskLife>>>,
    sessions: RefCell<BTreeMap<SessionId, Flag>>,
    launches: RefCell<BTreeSet<String>>,
    storm_until: Cell<Millis>,
}

impl TaskHost {
    /// The truth about a task whose container was started.
    #[must_use]
    pub fn life(&self, task_id: &str) -> Option<Rc<TaskLife>> {
        self.lives.borrow().get(task_id).cloned()
    }

    /// Tasks whose containers run, with their lives.
    #[must_use]
    pub fn living(&self) -> Vec<Rc<TaskLife>> {
        self.lives.borrow().values().filter(|life| life.phase.get() != Phase::Ended).cloned().collect()
    }

    /// Whether this is the first time that a launch is asked for under its token.
    #[must_use]
    pub fn first_launch(&self, token: &str) -> bool {
        self.launches.borrow_mut().insert(token.to_owned())
    }

    /// Whether a task ended, or lost its job, by AWS's doing or its runner's own.
    #[must_use]
    pub fn is_excused(&self, task_id: &str) -> bool {
        self.life(task_id).is_some_and(|life| life.excused.get())
    }

    /// A listener's mailbox.
    #[must_use]
    pub fn mailbox(&self, session: SessionId) -> Flag {
        self.sessions.borrow_mut().entry(session).or_default().clone()
    }
}

/// Does what ECS says.
pub fn obey(world: &Rc<World>, command: Command) {
    match command {
        Command::Start { task_id } => start(world, task_id),
        Command::Terminate { task_id } => {
            if let Some(life) = world.hosts.life(&task_id) {
                world.tell(&life.short(), || "gets SIGTERM".to_owned());
                life.stopped.raise();
                life.news.raise();
            }
        }
        Command::Kill { task_id } => {
            let by_aws = world.ecs.borrow().task(&task_id).and_then(|task| task.stop_code);
            if let Some(life) = world.hosts.life(&task_id) {
                life.excused.set(life.excused.get() || matches!(by_aws, Some(StopCode::SpotInterruption | StopCode::TerminationNotice)));
            }
            kill(world, &task_id);
        }
    }
}

/// Wakes the listeners that have something to be told. Returns whether there were any.
pub fn wake(world: &World) -> bool {
    let woken = world.github.borrow_mut().take_woken();
    let sessions = world.hosts.sessions.borrow();
    woken.iter().filter_map(|session| sessions.get(session)).for_each(Flag::raise);
    !woken.is_empty()
}

/// A task's machine is gone, without a word.
pub fn vanish(world: &World, task_id: &str) {
    if let Some(life) = world.hosts.life(task_id) {
        world.tell(&life.short(), || "vanishes".to_owned());
        life.excused.set(true);
    }
    kill(world, task_id);
}

fn kill(world: &World, task_id: &str) {
    let Some(life) = world.hosts.life(task_id).filter(|life| life.phase.get() != Phase::Ended) else { return };
    let now = world.now();
    [life.script.take(), life.runner.take()].into_iter().flatten().for_each(|actor| world.engine.kill(actor));
    if let Some(session) = life.session.take() {
        world.github.borrow_mut().disconnect(now, session);
    }
    end(world, &life, KILLED);
}

fn end(world: &World, life: &TaskLife, code: i32) {
    life.phase.set(Phase::Ended);
    world.tell(&life.short(), || format!("ends with {code}"));
    world.ecs.borrow_mut().report(world.now(), &Report::Exited { task_id: life.task_id.clone(), code });
}

fn start(world: &Rc<World>, task_id: String) {
    let now = world.now();
    if world.strikes(Fault::ImagePullStorm) && world.hosts.storm_until.get() < now {
        world.hosts.storm_until.set(now + world.faults.between(Fault::ImagePullStorm, 60_000, STORM));
    }
    if now < world.hosts.storm_until.get() || world.strikes(Fault::ImagePull) {
        let reason = "CannotPullContainerError: pull access denied".to_owned();
        world.ecs.borrow_mut().report(now, &Report::FailedToStart { task_id, reason });
        return;
    }
    let fleet = {
        let ecs = world.ecs.borrow();
        let family = ecs.task(&task_id).map(|task| task.task_definition.clone()).unwrap_or_default();
        let family = family.rsplit('/').next().unwrap_or_default();
        family.strip_prefix("runners-").and_then(|rest| rest.split(':').next()).unwrap_or_default().to_owned()
    };
    let life = Rc::new(TaskLife {
        task_id: task_id.clone(),
        fleet,
        phase: Cell::new(Phase::Booting),
        has_job: Cell::default(),
        job_over: Cell::default(),
        excused: Cell::default(),
        stopped: Flag::default(),
        interrupted: Flag::default(),
        runner_ended: Flag::default(),
        news: Flag::default(),
        session: Cell::default(),
        script: Cell::default(),
        runner: Cell::default(),
    });
    world.hosts.lives.borrow_mut().insert(task_id.clone(), Rc::clone(&life));
    let slow = if world.strikes(Fault::SlowBoot) { world.faults.between(Fault::SlowBoot, 60_000, 480_000) } else { 0 };
    let delay = world.between(200, 2_000) + slow;
    let (played, script_world) = (Rc::clone(&life), Rc::clone(world));
    let actor = world.engine.spawn(async move {
        script_world.engine.sleep(delay).await;
        let now = script_world.now();
        script_world.ecs.borrow_mut().report(now, &Report::Started { task_id });
        let code = if script_world.strikes(Fault::BootHangs) {
            // It does nothing, and hears nothing.
            std::future::pending::<()>().await;
            KILLED
        } else {
            script::play(&script_world, &played).await
        };
        played.script.set(None);
        runner::end_with_script(&script_world, &played);
        end(&script_world, &played, code);
    });
    life.script.set(Some(actor));
}
