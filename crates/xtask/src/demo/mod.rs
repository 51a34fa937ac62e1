//! `cargo xtask demo`: the whole product at work on this machine. Brings the local stack up, sends it jobs, shows what happens, and checks what is left.

mod browser;
pub mod jobs;
pub mod operator;
mod report;
mod scenario;
mod setup;
mod takings;
mod watch;

use std::time::Duration;

use clap::Args;

use crate::account;
use crate::chaos::sweeps::Sweeps;
use crate::counts::{self, bounds};
use crate::interrupt::interrupted;
use crate::problem::{Outcome, Problem};
use crate::project::Project;
use crate::screen::{Screen, Tone};
use crate::stack::functions::Profile;
use crate::stack::steps::step;
use crate::stack::{LaunchMode, Size, Stack, logs};

use self::operator::Operator;
pub use self::operator::PERSON;
use self::setup::Setup;
use self::watch::{LINES_BELOW, Watch};

/// Room for a fleet's tasks beyond the jobs of a small demo.
const MAXIMUM_AT_LEAST: usize = 20;

/// More jobs than this at once is more than one machine should be asked for.
const MOST_JOBS: usize = 500;

/// How often the healer is invoked: its schedule, every five minutes, is longer than the demo.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// What the demo does.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many jobs.
    #[arg(long, default_value_t = 20, value_parser = parse_jobs)]
    jobs: usize,
    /// Decides how long each job takes, and every chance in the models.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Queue all jobs at once, for the fleet in this launch mode.
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "tasks")]
    burst: Option<LaunchMode>,
    /// Begin without a credential: `fargate-runners setup` makes the App in a headless Chromium, and changes its secrets while the jobs run.
    #[arg(long, conflicts_with = "burst")]
    setup: bool,
    /// Build the functions as they are deployed, so that what their invocations are billed is told as it would be: the first time takes a quarter of an hour.
    #[arg(long)]
    as_deployed: bool,
    /// When the jobs are over, leave everything running until Ctrl-C, and say how to talk to it.
    #[arg(long)]
    keep: bool,
}

fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs) if (1..=MOST_JOBS).contains(&jobs) => Ok(jobs),
        _ => Err(format!("a number from 1 to {MOST_JOBS} is needed")),
    }
}

/// Runs it; an error when a job did not end as it should or anything is left behind. Nothing that it started runs on, however it ends.
pub async fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let profile = if arguments.as_deployed { Profile::Deployed } else { Profile::Quick };
    let size = Size { is_set_up: !arguments.setup, profile, ..Size::new(arguments.jobs.max(MAXIMUM_AT_LEAST), arguments.seed) };
    let mut stack = tokio::select! {
        stack = Stack::up(project, size) => stack?,
        () = interrupted() => return Err(Problem::new("interrupted; nothing is left running")),
    };
    let outcome = tokio::select! {
        outcome = perform(project, &mut stack, arguments) => Some(outcome),
        () = interrupted() => None,
    };
    if arguments.keep && outcome.is_some() {
        say_how_to_talk_to_it(&stack)?;
        interrupted().await;
        println!("\nStopping");
    }
    let logs = stack.run.path().to_path_buf();
    stack.down().await;
    let outcome = outcome.unwrap_or_else(|| Err(Problem::new("interrupted; nothing is left running")));
    outcome.map_err(|problem| problem.next(format!("the logs of this run are in {}", logs.display())))
}

async fn perform(project: &Project, stack: &mut Stack, arguments: &Arguments) -> Outcome {
    let setup = if arguments.setup { Some(step(setup::STEP, Setup::from_nothing(project, stack)).await?) } else { None };
    let mut screen = Screen::new(&stack.run, LINES_BELOW)?;
    let plan = match arguments.burst {
        Some(mode) => scenario::burst(arguments.jobs, arguments.seed, mode),
        None => scenario::mixed(arguments.jobs, arguments.seed),
    };
    let since = counts::now();
    screen.line(Tone::Plain, &format!("\n{} jobs; all logs are in {}\n", plan.len(), stack.run.path().display()));
    // A burst is for counting: there the healer comes as seldom as on AWS, and nothing is done twice because it asked whether it was done.
    let sweeps = Sweeps::new(&stack.aws);
    let sweeps = if arguments.burst.is_some() { sweeps } else { sweeps.every(SWEEP_EVERY) };
    let mut watch = Watch::new(stack, &screen, plan, sweeps);
    let jobs = async {
        watch.run().await?;
        watch.tidy().await
    };
    let rotation = async {
        match &setup {
            Some(setup) => setup.rotate_webhook_secret().await,
            None => Ok(Vec::new()),
        }
    };
    let (leavings, rotated) = tokio::join!(jobs, rotation);
    let (leavings, rotated) = (leavings?, rotated?);
    let Watch { jobs, sweeps, .. } = watch;
    let healed = sweeps.healed;
    screen.finish();

    let counts = takings::count(stack, &jobs, since).await?;
    screen.line(Tone::Plain, &format!("\n{}", report::jobs(&jobs)));
    screen.line(Tone::Plain, &counts.table());
    screen.line(Tone::Plain, &counts.bill());
    if arguments.burst.is_none() {
        screen.line(Tone::Plain, &report::sweeps(&healed, SWEEP_EVERY));
    }
    screen.line(Tone::Plain, &format!("What is left behind\n{leavings}"));
    let mut wrongs = watch::wrongs(&jobs);
    wrongs.extend(report::wrongs_of_sweeps(&healed, arguments.burst.is_none()));
    wrongs.extend(counts.wrongs());
    wrongs.extend(bounds::wrongs(&counts, takings::bounds(arguments.burst, counts.jobs)));
    if !leavings.is_empty() {
        wrongs.push(Problem::new("something is left behind"));
    }
    // Only now: whatever it asks for is nothing that jobs take.
    if arguments.burst.is_none() && arguments.jobs >= scenario::ALL_KINDS {
        let (examples, wrong) = Operator::new(project, stack).await?.work(stack, &jobs).await?;
        screen.line(
            Tone::Plain,
            &format!(
                "The operator's command line ran {examples} examples of its help, by a role with the template's policy for operators\n"
            ),
        );
        wrongs.extend(wrong);
    }
    wrongs.extend(rotated);
    if let Some(setup) = &setup {
        let (examples, wrong) = setup.examples(stack).await?;
        screen.line(
            Tone::Plain,
            &format!("`setup` made the App in the browser, and ran {examples} examples of its help while and after the jobs ran\n"),
        );
        wrongs.extend(wrong);
    }
    if stack.nonces_seen() == 0 {
        wrongs.push(Problem::new("no task's nonce went by: the search for secrets cannot have looked for any"));
    }
    let secrets = stack.secrets();
    for file in logs::files_with_secrets(&stack.run, &secrets)? {
        wrongs.push(Problem::new(format!("a secret stands in {}", file.display())));
    }
    if wrongs.is_empty() {
        let checked = format!(
            "Every job ended as it should, nothing is left behind, and none of {} secrets stands in any output ({} public events among them).",
            secrets.len(),
            counts.events.all
        );
        screen.line(Tone::Good, &checked);
    }
    for wrong in &wrongs {
        screen.line(Tone::Bad, &format!("wrong: {wrong}"));
    }
    if wrongs.is_empty() { Ok(()) } else { Err(Problem::new(format!("{} things are not as they should be", wrongs.len()))) }
}

fn say_how_to_talk_to_it(stack: &Stack) -> Outcome {
    let [(_, aws), (_, ecs), (_, github)] = stack.endpoints();
    let (region, user) = (account::REGION, account::ROOT_USER);
    println!("\nEverything stays up until Ctrl-C. In another terminal:");
    println!("  export AWS_ENDPOINT_URL={aws} AWS_ENDPOINT_URL_ECS={ecs}");
    println!("  export AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID={user} AWS_SECRET_ACCESS_KEY={user}");
    println!("  aws cloudformation describe-stacks; aws ecs list-tasks --cluster … (any AWS SDK or command line)");
    println!("GitHub's API is at {github}; webhooks go to {}", stack.webhook_url()?);
    println!("Logs: {}", stack.run.path().display());
    Ok(())
}
