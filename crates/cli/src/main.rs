//! `fargate-runners`, the operator's command line: what the fleets do, what is wrong, and why a job waits.
//!
//! It reads the stack's own records and AWS's answers, and asks GitHub through the function `sweep`, so that no credential of GitHub's comes to
//! the operator's machine; only `setup`, which makes the credential, holds it while it runs. What it must never do: launch or stop anything, or change a desired count; `drain` and `resume` write a wish, which `scale` follows.
// The SDK nests the future of a call deeper than the compiler looks by default.
#![recursion_limit = "256"]
#![expect(clippy::format_push_string, reason = "answers are small, and a String cannot fail as `write!` may")]
#![expect(clippy::struct_field_names, reason = "the members of an answer have the names that its JSON has")]

mod arguments;
mod commands;
mod error;
mod facts;
mod needs;
mod obstacle;
mod pages;
mod prompt;
mod said;
mod scopes;
mod screen;
mod stack;
mod words;

use arguments::{Arguments, Command};
use clap::{CommandFactory as _, Parser as _};
use error::CliError;
use screen::Screen;
use stack::Stack;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let screen = Screen::new(arguments.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = CliError::call("starting", error);
            screen.error(&error);
            return ExitCode::from(error.exit_code());
        }
    };
    let code = runtime.block_on(ended(&arguments, &screen));
    // A thread that blocks, over the look-up of a name perhaps, is not waited for.
    runtime.shutdown_background();
    code
}

/// Does what was asked, until Ctrl-C.
async fn ended(arguments: &Arguments, screen: &Screen) -> ExitCode {
    // By its end, whatever `run` had done to the terminal is undone.
    let ended = tokio::select! {
        ended = run(arguments, screen) => ended,
        _ = tokio::signal::ctrl_c() => return ExitCode::from(error::INTERRUPTED),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(error::FOUND_WRONG),
        Err(error) => {
            screen.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Whether all is well.
async fn run(arguments: &Arguments, screen: &Screen) -> Result<bool, CliError> {
    let stack = || Stack::find(&arguments.account, screen);
    match &arguments.command {
        Command::Status(options) => commands::status::run(&stack().await?, options, screen).await,
        Command::Why(options) => commands::why::run(&stack().await?, options, screen).await,
        Command::Doctor => commands::doctor::run(&stack().await?, screen).await,
        Command::Runners(options) => commands::runners::run(&stack().await?, options, screen).await,
        Command::Jobs(options) => commands::jobs::run(&stack().await?, options, screen).await,
        Command::Logs(options) => commands::logs::run(&stack().await?, options, screen).await,
        Command::Setup(options) => commands::setup::run(&stack().await?, options, screen).await,
        Command::Drain(options) => commands::drain::run(&stack().await?, &options.fleet, true, screen).await,
        Command::Resume(options) => commands::drain::run(&stack().await?, &options.fleet, false, screen).await,
        Command::Redrive => commands::redrive::run(&stack().await?, screen).await,
        Command::Cost(options) => commands::cost::run(&stack().await?, options, screen).await,
        Command::Fleets(arguments::Fleets::Validate { file }) => commands::fleets::validate(file, screen),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "fargate-runners", &mut std::io::stdout());
            Ok(true)
        }
    }
}
