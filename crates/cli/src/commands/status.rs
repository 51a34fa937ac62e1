//! `status`: what each fleet does.

use crate::arguments;
use crate::error::CliError;
use crate::facts::{self, FleetFacts};
use crate::screen::{Answer, Screen, Tone, coloured, table};
use crate::stack::Stack;
use crate::words::{self, duration};
use fargate_runners_core::job::JobRecord;
use fargate_runners_core::plan::BREAKER_MEMORY;
use fargate_runners_core::state::FleetState;
use fargate_runners_core::task::TaskState;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::chain;
use serde::Serialize;
use std::time::Duration;

/// Waits of jobs that were taken within this time are told.
const WAITS_OF: Duration = Duration::from_secs(3600);

/// `--watch` looks this often: the ledger changes every few seconds, and a look costs some reads.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// `--watch` ends when so many looks in a row fail: one that AWS throttles or does not answer is nothing, and what lasts for half a minute and more is.
const FAILURES_IN_A_ROW: u32 = 5;

/// Shows it, once or again and again.
pub async fn run(stack: &Stack, options: &arguments::Status, screen: &Screen) -> Result<bool, CliError> {
    if !options.watch {
        screen.answer(&look(stack, options, screen).await?)?;
        return Ok(true);
    }
    let mut watch = Watch::default();
    loop {
        match look(stack, options, screen).await {
            Ok(status) => {
                watch.went_well();
                screen.clear()?;
                screen.answer(&status)?;
            }
            Err(error) => screen.note(&watch.goes_on(error)?),
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// How many looks have failed in a row.
#[derive(Debug, Default)]
struct Watch {
    failures: u32,
}

impl Watch {
    fn went_well(&mut self) {
        self.failures = 0;
    }

    /// What is said of a look that failed; the failure itself if that is the end.
    fn goes_on(&mut self, error: CliError) -> Result<String, CliError> {
        self.failures += 1;
        if !error.passes() || self.failures >= FAILURES_IN_A_ROW {
            return Err(error);
        }
        let (what, again) = (chain(&error), duration(WATCH_EVERY));
        Ok(format!(
            "{} {what}\nWhat stands above is older; looking again in {again} (failure {} of {FAILURES_IN_A_ROW} in a row, which end this)",
            coloured("not read:", Tone::Warning),
            self.failures
        ))
    }
}

async fn look(stack: &Stack, options: &arguments::Status, screen: &Screen) -> Result<Status, CliError> {
    let unreadable = {
        let _doing = screen.doing("reading the fleets' descriptions");
        stack.fleets().await?.unreadable.iter().map(|(name, error)| format!("{name}: {error}")).collect()
    };
    let mut fleets = Vec::new();
    for facts in facts::fleets(stack, options.fleet.as_ref(), screen).await? {
        let now = Stack::now();
        let _doing = screen.doing(format!("reading the last hour's jobs of fleet {}", facts.fleet.name));
        let (jobs, _) = facts::jobs_since(stack, &facts.fleet.name, now - WAITS_OF).await?;
        fleets.push(FleetStatus::of(&facts, &jobs, now));
    }
    Ok(Status { stack: stack.name.clone(), stack_status: stack.status.clone(), at: words::utc(Stack::now()), fleets, unreadable })
}

/// What all fleets do.
#[derive(Debug, Serialize)]
pub struct Status {
    stack: String,
    stack_status: String,
    at: String,
    fleets: Vec<FleetStatus>,
    /// Descriptions that cannot be used.
    unreadable: Vec<String>,
}

/// What one fleet does. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetStatus {
    fleet: String,
    mode: &'static str,
    queued: u32,
    busy: u32,
    idle: u32,
    booting: u32,
    leaving: u32,
    /// Tasks whose job is over, and that AWS is taking.
    ending: u32,
    maximum: u32,
    /// What it is meant to have now: the desired counts of its services, or its tasks and launches.
    desired: u32,
    warm: u32,
    drained: bool,
    /// How the wanted number comes about.
    wanted: String,
    oldest_queued_seconds: Option<u64>,
    waits: Option<Waits>,
    /// What ECS refused last, and the newest reasons for which tasks ended before they registered.
    errors: Vec<String>,
}

/// How long the jobs that were taken within the hour had waited, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Waits {
    jobs: usize,
    p50: f64,
    p95: f64,
    longest: f64,
}

impl FleetStatus {
    /// From the records.
    pub fn of(facts: &FleetFacts, jobs: &[JobRecord], now: Timestamp) -> Self {
        let (fleet, state) = (&facts.fleet, facts.view.state.get());
        let count =
            |such: &dyn Fn(TaskState) -> bool| u32::try_from(facts.tasks().filter(|task| such(task.state())).count()).unwrap_or(u32::MAX);
        let queued: Vec<&JobRecord> = facts.jobs().filter(|job| job.is_queued_here()).collect();
        let oldest = queued.iter().map(|job| job.queued_at.unwrap_or(job.seen_at)).min();
        let queued = u32::try_from(queued.len()).unwrap_or(u32::MAX);
        let busy = count(&|state| state == TaskState::Busy);
        let launches: u32 = state.launches.iter().map(|launch| launch.count).sum();
        let living = count(&|state| state != TaskState::Gone);
        let desired = match fleet.service() {
            Some(_) => state.services.values().map(|service| service.desired).sum(),
            None => living + launches,
        };
        let sum = queued + busy + fleet.warm;
        let limited = if sum > fleet.maximum { format!(", held to the maximum {}", fleet.maximum) } else { String::new() };
        Self {
            fleet: fleet.name.to_string(),
            mode: if fleet.service().is_some() { "service" } else { "tasks" },
            queued,
            busy,
            idle: count(&|state| state == TaskState::Idle),
            booting: count(&|state| state == TaskState::Booting) + launches,
            leaving: count(&|state| state == TaskState::Leaving),
            ending: count(&|state| matches!(state, TaskState::Finishing | TaskState::Interrupted | TaskState::Condemned)),
            maximum: fleet.maximum,
            desired,
            warm: fleet.warm,
            drained: fleet.drained,
            wanted: format!("{} = {queued} queued + {busy} busy + {} warm{limited}", sum.min(fleet.maximum), fleet.warm),
            oldest_queued_seconds: oldest.map(|at| now.since(at).as_secs()),
            waits: Waits::of(jobs, now),
            errors: errors(state, now),
        }
    }
}

/// Each with when it was.
fn errors(state: &FleetState, now: Timestamp) -> Vec<String> {
    let lately = |at: Timestamp| now.since(at) < BREAKER_MEMORY;
    let failed = state.failed_boots.values().filter(|boot| lately(boot.at));
    let mut failed: Vec<(Timestamp, &str)> = failed.map(|boot| (boot.at, boot.reason.as_str())).collect();
    failed.sort_unstable_by(|a, b| b.cmp(a));
    failed.dedup_by(|a, b| a.1 == b.1);
    let refused = state.refused.iter().filter(|refusal| lately(refusal.at));
    let refused = refused.map(|refusal| format!("ECS refused, {} ago: {}", duration(now.since(refusal.at)), refusal.reason));
    let failed = failed.into_iter().map(|(at, reason)| format!("a task never registered, {} ago: {reason}", duration(now.since(at))));
    refused.chain(failed).collect()
}

impl Waits {
    fn of(jobs: &[JobRecord], now: Timestamp) -> Option<Self> {
        let taken = jobs.iter().filter_map(|job| Some((job.taken_at?, job.queued_at.unwrap_or(job.seen_at))));
        let mut waits: Vec<Duration> =
            taken.filter(|(taken, _)| now.since(*taken) <= WAITS_OF).map(|(taken, queued)| taken.since(queued)).collect();
        waits.sort_unstable();
        let at = |share: usize| waits.get((waits.len() * share).div_ceil(100).saturating_sub(1)).map(Duration::as_secs_f64);
        Some(Self { jobs: waits.len(), p50: at(50)?, p95: at(95)?, longest: at(100)? })
    }
}

impl Answer for Status {
    fn tell(&self) -> String {
        let headings = [
            "fleet",
            "mode",
            "queued",
            "busy",
            "idle",
            "booting",
            "leaving",
            "ending",
            "desired",
            "maximum",
            "oldest queued",
            "waits p50/p95",
        ];
        let rows = self.fleets.iter().map(|fleet| {
            let seconds = |seconds: f64| duration(Duration::from_secs_f64(seconds));
            [
                fleet.fleet.clone(),
                fleet.mode.to_owned(),
                fleet.queued.to_string(),
                fleet.busy.to_string(),
                fleet.idle.to_string(),
                fleet.booting.to_string(),
                fleet.leaving.to_string(),
                fleet.ending.to_string(),
                fleet.desired.to_string(),
                if fleet.drained { "drained".to_owned() } else { fleet.maximum.to_string() },
                fleet.oldest_queued_seconds.map_or_else(|| "-".to_owned(), |oldest| duration(Duration::from_secs(oldest))),
                fleet.waits.map_or_else(|| "-".to_owned(), |waits| format!("{} / {}", seconds(waits.p50), seconds(waits.p95))),
            ]
        });
        let mut text = format!("{} ({}) at {}\n\n{}\n", self.stack, self.stack_status, self.at, table(headings, rows));
        for fleet in &self.fleets {
            text.push_str(&format!("\n{}: wanted {}", fleet.fleet, fleet.wanted));
            if fleet.drained {
                text.push_str(&format!("\n  {}", coloured("drained: it takes no jobs until `fargate-runners resume`", Tone::Warning)));
            }
            for error in &fleet.errors {
                text.push_str(&format!("\n  {} {error}", coloured("error:", Tone::Wrong)));
            }
        }
        for unreadable in &self.unreadable {
            text.push_str(&format!("\n{} {unreadable}", coloured("a fleet is left out, its description cannot be used:", Tone::Wrong)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::ids::{FleetName, TaskId};
    use fargate_runners_core::state::{FailedBoot, Refusal};

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn what_ecs_refuses_is_among_the_last_errors_until_it_is_old() {
        let mut state = FleetState::new(FleetName::parse("default").unwrap());
        let boot = FailedBoot { at: NOW - Duration::from_secs(20), reason: "exit code 10".to_owned() };
        state.failed_boots.insert(TaskId::parse(&"a".repeat(32)).unwrap(), boot);
        let reason = "You've reached the limit on the number of vCPUs".to_owned();
        state.refused = Some(Refusal { at: NOW - Duration::from_secs(12), reason });
        let told = errors(&state, NOW);
        assert_eq!(
            told,
            ["ECS refused, 12 s ago: You've reached the limit on the number of vCPUs", "a task never registered, 20 s ago: exit code 10"]
        );
        assert!(errors(&state, NOW + BREAKER_MEMORY).is_empty());
    }

    #[test]
    fn a_watch_goes_on_after_a_throttle_and_ends_after_several_in_a_row_or_at_once_where_nothing_passes() {
        let throttled = || CliError::call("reading", "ThrottlingException: Rate exceeded".to_owned());
        let mut watch = Watch::default();
        for _ in 0..10 {
            assert!(watch.goes_on(throttled()).unwrap().contains("Rate exceeded"));
            watch.went_well();
        }
        let last = (0..FAILURES_IN_A_ROW).map(|_| watch.goes_on(throttled())).last();
        assert!(matches!(last, Some(Err(CliError::Call { .. }))));
        assert!(Watch::default().goes_on(CliError::call("reading", "AccessDenied".to_owned())).is_err());
    }
}
