//! Tells many stories and says what came of them: `cargo xtask sim`. One that breaks a rule is told in full, with as few faults as are needed for it.

use clap::Parser;
use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_sim::faults::{Fault, Rate};
use fargate_runners_sim::shrink::shrink;
use fargate_runners_sim::story::{Outcome, Settings, tell};
use fargate_runners_sim::{report, scale};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Stories make and drop small things all the time, on all cores: half of the time goes there with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A story is told from here on: what breaks a rule is seldom older, and a whole story has thousands.
const LINES: usize = 400;

/// A line of progress this often; on a terminal it is written over.
const PROGRESS: Duration = Duration::from_secs(2);

/// The rules in a simulated world: stories on virtual time, each from one seed.
#[derive(Parser)]
#[command(name = "cargo xtask sim")]
struct Arguments {
    /// How many stories.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed; with --seeds 1 the whole story is told.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ends after so many minutes, whatever is told by then.
    #[arg(long)]
    minutes: Option<u64>,
    /// Jobs in each story.
    #[arg(long, default_value_t = 200)]
    jobs: u32,
    /// Hours of each story in which jobs are queued and things go wrong.
    #[arg(long, default_value_t = 6)]
    hours: u32,
    /// Multiplies the usual rate of every fault.
    #[arg(long, default_value_t = 1.0)]
    faults: f64,
    /// Gives a fault a rate of its own, for example `GhostMade=0.3`.
    #[arg(long, value_name = "FAULT=RATE")]
    rate: Vec<Rate>,
    /// Leaves a fault out, by its name.
    #[arg(long, value_name = "FAULT")]
    without: Vec<Fault>,
    /// Runs a wrong change instead of the right rules, by its name.
    #[arg(long)]
    mutant: Option<String>,
    /// Tells the story even if no rule is broken.
    #[arg(long)]
    tell: bool,
    /// How much of a story is told: its last lines.
    #[arg(long, default_value_t = LINES)]
    lines: usize,
    /// Only these rules, for example `R1,R5`.
    #[arg(long, value_delimiter = ',')]
    rules: Vec<String>,
    /// Only what fits on one page.
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    // A mode of its own, with arguments of its own.
    if std::env::args().nth(1).is_some_and(|first| first == "scale") {
        return scale::command(std::env::args().skip(1));
    }
    let arguments = Arguments::parse();
    let settings = Settings {
        jobs: arguments.jobs,
        hours: arguments.hours,
        factor: arguments.faults,
        rates: arguments.rate.clone(),
        without: arguments.without.clone(),
        told: false,
    };
    let mutant = match arguments.mutant.as_deref().map(|name| (name, Mutant::ALL.iter().find(|mutant| format!("{mutant:?}") == name))) {
        None => None,
        Some((_, Some(mutant))) => Some(*mutant),
        Some((name, None)) => {
            eprintln!("there is no mutant {name:?}; there are {:?}", Mutant::ALL);
            return ExitCode::FAILURE;
        }
    };
    let began = Instant::now();
    let told = run(&arguments, &settings, mutant);
    let seconds = began.elapsed().as_secs_f64();
    if arguments.tell {
        mutant::set(mutant);
        report::story(&tell(arguments.seed, &Settings { told: true, ..settings.clone() }), arguments.lines);
    }
    report::summary(&told, seconds, arguments.quiet);
    let Some(broken) = told.iter().filter(|outcome| outcome.violation.is_some()).min_by_key(|outcome| outcome.steps) else {
        return ExitCode::SUCCESS;
    };
    if !arguments.quiet {
        mutant::set(mutant);
        let small = shrink(broken.seed, &settings);
        report::story(&tell(broken.seed, &Settings { told: true, ..small.clone() }), arguments.lines);
        report::how_to_repeat(broken.seed, &small, mutant);
    }
    ExitCode::FAILURE
}

/// Tells all stories, on all cores, in any order; each is the same on every core.
fn run(arguments: &Arguments, settings: &Settings, mutant: Option<Mutant>) -> Vec<Outcome> {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                mutant::set(mutant);
                while !stop.load(Ordering::Relaxed) {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    if position >= arguments.seeds {
                        break;
                    }
                    let mut outcome = tell(arguments.seed + position, settings);
                    outcome.violation = outcome
                        .violation
                        .filter(|broken| arguments.rules.is_empty() || arguments.rules.iter().any(|rule| rule == broken.rule));
                    if sender.send(outcome).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let began = Instant::now();
        let mut shown = began;
        let limit = arguments.minutes.map(|minutes| Duration::from_secs(minutes * 60));
        let mut told: Vec<Outcome> = Vec::new();
        for outcome in receiver {
            if let Some(broken) = outcome.violation.as_ref().filter(|_| mutant.is_none()) {
                eprintln!("seed {}: {} is broken: {}", outcome.seed, broken.rule, broken.text);
            }
            // A mutant is found once; a rule that is broken in earnest is looked for until there are a few to choose from.
            told.push(outcome);
            let broken = told.iter().filter(|outcome| outcome.violation.is_some()).count();
            if broken >= if mutant.is_some() { 1 } else { 20 } {
                stop.store(true, Ordering::Relaxed);
            }
            if limit.is_some_and(|limit| began.elapsed() >= limit) {
                stop.store(true, Ordering::Relaxed);
            }
            if shown.elapsed() >= PROGRESS && !arguments.quiet {
                shown = Instant::now();
                let end = if std::io::stderr().is_terminal() { "\r" } else { "\n" };
                eprint!("{} of {} stories, {broken} with a broken rule, {} s{end}", told.len(), arguments.seeds, began.elapsed().as_secs());
            }
        }
        told.sort_by_key(|outcome| outcome.seed);
        told
    })
}
