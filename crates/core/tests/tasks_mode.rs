//! Launch mode `tasks`, in the words of those who use it.

mod common;

use common::{World, definition, fleet, interrupted, stopped, task_id};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::plan::Plan;
use fargate_runners_core::task::{LeaveReason, TaskState};
use std::time::Duration;

fn launched(plan: &Plan) -> u32 {
    plan.launch.iter().map(|launch| launch.count).sum()
}

fn world(maximum: u32, warm: u32) -> World {
    World::new(fleet("tasks", maximum, warm, 1))
}

#[test]
fn each_queued_job_gets_a_task_and_a_second_look_starts_none() {
    let mut world = world(10, 0);
    world.queues(1..=3);
    assert_eq!(launched(&world.look()), 3);
    world.launched(1..=3);
    world.passes(5);
    let plan = world.look();
    assert_eq!(launched(&plan), 0);
    assert_eq!(world.view.state.get().wanted, 3);
}

#[test]
fn a_launch_whose_answer_was_lost_is_repeated_under_its_token() {
    let mut world = world(10, 0);
    world.queues(1..=2);
    let first = world.look();
    world.passes(5);
    let second = world.look();
    assert_eq!(first.launch, second.launch);
}

#[test]
fn a_burst_is_launched_ten_at_a_time_and_waits_for_company_otherwise() {
    let mut world = world(100, 0);
    world.queues(1..=1);
    assert_eq!(world.look().launch.len(), 1);
    world.launched(1..=1);
    world.queues(2..=8);
    let plan = world.look();
    assert_eq!(launched(&plan), 0);
    assert!(plan.look_again.is_some());
    world.queues(9..=40);
    let plan = world.look();
    assert_eq!(plan.launch.iter().map(|launch| launch.count).collect::<Vec<_>>(), [10, 10, 10]);
    world.launched(2..=31);
    world.passes(2);
    assert_eq!(launched(&world.look()), 9, "nothing more has come: the rest goes too");
}

#[test]
fn a_job_that_the_fleets_new_labels_do_not_fit_counts_no_more() {
    let mut world = world(10, 0);
    world.queues(1..=1);
    world.fleet.labels = Labels::parse(["renamed"]).unwrap();
    let plan = world.look();
    assert_eq!(launched(&plan), 0);
    assert!(plan.look_again.is_some(), "the description may be older than the job");
    world.fleet.labels = Labels::parse(["self-hosted", "renamed"]).unwrap();
    world.passes(60);
    assert_eq!(launched(&world.look()), 1);
}

#[test]
fn a_stolen_job_leaves_a_runner_that_may_leave() {
    let mut world = world(10, 0);
    world.queues(1..=2);
    world.look();
    world.launched(1..=2);
    world.registers(1);
    world.registers(2);
    world.takes(1, 1);
    world.takes(2, 99);
    world.passes(5);
    world.look();
    // The thief's task counts as busy here, whoever launched it: one runner of ours is too many.
    assert_eq!(world.view.state.get().surplus, 1);
}

#[test]
fn a_cancelled_job_makes_its_runner_a_surplus_and_warm_ones_stay() {
    let mut world = world(10, 1);
    world.queues(1..=1);
    assert_eq!(launched(&world.look()), 2);
    world.launched(1..=2);
    world.registers(1);
    world.registers(2);
    world.happens(&common::job(1, fargate_runners_core::job::JobPhase::Completed, None, world.now));
    world.passes(5);
    assert_eq!(launched(&world.look()), 0);
    assert_eq!(world.view.state.get().surplus, 1);
}

#[test]
fn tasks_that_finish_or_leave_still_count_against_the_maximum() {
    let mut world = world(2, 0);
    world.queues(1..=4);
    assert_eq!(launched(&world.look()), 2);
    world.launched(1..=2);
    world.registers(1);
    world.registers(2);
    world.takes(1, 1);
    world.completes(1, 1);
    world.passes(5);
    assert_eq!(launched(&world.look()), 0);
    world.stops(1, 0);
    assert_eq!(launched(&world.look()), 1);
}

#[test]
fn an_interrupted_idle_runner_is_replaced_before_it_is_gone() {
    let mut world = world(10, 1);
    assert_eq!(launched(&world.look()), 1);
    world.launched(1..=1);
    world.registers(1);
    world.happens(&interrupted(1, world.now));
    world.passes(5);
    assert_eq!(launched(&world.look()), 1);
}

#[test]
fn after_boots_in_a_row_without_a_registration_one_probe_boots_at_a_time() {
    let mut world = world(10, 0);
    world.queues(1..=5);
    assert_eq!(launched(&world.look()), 5);
    world.launched(1..=5);
    for number in 1..=5 {
        world.happens(&stopped(number, Some(1), world.now));
    }
    world.passes(5);
    let plan = world.look();
    assert_eq!(launched(&plan), 1);
    assert!(plan.breaker.unwrap()[0].contains("exit code 1"));
    world.launched(6..=6);
    world.passes(5);
    assert_eq!(launched(&world.look()), 0);
    world.registers(6);
    world.passes(5);
    let plan = world.look();
    assert_eq!(plan.breaker, None);
    assert_eq!(launched(&plan), 4);
}

#[test]
fn jobs_that_wait_beside_an_idle_runner_make_a_few_leave_not_all() {
    let mut world = world(100, 0);
    world.queues(1..=30);
    world.look();
    world.launched(1..=30);
    (1..=30).for_each(|number| world.registers(number));
    world.passes(200);
    world.look();
    assert_eq!(world.view.state.get().hung, 3);
    world.passes(10);
    world.view.state.get_mut().hung = 0;
    world.look();
    assert_eq!(world.view.state.get().hung, 0, "not again within the minute");
}

#[test]
fn a_job_counts_no_more_once_its_runner_has_stopped_and_the_loss_is_known() {
    let mut world = world(10, 0);
    world.queues(1..=1);
    world.look();
    world.launched(1..=1);
    world.registers(1);
    world.takes(1, 1);
    world.happens(&stopped(1, Some(137), world.now));
    let lost = |world: &mut World| {
        fargate_runners_core::apply::take_losses(&mut world.view, world.now).iter().map(|lost| lost.job_id.0).collect::<Vec<_>>()
    };
    assert_eq!((lost(&mut world), lost(&mut world)), (vec![1], vec![]), "reported once");
    world.passes(5);
    assert_eq!(launched(&world.look()), 0);
    assert_eq!(world.view.state.get().wanted, 0);
    assert!(world.view.jobs.values().all(|job| !job.get().is_open()));
}

#[test]
fn a_job_that_was_cancelled_because_its_task_was_stopped_is_kept_as_lost_and_its_runner_is_not_reported() {
    for (conclusion, exit_code, is_kept) in [("cancelled", 16, true), ("success", 16, false), ("cancelled", 0, false)] {
        let mut world = world(10, 0);
        world.queues(1..=1);
        world.registers(1);
        world.takes(1, 1);
        world.completes(1, 1);
        let ended = world.view.jobs.values_mut().next().unwrap().get_mut();
        ended.conclusion = Some(conclusion.into());
        world.passes(5);
        world.stops(1, exit_code);
        let now = world.now;
        assert_eq!(fargate_runners_core::apply::take_losses(&mut world.view, now), []);
        assert_eq!(world.view.state.get().lost_jobs.len(), usize::from(is_kept), "{conclusion}, {exit_code}");
    }
}

#[test]
fn the_lost_jobs_of_one_attempt_of_a_run_are_kept_as_one_and_where_there_are_too_many_the_oldest_make_room() {
    let kept = u64::try_from(fargate_runners_core::apply::LOST_JOBS_KEPT).unwrap();
    let mut world = world(500, 0);
    let lose = |world: &mut World, id: u64, run: u64| {
        world.queues(id..=id);
        world.launched(id..=id);
        world.registers(id);
        world.takes(id, id);
        let job = world.view.jobs.values_mut().find(|job| job.get().job_id.0 == id).unwrap().get_mut();
        job.run_id = fargate_runners_core::ids::RunId(run);
        world.passes(1);
        world.happens(&stopped(id, Some(137), world.now));
        assert_eq!(fargate_runners_core::apply::take_losses(&mut world.view, world.now).len(), 1);
    };
    for id in 1..=kept + 50 {
        lose(&mut world, id, 7);
    }
    assert_eq!(world.view.state.get().lost_jobs.len(), 1, "one matrix");
    for id in 1_000..1_000 + kept {
        lose(&mut world, id, id);
    }
    let runs: Vec<u64> = world.view.state.get().lost_jobs.values().map(|lost| lost.run_id.0).collect();
    assert_eq!(runs, (1_000..1_000 + kept).collect::<Vec<_>>(), "the newest are kept");
}

#[test]
fn an_idle_runner_of_an_old_revision_does_not_count_and_the_new_one_is_launched() {
    let mut world = world(10, 1);
    world.look();
    world.launched(1..=1);
    world.registers(1);
    world.fleet = fleet("tasks", 10, 1, 2);
    world.passes(5);
    let plan = world.look();
    assert_eq!(plan.launch[0].task_definition, definition(2));
    assert_eq!(world.view.state.get().current, Some(definition(2)));
    assert_eq!(world.view.tasks[&task_id(1)].get().state(), TaskState::Idle);
}

#[test]
fn a_task_that_is_done_before_github_has_told_of_its_job_is_not_replaced() {
    let mut world = world(10, 0);
    world.queues(1..=2);
    world.look();
    world.launched(1..=2);
    world.registers(1);
    world.registers(2);
    let now = world.now;
    let task = world.view.task_mut(&task_id(1), now);
    (task.done_at, task.done_with_job) = (Some(now), true);
    world.passes(5);
    assert_eq!(launched(&world.look()), 0);
    world.stops(1, 0);
    world.passes(5);
    assert_eq!(launched(&world.look()), 0, "nor after its end");
    world.takes(1, 1);
    world.completes(1, 1);
    world.passes(5);
    world.look();
    assert_eq!((world.view.state.get().wanted, world.view.state.get().unnamed_jobs.len()), (1, 0));
}

#[test]
fn a_task_that_ended_by_itself_has_had_a_job_unless_it_was_told_to_leave() {
    let mut world = world(10, 0);
    world.queues(1..=2);
    world.look();
    world.launched(1..=2);
    world.registers(1);
    world.registers(2);
    world.stops(1, 0);
    world.passes(5);
    assert_eq!(launched(&world.look()), 0, "its job is over, and GitHub has not told of it yet");
    assert_eq!(world.view.state.get().unnamed_jobs.len(), 1);
    let now = world.now;
    world.view.task_mut(&task_id(2), now).leaving = Some((now, LeaveReason::Surplus));
    world.stops(2, 0);
    world.passes(5);
    assert_eq!(launched(&world.look()), 1, "it has left without one");
}

#[test]
fn only_tasks_on_their_way_out_are_no_reason_to_write_the_fleet() {
    let mut world = world(10, 0);
    world.queues(1..=1);
    world.look();
    world.launched(1..=1);
    world.registers(1);
    world.takes(1, 1);
    world.look();
    world.completes(1, 1);
    world.look();
    world.view.committed();
    world.stops(1, 0);
    world.passes(5);
    world.look();
    assert!(!world.view.state.is_changed());
    assert!(world.view.tasks[&task_id(1)].is_changed());
}

#[test]
fn a_job_is_offered_a_runner_again_when_no_delivery_ever_tells_of_it() {
    let mut world = world(10, 0);
    world.queues(1..=1);
    world.look();
    world.launched(1..=1);
    world.registers(1);
    let now = world.now;
    let task = world.view.task_mut(&task_id(1), now);
    (task.done_at, task.done_with_job) = (Some(now), true);
    world.stops(1, 0);
    assert!(world.look().look_again.is_some());
    world.passes(125);
    assert_eq!(launched(&world.look()), 1);
}

#[test]
fn of_two_accounts_of_how_a_task_ended_the_earlier_counts_whichever_comes_first() {
    let ends = |orders: [i64; 2]| {
        let mut world = world(10, 0);
        world.queues(1..=5);
        world.look();
        world.launched(1..=5);
        let now = world.now;
        for number in 1..=3 {
            for exit in orders {
                world.happens(&stopped(number, Some(exit), now + Duration::from_secs(u64::try_from(exit).unwrap())));
            }
        }
        world.passes(5);
        world.look().breaker
    };
    assert_eq!(ends([0, 1]), None);
    assert_eq!(ends([1, 0]), None);
}
