//! What the control plane's work takes and costs: AWS calls with their reasons, invocations, bytes, and from these and one price table the dollars for a
//! thousand jobs and for a month without any. Nothing here is typed in that a run can count; what no run on one machine can show stands as a named
//! assumption beside its use.

pub mod bounds;
mod functions;
mod idle;
mod jobs;
mod reasons;

use fargate_runners_prices as prices;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::problem::{Outcome, Problem};
use crate::stack::counted::Call;
use crate::stack::{OnTheBus, RunFolder};

pub use self::functions::{Function, Functions};
use self::reasons::Paid;

/// The function whose calls belong to no job.
const HEALER: &str = "sweep";

/// What was counted in a run.
#[derive(Debug)]
pub struct Counts {
    /// Jobs that ran on runners of ours.
    pub jobs: usize,
    /// Registrations made.
    pub mints: u64,
    /// Exchanges of the App's signature for an installation token.
    pub token_exchanges: u64,
    /// Other calls of GitHub's API, by name.
    pub github: Vec<(String, u64)>,
    /// Tasks started.
    pub tasks: usize,
    /// Wake-ups that are still to come when all is over.
    pub wake_ups_to_come: u64,
    /// Events of ours on the bus.
    pub events: OnTheBus,
    /// The healer left out.
    pub calls: Vec<Call>,
    /// Of the healer, while there were jobs.
    pub healer: Vec<Call>,
    /// Of the healer, in one sweep when all was over.
    pub idle: Vec<Call>,
    /// By name, from their logs.
    pub functions: Functions,
    /// The last sweep, by itself.
    pub idle_sweep: Function,
}

impl Counts {
    /// Shares out the calls: those before `idle_since` are the jobs' or the healer's, those after it an idle sweep's.
    pub fn share_out(calls: Vec<Call>, idle_since: f64) -> [Vec<Call>; 3] {
        let (idle, calls): (Vec<Call>, Vec<Call>) = calls.into_iter().partition(|call| call.at >= idle_since && call.by == HEALER);
        let (healer, calls) = calls.into_iter().partition(|call| call.by == HEALER);
        [calls, healer, idle]
    }

    /// For a person: what the jobs took, with the reason of each call.
    pub fn table(&self) -> String {
        let mut text = format!("What the jobs took ({} ran here)\n  {:<46} {:>7} {:>9}\n", self.jobs, "", "all", "per job");
        let mut row = |name: &str, count: u64, why: &str| {
            let _ = writeln!(text, "  {name:<46} {count:>7} {:>9}  {why}", per(count, self.jobs));
        };
        row("mints", self.mints, "");
        row("token exchanges", self.token_exchanges, "one an hour and credential");
        for (name, count) in &self.github {
            row(&format!("GitHub {name}"), *count, "");
        }
        row("tasks started", self.tasks as u64, "");
        for (name, function) in self.functions.without(HEALER) {
            row(&format!("invocations of {name}"), function.invocations, "");
        }
        row("bytes logged by the functions", self.functions.without(HEALER).map(|(_, function)| function.bytes).sum(), "");
        row("AWS calls", self.calls.len() as u64, "");
        for ((by, name), count) in by_function(&self.calls) {
            row(&format!("  {by:<11} {name}"), count, &reason(by, name));
        }
        row("  of these, each job's", self.calls_of_jobs().count() as u64, "the others come once in a process or an hour");
        row("wake-ups still to come", self.wake_ups_to_come, "each is forwarded, read and written about: three calls more");
        let (healer, idle) = (self.healer.len(), self.idle.len());
        let _ = writeln!(text, "\nNo job's: {healer} calls of the healer while there were jobs; in a sweep of an empty stack {idle}");
        for ((by, name), count) in by_function(&self.idle) {
            let _ = writeln!(text, "  {:<46} {count:>7} {:>9}  {}", format!("  {by:<11} {name}"), "", reason(by, name));
        }
        text
    }

    /// The calls that each job pays for.
    fn calls_of_jobs(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| reasons::of(&call.by, &call.name).is_none_or(|(paid, _)| paid == Paid::ByJobs))
    }

    /// Those that come once in a process or an hour.
    fn calls_once(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| reasons::of(&call.by, &call.name).is_some_and(|(paid, _)| paid == Paid::Once))
    }

    /// For a person: what it costs, line by line.
    pub fn bill(&self) -> String {
        format!("{}\n{}\n{}", jobs::bill(self), idle::bill(self), prices::told())
    }

    /// The calls that nobody has given a reason for, a sentence each.
    pub fn wrongs(&self) -> Vec<Problem> {
        let all = by_function(self.calls.iter().chain(&self.healer).chain(&self.idle));
        let unexplained = all.keys().filter(|(by, name)| reasons::of(by, name).is_none());
        unexplained
            .map(|(by, name)| Problem::new(format!("{by} calls {name}, and crates/xtask/src/counts/reasons.rs gives no reason for it")))
            .collect()
    }
}

/// Reads the functions' logs, which have been fetched into the run's folder: all of them, and the last sweep by itself.
pub fn read_functions(run: &RunFolder) -> Outcome<(Functions, Function)> {
    let functions = functions::read(&run.functions())?;
    let last = functions::last_invocation(&run.functions(), HEALER)?;
    Ok((functions, last))
}

/// Now, in seconds since the epoch.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

fn reason(by: &str, name: &str) -> String {
    match reasons::of(by, name) {
        Some((Paid::ByJobs, why)) => why.to_owned(),
        Some((Paid::Once, why)) => format!("once: {why}"),
        None => "NO REASON".to_owned(),
    }
}

/// How often each function made each call.
pub fn by_function<'a>(calls: impl IntoIterator<Item = &'a Call>) -> BTreeMap<(&'a str, &'a str), u64> {
    let mut found = BTreeMap::new();
    for call in calls {
        *found.entry((call.by.as_str(), call.name.as_str())).or_default() += 1;
    }
    found
}

fn per(count: u64, jobs: usize) -> String {
    match u32::try_from(count).ok().zip(u32::try_from(jobs).ok()) {
        Some((count, jobs)) if jobs > 0 => format!("{:.2}", f64::from(count) / f64::from(jobs)),
        _ => "-".into(),
    }
}

/// A count, for sums of money: none here comes near the numbers that a `f64` rounds.
#[expect(clippy::cast_precision_loss, reason = "counts of one run, far below 2^52")]
pub fn number(count: u64) -> f64 {
    count as f64
}
