//! Does what the schedule says: strikes, lets windowed faults end, counts, and knows which tasks it is to blame for.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use crate::problem::Outcome;
use crate::stack::Stack;
use crate::stack::lines::Between;

use super::fault::Fault;
use super::schedule::Strike;
use super::traps::{self, Deaths};
use super::windows;

/// A trap that nobody has stepped into for so long is taken away: longer than from one sweep to the next, since `sweep` runs the least often.
const TRAP_FOR: Duration = Duration::from_secs(40);

/// Where nothing is there to be struck, it is tried again after this long.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Why a task did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// This test killed it.
    Killed,
    /// Spot took it.
    Interrupted,
}

/// How often a fault struck.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Times that it was tried.
    pub tried: u64,
    /// Times that it hit something.
    pub struck: u64,
    /// What it hit, in all.
    pub hits: u64,
}

/// Something for the screen.
#[derive(Debug)]
pub enum Note {
    /// A fault begins, or strikes.
    Strikes(String),
    /// A fault ends, or has not struck.
    Ends(String),
}

/// A fault that goes on.
struct Window {
    until: Duration,
    hits_before: u64,
}

/// A trap that lies.
struct Laid {
    function: &'static str,
    until: Duration,
}

/// The one who strikes.
pub struct Striker {
    schedule: VecDeque<Strike>,
    windows: BTreeMap<Fault, Window>,
    traps: BTreeMap<Between, Laid>,
    deaths: Deaths,
    folder: PathBuf,
    /// How often each fault struck, those that never did among them.
    pub tallies: BTreeMap<Fault, Tally>,
    /// Tasks that did not end by themselves, by their ids.
    pub causes: BTreeMap<String, Cause>,
    /// Whether the redeploy is due and has not been taken yet.
    pub redeploy_is_due: bool,
}

impl Striker {
    /// One who will do this to the functions of the run in this folder.
    pub fn new(schedule: VecDeque<Strike>, stack: &Stack) -> Outcome<Self> {
        let tallies = Fault::deck().into_iter().chain([Fault::Redeploy]).map(|fault| (fault, Tally::default())).collect();
        // Programs are seen under their real path.
        let folder = stack.run.path().canonicalize()?;
        Ok(Self {
            schedule,
            windows: BTreeMap::new(),
            traps: BTreeMap::new(),
            deaths: Deaths::default(),
            folder,
            tallies,
            causes: BTreeMap::new(),
            redeploy_is_due: false,
        })
    }

    /// Does all that is due.
    pub fn act(&mut self, elapsed: Duration, stack: &Stack) -> Vec<Note> {
        let mut notes = self.bury();
        notes.extend(self.end(elapsed, stack));
        while let Some(strike) = self.schedule.pop_front_if(|strike| strike.at <= elapsed) {
            notes.extend(self.strike(strike, elapsed, stack));
        }
        notes
    }

    /// Ends every fault, and takes nothing more from the schedule.
    pub fn stop(&mut self, stack: &Stack) -> Vec<Note> {
        self.schedule.clear();
        let mut notes = self.bury();
        notes.extend(self.end(Duration::MAX, stack));
        stack.lines.mend();
        notes
    }

    fn strike(&mut self, strike: Strike, elapsed: Duration, stack: &Stack) -> Vec<Note> {
        let fault = strike.fault;
        match fault {
            Fault::FunctionKilled(function) => self.lay(function, strike, elapsed, stack),
            Fault::TaskKilled | Fault::SpotInterruption => self.take(strike, elapsed, stack),
            Fault::Redeploy => {
                self.redeploy_is_due = true;
                self.tallies.entry(fault).or_default().tried += 1;
                vec![Note::Strikes(fault.to_string())]
            }
            _ => self.open(&strike, elapsed, stack),
        }
    }

    fn take(&mut self, strike: Strike, elapsed: Duration, stack: &Stack) -> Vec<Note> {
        let fault = strike.fault;
        let Some(task) = windows::take_task(fault, strike.draw, stack) else {
            self.put_off(Strike { at: elapsed + AGAIN_AFTER, ..strike });
            return Vec::new();
        };
        self.tallies.entry(fault).or_default().tried += 1;
        self.strikes_one(fault);
        let note = Note::Strikes(format!("{fault}: {task}"));
        // What was done to it first is what it ended of.
        self.causes.entry(task).or_insert(if fault == Fault::TaskKilled { Cause::Killed } else { Cause::Interrupted });
        vec![note]
    }

    fn put_off(&mut self, strike: Strike) {
        let place = self.schedule.partition_point(|other| other.at <= strike.at);
        self.schedule.insert(place, strike);
    }

    fn open(&mut self, strike: &Strike, elapsed: Duration, stack: &Stack) -> Vec<Note> {
        let fault = strike.fault;
        if self.windows.contains_key(&fault) {
            return Vec::new();
        }
        self.tallies.entry(fault).or_default().tried += 1;
        self.windows.insert(fault, Window { until: elapsed + strike.lasts, hits_before: windows::hits(fault, stack) });
        let how = windows::begin(fault, strike.draw, stack);
        vec![Note::Strikes(format!("{fault}{how}, for {:.1} s", strike.lasts.as_secs_f64()))]
    }

    /// Ends the windows and takes away the traps whose time is over.
    fn end(&mut self, elapsed: Duration, stack: &Stack) -> Vec<Note> {
        let mut notes = Vec::new();
        for (fault, window) in self.windows.extract_if(.., |_, window| window.until <= elapsed) {
            windows::end(fault, stack);
            let hits = windows::hits(fault, stack).saturating_sub(window.hits_before);
            let tally = self.tallies.entry(fault).or_default();
            tally.struck += u64::from(hits > 0);
            tally.hits += hits;
            notes.push(Note::Ends(format!("over: {fault} ({hits} {})", fault.hits())));
        }
        for (between, laid) in self.traps.extract_if(.., |_, laid| laid.until <= elapsed) {
            stack.lines.between(between).clear();
            notes.push(Note::Ends(format!("{} was waited for on its line to {}, and did not come", laid.function, between.far_end())));
        }
        notes
    }

    /// Lays a trap for a function on one of its lines; where one lies for somebody else, it waits for its turn.
    fn lay(&mut self, function: &'static str, strike: Strike, elapsed: Duration, stack: &Stack) -> Vec<Note> {
        let between = traps::place(function, strike.draw >> 8);
        if self.traps.contains_key(&between) {
            self.put_off(Strike { at: elapsed + AGAIN_AFTER, ..strike });
            return Vec::new();
        }
        self.tallies.entry(strike.fault).or_default().tried += 1;
        let line = stack.lines.between(between);
        line.lay(traps::trap(function, between, line.port(), &self.folder, strike.draw >> 16, &self.deaths));
        self.traps.insert(between, Laid { function, until: elapsed + TRAP_FOR });
        Vec::new()
    }

    /// Notes who has died in a trap.
    fn bury(&mut self) -> Vec<Note> {
        let mut notes = Vec::new();
        for death in self.deaths.take() {
            self.traps.remove(&death.between);
            let fault = Fault::FunctionKilled(death.function);
            self.strikes_one(fault);
            notes.push(Note::Strikes(format!("{fault}: {}", death.doing)));
        }
        notes
    }

    /// The redeploy is through.
    pub fn redeployed(&mut self) {
        self.strikes_one(Fault::Redeploy);
    }

    fn strikes_one(&mut self, fault: Fault) {
        let tally = self.tallies.entry(fault).or_default();
        tally.struck += 1;
        tally.hits += 1;
    }
}
