//! The lease: idle runners ask whether they may stay while `scale` looks, jobs come and are handed out at any moment until GitHub has deleted the runner, and
//! functions die between any two steps. A runner that is told to leave waits for a job that may have been handed out just before.

mod world;

pub use world::{Script, State};

use crate::call::{Call, Question, Reply, Said, Setting, What};
use crate::cast::{self, News, fleet_name};
use crate::fleet::timeless;
use crate::ledger::Ledger;
use fargate_runners_core::mutant::Mutant;
use fargate_runners_core::record::{Record, Write};
use fargate_runners_core::task::{LeaveReason, TaskState};
use stateright::{Model, Property};
use world::{Caller, Job, Last, Seen};

/// How much of what there is, and how often what may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Runners that are idle in the beginning.
    pub idle: u8,
    /// The most tasks.
    pub maximum: u8,
    /// Jobs that come.
    pub jobs: u8,
    /// Calls fail, answers get lost, functions die, questions arrive late.
    pub faults: u8,
    /// Whether faults strike looks too: they die, go on beside their successors, and their messages come twice.
    pub looks_fail: bool,
    /// Leases that are asked for at once.
    pub at_once: usize,
}

/// A wrong world, for checks of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The ledger writes whatever stands there.
    NoVersions,
    /// A runner that is told to leave ends at once.
    NoGrace,
    /// Only the first question is ever answered: whoever was told to leave, and did not hear it, hears nothing more.
    ForgetsLeavers,
}

/// What is checked.
#[derive(Clone, Debug)]
pub struct Leases {
    setting: Setting,
    bounds: Bounds,
    wrong: Option<Wrong>,
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
    /// GitHub says that the runner has a job.
    Busy,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is one sentence by itself")]
pub enum Action {
    JobComes(u8),
    JobIsHandedOut(u8, u8),
    WorkerShows(u8),
    JobEnds(u8),
    TaskRegisters(u8),
    RunnerAsks(u8),
    RunnerStopsWaiting(u8),
    LateQuestionArrives(u8),
    GracePasses(u8),
    MessagesAreTaken,
    MessagesComeTwice,
    WakeUpComes,
    LookIsGivenUp,
    CallIsAnswered(usize, How),
    CallDies(usize),
}

impl Leases {
    /// Leases within bounds, with a wrong change or none.
    #[must_use]
    pub fn new(bounds: Bounds, mutant: Option<Mutant>, wrong: Option<Wrong>) -> Self {
        Self { setting: Setting::new(vec![cast::fleet(0, bounds.maximum.into())], |_| 0, mutant), bounds, wrong }
    }

    /// A call begins, and reads at once: nobody could tell whether it had begun before.
    fn start(&self, state: &mut State, caller: Caller, what: What) {
        state.calls.push((caller, Call::new(&self.setting, what, 0)));
        self.answer(state, state.calls.len() - 1, How::Works);
    }

    fn commit(&self, state: &mut State, by: &What, writes: &[Write]) -> bool {
        let writes = timeless(writes);
        let before = state.ledger.clone();
        if self.wrong == Some(Wrong::NoVersions) {
            state.ledger.overwrite(&writes);
        } else if !state.ledger.commit(&writes) {
            state.seen.last.look_overtaken |= matches!(by, What::Look(..));
            return false;
        }
        for write in &writes {
            match &write.record {
                Record::Fleet(fleet) if matches!(by, What::Look(..)) => state.may_leave = fleet.surplus,
                Record::Task(task) => {
                    let was = before.task(fleet_name(0), &task.task_id).and_then(|task| task.leaving);
                    if was.is_none() && matches!(task.leaving, Some((_, LeaveReason::Surplus))) {
                        state.seen.too_many_left |= state.may_leave == 0;
                        state.may_leave = state.may_leave.saturating_sub(1);
                    }
                    state.seen.last.taken_back |= was.is_some() && task.leaving.is_none();
                }
                Record::Fleet(_) | Record::Job(_) => {}
            }
        }
        true
    }

    fn reply(&self, state: &mut State, by: &What, question: &Question, how: How) -> Reply {
        let reply = match (question, how) {
            (_, How::Fails) => Reply::Lost,
            (_, How::Busy) => Reply::Refused,
            (Question::Active(fleet), _) => Reply::Records(state.ledger.active(fleet)),
            (Question::Read(keys), _) => Reply::Records(state.ledger.read(keys)),
            (Question::Commit(writes), _) => {
                if self.commit(state, by, writes) {
                    Reply::Done
                } else {
                    Reply::Conflict
                }
            }
            (Question::Delete(id), _) => {
                state.tasks[usize::try_from(id.0).unwrap_or_default()].listed = false;
                Reply::Done
            }
            (Question::Launch(launch), _) => state.launch(&launch.token, launch.count),
            (Question::Wake(_), _) => {
                state.wake = true;
                Reply::Done
            }
            _ => Reply::Lost,
        };
        if how == How::Lost { Reply::Lost } else { reply }
    }

    fn answer(&self, state: &mut State, position: usize, how: How) {
        state.faults -= u8::from(matches!(how, How::Lost | How::Fails));
        let (caller, call) = state.calls[position].clone();
        let Some(question) = call.asks() else { return };
        let reply = self.reply(state, call.what(), question, how);
        let mut call = call.hears(&self.setting, reply, 0);
        // A look reads in two steps, of which the second only fetches what cannot change any more; a wake-up may come at any time.
        while let Some(question @ (Question::Active(_) | Question::Read(_) | Question::Wake(_))) = call.asks().cloned() {
            let reply = self.reply(state, &call.what().clone(), &question, How::Works);
            call = call.hears(&self.setting, reply, 0);
        }
        let Some(said) = call.says() else {
            state.calls[position] = (caller, call);
            return;
        };
        state.calls.remove(position);
        match caller {
            Caller::Group if said == Said::ComeAgain => state.come_again(call.what()),
            Caller::Script(task) => state.hears(task, said),
            Caller::Group | Caller::Nobody => {}
        }
    }

    /// Calls whose conflict is certain hear of it.
    fn doom(&self, state: &mut State) {
        if self.wrong == Some(Wrong::NoVersions) {
            return;
        }
        for (_, call) in &mut state.calls {
            if let Some(anew) = call.doomed(&self.setting, &state.ledger, 0) {
                state.seen.last.look_overtaken |= matches!(call.what(), What::Look(..));
                *call = anew;
            }
        }
    }

    /// A call with nothing else happening in between.
    fn at_once(&self, state: &mut State, what: What) {
        let mut call = Call::new(&self.setting, what, 0);
        while let Some(question) = call.asks().cloned() {
            let reply = self.reply(state, &call.what().clone(), &question, How::Works);
            call = call.hears(&self.setting, reply, 0);
        }
    }

    /// Whether anybody answers the task's question.
    fn is_answered(&self, state: &State, task: u8) -> bool {
        self.wrong != Some(Wrong::ForgetsLeavers) || state.state_of(task) != TaskState::Leaving
    }

    /// Whether the runner is told to leave if it asks now, and nothing happens until it has its answer.
    fn is_told_again(&self, state: &State, task: u8) -> bool {
        if !self.is_answered(state, task) {
            return false;
        }
        let mut state = state.clone();
        self.start(&mut state, Caller::Script(task), What::Lease(task));
        while let Some(position) = state.calls.iter().position(|(caller, _)| *caller == Caller::Script(task)) {
            self.answer(&mut state, position, How::Works);
        }
        state.tasks[usize::from(task)].script == Script::Told
    }

    fn ends(&self, state: &mut State, task: u8, with_job: bool) {
        state.seen.ended_in_job |= state.tasks[usize::from(task)].job.is_some();
        self.at_once(state, What::Done(task, with_job));
        state.tasks[usize::from(task)].script = Script::Gone;
        state.news.push(News::Stopped(task));
    }
}

impl Model for Leases {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            ledger: Ledger::default(),
            calls: vec![],
            tasks: vec![],
            jobs: vec![Job::ToCome; self.bounds.jobs.into()],
            news: vec![],
            wake: true,
            launched: vec![],
            faults: self.bounds.faults,
            may_leave: 0,
            seen: Seen::default(),
        };
        for _ in 0..self.bounds.idle {
            let task = state.boot();
            state.register(task);
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let faulty = state.faults > 0;
        let first = |wanted| (0..).zip(&state.jobs).find(|(_, job)| **job == wanted).map(|(number, _)| number);
        actions.extend(first(Job::ToCome).map(Action::JobComes));
        let room = state.calls.iter().filter(|(_, call)| matches!(call.what(), What::Lease(_))).count() < self.bounds.at_once;
        for (number, task) in (0..).zip(&state.tasks) {
            if let Some(job) = first(Job::Waits).filter(|_| task.listed && task.job.is_none()) {
                actions.push(Action::JobIsHandedOut(job, number));
            }
            match (task.script, task.job) {
                (Script::Boots, _) => actions.push(Action::TaskRegisters(number)),
                (Script::Works, _) => actions.push(Action::JobEnds(number)),
                (Script::Idle | Script::Told, Some(_)) => actions.push(Action::WorkerShows(number)),
                _ => {}
            }
            if task.script == Script::Told && (task.job.is_none() || self.wrong == Some(Wrong::NoGrace)) {
                actions.push(Action::GracePasses(number));
            }
            if task.script == Script::Idle && state.asks(number) && faulty {
                actions.push(Action::RunnerStopsWaiting(number));
            }
            if task.script != Script::Boots && room && faulty {
                actions.push(Action::LateQuestionArrives(number));
            }
            if task.script == Script::Idle && !state.asks(number) && room && self.is_answered(state, number) {
                actions.push(Action::RunnerAsks(number));
            }
        }
        if state.looks() {
            if faulty && self.bounds.looks_fail {
                actions.push(Action::LookIsGivenUp);
            }
        } else {
            if !state.news.is_empty() {
                actions.push(Action::MessagesAreTaken);
                if faulty && self.bounds.looks_fail {
                    actions.push(Action::MessagesComeTwice);
                }
            }
            if state.wake {
                actions.push(Action::WakeUpComes);
            }
        }
        for (position, (_, call)) in state.calls.iter().enumerate() {
            actions.push(Action::CallIsAnswered(position, How::Works));
            if let Some(Question::Delete(id)) = call.asks()
                && state.tasks[usize::try_from(id.0).unwrap_or_default()].job.is_some()
            {
                actions.push(Action::CallIsAnswered(position, How::Busy));
            }
            if faulty && (self.bounds.looks_fail || !matches!(call.what(), What::Look(..))) {
                actions.push(Action::CallDies(position));
                if matches!(call.asks(), Some(Question::Launch(_) | Question::Delete(_))) {
                    actions.push(Action::CallIsAnswered(position, How::Lost));
                }
                if matches!(call.asks(), Some(Question::Launch(_))) {
                    actions.push(Action::CallIsAnswered(position, How::Fails));
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.seen.last = Last::default();
        match action {
            Action::JobComes(job) => {
                state.jobs[usize::from(job)] = Job::Waits;
                state.news.push(News::Queued(job));
            }
            Action::JobIsHandedOut(job, task) => {
                state.jobs[usize::from(job)] = Job::Runs;
                state.tasks[usize::from(task)].job = Some(job);
                state.news.push(News::Taken(job, 0, task));
            }
            Action::WorkerShows(task) => {
                let task = &mut state.tasks[usize::from(task)];
                state.seen.last.job_in_grace |= task.script == Script::Told;
                task.script = Script::Works;
            }
            Action::JobEnds(number) => {
                let task = &mut state.tasks[usize::from(number)];
                task.listed = false;
                let job = task.job.take()?;
                state.jobs[usize::from(job)] = Job::Over;
                state.news.push(News::Over(job, 0, number));
                self.ends(&mut state, number, true);
            }
            Action::TaskRegisters(task) => state.register(task),
            Action::RunnerAsks(task) => self.start(&mut state, Caller::Script(task), What::Lease(task)),
            Action::LateQuestionArrives(task) => {
                state.faults -= 1;
                self.start(&mut state, Caller::Nobody, What::Lease(task));
            }
            Action::RunnerStopsWaiting(task) => {
                state.faults -= 1;
                let waits = |caller: Caller| if caller == Caller::Script(task) { Caller::Nobody } else { caller };
                state.calls.iter_mut().for_each(|(caller, _)| *caller = waits(*caller));
            }
            Action::GracePasses(task) => {
                state.seen.last.left = true;
                self.ends(&mut state, task, false);
            }
            Action::MessagesAreTaken => {
                let news = std::mem::take(&mut state.news);
                self.start(&mut state, Caller::Group, What::Look(0, news));
            }
            Action::MessagesComeTwice => {
                state.faults -= 1;
                let news = state.news.clone();
                self.start(&mut state, Caller::Group, What::Look(0, news));
            }
            Action::WakeUpComes => {
                if state.calls.is_empty() {
                    state.ledger.wake_up_comes(fleet_name(0));
                }
                state.wake = false;
                self.start(&mut state, Caller::Group, What::Look(0, vec![News::Again]));
            }
            Action::LookIsGivenUp => {
                state.faults -= 1;
                let position = state.calls.iter().position(|(caller, _)| *caller == Caller::Group)?;
                state.calls[position].0 = Caller::Nobody;
                let what = state.calls[position].1.what().clone();
                state.come_again(&what);
            }
            Action::CallIsAnswered(position, how) => self.answer(&mut state, position, how),
            Action::CallDies(position) => {
                state.faults -= 1;
                let (caller, call) = state.calls.remove(position);
                if caller == Caller::Group {
                    state.come_again(call.what());
                }
            }
        }
        self.doom(&mut state);
        state.settle();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties: Vec<Property<Self>> = vec![
            Property::always("R1: no task ends before a job that its runner was given", |_, state: &State| !state.seen.ended_in_job),
            Property::always("R2: no more leave than a look found to be too many", |_, state: &State| !state.seen.too_many_left),
            Property::always("R8: no more tasks than the maximum", |model, state: &State| state.living() <= model.bounds.maximum.into()),
            Property::always("R6: at rest, a job that waits has a runner that takes it", |model, state: &State| {
                !state.rests() || state.takers() >= state.waiting() || state.living() == usize::from(model.bounds.maximum)
            }),
            Property::always("R7: at rest, an idle runner too many leaves when it asks", |_, state: &State| {
                !state.rests() || state.stayers() <= state.waiting()
            }),
            Property::always("R7: a runner that was told to leave, and has not heard it, is told again", |model, state: &State| {
                (0..).zip(&state.tasks).all(|(number, _)| !state.has_not_heard(number) || model.is_told_again(state, number))
            }),
            Property::sometimes("a runner leaves", |_, state: &State| state.seen.last.left),
            Property::sometimes("a job comes to a runner that was told to leave", |_, state: &State| state.seen.last.job_in_grace),
            Property::sometimes("a leave is taken back", |_, state: &State| state.seen.last.taken_back),
            Property::sometimes("a look is overtaken by a lease", |_, state: &State| state.seen.last.look_overtaken),
            Property::sometimes("a task is launched", |_, state: &State| state.seen.last.launched),
            Property::sometimes("all jobs are over and nobody is left", |_, state: &State| {
                state.rests() && state.jobs.iter().all(|job| *job == Job::Over) && state.count(Script::Gone) as usize == state.tasks.len()
            }),
        ];
        if self.bounds.faults > 0 {
            properties.push(Property::sometimes("a runner has not heard that it is to leave", |_, state: &State| {
                (0..).zip(&state.tasks).any(|(number, _)| state.has_not_heard(number))
            }));
        }
        properties
    }
}
