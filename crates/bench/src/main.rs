//! The bench as a program of its own, so that it is built as quick code and its own work falls as little as possible into what it measures. It is started by
//! `cargo xtask bench`, which builds the functions first.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use fargate_runners_bench::{Arguments, Given, run};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Program {
    #[command(flatten)]
    arguments: Arguments,
    /// The checkout.
    #[arg(long, hide = true)]
    root: PathBuf,
    /// The folder of the packages.
    #[arg(long, hide = true)]
    packages: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Program { arguments, root, packages } = Program::parse();
    match run(&arguments, &Given { root, packages }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
