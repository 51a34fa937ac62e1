//! What a demo has taken, and how much it may: counted when everything is over, with one more sweep of what is then an empty stack.

use fargate_runners_model_github::Endpoint;
use serde_json::json;

use crate::counts::bounds::Bounds;
use crate::counts::{Counts, now, read_functions};
use crate::problem::{Outcome, Problem};
use crate::stack::{CONTROL_PLANE, LaunchMode, Stack};

use super::jobs::Followed;

/// From so many jobs on, a burst is held to a burst's bounds: what a lone job pays alone is shared by then.
const BURST: usize = 50;

/// Counts what was taken since a moment, and fetches the logs for it.
pub async fn count(stack: &Stack, jobs: &[Followed], since: f64) -> Outcome<Counts> {
    let wake_ups_to_come = stack.wake_ups_to_come().await?;
    let idle_since = now();
    let swept = stack.aws.invoke(&format!("{CONTROL_PLANE}-sweep"), &json!({})).await;
    swept.map_err(|error| Problem::new(format!("an idle stack could not be swept: {error}")))?;
    let [calls, healer, idle] = Counts::share_out(stack.calls_since(since).await?, idle_since);
    let events = stack.collect_logs().await?;
    let (functions, idle_sweep) = read_functions(&stack.run)?;
    let (mints, token_exchanges, github) = stack.github.with(|model, _| {
        let counters = model.counters();
        let others = counters.iter().filter(|(endpoint, _)| !matches!(endpoint, Endpoint::TokenExchange | Endpoint::JitConfig));
        let others = others.map(|(endpoint, count)| (format!("{endpoint:?}"), count.asked)).collect();
        (counters.mints(), counters.token_exchanges(), others)
    });
    let tasks = stack.ecs().tasks().count();
    let jobs = jobs.iter().filter(|job| job.fleet_of_runner().is_some()).count();
    Ok(Counts { jobs, mints, token_exchanges, github, tasks, wake_ups_to_come, events, calls, healer, idle, functions, idle_sweep })
}

/// How much a run may take. Each is what was measured, and a fifth on top: on a machine that is busy, calls run into their time limits and are repeated, also
/// by tasks whose registration did not reach them in time.
pub fn bounds(burst: Option<LaunchMode>, jobs: usize) -> Bounds {
    match burst {
        // Nothing is repeated for a lone job, which is measured with the same counts each time; one call of a conflict's second round is room enough. Its
        // dollars are what `fargate-runners cost` takes for a job, and a quarter on top for the functions' time on a busy machine.
        Some(LaunchMode::Tasks) if jobs == 1 => {
            Bounds { mints: 1.0, calls: 19.0, invocations: 11.0, tasks: 1.0, dollars: fargate_runners_prices::lone_job() * 1_000.0 * 1.25 }
        }
        Some(LaunchMode::Tasks) if jobs >= BURST => Bounds { mints: 1.2, calls: 20.0, invocations: 10.0, tasks: 1.2, dollars: 0.09 },
        Some(LaunchMode::Service) if jobs >= BURST => Bounds { mints: 1.2, calls: 29.0, invocations: 13.0, tasks: 1.2, dollars: 0.16 },
        _ => Bounds { mints: 1.5, calls: 60.0, invocations: 25.0, tasks: 1.5, dollars: 0.2 },
    }
}
