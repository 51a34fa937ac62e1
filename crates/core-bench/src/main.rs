//! Prints what each operation takes at each size, and the exponent of its growth: `cargo xtask growth`. Criterion has the finer figures.

use clap::Parser;
use fargate_runners_core_bench::fit::exponent;
use fargate_runners_core_bench::instructions;
use fargate_runners_core_bench::operations::{ALL, Operation, Run};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How the core's own cost grows with the work.
#[derive(Parser)]
#[command(name = "cargo xtask growth")]
struct Arguments {
    /// Only operations whose name contains this.
    #[arg(default_value = "")]
    filter: String,
    /// Each size is run for so long, and five times at least.
    #[arg(long, default_value_t = 500)]
    millis: u64,
    /// Counts instructions (with valgrind) instead of time: steadier, and blind to what memory costs.
    #[arg(long)]
    instructions: bool,
    /// The largest size.
    #[arg(long, default_value_t = usize::MAX)]
    most: usize,
    /// Runs the operations once at this size and prints nothing: for a profiler.
    #[arg(long)]
    once: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen = || ALL.iter().filter(|operation| operation.name.contains(&arguments.filter));
    if let Some(size) = arguments.once {
        for operation in chosen() {
            // How long it took is the profiler's to say.
            (operation.prepare)(size)();
        }
        return ExitCode::SUCCESS;
    }
    let unit = if arguments.instructions { "thousands of instructions of one run" } else { "medians of runs, in microseconds" };
    println!("Figures are {unit}; the exponent b is that of a * size^b, by least squares of the logarithms.");
    for operation in chosen() {
        println!("\n{}: {}", operation.name, operation.what);
        if let Err(error) = print(operation, &arguments) {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts are small")]
fn print(operation: &Operation, arguments: &Arguments) -> Result<(), instructions::Uncounted> {
    let mut points = Vec::new();
    for size in operation.sizes.iter().copied().filter(|size| *size <= arguments.most) {
        let figure = if arguments.instructions {
            instructions::count(operation.name, size)? as f64 / 1e3
        } else {
            median(&mut (operation.prepare)(size), Duration::from_millis(arguments.millis)).as_secs_f64() * 1e6
        };
        println!("{size:>9}  {figure:>14.2}");
        points.push((size as f64, figure));
    }
    if let Some(exponent) = exponent(&points) {
        println!(" exponent  {exponent:>14.2}");
    }
    Ok(())
}

/// The first run warms up, and does not count.
fn median(run: &mut Run, length: Duration) -> Duration {
    run();
    let began = Instant::now();
    let mut taken = Vec::new();
    while taken.len() < 5 || began.elapsed() < length {
        taken.push(run());
    }
    taken.sort();
    taken[taken.len() / 2]
}
