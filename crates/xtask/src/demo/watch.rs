//! Runs the plan: queues each job when its time has come, says what happens to it, and ends when every job has.

use std::time::Duration;

use fargate_runners_model_ecs::Status as TaskStatus;
use fargate_runners_model_github::Status as JobStatus;
use tokio::time::{Instant, sleep};

use crate::chaos::sweeps::Sweeps;
use crate::problem::{Outcome, Problem};
use crate::screen::{Screen, Tone};
use crate::stack::leavings::Leavings;
use crate::stack::{FLEETS, Stack};

use super::jobs::Followed;
use super::scenario::Planned;
use crate::jobs::Seen;

/// How often to look: what a person takes for at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The longest that jobs may take, and what each job adds on a machine with two cores.
const JOBS_WITHIN: (Duration, Duration) = (Duration::from_secs(180), Duration::from_secs(3));

/// The longest that tidying up may take after the last job: leases run out, and a grace period after them.
const TIDY_WITHIN: Duration = Duration::from_secs(120);

/// How often to look whether everything is tidied up.
const TIDY_LOOK_EVERY: Duration = Duration::from_millis(500);

/// The characters of the progress bar: one for each job, as long as that fits a terminal.
const BAR_AT_MOST: usize = 60;

/// The plan, as far as it has got.
pub struct Watch<'a> {
    stack: &'a mut Stack,
    screen: &'a Screen,
    started: Instant,
    /// The healer's.
    pub sweeps: Sweeps,
    /// The jobs.
    pub jobs: Vec<Followed>,
}

impl<'a> Watch<'a> {
    /// Nothing is queued yet.
    pub fn new(stack: &'a mut Stack, screen: &'a Screen, plan: Vec<Planned>, sweeps: Sweeps) -> Self {
        let jobs = plan.into_iter().enumerate().map(|(index, planned)| Followed::new(index, planned)).collect();
        Self { stack, screen, started: Instant::now(), sweeps, jobs }
    }

    /// Runs until every job has ended, or the time is over: then it is for the verdict to say which have not.
    pub async fn run(&mut self) -> Outcome {
        let (fixed, each) = JOBS_WITHIN;
        let deadline = fixed + each * u32::try_from(self.jobs.len()).unwrap_or(u32::MAX);
        while !self.jobs.iter().all(Followed::is_settled) {
            self.stack.check()?;
            self.sweeps.go_on();
            self.act();
            self.look();
            self.show();
            if self.started.elapsed() > deadline {
                self.screen.line(Tone::Bad, &format!("{} the time for the jobs is over ({} s)", self.clock(), deadline.as_secs()));
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until nothing is left behind, or the time for that is over.
    pub async fn tidy(&mut self) -> Outcome<Leavings> {
        let ended = Instant::now();
        self.screen.line(Tone::Faint, &format!("{} every job has ended; waiting until nothing is left behind", self.clock()));
        loop {
            self.stack.check()?;
            self.sweeps.go_on();
            self.show();
            let leavings = Leavings::of(self.stack).await?;
            if leavings.is_empty() || ended.elapsed() > TIDY_WITHIN {
                return Ok(leavings);
            }
            sleep(TIDY_LOOK_EVERY).await;
        }
    }

    fn act(&mut self) {
        let elapsed = self.started.elapsed();
        let clock = self.clock();
        for job in &mut self.jobs {
            let planned = &job.planned;
            if job.id.is_none() && planned.at <= elapsed {
                let new = planned.job.clone();
                job.id = Some(self.stack.github.with(|model, now| model.queue_job(now, new)));
                let fleet = planned.fleet.map_or("GitHub-hosted", |fleet| fleet.name);
                self.screen.line(
                    Tone::Plain,
                    &format!("{clock} #{:<3} queued       {:<18} for {fleet}  {}", job.number, planned.job.title, planned.kind.remark()),
                );
            }
            if let (false, Some(id), Some(at)) = (job.cancelled, job.id, planned.cancelled_at)
                && at <= elapsed
            {
                job.cancelled = true;
                self.stack.github.with(|model, now| model.cancel_job(now, id));
            }
        }
    }

    fn look(&mut self) {
        let clock = self.clock();
        for job in &mut self.jobs {
            let Some(id) = job.id else { continue };
            let Some(seen) = self.stack.github.with(|model, _| model.job(id).map(Seen::of)) else { continue };
            if job.seen.as_ref().is_some_and(|before| *before == seen) {
                continue;
            }
            let status = seen.status;
            job.seen = Some(seen);
            let title = &job.planned.job.title;
            match status {
                JobStatus::InProgress => {
                    let place =
                        job.fleet_of_runner().map_or_else(|| "a runner of GitHub's".to_owned(), |fleet| format!("a runner of {fleet}"));
                    self.screen.line(Tone::Plain, &format!("{clock} #{:<3} in progress  {title:<18} on {place}", job.number));
                }
                JobStatus::Completed => {
                    let tone = if job.wrong().is_none() { Tone::Good } else { Tone::Bad };
                    self.screen.line(tone, &format!("{clock} #{:<3} {:<12} {title}", job.number, job.result()));
                }
                JobStatus::Waiting | JobStatus::Queued => {}
            }
        }
    }

    fn show(&self) {
        let count = |status| self.jobs.iter().filter(|job| job.seen.as_ref().is_some_and(|seen| seen.status == status)).count();
        let (done, running, queued) = (count(JobStatus::Completed), count(JobStatus::InProgress), count(JobStatus::Queued));
        let to_come = self.jobs.len() - done - running - queued;
        let scale = |jobs: usize| jobs * BAR_AT_MOST.min(self.jobs.len()) / self.jobs.len().max(1);
        let bar = ["█".repeat(scale(done)), "▓".repeat(scale(running)), "▒".repeat(scale(queued)), "░".repeat(scale(to_come))].concat();
        let mut lines = vec![
            format!("\n{} {bar}", self.clock()),
            format!("         {done} done, {running} running, {queued} queued, {to_come} to come"),
        ];
        let ecs = self.stack.ecs();
        for fleet in FLEETS {
            let of_fleet = |wanted: fn(&TaskStatus) -> bool| {
                ecs.tasks().filter(|task| task.group.contains(&format!("-{}", fleet.name)) && wanted(&task.last_status)).count()
            };
            let running = of_fleet(|status| *status == TaskStatus::Running);
            let stopped = of_fleet(|status| *status == TaskStatus::Stopped);
            let others = of_fleet(|status| !matches!(status, TaskStatus::Running | TaskStatus::Stopped));
            lines.push(format!(
                "         fleet {:<8} ({:<7}) {running} tasks run, {others} start or stop, {stopped} have ended",
                fleet.name,
                fleet.mode.name()
            ));
        }
        self.screen.below(&lines);
    }

    fn clock(&self) -> String {
        format!("{:>7.1}s", self.started.elapsed().as_secs_f64())
    }
}

/// How many lines the bottom of the screen has.
pub const LINES_BELOW: usize = 2 + FLEETS.len();

/// What is wrong with the jobs, a sentence each.
pub fn wrongs(jobs: &[Followed]) -> Vec<Problem> {
    jobs.iter()
        .filter_map(|job| job.wrong().map(|wrong| Problem::new(format!("job #{} ({}) {wrong}", job.number, job.planned.job.title))))
        .collect()
}
