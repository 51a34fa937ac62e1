use super::*;
use crate::book::FleetPlan;
use crate::faults::{Fault, Faults};
use crate::plan::{Habits, REPOSITORIES};
use crate::setting;
use crate::story::BEGIN;
use crate::tale::Tale;
use fargate_runners_model_ecs::{BlockedReading, Report, ScaleIn};
use fargate_runners_model_github::Conclusion;

const MINUTE: Millis = 60_000;

fn fleet(name: &'static str) -> FleetPlan {
    FleetPlan {
        name,
        scope: "org/octo-org",
        credential: "default",
        labels: vec!["self-hosted", "linux"],
        runner_group: 1,
        allow_public: false,
        service: true,
        maximum: 10,
        warm: 2,
        spot_percent: 0,
        lease_seconds: 60,
        revision: 1,
    }
}

fn job(gate: Option<GatePlan>, cancel: Option<CancelPlan>) -> JobPlan {
    let repository = &REPOSITORIES[0];
    let (duration, conclusion) = (MINUTE, Conclusion::Success);
    JobPlan { at: BEGIN + MINUTE, repository, labels: vec!["linux"], in_capitals: false, duration, conclusion, gate, cancel }
}

/// A world in which people live by a plan, without faults.
fn begin(jobs: Vec<JobPlan>, acts: Vec<Act>) -> Rc<World> {
    let acts = acts.into_iter().zip(1..).map(|(act, number)| (BEGIN + number * 10 * MINUTE, act)).collect();
    let habits = Habits { scale_in: ScaleIn::Newest, blocked: BlockedReading::MoreThanDesired, describe_lag: 0 };
    let plan = StoryPlan { fleets: vec![fleet("linux")], jobs, acts, habits, retries_interrupted_jobs: false };
    let world = Rc::new(setting::world(1, &plan, Faults::new(1, 0.0, u64::MAX), Tale::new(false)));
    world.engine.spawn(live(Rc::clone(&world), plan));
    world
}

fn pass(world: &World, until: Millis) {
    loop {
        let _any = world.engine.run_ready();
        let due = [world.engine.next_timer(), world.ecs.borrow().next_due()];
        drop(world.ecs.borrow_mut().take_commands());
        drop(world.ecs.borrow_mut().take_events());
        let next = due.into_iter().flatten().min().filter(|next| *next <= until).unwrap_or(until);
        world.engine.advance(next);
        world.ecs.borrow_mut().advance(next);
        world.github.borrow_mut().advance(next);
        if next == until {
            return;
        }
    }
}

fn status(world: &World) -> Vec<(Status, Option<Conclusion>)> {
    world.github.borrow().jobs().map(|job| (job.status, job.conclusion)).collect()
}

fn service(world: &World, name: &str) -> Option<(&'static str, usize)> {
    world.ecs.borrow().services().find(|service| service.name == name).map(|service| (service.status, service.desired))
}

#[test]
fn jobs_are_queued_approved_and_cancelled_at_their_times() {
    let approved = job(Some(GatePlan::ApprovedAfter(5 * MINUTE)), None);
    let cancelled = job(None, Some(CancelPlan::AfterQueued(5 * MINUTE)));
    let never_started = job(None, Some(CancelPlan::AfterStarted(MINUTE)));
    let world = begin(vec![approved, cancelled, never_started], vec![]);
    pass(&world, BEGIN + 2 * MINUTE);
    assert_eq!(status(&world), [(Status::Waiting, None), (Status::Queued, None), (Status::Queued, None)]);
    pass(&world, BEGIN + 7 * MINUTE);
    assert_eq!(status(&world), [(Status::Queued, None), (Status::Completed, Some(Conclusion::Cancelled)), (Status::Queued, None)]);
}

#[test]
fn a_revision_has_its_service_before_its_description() {
    let world = begin(vec![], vec![Act::DeployRevision("linux")]);
    let described = || world.book.borrow().plan("linux").map(|plan| plan.revision);
    let mut at = BEGIN;
    while described() == Some(1) {
        assert!(at < BEGIN + 12 * MINUTE);
        at += 100;
        let before = service(&world, "runners-linux-2");
        pass(&world, at);
        assert!(described() == Some(1) || before.is_some());
    }
    assert_eq!(service(&world, "runners-linux-2"), Some(("ACTIVE", 0)));
    assert_eq!(service(&world, "runners-linux-1"), Some(("ACTIVE", 0)));
}

#[test]
fn a_fleet_that_is_removed_at_once_takes_its_tasks_with_it() {
    let world = begin(vec![], vec![Act::SetDesired("linux", 3), Act::RemoveFleet { name: "linux", drained: false }]);
    pass(&world, BEGIN + 15 * MINUTE);
    let tasks: Vec<String> = world.ecs.borrow().tasks().map(|task| task.id.clone()).collect();
    assert_eq!(tasks.len(), 3);
    pass(&world, BEGIN + 25 * MINUTE);
    let book = world.book.borrow();
    assert!(book.all().is_empty() && !book.has_rule("linux") && tasks.iter().all(|task| book.is_taken_by_people(task)));
    assert_eq!(service(&world, "runners-linux-1").map(|(_, desired)| desired), Some(0));
    assert!(world.ecs.borrow().tasks().all(|task| !task.wanted));
}

#[test]
fn a_fleet_that_is_removed_as_the_manual_says_has_no_tasks_first() {
    let world =
        begin(vec![], vec![Act::SetDesired("linux", 1), Act::RemoveFleet { name: "linux", drained: true }, Act::AddFleet(fleet("linux"))]);
    pass(&world, BEGIN + 25 * MINUTE);
    assert_eq!(world.book.borrow().plan("linux").map(|plan| plan.warm), Some(0), "it is still there: it has a task");
    pass(&world, BEGIN + 26 * MINUTE);
    let task = world.ecs.borrow().tasks().next().unwrap().id.clone();
    let body = serde_json::json!({"cluster": "runners", "service": "runners-linux-1", "desiredCount": 0});
    assert!(world.ecs.borrow_mut().handle(BEGIN + 26 * MINUTE, "UpdateService", &body).is_ok());
    world.ecs.borrow_mut().report(BEGIN + 26 * MINUTE, &Report::Exited { task_id: task.clone(), code: 0 });
    pass(&world, BEGIN + 35 * MINUTE);
    assert!(world.book.borrow().was_removed("linux") && !world.book.borrow().is_taken_by_people(&task));
    assert_eq!(world.book.borrow().plan("linux").map(|plan| plan.revision), Some(2), "it came back under a new revision");
}

#[test]
fn a_maximum_is_a_number_in_the_description_only() {
    let world = begin(vec![], vec![Act::SetMaximum("linux", 1)]);
    pass(&world, BEGIN + 12 * MINUTE);
    let plan = world.book.borrow().plan("linux").map(|plan| (plan.maximum, plan.warm, plan.revision));
    assert_eq!(plan, Some((1, 1, 1)));
    assert_eq!(world.book.borrow().highest_maximum_since("linux", BEGIN), 10);
}

#[test]
fn a_maximum_is_lowered_when_more_runs_than_it_admits() {
    let world = begin(vec![], vec![Act::LowerMaximum("linux", 2)]);
    let (maximum, struck) =
        (|| world.book.borrow().plan("linux").map(|plan| plan.maximum), || world.faults.has_struck(Fault::MaximumLowered));
    pass(&world, BEGIN + 19 * MINUTE);
    assert_eq!((maximum(), struck()), (Some(10), false), "nothing runs");
    let body = serde_json::json!({"cluster": "runners", "service": "runners-linux-1", "desiredCount": 3});
    assert!(world.ecs.borrow_mut().handle(BEGIN + 19 * MINUTE, "UpdateService", &body).is_ok());
    pass(&world, BEGIN + 21 * MINUTE);
    assert_eq!((maximum(), struck()), (Some(2), true));
}

#[test]
fn a_maximum_below_which_nothing_runs_is_lowered_in_the_end_and_counts_for_no_fault() {
    let world = begin(vec![], vec![Act::LowerMaximum("linux", 2)]);
    pass(&world, BEGIN + 41 * MINUTE);
    let maximum = world.book.borrow().plan("linux").map(|plan| plan.maximum);
    assert_eq!((maximum, world.faults.has_struck(Fault::MaximumLowered)), (Some(2), false));
}

#[test]
fn other_labels_make_a_revision() {
    let world = begin(vec![], vec![Act::SetLabels("linux", vec!["self-hosted", "linux", "green"]), Act::DeployFunctions]);
    pass(&world, BEGIN + 12 * MINUTE);
    let plan = world.book.borrow().plan("linux").cloned().unwrap();
    assert_eq!((plan.revision, plan.labels.len()), (2, 3));
}
