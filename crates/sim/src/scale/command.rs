//! `cargo xtask sim scale`: what can be asked, and in what order it is answered.

use super::report::{Column, table};
use super::{BUSIEST, Coming, Scenery, Work, arrivals, duration, plot, run};
use crate::engine::Millis;
use crate::meter::Pace;
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// A day's slice begins in a world that is as full as it would be by then.
const WARM_UP: Millis = 15 * MINUTE;

/// After the last arrival of a slice, jobs are waited for as long.
const AFTERWARDS: Millis = 20 * MINUTE;

/// Nobody waits longer for the end of a burst: the model's and GitHub's own limit for a job in the queue is a day.
const BURST_LIMIT: Millis = 12 * HOUR;

/// The use cases at scale: no faults, but AWS's and GitHub's limits.
#[derive(Parser)]
#[command(name = "cargo xtask sim scale")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Jobs that come all at once.
    Burst(Burst),
    /// A slice of a day with so many jobs, in one of the accounts that share them evenly.
    Day(Day),
}

#[derive(Args)]
struct Burst {
    /// How many jobs: a run for each.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000,10000")]
    jobs: Vec<u32>,
    #[command(flatten)]
    world: WorldArguments,
}

#[derive(Args)]
struct Day {
    /// Jobs a day, in all accounts.
    #[arg(long, default_value_t = 1_000_000)]
    jobs: u64,
    /// Accounts that share them evenly; one of them is simulated.
    #[arg(long, default_value_t = 2)]
    accounts: u64,
    /// The hour of the day in which the slice begins.
    #[arg(long, default_value_t = BUSIEST)]
    from: u64,
    /// How long the slice is, in minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    #[command(flatten)]
    world: WorldArguments,
}

#[derive(Args)]
struct WorldArguments {
    /// The seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fleets of the account, each with an App, a service and a message group of its own; two an organisation.
    #[arg(long, default_value_t = 1)]
    fleets: u32,
    /// The maximum of each fleet.
    #[arg(long, default_value_t = 5_000)]
    maximum: u32,
    /// Fargate's launches a second in the account: AWS's default is 20, and can be raised.
    #[arg(long, default_value_t = 20)]
    launches: u64,
    /// The account's quota of vCPUs, of which each task takes one; without it there is none.
    #[arg(long)]
    vcpus: Option<u64>,
    /// Milliseconds that DynamoDB takes for each page of a megabyte. An assumption.
    #[arg(long, default_value_t = 15)]
    page_millis: u64,
    /// Microseconds that `scale` takes for each record of a look, with the seventh of a core that 128 MB of memory have. An assumption.
    #[arg(long, default_value_t = 70)]
    record_micros: u64,
    /// Draws the last run into this file, as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
}

impl WorldArguments {
    fn scenery(&self) -> Scenery {
        let pace = Pace { page_millis: self.page_millis, record_micros: self.record_micros };
        Scenery { seed: self.seed, fleets: self.fleets.max(1), maximum: self.maximum, launches: self.launches, vcpus: self.vcpus, pace }
    }
}

/// Does what it is asked; the arguments begin with the program's name.
#[must_use]
pub fn command(arguments: impl Iterator<Item = String>) -> ExitCode {
    let (columns, world) = match Arguments::parse_from(arguments).command {
        Command::Burst(burst) => (burst.jobs.iter().map(|jobs| burst_of(*jobs, &burst.world)).collect::<Vec<_>>(), burst.world),
        Command::Day(day) => (vec![slice(&day)], day.world),
    };
    println!("{}", table(&columns));
    let drawn = match (&world.plot, columns.last()) {
        (Some(path), Some(last)) => plot::draw(path, &last.name, &last.outcome.moments),
        _ => Ok(()),
    };
    if let Err(error) = &drawn {
        eprintln!("error: the plot could not be drawn: {error}");
    }
    let broken = columns.iter().any(|column| column.outcome.violation.is_some());
    if broken || drawn.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn burst_of(jobs: u32, world: &WorldArguments) -> Column {
    let scenery = world.scenery();
    let mut chance = fastrand::Rng::with_seed(world.seed);
    let coming = (0..jobs).map(|number| Coming { at: 0, fleet: number % scenery.fleets, length: duration(&mut chance) }).collect();
    let outcome = run(scenery, &Work { jobs: coming, counted_from: 0, until: BURST_LIMIT });
    let maximum = u64::from(scenery.maximum) * u64::from(scenery.fleets);
    Column { name: format!("{jobs} at once"), most_wanted: u64::from(jobs).min(maximum), outcome, resident: resident() }
}

fn slice(day: &Day) -> Column {
    let scenery = day.world.scenery();
    let mut chance = fastrand::Rng::with_seed(day.world.seed);
    let from = (day.from * HOUR).saturating_sub(WARM_UP);
    let until = day.from * HOUR + day.minutes * MINUTE;
    let times = arrivals(&mut chance, day.jobs / day.accounts.max(1), from, until);
    let coming = times.into_iter().map(|at| Coming { at: at - from, fleet: chance.u32(0..scenery.fleets), length: duration(&mut chance) });
    let counted_from = day.from * HOUR - from;
    let outcome = run(scenery, &Work { jobs: coming.collect(), counted_from, until: until - from + AFTERWARDS });
    let most_wanted = outcome.moments.iter().map(|moment| moment.wanted).max().unwrap_or_default();
    let name = format!(
        "{} jobs a day, one of {} accounts, {} fleets: {} minutes from {}:00",
        day.jobs, day.accounts, scenery.fleets, day.minutes, day.from
    );
    Column { name, most_wanted, outcome, resident: resident() }
}

/// What the system says of this process's memory, in kilobytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
