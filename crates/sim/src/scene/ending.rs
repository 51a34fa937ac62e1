//! How a scene must end: as any story must, soon, and with as few tasks as it takes.

use super::minutes;
use super::stage::{Broken, Stage};
use crate::end;
use crate::engine::Millis;
use crate::story::SETTLE;
use fargate_runners_model_github::{Fate, Job};

/// A job waits no longer for its runner than this, once nothing keeps it waiting: a start, a registration, an assignment. The healers look at a job only
/// after five minutes: what is theirs to find is found too late.
const SOON: Millis = minutes(4);

/// After the last thing that happens a scene goes on for this long at least, so that the healers come by several times.
const AFTERMATH: Millis = minutes(30);

/// How often it is looked whether all is quiet after that.
const LOOK: Millis = minutes(5);

/// How a scene must end.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    soon: Millis,
    tasks: Option<usize>,
    most: Option<usize>,
}

/// Each job has run exactly once and soon, or was cancelled before; no message was handed back to a queue; nothing is left.
#[must_use]
pub const fn every_job_ran() -> Ending {
    Ending { soon: SOON, tasks: None, most: None }
}

impl Ending {
    /// No job has waited for longer than this.
    #[must_use]
    pub const fn within(self, soon: Millis) -> Self {
        Self { soon, ..self }
    }

    /// No more tasks than this were started in all.
    #[must_use]
    pub const fn on_tasks(self, count: usize) -> Self {
        Self { tasks: Some(count), ..self }
    }

    /// There were never more tasks than this.
    #[must_use]
    pub const fn with_never_more_than(self, count: usize) -> Self {
        Self { most: Some(count), ..self }
    }
}

impl Stage {
    /// Waits until nothing happens any more, and looks at what has come of it.
    pub(super) fn comes_to(&mut self, ending: Ending) -> Result<(), Broken> {
        let last = self.world.now();
        self.pass(self.latest() + AFTERMATH)?;
        let quiet_from = self.world.now() + SETTLE;
        while !end::all_is_quiet(&self.world) && self.world.now() < quiet_from {
            self.pass(LOOK)?;
        }
        end::check(&self.world);
        self.found()?;
        self.jobs_ran(ending, last)?;
        let handed_back = self.world.queues.handed_back();
        if handed_back > 0 {
            return Err(Broken { rule: "R6", text: format!("{handed_back} messages were handed back to their queue") });
        }
        let (tasks, most) = (self.seen().tasks.len(), self.seen().most);
        if ending.tasks.is_some_and(|count| tasks > count) {
            return Err(Broken { rule: "R2", text: format!("{tasks} tasks were started") });
        }
        if ending.most.is_some_and(|count| most > count) {
            return Err(Broken { rule: "R8", text: format!("there were {most} tasks at once") });
        }
        Ok(())
    }

    fn jobs_ran(&self, ending: Ending, last: Millis) -> Result<(), Broken> {
        let github = self.world.github.borrow();
        for job in github.jobs() {
            match job.fate {
                Some(Fate::CancelledInQueue) => {}
                Some(Fate::Ran) => self.ran_soon(job, ending, last)?,
                fate => return Err(Broken { rule: "R6", text: format!("job {:?} did not run: {fate:?}", job.title) }),
            }
        }
        Ok(())
    }

    fn ran_soon(&self, job: &Job, ending: Ending, last: Millis) -> Result<(), Broken> {
        // What happened later may have kept it waiting.
        let (queued, started) = (job.queued_at.unwrap_or(job.created_at), job.started_at.unwrap_or(Millis::MAX));
        let due = if started > last { queued.max(last) } else { queued };
        let waited = started.saturating_sub(due.max(self.shown_since(&job.owner)));
        if waited <= ending.soon {
            return Ok(());
        }
        Err(Broken { rule: "R6", text: format!("job {:?} waited for {} s", job.title, waited / 1000) })
    }
}
