//! The tables at the end of a demo: the jobs, and what was counted.

use std::fmt::Write as _;

use fargate_runners_model_github::Endpoint;

use crate::chaos::sweeps::Healed;
use crate::problem::Problem;
use crate::stack::counted::Calls;
use crate::stack::{FLEETS, Stack};

use super::jobs::Followed;
use super::watch::SWEEP_EVERY;
use crate::jobs::task_of;

/// The characters of a task's id that tell it from the others.
const TASK_ID_SHOWN: usize = 8;

/// What was counted in a run.
#[derive(Debug)]
pub struct Counts {
    /// Calls to GitHub's API by name, token exchanges left out.
    pub github: Vec<(String, u64)>,
    /// Exchanges of the App's signature for an installation token.
    pub token_exchanges: u64,
    /// Calls to AWS by name, ECS among them.
    pub aws: Calls,
    /// Tasks started and jobs that ran, by fleet.
    pub fleets: Vec<(&'static str, usize, usize)>,
    /// Jobs that ran on runners of ours.
    pub jobs: usize,
}

impl Counts {
    /// Takes the models' counters; the emulator's are given.
    pub fn of(stack: &Stack, jobs: &[Followed], mut aws: Calls) -> Self {
        let (github, token_exchanges) = stack.github.with(|model, _| {
            let counters = model.counters();
            let calls = counters
                .iter()
                .filter(|(endpoint, count)| count.asked > 0 && *endpoint != Endpoint::TokenExchange)
                .map(|(endpoint, count)| (format!("{endpoint:?}"), count.asked));
            (calls.collect(), counters.token_exchanges())
        });
        let ecs = stack.ecs();
        for launch in ["ecs:RunTask", "ecs:UpdateService"] {
            aws.insert(launch.into(), 0);
        }
        for (name, count) in ecs.calls() {
            aws.insert(format!("ecs:{name}"), count.asked);
        }
        let tasks_of = |name: &str| ecs.tasks().filter(|task| task.group.contains(&format!("-{name}"))).count();
        let jobs_of = |name: &str| jobs.iter().filter(|job| job.fleet_of_runner() == Some(name)).count();
        let fleets = FLEETS.iter().map(|fleet| (fleet.name, tasks_of(fleet.name), jobs_of(fleet.name))).collect();
        let jobs = jobs.iter().filter(|job| job.fleet_of_runner().is_some()).count();
        Self { github, token_exchanges, aws, fleets, jobs }
    }

    /// For a person.
    pub fn table(&self) -> String {
        let mut text = format!("What was counted ({} jobs ran here)\n", self.jobs);
        let _ = writeln!(text, "  {:<38} {:>6} {:>9}", "", "all", "per job");
        let mut row = |name: &str, count: u64| {
            let _ = writeln!(text, "  {name:<38} {count:>6} {:>9}", per(count, self.jobs));
        };
        for (name, count) in &self.github {
            row(&format!("GitHub {name}"), *count);
        }
        row("GitHub token exchanges (one an hour)", self.token_exchanges);
        for (name, count) in &self.aws {
            row(&format!("AWS {name}"), *count);
        }
        for (fleet, tasks, jobs) in &self.fleets {
            let tasks = u64::try_from(*tasks).unwrap_or(u64::MAX);
            let _ = writeln!(
                text,
                "  {:<38} {tasks:>6} {:>9}  of the {jobs} that ran there",
                format!("tasks started in {fleet}"),
                per(tasks, *jobs)
            );
        }
        text
    }
}

/// What the healer did.
pub fn sweeps(healed: &Healed) -> String {
    let found: Vec<String> =
        healed.healers.iter().filter(|(_, (healed, _))| *healed > 0).map(|(healer, (healed, _))| format!("{healer} {healed}")).collect();
    let found =
        if found.is_empty() { "nothing was lost, and nothing was healed".to_owned() } else { format!("healed: {}", found.join(", ")) };
    let every = SWEEP_EVERY.as_secs();
    format!("The healer was invoked {} times, every {every} s instead of every 5 minutes; {found}\n", healed.answered)
}

/// What is wrong with the sweeps, a sentence each. Nothing here keeps a healer from getting through.
pub fn wrongs_of_sweeps(healed: &Healed) -> Vec<Problem> {
    let stuck = healed.healers.iter().filter(|(_, (_, failed))| *failed > 0);
    let mut wrongs: Vec<Problem> =
        stuck.map(|(healer, (_, failed))| Problem::new(format!("the healer {healer:?} did not get through, {failed} times"))).collect();
    if healed.failed > 0 {
        wrongs.push(Problem::new(format!("{} sweeps had no answer", healed.failed)));
    }
    if healed.answered == 0 {
        wrongs.push(Problem::new("no sweep was answered"));
    }
    wrongs
}

/// The table of the jobs.
pub fn jobs(jobs: &[Followed]) -> String {
    let mut text = format!("  {:<5}{:<20}{:<15}{:>8}  {:<22}{:<26}{}\n", "job", "title", "fleet", "waited", "ran on", "result", "");
    for job in jobs {
        let seen = job.seen.as_ref();
        let waited = seen.and_then(|seen| seen.waited).map_or_else(|| "-".into(), |waited| format!("{:.1} s", waited.as_secs_f64()));
        let fleet = job.planned.fleet.map_or("-", |fleet| fleet.name);
        let remark = job.planned.kind.remark();
        let mark = if job.wrong().is_some() { "✗" } else { "✓" };
        let _ = writeln!(
            text,
            "{mark} #{:<4}{:<20}{fleet:<15}{waited:>8}  {:<22}{:<26}{remark}",
            job.number,
            job.planned.job.title,
            place(job),
            job.result()
        );
    }
    text
}

fn place(job: &Followed) -> String {
    let Some(runner) = job.seen.as_ref().and_then(|seen| seen.runner.as_deref()) else { return "-".into() };
    match job.fleet_of_runner() {
        Some(fleet) => format!("{fleet} {}", task_of(runner).and_then(|task| task.get(..TASK_ID_SHOWN)).unwrap_or(runner)),
        None => "GitHub".into(),
    }
}

fn per(count: u64, jobs: usize) -> String {
    match u32::try_from(count).ok().zip(u32::try_from(jobs).ok()) {
        Some((count, jobs)) if jobs > 0 => format!("{:.2}", f64::from(count) / f64::from(jobs)),
        _ => "-".into(),
    }
}
