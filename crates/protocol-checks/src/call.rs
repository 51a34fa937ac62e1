//! A function at work, one question to the world at a time. A call is no more than what was asked of the function and what the world has answered so far:
//! from these the real use case is run anew, up to its next question. So a state of a check can be copied, compared and left aside, and between any two
//! questions anything may happen: another call, a crash, an answer that is lost.

use crate::cast::{self, News};
use crate::ledger::{Held, Ledger};
use crate::ports::{Port, Sweeping};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{FleetName, RunnerId, TaskId};
use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Key, Record, Slot, Versioned, Write};
use fargate_runners_core::state::Launch;
use fargate_runners_use_cases::ports::FleetList;
use fargate_runners_use_cases::register::{Answer, Kept, Register, Route};
use fargate_runners_use_cases::scale::{Message, Scale, Sizes};
use fargate_runners_use_cases::sweep::Healer;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// What is the same in all states of a check.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The fleets.
    pub fleets: Arc<FleetList>,
    /// The fleet whose labels a job bears.
    pub home_of: fn(u8) -> u8,
    /// A wrong change of the project's own code.
    pub mutant: Option<Mutant>,
    /// How far calls get by what they have heard: most of a check's states differ elsewhere.
    known: Arc<Mutex<HashMap<u64, Call>>>,
}

impl Setting {
    /// A setting.
    #[must_use]
    pub fn new(fleets: Vec<Fleet>, home_of: fn(u8) -> u8, mutant: Option<Mutant>) -> Self {
        Self { fleets: cast::list(fleets), home_of, mutant, known: Arc::default() }
    }
}

/// So many calls are kept; then they are run anew.
const KNOWN_MOST: usize = 400_000;

/// What a function is called for. Numbers stand for names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A task of the first fleet asks for a registration, under this nonce; the process that is asked may keep what it knows of the task.
    Registration(u8, u8, Option<Arc<Versioned>>),
    /// It acknowledges one, under this nonce and of this attempt; the process that is asked may keep what it knows of the task.
    Ack(u8, u8, u8, Option<Arc<Versioned>>),
    /// It asks whether it may stay.
    Lease(u8),
    /// It is done; with a job, or without one.
    Done(u8, bool),
    /// A fleet's messages are taken in.
    Look(u8, Vec<News>),
    /// A message of the wake-up queue is forwarded to its fleet's group.
    Forward(u8),
    /// The healer looks for tasks that never registered.
    Sweep,
}

/// What a function asks of the world.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is a method of a port, and described there")]
pub enum Question {
    Active(FleetName),
    Read(Vec<Key>),
    Commit(Vec<Write>),
    Slot,
    Mint(RunnerName),
    Delete(RunnerId),
    Find(RunnerName),
    Describe(TaskId),
    Protect(TaskId),
    Running,
    Stop(TaskId),
    Launch(Launch),
    Wake(FleetName),
    Forward(FleetName),
}

/// What the world answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// It is done.
    Done,
    /// A record was not in the version that was read.
    Conflict,
    /// Nobody knows whether it was done.
    Lost,
    /// Not now: a protection, a slot, a runner that GitHub calls busy, a rate limit.
    Refused,
    /// Records.
    Records(Vec<Held>),
    /// A runner, if there is one.
    Runner(Option<u64>),
    /// A runner of that name is there already.
    NameTaken,
    /// Whether the task runs; nothing if ECS does not know it.
    Runs(Option<bool>),
    /// Tasks.
    Tasks(Vec<u8>),
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// A registration: under which attempt, and GitHub's id.
    Registration(u8, u64),
    /// The acknowledgement is taken.
    Acknowledged,
    /// The runner stays.
    Stay,
    /// The runner leaves.
    LeaveLease,
    /// The task exits now.
    Go,
    /// Not for this caller.
    Forbidden,
    /// The task is to leave, nothing is registered.
    Leave,
    /// Ask again.
    Later,
    /// The messages are in the ledger, the wake-up is forwarded, the sweep is over.
    Over,
    /// The messages must come again.
    ComeAgain,
}

/// How far a call is.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// It asks this, and waits.
    Asks(Question),
    /// It is over.
    Says(Said),
}

/// One call of a function.
#[derive(Clone)]
pub struct Call(Arc<Inner>);

struct Inner {
    hash: u64,
    what: What,
    tape: Vec<Entry>,
    started: u8,
    /// Whether something that it wrote stands in the ledger.
    written: bool,
    next: Next,
    /// What its process keeps of the task, once it is over.
    keeps: Option<Arc<Versioned>>,
}

/// An answer of the world, and when it came.
pub(crate) type Entry = (u8, Reply);

impl Call {
    /// The call, up to its first question.
    #[must_use]
    pub fn new(setting: &Setting, what: What, now: u8) -> Self {
        Self::of(setting, what, vec![], now, false)
    }

    fn of(setting: &Setting, what: What, tape: Vec<Entry>, started: u8, written: bool) -> Self {
        let mut hasher = DefaultHasher::new();
        (&what, &tape, started).hash(&mut hasher);
        let hash = hasher.finish();
        let known = || setting.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |call: &&Self| call.0.what == what && call.0.tape == tape && call.0.started == started;
        if let Some(call) = known().get(&hash).filter(same) {
            return call.clone();
        }
        let (next, keeps) = run(setting, &what, &tape, started);
        let call = Self(Arc::new(Inner { hash, what, tape, started, written, next, keeps }));
        let mut known = known();
        if known.len() >= KNOWN_MOST {
            known.clear();
        }
        known.insert(hash, call.clone());
        call
    }

    /// The call once the world has answered its question.
    #[must_use]
    pub fn hears(&self, setting: &Setting, reply: Reply, now: u8) -> Self {
        let what = self.0.what.clone();
        if reply == Reply::Conflict && self.begins_anew() {
            return Self::anew(setting, what, now);
        }
        let written = self.0.written || matches!((&self.0.next, &reply), (Next::Asks(Question::Commit(_)), Reply::Done));
        let mut tape = self.0.tape.clone();
        tape.push((now, reply));
        Self::of(setting, what, tape, self.0.started, written)
    }

    /// These read anew after a conflict, and keep nothing of what they had read: what they heard before plays no part any more, but that there was a conflict
    /// for a process that keeps something. (They give up after a number of conflicts; here they never do.)
    fn begins_anew(&self) -> bool {
        !self.0.written && matches!(self.0.what, What::Ack(..) | What::Lease(_) | What::Done(..) | What::Look(..))
    }

    /// The call as it will be once it has heard of its conflict, if what it is about to write cannot be written any more: what it has read plays no part
    /// from now on, and states that differ in nothing else are one.
    #[must_use]
    pub fn doomed(&self, setting: &Setting, ledger: &Ledger, now: u8) -> Option<Self> {
        let Some(Question::Commit(writes)) = self.asks() else { return None };
        (self.begins_anew() && !ledger.admits(writes)).then(|| Self::anew(setting, self.0.what.clone(), now))
    }

    /// The call when it has met a conflict, up to its next question. A look asks for more then, which it took for granted at first; an acknowledgement that was
    /// decided on what its process keeps asks for the record. What it had read plays no part, so that it is one and the same after every conflict: as if it had
    /// found nothing at all before.
    fn anew(setting: &Setting, what: What, now: u8) -> Self {
        let mut call = Self::new(setting, what, now);
        match (&call.0.what, call.asks()) {
            (What::Ack(..), Some(Question::Commit(_))) => {
                return Self::of(setting, call.0.what.clone(), vec![(now, Reply::Conflict)], now, false);
            }
            (What::Look(..), _) => {}
            _ => return call,
        }
        loop {
            let reply = match call.asks() {
                Some(Question::Active(_) | Question::Read(_)) => Reply::Records(vec![]),
                Some(Question::Commit(_)) => Reply::Conflict,
                Some(_) => Reply::Done,
                None => return call,
            };
            let is_over = reply == Reply::Conflict;
            let mut tape = call.0.tape.clone();
            tape.push((now, reply));
            call = Self::of(setting, call.0.what.clone(), tape, now, false);
            if is_over {
                return call;
            }
        }
    }

    /// How many answers it has heard.
    #[must_use]
    pub fn heard(&self) -> usize {
        self.0.tape.len()
    }

    /// What it was called for.
    #[must_use]
    pub fn what(&self) -> &What {
        &self.0.what
    }

    /// How far it is.
    #[must_use]
    pub fn next(&self) -> &Next {
        &self.0.next
    }

    /// What it asks, if it is not over.
    #[must_use]
    pub fn asks(&self) -> Option<&Question> {
        match &self.0.next {
            Next::Asks(question) => Some(question),
            Next::Says(_) => None,
        }
    }

    /// What came of it, if it is over.
    #[must_use]
    pub fn says(&self) -> Option<Said> {
        match self.0.next {
            Next::Says(said) => Some(said),
            Next::Asks(_) => None,
        }
    }

    /// What the process keeps of the task that it has minted for.
    #[must_use]
    pub fn keeps(&self) -> Option<&Arc<Versioned>> {
        self.0.keeps.as_ref()
    }

    /// A number by which calls can be put in order.
    #[must_use]
    pub fn rank(&self) -> u64 {
        self.0.hash
    }
}

impl Hash for Call {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash.hash(state);
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.hash == other.0.hash
                && self.0.what == other.0.what
                && self.0.tape == other.0.tape
                && self.0.started == other.0.started)
    }
}

impl Eq for Call {}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} after {} answers: {:?}", self.0.what, self.0.tape.len(), self.0.next)
    }
}

/// Runs the use case until it asks something that has not been answered, or is over; then its process may keep something.
fn run(setting: &Setting, what: &What, tape: &[Entry], started: u8) -> (Next, Option<Arc<Versioned>>) {
    let port = Port::new(tape, started, Arc::clone(&setting.fleets));
    let kept = Kept::default();
    let task = match what {
        What::Registration(task, _, keeps) | What::Ack(task, _, _, keeps) => {
            if let Some(Versioned { record: Record::Task(task), version, .. }) = keeps.as_deref() {
                kept.keep(Slot::read(task.clone(), *version));
            }
            Some(*task)
        }
        _ => None,
    };
    mutant::set(setting.mutant);
    let poll = pin!(call(setting, what, port.clone(), kept.clone())).poll(&mut Context::from_waker(Waker::noop()));
    mutant::set(None);
    match poll {
        Poll::Ready(said) => {
            let keeps = task.and_then(|task| kept.take(cast::task_id(task)));
            (Next::Says(said), keeps.map(|slot| Arc::new(Versioned::new(Record::Task(slot.get().clone()), slot.version()))))
        }
        Poll::Pending => (Next::Asks(port.asked()), None),
    }
}

async fn call(setting: &Setting, what: &What, port: Port, kept: Kept) -> Said {
    match what {
        What::Registration(task, nonce, _) => register(port, kept, Route::Registration, *task, *nonce, "").await,
        What::Ack(task, nonce, attempt, _) => {
            let name = RunnerName {
                stack: cast::stack().clone(),
                fleet: cast::fleet_name(0).clone(),
                task: cast::task_id(*task).clone(),
                attempt: *attempt,
            };
            register(port, kept, Route::Ack, *task, *nonce, &format!(r#","runner_name":"{name}""#)).await
        }
        What::Lease(task) => register(port, kept, Route::Lease, *task, 0, "").await,
        What::Done(task, true) => register(port, kept, Route::Done, *task, 0, r#","outcome":"job""#).await,
        What::Done(task, false) => register(port, kept, Route::Done, *task, 0, r#","outcome":"left""#).await,
        What::Look(fleet, news) => {
            let events: Vec<_> = news.iter().map(|news| news.event(*fleet, setting.home_of)).collect();
            match scale(port).look(cast::fleet_name(*fleet), &events).await {
                Ok(()) => Said::Over,
                Err(_) => Said::ComeAgain,
            }
        }
        What::Forward(fleet) => {
            let body = News::Again.event(*fleet, setting.home_of).to_message().unwrap_or_default();
            let failed = scale(port).forward(vec![Message { id: "m".to_owned(), body }]).await;
            if failed.is_empty() { Said::Over } else { Said::ComeAgain }
        }
        What::Sweep => {
            Sweeping::of(port).handle(&[Healer::Unregistered]).await;
            Said::Over
        }
    }
}

async fn register(port: Port, kept: Kept, route: Route, task: u8, nonce: u8, members: &str) -> Said {
    let register = Register {
        ledger: port.clone(),
        pace: port.clone(),
        github: port.clone(),
        tasks: port.clone(),
        fleets: port.clone(),
        bus: port.clone(),
        clock: port,
        kept,
        stack: cast::stack().clone(),
    };
    let arn = format!("arn:aws:sts::1:assumed-role/{}/{}", cast::role(0), cast::task_id(task));
    let body = format!(r#"{{"nonce":"{nonce}"{members}}}"#);
    match register.handle(route, Some(&arn), body.as_bytes()).await {
        Answer::Jit(name, runner) => Said::Registration(name.attempt, runner.id.0),
        Answer::Acknowledged(_) => Said::Acknowledged,
        Answer::Stay(_) => Said::Stay,
        Answer::LeaveLease => Said::LeaveLease,
        Answer::Go => Said::Go,
        Answer::Forbidden => Said::Forbidden,
        Answer::Leave => Said::Leave,
        Answer::Token(..) | Answer::Wait(_) | Answer::TooMany(_) | Answer::Unavailable(_) => Said::Later,
    }
}

fn scale(port: Port) -> Scale<Port, Port, Port, Port, Port, Port, Port, Port> {
    Scale {
        ledger: port.clone(),
        capacity: port.clone(),
        fleets: port.clone(),
        bus: port.clone(),
        wake_up: port.clone(),
        queue: port.clone(),
        dead_letters: port.clone(),
        clock: port,
        sizes: Sizes::default(),
        stack: cast::stack().clone(),
    }
}
