//! `cargo xtask chaos`: the local stack under load, while functions are killed, lines are cut, deliveries and events get lost or repeated, tasks are taken away,
//! GitHub and ECS fail, and the stack is redeployed. Ends when all is settled: nothing may be left behind, and no job may have ended as it should not.

mod fault;
mod jobs;
mod load;
pub mod processes;
mod report;
mod run;
mod schedule;
mod striker;
pub mod sweeps;
mod traps;
mod windows;

use std::time::Duration;

use clap::Args;

use crate::interrupt::interrupted;
use crate::problem::{Outcome, Problem};
use crate::project::Project;
use crate::screen::{Screen, Tone};
use crate::stack::{FLEETS, Size, Stack, logs};

use self::jobs::Verdict;
use self::run::Run;
use self::striker::Striker;

/// The most tasks of a fleet: bursts reach it.
const MAXIMUM: usize = 12;

/// Share of the tasks on Spot: enough for it to have something to take.
const SPOT_PERCENT: u8 = 50;

/// Longer than anybody would wait in front of a screen.
const MOST_MINUTES: u64 = 120;

/// What the run is.
#[derive(Debug, Args)]
pub struct Arguments {
    /// For how many minutes load and faults go on. Settling comes after that.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=MOST_MINUTES))]
    minutes: u64,
    /// Decides jobs, faults, and every chance in the models.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs it; an error when a job ended as it should not and nothing explains it, or when anything is left behind.
pub async fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let size = Size { spot_percent: SPOT_PERCENT, ..Size::new(MAXIMUM, arguments.seed) };
    let mut stack = tokio::select! {
        stack = Stack::up(project, size) => stack?,
        () = interrupted() => return Err(Problem::new("interrupted; nothing is left running")),
    };
    let outcome = tokio::select! {
        outcome = perform(&mut stack, arguments) => outcome,
        () = interrupted() => Err(Problem::new("interrupted; nothing is left running")),
    };
    let logs = stack.run.path().to_path_buf();
    stack.down().await;
    outcome.map_err(|problem| problem.next(format!("the logs of this run are in {}", logs.display())))
}

async fn perform(stack: &mut Stack, arguments: &Arguments) -> Outcome {
    stack.hasten_queues().await?;
    let screen = Screen::new(&stack.run, 0)?;
    let length = Duration::from_secs(arguments.minutes * 60);
    let plan = load::draw(arguments.seed, length);
    let striker = Striker::new(schedule::draw(arguments.seed, length), stack)?;
    let all_logs = stack.run.path().display();
    screen.line(
        Tone::Plain,
        &format!("\n{} jobs in {} min, seed {}; all logs are in {all_logs}\n", plan.len(), arguments.minutes, arguments.seed),
    );
    let mut run = Run::new(stack, &screen, plan, striker);
    run.load(length).await?;
    let leavings = run.settle().await?;
    let Run { jobs, striker, sweeps, most_tasks, .. } = run;
    let healed = sweeps.healed;

    stack.collect_logs().await?;
    screen.line(Tone::Plain, &format!("\nFaults\n{}", report::faults(&striker.tallies)));
    let (answered, failed) = (healed.answered, healed.failed);
    screen.line(Tone::Plain, &format!("Healers ({answered} sweeps, {failed} more that were cut off)\n{}", report::healed(&healed)));
    screen.line(Tone::Plain, &format!("Jobs ({})\n{}", jobs.len(), report::jobs(&jobs, &striker.causes)));
    screen.line(Tone::Plain, &format!("What is left behind\n{leavings}"));
    screen.line(Tone::Plain, &format!("Most tasks wanted at once: {}\n", report::most_tasks(&most_tasks, MAXIMUM)));
    for fault in report::never_struck(&striker.tallies) {
        screen.line(Tone::Bad, &format!("never struck, and so not tried: {fault}"));
    }

    let mut wrongs = Vec::new();
    for job in &jobs {
        if let Verdict::Wrong(what) = job.verdict(&striker.causes) {
            wrongs.push(format!("job #{} {what}", job.number));
        }
    }
    if !leavings.is_empty() {
        wrongs.push("something is left behind".to_owned());
    }
    for (fleet, most) in FLEETS.iter().zip(most_tasks) {
        if most > MAXIMUM {
            wrongs.push(format!("the fleet {} had {most} tasks at once, and {MAXIMUM} are its maximum", fleet.name));
        }
    }
    for file in logs::files_with_secrets(&stack.run, &stack.secrets())? {
        wrongs.push(format!("a secret stands in {}", file.display()));
    }
    for wrong in &wrongs {
        screen.line(Tone::Bad, &format!("wrong: {wrong}"));
    }
    if wrongs.is_empty() {
        screen.line(Tone::Good, "Nothing is left behind, nothing is unexplained, and no secret stands in any output.");
        return Ok(());
    }
    Err(Problem::new(format!("{} things are not as they should be", wrongs.len())))
}
