//! Runs of which a job went down with its runner: where the operator wants it, somebody has looked whether they are to be run once more (R6), and none is
//! run once more of which no job was interrupted (R2). Whether a run that was looked at is then run again, is not asked here.

use crate::world::World;
use fargate_runners_core::names::RunnerName;
use fargate_runners_model_github::Fate;

/// Jobs that were lost and whose runs nobody has looked at since.
pub(super) fn forgotten(world: &World) -> Vec<String> {
    if !world.retries_interrupted_jobs {
        return Vec::new();
    }
    let (github, book) = (world.github.borrow(), world.book.borrow());
    let is_there = |name: &str| book.fleet(name).is_some() && !book.was_removed(name);
    let lost = github.jobs().filter(|job| job.fate == Some(Fate::LostCommunication) && book.has_fleet_for(job));
    lost.filter(|job| {
        let name = job.runner.as_ref().and_then(|runner| RunnerName::parse(&runner.name).ok());
        // It may be run again before GitHub tells of its end: its task's end is word enough.
        name.is_some_and(|name| is_there(name.fleet.as_str()))
            && github.run(job.run_id).is_some_and(|run| run.attempt == job.run_attempt)
            && !world.oracle.was_asked_about_run(job.run_id, job.completed_at.unwrap_or_default())
    })
    .map(|job| format!("job {} of run {}", job.id.0, job.run_id))
    .collect()
}

/// Runs that were run again although nothing had interrupted their newest attempt.
pub(super) fn run_too_often(world: &World) -> Vec<String> {
    let github = world.github.borrow();
    let again = github.jobs().filter(|job| job.run_attempt > 1);
    again
        .filter(|job| {
            let before = github.jobs().filter(|other| other.run_id == job.run_id && other.run_attempt + 1 == job.run_attempt);
            // One may seem to have run to its end, or to have been cancelled, although its task was taken in that moment.
            !before.into_iter().any(|job| match job.fate {
                Some(Fate::LostCommunication | Fate::KilledByDelete) => true,
                Some(Fate::CancelledRunning | Fate::Ran) => super::was_taken(world, job),
                _ => false,
            })
        })
        .map(|job| format!("attempt {} of run {}", job.run_attempt, job.run_id))
        .collect()
}
