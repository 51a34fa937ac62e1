//! The claim: one task asks for its registration and acknowledges it, again and again as answers get lost; somebody else in the task asks too, the healer
//! condemns it, and functions die between any two steps. A claim touches one task's record and nothing else, so that one task stands for all.

use crate::call::{Call, Question, Reply, Said, Setting, What};
use crate::cast::{self, fleet_name, task_id};
use crate::fleet;
use crate::ledger::Ledger;
use fargate_runners_core::mutant::Mutant;
use fargate_runners_core::record::{Key, Record, Versioned, Write};
use fargate_runners_core::task::TaskRecord;
use stateright::{Model, Property};
use std::sync::Arc;

/// The task's own nonce, and one that somebody else made up.
const OWN: u8 = 1;
const OTHER: u8 = 2;

/// So many processes keep what they know, the newest ones: an older and a newer record make all the difference there is.
const KEEPERS: usize = 2;

/// How often what may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// The task asks for a registration.
    pub asks: u8,
    /// It acknowledges one.
    pub acks: u8,
    /// Somebody else in the task asks or acknowledges.
    pub strangers: u8,
    /// The healer looks for tasks that never registered.
    pub sweeps: u8,
    /// Calls fail, answers get lost, functions die.
    pub faults: u8,
    /// A time passes that is longer than a mint's lock, and than a function may take.
    pub periods: u8,
    /// Calls at once.
    pub at_once: usize,
    /// RunTask has launched the task, and its answer is in the ledger; otherwise it is a service's.
    pub launched: bool,
}

/// A wrong world, for checks of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The ledger writes whatever stands there.
    NoVersions,
}

/// What is checked.
#[derive(Clone, Debug)]
pub struct Claim {
    setting: Setting,
    bounds: Bounds,
    wrong: Option<Wrong>,
}

/// How far the task's script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Script {
    /// It has no registration yet.
    Asks,
    /// It has one: of this attempt, and by GitHub's id.
    Has(u8, u64),
    /// That is acknowledged: its listener runs.
    Listens(u64),
    /// It was told to leave before.
    Left,
    /// It has ended otherwise.
    Ended,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    ledger: Ledger,
    /// The calls under way; `true`: the script waits for this one.
    calls: Vec<(bool, Call)>,
    script: Script,
    /// What GitHub has: attempts and ids.
    runners: Vec<(u8, u64)>,
    /// Mints that GitHub carries out although nobody waits for them any more.
    late: Vec<u8>,
    /// What processes of `register`, each another, know of the task that they have minted for, and keep for the acknowledgement. Others may have written its
    /// record since.
    kept: Vec<Arc<Versioned>>,
    minted: u8,
    now: u8,
    left: Bounds,
    seen: Seen,
}

/// What has happened on the way, as far as a property asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Seen {
    minted_after_start: bool,
    stopped_registered: bool,
    /// By which nonces somebody got a registration.
    served: u8,
    just_now: Option<JustNow>,
}

/// What has happened just now: kept for one step only, so that states are told apart by what matters later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum JustNow {
    CondemnedWasStopped,
    StrangerWasRefused,
    LateMintLanded,
    AcknowledgedUnread,
    AcknowledgedAfterAll,
    MintedAgainAtOnce,
}

/// How a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// As it should be.
    Works,
    /// It is done, and the answer gets lost.
    Lost,
    /// It is not done, and no answer comes.
    Fails,
    /// It is refused.
    Refused,
    /// It will be done later, and no answer comes.
    Late,
}

/// Which process of `register` a request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// One of those that have minted for the task, and keep what they know.
    Keeper(usize),
    /// Any other.
    Other,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is one sentence by itself")]
pub enum Action {
    ScriptAsks(Asked),
    ScriptAcknowledges(Asked),
    ScriptStopsWaiting,
    ScriptHears(usize),
    ScriptGivesUp,
    StrangerAsks(u8, Asked),
    StrangerAcknowledges(u8, Asked),
    HealerStarts,
    CallIsAnswered(usize, How),
    CallDies(usize),
    LateMintLands(usize),
    LateMintVanishes(usize),
    JobIsSeen,
    TimePasses,
}

impl Claim {
    /// The claim within bounds, with a wrong change or none.
    #[must_use]
    pub fn new(bounds: Bounds, mutant: Option<Mutant>, wrong: Option<Wrong>) -> Self {
        let fleet = if bounds.launched { cast::fleet(0, 1) } else { cast::service_fleet(0, 1) };
        Self { setting: Setting::new(vec![fleet], |_| 0, mutant), bounds, wrong }
    }

    fn start(&self, state: &mut State, awaited: bool, what: What) {
        state.calls.push((awaited, Call::new(&self.setting, what, state.now)));
    }

    /// Answers the question of a call.
    fn answer(&self, state: &mut State, position: usize, how: How) {
        if how != How::Works {
            state.left.faults -= 1;
        }
        let (awaited, call) = state.calls[position].clone();
        let Some(question) = call.asks() else { return };
        let reply = self.reply(state, question, how);
        let call = call.hears(&self.setting, reply, state.now);
        state.keep(call.keeps());
        let has_kept = matches!(call.what(), What::Registration(.., Some(_)) | What::Ack(.., Some(_)));
        match (call.says(), call.what()) {
            (Some(Said::Registration(..)), What::Registration(_, nonce, _)) => {
                state.seen.served |= nonce;
                // No time has passed: it is the lock of its own mint that is over.
                let at_once = has_kept && state.now == 0;
                state.seen.just_now = at_once.then_some(JustNow::MintedAgainAtOnce);
            }
            (Some(Said::Acknowledged), What::Ack(..)) if has_kept && call.heard() == 1 => {
                state.seen.just_now = Some(JustNow::AcknowledgedUnread);
            }
            (Some(Said::Acknowledged), What::Ack(..)) if state.record().is_some_and(is_nameless) => {
                state.seen.just_now = Some(JustNow::AcknowledgedAfterAll);
            }
            (Some(Said::Forbidden), What::Registration(_, OTHER, _)) => state.seen.just_now = Some(JustNow::StrangerWasRefused),
            _ => {}
        }
        if call.says().is_some() && !awaited {
            state.calls.remove(position);
        } else {
            state.calls[position] = (awaited, call);
        }
    }

    fn reply(&self, state: &mut State, question: &Question, how: How) -> Reply {
        let reply = match (question, how) {
            (_, How::Fails) => Reply::Lost,
            (Question::Mint(name), How::Late) => {
                state.late.push(name.attempt);
                Reply::Lost
            }
            (_, How::Refused) => Reply::Refused,
            (Question::Read(keys), _) => Reply::Records(state.ledger.read(keys)),
            (Question::Commit(writes), _) => {
                if self.wrong == Some(Wrong::NoVersions) {
                    state.ledger.overwrite(writes);
                    Reply::Done
                } else if state.ledger.commit(writes) {
                    Reply::Done
                } else {
                    Reply::Conflict
                }
            }
            (Question::Mint(name), _) => state.mint(name.attempt),
            (Question::Delete(id), _) => {
                state.runners.retain(|(_, known)| *known != id.0);
                Reply::Done
            }
            (Question::Find(name), _) => {
                Reply::Runner(state.runners.iter().find(|(attempt, _)| *attempt == name.attempt).map(|(_, id)| *id))
            }
            (Question::Describe(_), _) => Reply::Runs(Some(state.lives())),
            (Question::Running, _) => Reply::Tasks(if state.lives() { vec![0] } else { vec![] }),
            (Question::Stop(_), _) => {
                state.stop();
                Reply::Done
            }
            (Question::Slot | Question::Protect(_), _) => Reply::Done,
            (Question::Active(_) | Question::Launch(_) | Question::Wake(_) | Question::Forward(_), _) => Reply::Lost,
        };
        if how == How::Lost { Reply::Lost } else { reply }
    }
}

impl State {
    /// Keeps what a process knows at the end of a mint.
    fn keep(&mut self, keeps: Option<&Arc<Versioned>>) {
        let Some(keeps) = keeps else { return };
        if self.kept.len() == KEEPERS {
            self.kept.remove(0);
        }
        self.kept.push(Arc::clone(keeps));
    }

    /// What the process keeps that is asked.
    fn take(&mut self, asked: Asked) -> Option<Arc<Versioned>> {
        match asked {
            Asked::Keeper(position) => Some(self.kept.remove(position)),
            Asked::Other => None,
        }
    }

    /// The processes that a request may come to.
    fn asked(&self) -> impl Iterator<Item = Asked> + use<> {
        (0..self.kept.len()).map(Asked::Keeper).chain([Asked::Other])
    }

    fn lives(&self) -> bool {
        !matches!(self.script, Script::Left | Script::Ended)
    }

    fn record(&self) -> Option<&TaskRecord> {
        self.ledger.task(fleet_name(0), task_id(0))
    }

    fn mint(&mut self, attempt: u8) -> Reply {
        if self.runners.iter().any(|(known, _)| *known == attempt) {
            return Reply::NameTaken;
        }
        self.minted += 1;
        self.runners.push((attempt, self.minted.into()));
        self.seen.minted_after_start |= matches!(self.script, Script::Listens(_));
        Reply::Runner(Some(self.minted.into()))
    }

    fn stop(&mut self) {
        self.seen.stopped_registered |=
            matches!(self.script, Script::Listens(_)) || self.record().is_some_and(|task| task.registered_at.is_some());
        if self.lives() {
            self.seen.just_now = Some(JustNow::CondemnedWasStopped);
            self.script = Script::Ended;
        }
    }

    fn awaits(&self) -> bool {
        self.calls.iter().any(|(awaited, _)| *awaited)
    }

    /// The script reads the answer to its call.
    fn hear(&mut self, position: usize) {
        let (_, call) = self.calls.remove(position);
        if !self.lives() {
            return;
        }
        self.script = match (call.says(), self.script) {
            (Some(Said::Registration(attempt, id)), _) => Script::Has(attempt, id),
            (Some(Said::Acknowledged), Script::Has(_, id)) => Script::Listens(id),
            (Some(Said::Leave), _) => Script::Left,
            (Some(Said::Forbidden), _) => Script::Ended,
            (_, script) => script,
        };
    }

    /// Word of a job of this task comes: `scale` enters it into the task's record.
    fn job_is_seen(&mut self) {
        let key = Key::Task(fleet_name(0).clone(), task_id(0).clone());
        let Some(held) = self.ledger.get(&key).map(|held| held.get().clone()) else { return };
        let expected = held.expected();
        if let Record::Task(mut task) = held.record {
            task.had_job(fargate_runners_core::ids::JobId(1), None);
            let written = self.ledger.commit(&[Write { record: Record::Task(task), expected }]);
            debug_assert!(written, "nobody writes in between");
        }
    }

    /// Nothing is under way.
    fn rests(&self) -> bool {
        self.calls.is_empty() && self.late.is_empty()
    }
}

/// Whether nobody has told the ledger which runner the task has.
fn is_nameless(task: &TaskRecord) -> bool {
    task.minted.as_ref().is_some_and(|minted| minted.runner_id.is_none())
}

/// Failures that lead elsewhere than a death of the function at the same place does.
fn failures(question: &Question) -> &'static [How] {
    match question {
        Question::Mint(_) => &[How::Lost, How::Fails, How::Refused, How::Late],
        Question::Delete(_) => &[How::Lost, How::Fails, How::Refused],
        Question::Find(_) => &[How::Fails],
        Question::Slot => &[How::Refused],
        _ => &[],
    }
}

impl Model for Claim {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut ledger = Ledger::default();
        if self.bounds.launched {
            fleet::launched(&mut ledger, 0, 0);
        }
        vec![State {
            ledger,
            calls: vec![],
            script: Script::Asks,
            runners: vec![],
            late: vec![],
            kept: vec![],
            minted: 0,
            now: 0,
            left: self.bounds,
            seen: Seen::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = &state.left;
        let room = state.calls.len() < self.bounds.at_once;
        if !state.awaits() && state.lives() {
            match state.script {
                Script::Asks if room && left.asks > 0 => actions.extend(state.asked().map(Action::ScriptAsks)),
                Script::Has(..) if room && left.acks > 0 => actions.extend(state.asked().map(Action::ScriptAcknowledges)),
                _ => {}
            }
            if matches!(state.script, Script::Asks | Script::Has(..)) {
                actions.push(Action::ScriptGivesUp);
            }
        }
        if room && left.strangers > 0 {
            for nonce in [OWN, OTHER] {
                // The task's own nonce is known to nobody but its script, until a job runs in it.
                if state.lives() && (nonce == OTHER || matches!(state.script, Script::Listens(_))) {
                    actions.extend(state.asked().map(|asked| Action::StrangerAsks(nonce, asked)));
                    actions.extend(state.asked().map(|asked| Action::StrangerAcknowledges(nonce, asked)));
                }
            }
        }
        if room && left.sweeps > 0 && state.lives() {
            actions.push(Action::HealerStarts);
        }
        for (position, (awaited, call)) in state.calls.iter().enumerate() {
            if *awaited {
                actions.push(if call.says().is_some() { Action::ScriptHears(position) } else { Action::ScriptStopsWaiting });
            }
            let Some(question) = call.asks() else { continue };
            actions.push(Action::CallIsAnswered(position, How::Works));
            if left.faults > 0 {
                actions.push(Action::CallDies(position));
                actions.extend(failures(question).iter().map(|how| Action::CallIsAnswered(position, *how)));
            }
        }
        for position in 0..state.late.len() {
            actions.extend([Action::LateMintLands(position), Action::LateMintVanishes(position)]);
        }
        if matches!(state.script, Script::Listens(_)) && state.record().is_some_and(|task| task.job_id.is_none()) {
            actions.push(Action::JobIsSeen);
        }
        if left.periods > 0 && state.late.is_empty() {
            actions.push(Action::TimePasses);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.seen.just_now = None;
        match action {
            Action::ScriptAsks(asked) => {
                state.left.asks -= 1;
                let kept = state.take(asked);
                self.start(&mut state, true, What::Registration(0, OWN, kept));
            }
            Action::ScriptAcknowledges(asked) => {
                state.left.acks -= 1;
                let Script::Has(attempt, _) = state.script else { return None };
                let kept = state.take(asked);
                self.start(&mut state, true, What::Ack(0, OWN, attempt, kept));
            }
            Action::StrangerAsks(nonce, asked) => {
                state.left.strangers -= 1;
                let kept = state.take(asked);
                self.start(&mut state, false, What::Registration(0, nonce, kept));
            }
            Action::StrangerAcknowledges(nonce, asked) => {
                state.left.strangers -= 1;
                let kept = state.take(asked);
                self.start(&mut state, false, What::Ack(0, nonce, 1, kept));
            }
            Action::HealerStarts => {
                state.left.sweeps -= 1;
                self.start(&mut state, false, What::Sweep);
            }
            // It goes on; its answer reaches nobody.
            Action::ScriptStopsWaiting => state.calls.iter_mut().for_each(|(awaited, _)| *awaited = false),
            Action::ScriptHears(position) => state.hear(position),
            Action::ScriptGivesUp => state.script = Script::Ended,
            Action::CallIsAnswered(position, how) => self.answer(&mut state, position, how),
            Action::CallDies(position) => {
                state.left.faults -= 1;
                state.calls.remove(position);
            }
            Action::LateMintLands(position) => {
                let attempt = state.late.remove(position);
                state.mint(attempt);
                state.seen.just_now = Some(JustNow::LateMintLanded);
            }
            Action::LateMintVanishes(position) => drop(state.late.remove(position)),
            Action::JobIsSeen => state.job_is_seen(),
            Action::TimePasses => {
                state.left.periods -= 1;
                state.now += 1;
                // Lambda has ended the calls of `register` long before, but for one that it was only to begin; the healer may take longer.
                state.calls.retain(|(_, call)| *call.what() == What::Sweep || call.says().is_some() || call.heard() == 0);
            }
        }
        if state.left.strangers == 0 && !matches!(state.script, Script::Asks | Script::Has(..)) {
            // Nobody acknowledges anything any more.
            state.kept.clear();
        }
        state.calls.sort_by_key(|(awaited, call)| (*awaited, call.rank()));
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("R5: at most one registration of the task lives", |_, state: &State| state.runners.len() <= 1),
            Property::always("R5: nothing is minted once the listener may have started", |_, state: &State| !state.seen.minted_after_start),
            Property::always("R5: only one nonce is ever served", |_, state: &State| state.seen.served.count_ones() <= 1),
            Property::always("R5: a listener runs with the registration that lives", |_, state: &State| match state.script {
                Script::Listens(id) => state.runners.iter().any(|(_, known)| *known == id),
                _ => true,
            }),
            Property::always("R1: no task is stopped that has registered", |_, state: &State| !state.seen.stopped_registered),
            Property::always("condemned and registered exclude each other", |_, state: &State| {
                state.record().is_none_or(|task| task.condemned_at.is_none() || task.registered_at.is_none())
            }),
            Property::always("R7: a task that is told to leave leaves no runner", |_, state: &State| {
                state.script != Script::Left || !state.rests() || state.runners.is_empty()
            }),
            Property::sometimes("a task registers", |_, state: &State| matches!(state.script, Script::Listens(_))),
            Property::sometimes("an acknowledgement is taken without a read", |_, state: &State| {
                state.seen.just_now == Some(JustNow::AcknowledgedUnread)
            }),
            Property::sometimes("an acknowledgement is taken by who does not know the runner", |_, state: &State| {
                state.seen.just_now == Some(JustNow::AcknowledgedAfterAll)
            }),
            Property::sometimes("who has minted mints again at once", |_, state: &State| {
                state.seen.just_now == Some(JustNow::MintedAgainAtOnce)
            }),
            Property::sometimes("a task registers after a lost mint", |_, state: &State| {
                matches!(state.script, Script::Listens(_)) && state.record().is_some_and(|task| task.attempt > 1)
            }),
            Property::sometimes("a mint takes effect after its function has given up", |_, state: &State| {
                state.seen.just_now == Some(JustNow::LateMintLanded)
            }),
            Property::sometimes("a task is condemned and stopped", |_, state: &State| {
                state.seen.just_now == Some(JustNow::CondemnedWasStopped)
            }),
            Property::sometimes("a task is told to leave", |_, state: &State| state.script == Script::Left),
            Property::sometimes("a stranger is refused", |_, state: &State| state.seen.just_now == Some(JustNow::StrangerWasRefused)),
            Property::sometimes("a job runs", |_, state: &State| state.record().is_some_and(|task| task.job_id.is_some())),
        ]
    }
}
