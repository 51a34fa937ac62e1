//! How each verb of a scene is carried out on the stage.

use super::JOB;
use super::news::{Kind, News};
use super::stage::{Broken, Stage};
use super::watch::{Seen, idle_runners, leaver};
use crate::engine::Millis;
use crate::faults::Fault;
use fargate_runners_core::events::Event;
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::record::{Record, Versioned};
use fargate_runners_model_github::{Action, DeliveryId, Fault as Tampering, JobId, Limits, NewJob, Payload, Status};
use std::collections::BTreeMap;

/// One thing that a scene says.
#[derive(Clone, Debug)]
pub(super) enum Step {
    JobsLast(Millis),
    StartsTake(Millis),
    BusyShowsAfter(Millis),
    Late(News, Millis),
    Happens(Vec<News>),
    InOneBatch(Vec<News>),
    Idle(u32),
    Passes(Millis),
    NoMintFor(Millis),
    NotFoundFor(&'static str, Millis),
    MintAnswerLost,
    AssignedToLeaver(String),
}

/// What a scene has said that counts for what comes later.
#[derive(Debug)]
pub(super) struct Said {
    /// How long jobs run.
    pub(super) length: Millis,
    /// The jobs by the names that the scene gives them.
    pub(super) jobs: BTreeMap<String, JobId>,
    /// Word that comes late.
    late: Vec<(News, Millis)>,
}

impl Default for Said {
    fn default() -> Self {
        Self { length: JOB, jobs: BTreeMap::new(), late: vec![] }
    }
}

impl Stage {
    pub(super) fn carry_out(&mut self, step: &Step) -> Result<(), Broken> {
        match step {
            Step::JobsLast(length) => self.said.length = *length,
            Step::StartsTake(length) => self.world.ecs.borrow_mut().config_mut().timing.pull_ms = *length,
            Step::BusyShowsAfter(lag) => self.world.github.borrow_mut().config_mut().timing.busy_lag_ms = *lag,
            Step::Late(news, by) => self.said.late.push((news.clone(), *by)),
            Step::Happens(news) => return news.iter().try_for_each(|news| self.happens_and_is_told(news)),
            Step::InOneBatch(news) => return self.in_one_batch(news),
            Step::Idle(count) => {
                let wanted = *count as usize * self.plan.fleets.len();
                return self.wait("R6", "the warm runners", |stage| idle_runners(&stage.world) >= wanted);
            }
            Step::Passes(length) => return self.pass(*length),
            Step::NoMintFor(length) => self.no_mint_for(*length),
            Step::NotFoundFor(owner, length) => self.not_found_for(owner, *length),
            Step::MintAnswerLost => self.world.faults.set(Fault::GithubErrorAfter, 1.0),
            Step::AssignedToLeaver(job) => return self.assigned_to_leaver(job),
        }
        Ok(())
    }

    fn happens_and_is_told(&mut self, news: &News) -> Result<(), Broken> {
        let told = self.tellings(news).len();
        self.happens(news)?;
        if self.lateness(news) > 0 {
            return Ok(());
        }
        self.wait("scene", "word of what has happened", |stage| {
            stage.tellings(news).len() > told && stage.tellings(news).iter().all(|(_, answered)| *answered)
        })
    }

    /// It happens at GitHub; or GitHub is asked to tell of it again.
    fn happens(&mut self, news: &News) -> Result<(), Broken> {
        if news.again {
            return self.is_told_again(news);
        }
        match news.kind {
            Kind::Queued => {
                let id = self.queue(news);
                self.said.jobs.insert(news.job.clone(), id);
                Ok(())
            }
            Kind::Started => self
                .wait("R6", "a runner for a job", |stage| matches!(stage.status(&news.job), Some(Status::InProgress | Status::Completed))),
            Kind::Completed => self.wait("R6", "a job's end", |stage| stage.status(&news.job) == Some(Status::Completed)),
            Kind::Cancelled => {
                let (now, job) = (self.world.now(), self.job(&news.job)?);
                self.world.github.borrow_mut().cancel_job(now, job);
                Ok(())
            }
        }
    }

    fn queue(&self, news: &News) -> JobId {
        let repository = if news.owner == "octo-org" { "app" } else { "engine" };
        let mut new = NewJob::new(news.owner, repository, &["self-hosted", "linux"]).titled(news.job.clone()).lasting(self.said.length);
        for (late, by) in self.said.late.iter().filter(|(late, _)| late.job == news.job) {
            new = new.tampered(late.kind.action(), Tampering::Delay(*by));
        }
        let now = self.world.now();
        let id = self.world.github.borrow_mut().queue_job(now, new);
        self.world.tell("people", || format!("queue job {id}, {:?}", news.job));
        id
    }

    fn is_told_again(&mut self, news: &News) -> Result<(), Broken> {
        self.wait("scene", "the first delivery", |stage| stage.tellings(news).iter().any(|(_, answered)| *answered))?;
        let first = self.tellings(news).first().map(|(id, _)| *id).ok_or_else(|| Broken::scene("there is nothing to tell again"))?;
        let now = self.world.now();
        self.world.github.borrow_mut().redeliver(now, first);
        Ok(())
    }

    /// Nobody works on the queue until word of everything is in it, or noted.
    fn in_one_batch(&mut self, news: &[News]) -> Result<(), Broken> {
        self.wait("scene", "an empty queue", |stage| stage.world.queues.waiting() == 0)?;
        self.world.queues.hold();
        for news in news {
            let before = self.waiting(news);
            self.happens(news)?;
            self.wait("scene", "a message", |stage| stage.waiting(news) > before)?;
        }
        if self.world.queues.release_as_one_batch(&self.world) { Ok(()) } else { Err(Broken::scene("a batch has at most ten messages")) }
    }

    fn no_mint_for(&mut self, length: Millis) {
        self.world.github.borrow_mut().config_mut().limits.registrations_per_five_minutes = 0;
        self.later(length, |world| {
            let usual = Limits::default().registrations_per_five_minutes;
            world.github.borrow_mut().config_mut().limits.registrations_per_five_minutes = usual;
        });
    }

    fn not_found_for(&mut self, owner: &'static str, length: Millis) {
        self.world.github.borrow_mut().hide_owner(owner);
        self.hidden.insert(owner, self.world.now() + length);
        self.later(length, |world| world.github.borrow_mut().show_owners());
    }

    fn assigned_to_leaver(&mut self, job: &str) -> Result<(), Broken> {
        self.wait("R7", "an idle runner to be told to leave", |stage| leaver(&stage.world).is_some())?;
        self.world.github.borrow_mut().config_mut().timing.assign_ms = (0, 0);
        let leaver = leaver(&self.world).ok_or_else(|| Broken::scene("nobody leaves"))?;
        self.happens(&super::queued(job))?;
        let now = self.world.now();
        self.world.github.borrow_mut().advance(now);
        self.wait("scene", "the job on the runner that leaves", |stage| {
            let job = stage.said.jobs.get(job).and_then(|id| stage.world.github.borrow().job(*id).cloned());
            job.is_some_and(|job| job.runner.is_some_and(|runner| runner.name == leaver))
        })
    }

    /// How late word of this comes.
    fn lateness(&self, news: &News) -> Millis {
        self.said.late.iter().filter(|(late, _)| late == news).map(|(_, by)| *by).sum()
    }

    /// How late the latest word comes.
    pub(super) fn latest(&self) -> Millis {
        self.said.late.iter().map(|(_, by)| *by).max().unwrap_or_default()
    }

    fn job(&self, name: &str) -> Result<JobId, Broken> {
        self.said.jobs.get(name).copied().ok_or_else(|| Broken::scene(format!("there is no job {name:?}")))
    }

    fn status(&self, name: &str) -> Option<Status> {
        self.said.jobs.get(name).and_then(|id| self.world.github.borrow().job(*id).map(|job| job.status))
    }

    /// GitHub's deliveries that tell of this, the oldest first, and whether each was answered.
    fn tellings(&self, news: &News) -> Vec<(DeliveryId, bool)> {
        let Some(job) = self.said.jobs.get(&news.job) else { return vec![] };
        let github = self.world.github.borrow();
        let of_it = github.deliveries().filter(
            |delivery| matches!(&*delivery.payload, Payload::Job(event) if event.job.id == *job && event.action == news.kind.action()),
        );
        of_it.map(|delivery| (delivery.id, delivery.answer.is_some())).collect()
    }

    /// How much there is that tells of this: messages in the queue, and notes in the ledger, which need none.
    fn waiting(&self, news: &News) -> usize {
        let Some(job) = self.said.jobs.get(&news.job) else { return 0 };
        let phase = match news.kind.action() {
            Action::Waiting => JobPhase::Waiting,
            Action::Queued => JobPhase::Queued,
            Action::InProgress => JobPhase::InProgress,
            Action::Completed => JobPhase::Completed,
        };
        let tells =
            |body: &str| matches!(Event::from_message(body), Ok(Event::Job(event)) if event.job_id.0 == job.0 && event.phase == phase);
        // A repeat of a note is one more version of its record, which nobody else writes while the queue is held.
        let is_noted = |found: &Versioned| {
            matches!(&found.record, Record::Job(known) if known.job_id.0 == job.0) && found.noted.iter().any(|noted| noted.phase == phase)
        };
        let notes: u64 = self.world.ledger.snapshot().iter().filter(|found| is_noted(found)).map(|found| found.version.0).sum();
        self.world.queues.count_waiting(tells) + usize::try_from(notes).unwrap_or(usize::MAX)
    }

    /// Notes what is seen, and sees to it that only one answer is lost.
    pub(super) fn notice(&mut self) {
        self.seen.look(&self.world);
        if self.world.faults.has_struck(Fault::GithubErrorAfter) {
            self.world.faults.set(Fault::GithubErrorAfter, 0.0);
        }
    }

    /// What was seen so far.
    pub(super) const fn seen(&self) -> &Seen {
        &self.seen
    }
}
