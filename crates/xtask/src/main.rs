//! The project's own commands, as `cargo xtask …`: what a person runs to see the whole product work on their machine, and what CI runs.
//!
//! Everything that these commands start listens on the loopback interface only, and ends with them.

mod account;
mod bench;
mod burst;
mod chaos;
mod checks;
mod counts;
mod demo;
mod growth;
mod interrupt;
mod jobs;
mod packages;
mod problem;
mod process;
mod project;
mod protocols;
mod screen;
mod sim;
mod sizes;
mod stack;
mod tools;
mod troubles;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::interrupt::interrupted;
use crate::problem::{Outcome, Problem};
use crate::project::Project;
use crate::tools::Tools;

/// GitHub Actions runners on AWS Fargate: the project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole product at work on this machine: a local AWS, a local GitHub, and 20 jobs.
    Demo(demo::Arguments),
    /// The local stack under load while its parts are killed, cut off, lied to and redeployed; ends in what is left behind.
    Chaos(chaos::Arguments),
    /// What goes wrong in the field, one thing at a time: the operator's command line must name each with its remedy.
    Troubles(troubles::Arguments),
    /// Bursts of jobs whose tasks are accepted and never run: what the control plane does until its wanted number covers them.
    Burst(burst::Arguments),
    /// Many stories on virtual time: the rules against everything that may go wrong. `cargo xtask sim --help` says what can be asked.
    #[command(disable_help_flag = true)]
    Sim(sim::Arguments),
    /// What the rules themselves cost, and how that grows with the work. `cargo xtask growth --help` says what can be asked.
    #[command(disable_help_flag = true)]
    Growth(growth::Arguments),
    /// The claim, the lease and the single writer in every order of steps that their bounds admit; takes a minute.
    Protocols,
    /// Everything that is checked: formatting, lints, documentation, tests, templates, scripts, and the demo as an end-to-end test.
    Test(checks::Arguments),
    /// Builds the functions as they are deployed, and prints how large each package is.
    Sizes,
    /// What a single function costs, as it is deployed: its start, a warm call, its memory.
    Bench(bench::Arguments),
    /// Installs the pinned tools (SAM, the AWS emulator, linters) into .tools/.
    Tools,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            if !problem.is_told() {
                eprintln!("error: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Outcome {
    let project = Project::of_this_program();
    match command {
        Command::Demo(arguments) => demo::run(&project, &arguments).await,
        Command::Chaos(arguments) => chaos::run(&project, &arguments).await,
        Command::Troubles(arguments) => troubles::run(&project, &arguments).await,
        Command::Burst(arguments) => burst::run(&project, &arguments).await,
        Command::Sim(arguments) => unless_interrupted(sim::run(&project, &arguments)).await,
        Command::Growth(arguments) => unless_interrupted(growth::run(&project, &arguments)).await,
        Command::Protocols => unless_interrupted(protocols::run(&project)).await,
        Command::Test(arguments) => unless_interrupted(checks::run(&project, &arguments)).await,
        Command::Sizes => unless_interrupted(sizes::run(&project)).await,
        Command::Bench(arguments) => unless_interrupted(bench::run(&project, &arguments)).await,
        Command::Tools => unless_interrupted(tools(&project)).await,
    }
}

async fn tools(project: &Project) -> Outcome {
    Tools::install(project).await?;
    println!("The tools are in {}", project.tools().display());
    Ok(())
}

async fn unless_interrupted(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::select! {
        outcome = work => outcome,
        () = interrupted() => Err(Problem::new("interrupted")),
    }
}
