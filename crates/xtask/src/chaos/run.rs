//! Runs it: the load and the faults while the time lasts, then nothing but waiting until everything is settled.

use std::time::Duration;

use fargate_runners_model_github::Status as JobStatus;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::jobs::Seen;
use crate::problem::{Outcome, Problem};
use crate::screen::{Screen, Tone};
use crate::stack::leavings::Leavings;
use crate::stack::{CONTROL_PLANE, FLEETS, LaunchMode, Size, Stack};

use super::jobs::{Followed, Verdict};
use super::load::Planned;
use super::striker::{Note, Striker};
use super::sweeps::Sweeps;

/// How often to look: what a person takes for at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often to say how it stands.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// How often to ask what is left behind, once the faults are over: each time the whole ledger is read.
const LEFT_EVERY: Duration = Duration::from_secs(2);

/// The longest that everything may take to settle after the last fault: queues give messages back, the longest jobs end, and the healer asks about some things
/// only when they have gone on for five minutes, and twice.
const SETTLE_WITHIN: Duration = Duration::from_secs(15 * 60);

/// How often the healer sweeps: a person waits for it, and much is lost here.
const SWEEP_EVERY: Duration = Duration::from_secs(20);

/// The open jobs that fit a line.
const JOBS_SHOWN: usize = 5;

/// What tasks are of after the redeploy, in MiB.
const MEMORY_AFTERWARDS: u32 = 4_096;

/// The run, as far as it has got.
pub struct Run<'a> {
    stack: &'a mut Stack,
    screen: &'a Screen,
    started: Instant,
    said: Instant,
    redeploys: JoinSet<Outcome>,
    /// The jobs.
    pub jobs: Vec<Followed>,
    /// The faults.
    pub striker: Striker,
    /// The healer's.
    pub sweeps: Sweeps,
    /// The most tasks that each fleet was meant to have at once.
    pub most_tasks: [usize; FLEETS.len()],
}

impl<'a> Run<'a> {
    /// Nothing has happened yet.
    pub fn new(stack: &'a mut Stack, screen: &'a Screen, plan: Vec<Planned>, striker: Striker) -> Self {
        let jobs = plan.into_iter().enumerate().map(|(index, planned)| Followed::new(index, planned)).collect();
        let now = Instant::now();
        let sweeps = Sweeps::new(&stack.aws).every(SWEEP_EVERY);
        Self { stack, screen, started: now, said: now, redeploys: JoinSet::new(), jobs, striker, sweeps, most_tasks: [0; FLEETS.len()] }
    }

    /// Load and faults, until their time is over.
    pub async fn load(&mut self, length: Duration) -> Outcome {
        while self.started.elapsed() < length {
            self.look().await?;
            let notes = self.striker.act(self.started.elapsed(), self.stack);
            self.tell(notes);
            if std::mem::take(&mut self.striker.redeploy_is_due) {
                let size = Size { memory: MEMORY_AFTERWARDS, ..self.stack.size };
                self.redeploys.spawn(self.stack.redeploy(size));
            }
            if self.said.elapsed() > SAY_EVERY {
                self.say(&self.standing());
            }
            sleep(LOOK_EVERY).await;
        }
        let notes = self.striker.stop(self.stack);
        self.tell(notes);
        Ok(())
    }

    /// Waits until every job has ended and nothing is left behind, or the time for that is over.
    pub async fn settle(&mut self) -> Outcome<Leavings> {
        let over = Instant::now();
        self.say("load and faults are over; waiting until every job has ended and nothing is left behind");
        let mut asked = Instant::now();
        let mut leavings = Leavings::of(self.stack).await?;
        loop {
            self.look().await?;
            if asked.elapsed() > LEFT_EVERY {
                leavings = Leavings::of(self.stack).await?;
                asked = Instant::now();
            }
            let open: Vec<&Followed> = self.jobs.iter().filter(|job| !job.is_settled()).collect();
            if open.is_empty() && self.redeploys.is_empty() && leavings.is_empty() {
                self.say(&format!("settled {:.0} s after the last fault", over.elapsed().as_secs_f64()));
                return Ok(leavings);
            }
            if over.elapsed() > SETTLE_WITHIN {
                self.screen.line(Tone::Bad, &format!("{} the time to settle is over ({} s)", self.clock(), SETTLE_WITHIN.as_secs()));
                return Ok(leavings);
            }
            if self.said.elapsed() > SAY_EVERY {
                self.say(&format!("still open: {}", still_open(&open, &leavings)));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&mut self) -> Outcome {
        self.stack.check()?;
        while let Some(redeployed) = self.redeploys.try_join_next() {
            redeployed.map_err(|error| Problem::new(format!("the redeploy ended: {error}")))??;
            self.stack.ecs_server().copy_deployed().await;
            self.striker.redeployed();
            self.say("redeployed: new tasks are of another task definition");
        }
        self.sweeps.go_on();
        self.queue_and_cancel();
        self.follow();
        self.count_tasks();
        Ok(())
    }

    fn queue_and_cancel(&mut self) {
        let elapsed = self.started.elapsed();
        for job in &mut self.jobs {
            let planned = &job.planned;
            if job.id.is_none() && planned.at <= elapsed {
                let new = planned.job.clone();
                job.id = Some(self.stack.github.with(|model, now| model.queue_job(now, new)));
            }
            if let (false, Some(id), Some(at)) = (job.cancelled, job.id, planned.cancelled_at)
                && at <= elapsed
            {
                job.cancelled = true;
                self.stack.github.with(|model, now| model.cancel_job(now, id));
            }
        }
    }

    fn follow(&mut self) {
        let mut ended = Vec::new();
        for job in &mut self.jobs {
            let Some(id) = job.id.filter(|_| job.seen.as_ref().is_none_or(|seen| seen.status != JobStatus::Completed)) else { continue };
            job.seen = self.stack.github.with(|model, _| model.job(id).map(Seen::of));
            if job.seen.as_ref().is_some_and(|seen| seen.status == JobStatus::Completed) {
                ended.push((job.number, job.verdict(&self.striker.causes)));
            }
        }
        for (number, verdict) in ended {
            match verdict {
                Verdict::Fine(_) => {}
                Verdict::Excused(why) => self.screen.line(Tone::Plain, &format!("{} job #{number} is lost: {why}", self.clock())),
                Verdict::Wrong(what) => self.screen.line(Tone::Bad, &format!("{} job #{number} {what}", self.clock())),
            }
        }
    }

    fn count_tasks(&mut self) {
        let mut too_many = Vec::new();
        let ecs = self.stack.ecs();
        for (fleet, most) in FLEETS.iter().zip(&mut self.most_tasks) {
            let name = format!("{CONTROL_PLANE}-{}", fleet.name);
            let wanted = match fleet.mode {
                // A moment passes until a service has as many as it should, and so a moment may have more.
                LaunchMode::Service => {
                    ecs.services().filter(|service| service.name.starts_with(&name)).map(|service| service.desired).sum()
                }
                LaunchMode::Tasks => ecs.tasks().filter(|task| task.wanted && task.group.ends_with(&name)).count(),
            };
            if wanted > (*most).max(self.stack.size.maximum) {
                let services = ecs.services().filter(|service| service.name.starts_with(&name));
                let services: Vec<String> = services.map(|service| format!("{} {}", service.name, service.desired)).collect();
                too_many.push(format!("{} is to have {wanted} tasks: {}", fleet.name, services.join(", ")));
            }
            *most = wanted.max(*most);
        }
        drop(ecs);
        for text in too_many {
            self.screen.line(Tone::Bad, &format!("{} {text}", self.clock()));
        }
    }

    fn standing(&self) -> String {
        let jobs = |status| self.jobs.iter().filter(|job| job.seen.as_ref().is_some_and(|seen| seen.status == status)).count();
        let tasks = self.stack.ecs().tasks().filter(|task| task.is_running()).count();
        let (done, running, queued) = (jobs(JobStatus::Completed), jobs(JobStatus::InProgress), jobs(JobStatus::Queued));
        format!("{done} jobs done, {running} running, {queued} queued; {tasks} tasks run")
    }

    fn tell(&self, notes: Vec<Note>) {
        for note in notes {
            match note {
                Note::Strikes(text) => self.screen.line(Tone::Plain, &format!("{} ⚡ {text}", self.clock())),
                Note::Ends(text) => self.screen.line(Tone::Faint, &format!("{}   {text}", self.clock())),
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.screen.line(Tone::Faint, &format!("{} {text}", self.clock()));
        self.said = Instant::now();
    }

    fn clock(&self) -> String {
        format!("{:>7.1}s", self.started.elapsed().as_secs_f64())
    }
}

fn still_open(jobs: &[&Followed], leavings: &Leavings) -> String {
    let mut parts: Vec<String> =
        leavings.rows().iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| format!("{} {what}", names.len())).collect();
    if !jobs.is_empty() {
        let numbers: Vec<String> = jobs.iter().take(JOBS_SHOWN).map(|job| format!("#{}", job.number)).collect();
        let more = if jobs.len() > JOBS_SHOWN { ", …" } else { "" };
        parts.insert(0, format!("{} jobs ({}{more})", jobs.len(), numbers.join(", ")));
    }
    parts.join(", ")
}
