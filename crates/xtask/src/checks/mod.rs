//! `cargo xtask test`: runs every check in order, goes on after a failing one, and ends by saying what ran, what failed and what did not run.

mod check;
mod leaks;
mod report;
mod tooled;

use std::time::Instant;

use clap::Args;

use crate::problem::{Outcome, Problem};
use crate::project::Project;

use self::check::{Check, Context};
use self::report::{Report, Verdict};

/// What of it to run.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Run only these checks.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Check>,
    /// Leave these checks out.
    #[arg(long, value_enum, value_delimiter = ',')]
    skip: Vec<Check>,
}

/// Runs the checks; an error when one of them failed.
pub async fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let mut context = Context::new(project);
    let mut report = Report::default();
    for check in Check::ALL {
        let verdict = if !arguments.only.is_empty() && !arguments.only.contains(&check) || arguments.skip.contains(&check) {
            Verdict::NotRun("left out by the arguments".into())
        } else {
            println!("\n==> {}: {}", check.name(), check.purpose());
            let started = Instant::now();
            match check.run(&mut context).await {
                Ok(()) => Verdict::Passed(started.elapsed()),
                Err(problem) => {
                    eprintln!("{} failed: {problem}", check.name());
                    Verdict::Failed(started.elapsed(), problem.to_string())
                }
            }
        };
        report.add(check, verdict);
    }
    println!("\n{report}");
    if report.failed() == 0 { Ok(()) } else { Err(Problem::new("not everything passed").told()) }
}
