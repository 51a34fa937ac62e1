//! The single writer: two fleets, each with a message group, whose messages come in any order, late and twice; looks that die, that are given up and go on
//! beside their successors; launches whose answers are lost; wake-ups that go through the groups.

use crate::call::{Call, Question, Reply, Said, Setting, What};
use crate::cast::{self, News, fleet_name, task_id};
use crate::fleet::{registered, timeless};
use crate::ledger::Ledger;
use fargate_runners_core::ids::JobId;
use fargate_runners_core::mutant::Mutant;
use fargate_runners_core::record::{Key, Record};
use stateright::{Model, Property};

/// The most fleets.
const FLEETS: u8 = 2;

/// How much of what there is, and how often what may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Fleets: one or two.
    pub fleets: u8,
    /// Jobs that come; of two fleets each gets every other one.
    pub jobs: u8,
    /// The most tasks of a fleet.
    pub maximum: u8,
    /// Calls fail, answers get lost, functions die, messages come twice, looks overlap.
    pub faults: u8,
}

/// A wrong world, for checks of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The ledger writes whatever stands there.
    NoVersions,
    /// ECS does not know client tokens.
    NoTokens,
}

/// What is checked.
#[derive(Clone, Debug)]
pub struct Writer {
    setting: Setting,
    bounds: Bounds,
    wrong: Option<Wrong>,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Script {
    Boots,
    Idle,
    Works(u8),
    Gone,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Job {
    ToCome,
    Waits,
    Runs,
    Over,
}

/// Who waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Caller {
    /// A fleet's message group.
    Group(u8),
    /// The wake-up queue.
    WakeUps(u8),
    /// Nobody any more: it was given up for dead.
    Nobody,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    ledger: Ledger,
    calls: Vec<(Caller, Call)>,
    /// Each with its fleet.
    tasks: Vec<(u8, Script)>,
    jobs: Vec<Job>,
    /// Messages in the groups.
    news: Vec<(u8, News)>,
    /// Wake-ups under way.
    wake: [bool; FLEETS as usize],
    /// Launches that ECS has made, by their tokens.
    launched: Vec<(String, Vec<u8>)>,
    faults: u8,
    wrote_outside: bool,
    last: Last,
}

/// What has happened just now: kept for one step only, so that states are told apart by what matters later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Last {
    launch_repeated: bool,
    look_overtaken: bool,
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
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is one sentence by itself")]
pub enum Action {
    JobComes(u8),
    TaskRegisters(u8),
    TaskTakesJob(u8, u8),
    JobEnds(u8),
    MessageIsTaken(u8, News),
    MessageComesTwice(u8, News),
    WakeUpComes(u8),
    LookIsGivenUp(u8),
    CallIsAnswered(usize, How),
    CallDies(usize),
}

impl Writer {
    /// Writers within bounds, with a wrong change or none.
    #[must_use]
    pub fn new(bounds: Bounds, mutant: Option<Mutant>, wrong: Option<Wrong>) -> Self {
        let home_of: fn(u8) -> u8 = if bounds.fleets == 1 { |_| 0 } else { |job| job % FLEETS };
        let fleets = (0..bounds.fleets).map(|number| cast::fleet(number, bounds.maximum.into())).collect();
        Self { setting: Setting::new(fleets, home_of, mutant), bounds, wrong }
    }

    /// A call begins, and reads at once: nobody could tell whether it had begun before.
    fn start(&self, state: &mut State, caller: Caller, what: What) {
        state.calls.push((caller, Call::new(&self.setting, what, 0)));
        self.answer(state, state.calls.len() - 1, How::Works);
    }

    fn reply(&self, state: &mut State, by: Caller, what: &What, question: &Question, how: How) -> Reply {
        let reply = match (question, how) {
            (_, How::Fails) => Reply::Lost,
            (Question::Active(fleet), _) => Reply::Records(state.ledger.active(fleet)),
            (Question::Read(keys), _) => Reply::Records(state.ledger.read(keys)),
            (Question::Commit(writes), _) => {
                let own = |key: &Key| matches!(what, What::Look(fleet, _) if key.fleet() == fleet_name(*fleet));
                state.wrote_outside |= writes.iter().any(|write| !own(&write.record.key())) || matches!(by, Caller::WakeUps(_));
                let writes = timeless(writes);
                if self.wrong == Some(Wrong::NoVersions) {
                    state.ledger.overwrite(&writes);
                    Reply::Done
                } else if state.ledger.commit(&writes) {
                    Reply::Done
                } else {
                    Reply::Conflict
                }
            }
            (Question::Launch(launch), _) => {
                let (What::Look(fleet, _) | What::Forward(fleet)) = what else { return Reply::Lost };
                state.launch(*fleet, &launch.token, launch.count, self.wrong != Some(Wrong::NoTokens))
            }
            (Question::Wake(fleet), _) => {
                state.wake[usize::from(cast::fleet_number(fleet))] = true;
                Reply::Done
            }
            (Question::Forward(fleet), _) => {
                state.tell(cast::fleet_number(fleet), News::Again);
                Reply::Done
            }
            _ => Reply::Lost,
        };
        if how == How::Lost { Reply::Lost } else { reply }
    }

    fn answer(&self, state: &mut State, position: usize, how: How) {
        state.faults -= u8::from(how != How::Works);
        let (caller, mut call) = state.calls[position].clone();
        let mut how = how;
        while let Some(question) = call.asks().cloned() {
            let reply = self.reply(state, caller, &call.what().clone(), &question, how);
            call = call.hears(&self.setting, reply, 0);
            how = How::Works;
            // Tombstones do not change, and a wake-up may come at any time: these are no steps of their own.
            if !matches!(call.asks(), Some(Question::Active(_) | Question::Read(_) | Question::Wake(_))) {
                break;
            }
        }
        match call.says() {
            None => state.calls[position] = (caller, call),
            Some(said) => {
                state.calls.remove(position);
                if said == Said::ComeAgain {
                    state.come_again(caller, call.what());
                }
            }
        }
    }

    fn doom(&self, state: &mut State) {
        if self.wrong == Some(Wrong::NoVersions) {
            return;
        }
        for (_, call) in &mut state.calls {
            if let Some(anew) = call.doomed(&self.setting, &state.ledger, 0) {
                state.last.look_overtaken = true;
                *call = anew;
            }
        }
    }
}

impl State {
    fn launch(&mut self, fleet: u8, token: &str, count: u32, tokens: bool) -> Reply {
        if let Some((_, tasks)) = self.launched.iter().find(|(known, _)| known == token && tokens) {
            self.last.launch_repeated = true;
            return Reply::Tasks(tasks.clone());
        }
        let tasks: Vec<u8> = (0..count).map(|_| self.boot(fleet)).collect();
        self.launched.push((token.to_owned(), tasks.clone()));
        Reply::Tasks(tasks)
    }

    fn boot(&mut self, fleet: u8) -> u8 {
        let free = |(number, (of, script)): (u8, &(u8, Script))| {
            let is_free = *of == fleet && *script == Script::Gone && self.is_forgotten(fleet, number);
            is_free.then_some(number)
        };
        if let Some(number) = (0..).zip(&self.tasks).find_map(free) {
            self.tasks[usize::from(number)].1 = Script::Boots;
            return number;
        }
        self.tasks.push((fleet, Script::Boots));
        u8::try_from(self.tasks.len() - 1).unwrap_or(u8::MAX)
    }

    fn is_forgotten(&self, fleet: u8, task: u8) -> bool {
        let speaks = |news: &News| matches!(news, News::Taken(_, _, of) | News::Over(_, _, of) | News::Stopped(of) if *of == task);
        let in_call = |call: &Call| matches!(call.what(), What::Look(_, news) if news.iter().any(speaks));
        let is_told = self.news.iter().any(|(_, news)| speaks(news)) || self.calls.iter().any(|(_, call)| in_call(call));
        let launched = self.launched.iter().any(|(_, tasks)| tasks.contains(&task));
        !is_told && !launched && self.ledger.task(fleet_name(fleet), task_id(task)).is_none()
    }

    /// A message of one kind waits once: a second one that says the same would change nothing that the first does not.
    fn tell(&mut self, fleet: u8, news: News) {
        if !self.news.contains(&(fleet, news)) {
            self.news.push((fleet, news));
        }
    }

    fn come_again(&mut self, caller: Caller, what: &What) {
        match (caller, what) {
            (Caller::Group(fleet), What::Look(_, news)) => news.iter().for_each(|news| self.tell(fleet, *news)),
            (Caller::WakeUps(fleet), _) => self.wake[usize::from(fleet)] = true,
            _ => {}
        }
    }

    fn has(&self, caller: Caller) -> bool {
        self.calls.iter().any(|(known, _)| *known == caller)
    }

    fn living(&self, fleet: u8) -> usize {
        self.tasks.iter().filter(|(of, script)| *of == fleet && *script != Script::Gone).count()
    }

    fn takers(&self, fleet: u8) -> usize {
        self.tasks.iter().filter(|(of, script)| *of == fleet && matches!(script, Script::Boots | Script::Idle)).count()
    }

    fn jobs_of(&self, model: &Writer, fleet: u8, wanted: Job) -> usize {
        (0..).zip(&self.jobs).filter(|(number, job)| (model.setting.home_of)(*number) == fleet && **job == wanted).count()
    }

    /// As for the leases.
    fn rests(&self) -> bool {
        let is_noted = |fleet| self.ledger.fleet(fleet_name(fleet)).is_some_and(|state| state.wake_at.is_some());
        !(0..FLEETS).any(is_noted) && self.calls.is_empty() && self.news.is_empty() && self.wake == [false; FLEETS as usize]
    }

    /// What the ledger says of a job that was ever told of is what is true of it.
    fn is_job_known(&self, home: u8, number: u8, job: Job) -> bool {
        let key = Key::Job(fleet_name(home).clone(), JobId(number.into()));
        let record = self.ledger.get(&key).map(|held| &held.get().record);
        match (job, record) {
            (Job::ToCome | Job::Over, None) => true,
            (Job::Waits, Some(Record::Job(job))) => job.is_queued_here(),
            (Job::Runs, Some(Record::Job(job))) => job.is_open() && !job.is_queued_here(),
            (Job::Over, Some(Record::Job(job))) => !job.is_open(),
            _ => false,
        }
    }

    /// As for the leases: versions, tokens and tombstones that nobody can know of any more begin anew.
    fn settle(&mut self) {
        self.calls.sort_by_key(|(caller, call)| (*caller, call.rank()));
        self.news.sort_unstable();
        if self.calls.is_empty() && !self.ledger.is_launch_due() {
            self.launched.clear();
            self.ledger.begin_anew(self.news.is_empty());
        }
    }
}

impl Model for Writer {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            ledger: Ledger::default(),
            calls: vec![],
            tasks: vec![],
            jobs: vec![Job::ToCome; self.bounds.jobs.into()],
            news: vec![],
            wake: [false; FLEETS as usize],
            launched: vec![],
            faults: self.bounds.faults,
            wrote_outside: false,
            last: Last::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let faulty = state.faults > 0;
        let first = |fleet, wanted| {
            (0..).zip(&state.jobs).find(|(job, at)| (self.setting.home_of)(*job) == fleet && **at == wanted).map(|(job, _)| job)
        };
        for fleet in 0..FLEETS {
            actions.extend(first(fleet, Job::ToCome).map(Action::JobComes));
            if state.has(Caller::Group(fleet)) {
                if faulty {
                    actions.push(Action::LookIsGivenUp(fleet));
                }
                continue;
            }
            for (_, news) in state.news.iter().filter(|(of, _)| *of == fleet) {
                actions.push(Action::MessageIsTaken(fleet, *news));
                if faulty {
                    actions.push(Action::MessageComesTwice(fleet, *news));
                }
            }
        }
        for fleet in (0..FLEETS).filter(|fleet| state.wake[usize::from(*fleet)] && !state.has(Caller::WakeUps(*fleet))) {
            actions.push(Action::WakeUpComes(fleet));
        }
        for (number, (fleet, script)) in (0..).zip(&state.tasks) {
            match script {
                Script::Boots => actions.push(Action::TaskRegisters(number)),
                Script::Idle => actions.extend(first(*fleet, Job::Waits).map(|job| Action::TaskTakesJob(number, job))),
                Script::Works(_) => actions.push(Action::JobEnds(number)),
                Script::Gone => {}
            }
        }
        for (position, (_, call)) in state.calls.iter().enumerate() {
            actions.push(Action::CallIsAnswered(position, How::Works));
            if faulty {
                actions.push(Action::CallDies(position));
                if matches!(call.asks(), Some(Question::Launch(_))) {
                    actions.extend([Action::CallIsAnswered(position, How::Lost), Action::CallIsAnswered(position, How::Fails)]);
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.last = Last::default();
        match action {
            Action::JobComes(job) => {
                state.jobs[usize::from(job)] = Job::Waits;
                state.tell((self.setting.home_of)(job), News::Queued(job));
            }
            Action::TaskRegisters(task) => {
                let (fleet, script) = &mut state.tasks[usize::from(task)];
                *script = Script::Idle;
                registered(&mut state.ledger, *fleet, task);
            }
            Action::TaskTakesJob(task, job) => {
                let (fleet, script) = &mut state.tasks[usize::from(task)];
                *script = Script::Works(job);
                let fleet = *fleet;
                state.jobs[usize::from(job)] = Job::Runs;
                state.tell(fleet, News::Taken(job, fleet, task));
            }
            Action::JobEnds(task) => {
                let (fleet, Script::Works(job)) = state.tasks[usize::from(task)] else { return None };
                state.tasks[usize::from(task)].1 = Script::Gone;
                state.jobs[usize::from(job)] = Job::Over;
                state.tell(fleet, News::Over(job, fleet, task));
                state.tell(fleet, News::Stopped(task));
            }
            Action::MessageIsTaken(fleet, news) | Action::MessageComesTwice(fleet, news) => {
                if action == Action::MessageComesTwice(fleet, news) {
                    state.faults -= 1;
                } else {
                    state.news.retain(|known| *known != (fleet, news));
                }
                self.start(&mut state, Caller::Group(fleet), What::Look(fleet, vec![news]));
            }
            Action::WakeUpComes(fleet) => {
                if state.calls.is_empty() {
                    state.ledger.wake_up_comes(fleet_name(fleet));
                }
                state.wake[usize::from(fleet)] = false;
                self.start(&mut state, Caller::WakeUps(fleet), What::Forward(fleet));
            }
            Action::LookIsGivenUp(fleet) => {
                state.faults -= 1;
                let position = state.calls.iter().position(|(caller, _)| *caller == Caller::Group(fleet))?;
                let (caller, call) = state.calls[position].clone();
                state.calls[position].0 = Caller::Nobody;
                state.come_again(caller, call.what());
            }
            Action::CallIsAnswered(position, how) => self.answer(&mut state, position, how),
            Action::CallDies(position) => {
                state.faults -= 1;
                let (caller, call) = state.calls.remove(position);
                state.come_again(caller, call.what());
            }
        }
        self.doom(&mut state);
        state.settle();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("R8: no more tasks of a fleet than its maximum", |model: &Self, state: &State| {
                (0..FLEETS).all(|fleet| state.living(fleet) <= model.bounds.maximum.into())
            }),
            Property::always("R3: each fleet is written by its own group only", |_, state: &State| !state.wrote_outside),
            Property::always("R2: at rest, the ledger says of each job what is true", |model: &Self, state: &State| {
                !state.rests()
                    || (0..).zip(&state.jobs).all(|(number, job)| state.is_job_known((model.setting.home_of)(number), number, *job))
            }),
            Property::always(
                "R2: at rest, the wanted number is what is true, whatever came in which order",
                |model: &Self, state: &State| {
                    !state.rests()
                        || (0..FLEETS).all(|fleet| {
                            let demand = state.jobs_of(model, fleet, Job::Waits) + state.jobs_of(model, fleet, Job::Runs);
                            let wanted = state.ledger.fleet(fleet_name(fleet)).map_or(0, |state| state.wanted as usize);
                            wanted == demand.min(model.bounds.maximum.into())
                        })
                },
            ),
            Property::always("R6: at rest, a job that waits has a task that takes it", |model: &Self, state: &State| {
                !state.rests()
                    || (0..FLEETS).all(|fleet| {
                        state.takers(fleet) >= state.jobs_of(model, fleet, Job::Waits)
                            || state.living(fleet) == usize::from(model.bounds.maximum)
                    })
            }),
            Property::sometimes("every fleet runs a job", |model: &Self, state: &State| {
                (0..model.bounds.fleets).all(|fleet| state.jobs_of(model, fleet, Job::Runs) > 0)
            }),
            Property::sometimes("all jobs are over", |_, state: &State| state.rests() && state.jobs.iter().all(|job| *job == Job::Over)),
        ];
        if self.bounds.faults > 0 {
            properties.extend([
                Property::sometimes("a launch whose answer was lost is repeated", |_, state: &State| state.last.launch_repeated),
                Property::sometimes("a look is overtaken by another", |_, state: &State| state.last.look_overtaken),
            ]);
        }
        properties
    }
}
