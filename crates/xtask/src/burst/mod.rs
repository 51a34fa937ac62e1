//! `cargo xtask burst`: so many jobs at once that no machine could run their tasks. Tasks are accepted and never run; what is followed is the control plane,
//! from the first delivery until the wanted number covers the demand and the queue is empty. Each size has a local stack of its own.

mod report;

use std::time::Duration;

use clap::Args;
use fargate_runners_model_github::NewJob;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::chaos::processes::peak_memory_kib;
use crate::counts::{Functions, read_functions};
use crate::interrupt::interrupted;
use crate::problem::{Outcome, Problem};
use crate::project::Project;
use crate::stack::counted::Call;
use crate::stack::{FLEETS, Fleet, LaunchMode, ORGANIZATION, PRIVATE_REPOSITORY, Size, Stack};

/// More at once than this is for the simulation.
const MOST_JOBS: usize = 2_000;

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The longest that a burst may take, and what each job adds on a machine with two cores.
const WITHIN: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(2));

/// Which bursts.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many jobs at once; one burst after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1_000])]
    sizes: Vec<usize>,
    /// The fleet in this launch mode gets them.
    #[arg(long, value_enum, default_value = "service")]
    mode: LaunchMode,
    /// Decides every chance in the models.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What one burst took.
#[derive(Debug)]
pub struct Burst {
    /// Jobs at once.
    pub jobs: usize,
    /// From the first job until the wanted number covered all.
    pub covered_after: Duration,
    /// From the first job until the fleets' queue was empty.
    pub drained_after: Duration,
    /// Registrations made.
    pub mints: u64,
    /// What the functions asked of AWS.
    pub calls: Vec<Call>,
    /// By name, from their logs.
    pub functions: Functions,
    /// The most memory that a process of `scale` has held, in KiB.
    pub scale_kib: u64,
}

/// Runs them; an error when a burst is not covered in time, or ECS is asked more often than once a second and fleet.
pub async fn run(project: &Project, arguments: &Arguments) -> Outcome {
    if let Some(size) = arguments.sizes.iter().find(|size| !(1..=MOST_JOBS).contains(*size)) {
        return Err(
            Problem::new(format!("a burst of {size}: a number from 1 to {MOST_JOBS} is needed")).next("more is for `cargo xtask sim`")
        );
    }
    let mut bursts = Vec::new();
    for jobs in &arguments.sizes {
        let size = Size { runs_tasks: false, ..Size::new(*jobs, arguments.seed) };
        let burst = tokio::select! {
            burst = one(project, size, arguments.mode) => burst?,
            () = interrupted() => return Err(Problem::new("interrupted; nothing is left running")),
        };
        println!("\n{}", report::one(&burst));
        bursts.push(burst);
    }
    println!("{}", report::all(&bursts));
    report::wrongs(&bursts).map_or(Ok(()), Err)
}

async fn one(project: &Project, size: Size, mode: LaunchMode) -> Outcome<Burst> {
    let mut stack = Stack::up(project, size).await?;
    let burst = follow(&mut stack, size.maximum, mode).await;
    let logs = stack.run.path().to_path_buf();
    stack.down().await;
    burst.map_err(|problem| problem.next(format!("the logs of this run are in {}", logs.display())))
}

async fn follow(stack: &mut Stack, jobs: usize, mode: LaunchMode) -> Outcome<Burst> {
    let fleet = FLEETS.iter().find(|fleet| fleet.mode == mode).ok_or_else(|| Problem::new("no fleet has this launch mode"))?;
    let since = crate::counts::now();
    let started = Instant::now();
    stack.github.with(|model, now| {
        for _ in 0..jobs {
            model.queue_job(now, NewJob::new(ORGANIZATION, PRIVATE_REPOSITORY, &fleet.labels));
        }
    });
    let (fixed, each) = WITHIN;
    let deadline = fixed + each * u32::try_from(jobs).unwrap_or(u32::MAX);
    let mut covered_after = None;
    let drained_after = loop {
        stack.check()?;
        if covered_after.is_none() && wanted(stack, fleet).await? >= jobs as u64 {
            covered_after = Some(started.elapsed());
        }
        if covered_after.is_some() && stack.fleet_messages().await? == 0 {
            break started.elapsed();
        }
        if started.elapsed() > deadline {
            return Err(Problem::new(format!("{jobs} jobs were not covered within {} s", deadline.as_secs())));
        }
        sleep(LOOK_EVERY).await;
    };
    let scale_kib = peak_memory_kib(stack.run.path(), "scale");
    let calls = stack.calls_since(since).await?;
    stack.collect_logs().await?;
    let (functions, _) = read_functions(&stack.run)?;
    let mints = stack.github.with(|model, _| model.counters().mints());
    Ok(Burst { jobs, covered_after: covered_after.unwrap_or(drained_after), drained_after, mints, calls, functions, scale_kib })
}

/// What the ledger says that the fleet is to have; 0 before anybody has looked at it.
async fn wanted(stack: &Stack, fleet: &Fleet) -> Outcome<u64> {
    let key = json!({ "pk": { "S": format!("FLEET#{}", fleet.name) }, "sk": { "S": "STATE" } });
    let question = json!({ "TableName": stack.output("TableName")?, "Key": key, "ConsistentRead": true });
    let answer = stack.aws.json("dynamodb", "DynamoDB_20120810.GetItem", &question).await;
    let answer = answer.map_err(|error| Problem::new(format!("the ledger could not be read: {error}")))?;
    let body: Value = answer["Item"]["body"]["S"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    Ok(body["fleet"]["wanted"].as_u64().unwrap_or_default())
}
