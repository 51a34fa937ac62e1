//! How a story must end: once nothing goes wrong any more and some time has passed, each job that GitHub did not give up on has run exactly once (R6), and
//! nothing is left of it (R7): no runner in GitHub, no task beyond warm, no service that was replaced, no job that counts, no message. What people set up is there (R3).

mod runs;
mod stacks;

use crate::book::FleetBook;
use crate::task_host::Phase;
use crate::world::World;
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::Record;
use fargate_runners_model_ecs::Status;
use fargate_runners_model_github::{Fate, Job, JobId, Presence, Runner, Scope as Place, Status as JobStatus};
use serde_json::Value;

/// Lines of a violation's text that name what is left.
const NAMED: usize = 3;

/// Whether there is nothing to wait for any more.
#[must_use]
pub fn all_is_quiet(world: &World) -> bool {
    open_jobs(world).is_empty() && runs::forgotten(world).is_empty() && stacks::not_as_described(world).is_empty() && left(world).is_empty()
}

/// Checks the end.
pub fn check(world: &World) {
    let open = open_jobs(world);
    if !open.is_empty() {
        world.oracle.violation(world, "R6", format!("{} jobs never came to an end: {}", open.len(), some(&open)));
    }
    let forgotten = runs::forgotten(world);
    if !forgotten.is_empty() {
        let text = format!("{} jobs went down with their runners, and nobody looked at their runs: {}", forgotten.len(), some(&forgotten));
        world.oracle.violation(world, "R6", text);
    }
    let often = runs::run_too_often(world);
    if !often.is_empty() {
        world.oracle.violation(world, "R2", format!("{} attempts were one too many: {}", often.len(), some(&often)));
    }
    let lost = lost_jobs(world);
    if !lost.is_empty() {
        world.oracle.violation(
            world,
            "R1",
            format!("{} jobs were lost although AWS did not take their tasks: {}", lost.len(), some(&lost)),
        );
    }
    let wrong = stacks::not_as_described(world);
    if !wrong.is_empty() {
        world.oracle.violation(world, "R3", format!("{} things are not as described: {}", wrong.len(), some(&wrong)));
    }
    let left = left(world);
    if !left.is_empty() {
        world.oracle.violation(world, "R7", format!("{} things are left: {}", left.len(), some(&left)));
    }
}

fn some(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}

/// Jobs that a fleet should run, and that GitHub still holds open.
fn open_jobs(world: &World) -> Vec<String> {
    let github = world.github.borrow();
    let book = world.book.borrow();
    let open = github.jobs().filter(|job| job.status != JobStatus::Completed && !job.hosted);
    let open = open.filter(|job| book.has_fleet_for(job));
    open.map(|job| format!("job {} ({:?}, labels {})", job.id.0, job.status, job.labels.join("+"))).collect()
}

/// Jobs that went down with their runners for a reason that is none of AWS's, of people's, or of the runner's own program.
fn lost_jobs(world: &World) -> Vec<String> {
    let github = world.github.borrow();
    let lost = github.jobs().filter(|job| matches!(job.fate, Some(Fate::LostCommunication | Fate::KilledByDelete)));
    lost.filter(|job| !was_taken(world, job))
        .map(|job| format!("job {} on {}", job.id.0, job.runner.as_ref().map_or("nobody", |runner| runner.name.as_str())))
        .collect()
}

/// Whether AWS, people or the runner's own program took the task that had the job.
fn was_taken(world: &World, job: &Job) -> bool {
    let name = job.runner.as_ref().and_then(|runner| RunnerName::parse(&runner.name).ok());
    name.is_some_and(|name| world.hosts.is_excused(name.task.as_str()) || world.book.borrow().is_taken_by_people(name.task.as_str()))
}

/// Everything that must be gone.
fn left(world: &World) -> Vec<String> {
    let mut left = Vec::new();
    let (book, github) = (world.book.borrow(), world.github.borrow());
    let warm: usize = book.all().iter().map(|fleet| fleet.warm as usize).sum();
    let runners: Vec<String> =
        github.runners().filter(|runner| !is_out_of_sight(&book, runner)).map(|runner| format!("runner {}", runner.name)).collect();
    let ecs = world.ecs.borrow();
    let tasks = ecs.tasks().filter(|task| task.last_status != Status::Stopped && !is_abandoned(world, &book, &task.id));
    let tasks: Vec<String> = tasks.map(|task| format!("task {}", task.id)).collect();
    // A fleet whose warm runners are being replaced has some of both kinds for a while.
    left.extend(runners.into_iter().skip(warm));
    left.extend(tasks.into_iter().skip(warm));
    left.extend(stacks::replaced_services(world));
    left.extend(ghosts(world));
    world.ledger.look(|key, record| {
        if let Record::Job(job) = record
            && job.is_open()
            && book.has_rule(key.fleet().as_str())
            && !waits_for_nobody(world, &book, job.job_id.0)
        {
            left.push(format!("{key} ({:?}) in the ledger", job.phase));
        }
    });
    // What was meant for a fleet that is gone stays for a person, who hears of it.
    let dead = world.queues.dead().into_iter().filter(|(_, letter)| !fleet_of(&letter.body).is_some_and(|fleet| is_gone(&book, &fleet)));
    left.extend(dead.map(|(source, letter)| format!("dead letter {} of {source:?}", letter.id)));
    left
}

/// Whether a job still waits at GitHub for a fleet that people have taken away: its record is as open as the job, which GitHub gives up after a day.
fn waits_for_nobody(world: &World, book: &FleetBook, job: u64) -> bool {
    world.github.borrow().job(JobId(job)).is_some_and(|job| job.status != JobStatus::Completed && !book.has_fleet_for(job))
}

/// Whether people have removed the fleet for good.
fn is_gone(book: &FleetBook, fleet: &str) -> bool {
    book.was_removed(fleet) && !book.has_rule(fleet)
}

/// Whether a runner is of a fleet that was removed under it, and no other fleet is left at that place in GitHub: nobody lists it any more. GitHub removes an
/// ephemeral runner that was offline for a day.
fn is_out_of_sight(book: &FleetBook, runner: &Runner) -> bool {
    let at = |fleet: &Fleet| match (&fleet.scope, &runner.scope) {
        (Scope::Organisation(name), Place::Organization(at)) => name == at,
        (Scope::Repository(name), Place::Repository(owner, at)) => name.to_string() == format!("{owner}/{at}"),
        _ => false,
    };
    let gone = RunnerName::parse(&runner.name).is_ok_and(|name| is_gone(book, name.fleet.as_str()));
    gone && runner.presence == Presence::Offline && !book.all().iter().any(at)
}

/// Whether a task does nothing for a fleet that was removed under it, against what the manual says: nobody comes by any more who would stop it.
fn is_abandoned(world: &World, book: &FleetBook, task_id: &str) -> bool {
    world.hosts.life(task_id).is_some_and(|life| life.phase.get() == Phase::Booting && is_gone(book, &life.fleet))
}

/// The fleet that a dead letter speaks of: in the words of this project's events, or by the family of an ECS task.
fn fleet_of(letter: &str) -> Option<String> {
    let value: Value = serde_json::from_str(letter).ok()?;
    let event = value.get("requestPayload").unwrap_or(&value);
    let named = event.pointer("/detail/fleet").or_else(|| event.pointer("/stopped/fleet")).and_then(Value::as_str);
    let family = event.pointer("/detail/taskDefinitionArn").and_then(Value::as_str);
    let family = family.and_then(|arn| arn.split_once("task-definition/runners-")?.1.rsplit_once(':'));
    named.or(family.map(|(fleet, _)| fleet)).map(str::to_owned)
}

/// Listeners of described fleets that GitHub does not know: no job can reach them.
fn ghosts(world: &World) -> Vec<String> {
    let (book, github) = (world.book.borrow(), world.github.borrow());
    let known: Vec<RunnerName> = github.runners().filter_map(|runner| RunnerName::parse(&runner.name).ok()).collect();
    let listening =
        world.hosts.living().into_iter().filter(|life| life.phase.get() == Phase::Listening && book.fleet(&life.fleet).is_some());
    let unknown = listening.filter(|life| known.iter().all(|name| name.task.as_str() != life.task_id));
    unknown.map(|life| format!("{}, which GitHub does not know", life.short())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dead_letter_says_whose_it_is() {
        let ours = json!({"source": "fargate-runners", "detail": {"fleet": "arm"}});
        let of_ecs =
            json!({"source": "aws.ecs", "detail": {"taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/runners-linux-large:7"}});
        let failed = json!({"requestPayload": ours});
        let fleets = [ours, of_ecs, failed, json!({"stopped": {"fleet": "gpu"}})].map(|letter| fleet_of(&letter.to_string()));
        assert_eq!(fleets, ["arm", "linux-large", "arm", "gpu"].map(|fleet| Some(fleet.to_owned())));
        assert_eq!((fleet_of("{}"), fleet_of("no JSON")), (None, None));
    }
}
