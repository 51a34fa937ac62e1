//! Launch mode `service`, in the words of those who use it.

mod common;

use common::{World, busy, fleet, in_service as world, service, stopped, task_id};
use fargate_runners_core::task::DoneAnswer;

#[test]
fn the_desired_count_follows_the_queue_up_to_the_maximum() {
    let mut world = world(3, 0);
    world.queues(1..=5);
    let plan = world.look();
    assert_eq!(plan.want, [(service(1), 3)]);
    world.passes(5);
    assert_eq!(world.look().want, []);
}

#[test]
fn nothing_is_lowered_because_a_job_was_cancelled() {
    let mut world = world(10, 0);
    world.queues(1..=2);
    world.look();
    world.registers(1);
    world.registers(2);
    world.happens(&common::job(1, fargate_runners_core::job::JobPhase::Completed, None, world.now));
    world.passes(60);
    let plan = world.look();
    assert_eq!((plan.want, world.desired(1)), (vec![], 2));
    assert_eq!(world.view.state.get().surplus, 1);
}

#[test]
fn a_finished_task_is_unprotected_and_its_place_taken_out_in_one_go() {
    let mut world = busy(3, 10);
    world.finishes(1);
    world.passes(10);
    let plan = world.look();
    assert_eq!(plan.unprotect, [task_id(1)]);
    assert_eq!(plan.want, [(service(1), 2)]);
    assert_eq!(world.view.tasks[&task_id(1)].get().done_answer, Some(DoneAnswer::Released));
}

#[test]
fn places_of_many_finished_tasks_are_taken_out_together() {
    let mut world = busy(5, 10);
    world.finishes(1);
    let plan = world.look();
    assert_eq!(plan.want, [], "others finish soon: it waits for company");
    assert!(plan.look_again.is_some());
    world.finishes(2);
    world.passes(10);
    let plan = world.look();
    assert_eq!(plan.want, [(service(1), 3)]);
    assert_eq!(plan.unprotect.len(), 2);
}

#[test]
fn a_finished_task_whose_place_is_wanted_simply_goes() {
    let mut world = busy(2, 2);
    world.queues(3..=3);
    world.finishes(1);
    world.passes(10);
    let plan = world.look();
    assert_eq!((plan.want, plan.unprotect), (vec![], vec![]));
    assert_eq!(world.view.tasks[&task_id(1)].get().done_answer, Some(DoneAnswer::Go));
}

#[test]
fn while_a_needed_task_boots_no_place_is_taken_out() {
    let mut world = busy(2, 10);
    world.queues(3..=3);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 3)]);
    // A stolen job: its runner is ready to go while the task for job 3 boots.
    world.finishes(1);
    world.queues(4..=4);
    world.happens(&common::job(4, fargate_runners_core::job::JobPhase::Completed, None, world.now));
    world.passes(10);
    let plan = world.look();
    assert_eq!((plan.want, plan.unprotect), (vec![], vec![]), "ECS might pick the task that boots");
    assert!(plan.look_again.is_some());
    // It is granted protection, and waits for its registration: ECS cannot pick it any more.
    world.is_protected(3);
    world.passes(5);
    assert_eq!(world.look().want, [(service(1), 2)]);
}

#[test]
fn tasks_that_boot_for_nothing_do_not_keep_ready_ones_waiting() {
    let mut world = busy(2, 10);
    world.queues(3..=4);
    world.passes(10);
    world.look();
    for id in 3..=4 {
        world.happens(&common::job(id, fargate_runners_core::job::JobPhase::Completed, None, world.now));
    }
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 3)], "whichever ECS picks, none that is needed goes");
}

#[test]
fn a_count_that_fell_below_the_protected_tasks_is_put_right() {
    let mut world = busy(3, 10);
    let state = world.view.state.get_mut().services.get_mut(&service(1)).unwrap();
    (state.desired, state.applied) = (1, Some(1));
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 3)]);
    world.queues(4..=4);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 4)]);
}

#[test]
fn nothing_is_lowered_while_a_runner_could_be_unprotected() {
    let mut world = busy(2, 10);
    world.view.task_mut(&task_id(2), common::World::new(world.fleet.clone()).now).protected_until = None;
    world.finishes(1);
    world.passes(10);
    let plan = world.look();
    assert_eq!((plan.want, plan.unprotect), (vec![], vec![]));
}

#[test]
fn a_lowered_maximum_ends_nothing_that_runs() {
    let mut world = busy(4, 10);
    world.fleet = fleet("service", 1, 0, 1);
    world.passes(10);
    let plan = world.look();
    assert_eq!((plan.want, world.desired(1)), (vec![], 4));
    assert_eq!(world.view.state.get().surplus, 0);
}

#[test]
fn failing_boots_shrink_to_one_probe() {
    let mut world = world(10, 0);
    world.queues(1..=6);
    world.look();
    assert_eq!(world.desired(1), 6);
    for number in 1..=3 {
        world.happens(&stopped(number, Some(1), world.now));
    }
    world.passes(10);
    let plan = world.look();
    assert!(plan.breaker.is_some());
    assert_eq!(plan.want, [(service(1), 1)]);
}

#[test]
fn the_probe_leaves_room_for_tasks_that_are_about_to_exit_and_are_protected_until_then() {
    let mut world = busy(4, 10);
    world.queues(5..=8);
    world.look();
    for number in 1..=4 {
        world.finishes(number);
    }
    for number in 11..=13 {
        world.happens(&stopped(number, Some(1), world.now));
    }
    world.passes(5);
    let plan = world.look();
    assert!(plan.breaker.is_some());
    assert!(world.desired(1) >= 4, "four are protected, but {} are wanted", world.desired(1));
}

#[test]
fn a_count_does_not_fall_below_the_protected_whoever_started_them() {
    let mut world = busy(2, 2);
    // Somebody raised the count by hand for a while: four more have registered, one of which is ready to go.
    for number in 11..=14 {
        world.registers(number);
    }
    world.reports_done(11);
    world.passes(10);
    world.look();
    world.passes(10);
    world.look();
    assert_eq!(world.desired(1), 2);
}

/// A burst of a hundred jobs arrives in batches, `every` milliseconds; returns how often the desired count was changed, and how long after the last
/// batch it covered them all.
fn burst(mode: &str, every: u64) -> (usize, u64) {
    let mut world = World::new(fleet(mode, 200, 0, 1));
    let mut calls = 0;
    let mut count = |world: &mut World| {
        let plan = world.look();
        calls += plan.want.len() + plan.launch.len();
        if !plan.launch.is_empty() {
            let known = world.view.tasks.len() as u64;
            let launched: u32 = plan.launch.iter().map(|launch| launch.count).sum();
            world.launched(known + 1..=known + u64::from(launched));
        }
        plan.look_again
    };
    for batch in 0..25 {
        world.queues(4 * batch + 1..=4 * batch + 4);
        count(&mut world);
        world.now = world.now + std::time::Duration::from_millis(every);
    }
    let drained = world.now;
    while world.desired(1).max(u32::try_from(world.view.tasks.len()).unwrap()) < 100 {
        world.passes(1);
        assert!(count(&mut world).is_some() || world.desired(1) == 100 || world.view.tasks.len() == 100, "it would wait for ever");
    }
    (calls, (world.now.as_millis() - drained.as_millis()) / 1000)
}

#[test]
fn a_hundred_jobs_at_once_take_few_calls_and_are_covered_as_soon_as_they_have_arrived() {
    for every in [20, 100, 400] {
        let (calls, seconds) = burst("service", every);
        assert!(calls <= 5 && seconds <= 1, "service, every {every} ms: {calls} calls, {seconds} s");
        let (calls, seconds) = burst("tasks", every);
        assert!(calls <= 15 && seconds <= 1, "tasks, every {every} ms: {calls} calls, {seconds} s");
    }
}

#[test]
fn a_task_that_has_waited_so_long_that_it_may_be_gone_is_not_released_any_more() {
    let mut world = busy(2, 10);
    world.finishes(1);
    world.passes(25);
    let plan = world.look();
    assert_eq!((plan.want, plan.unprotect), (vec![], vec![]), "ECS would have to pick the task that it has started in its place");
    assert_eq!(world.view.state.get().counts.booting, 1);
}

#[test]
fn a_task_that_boots_for_a_cancelled_job_leaves_although_nobody_looks_again() {
    for mode in ["service", "tasks"] {
        let mut world = World::new(fleet(mode, 10, 0, 1));
        world.queues(1..=1);
        world.look();
        world.happens(&common::job(1, fargate_runners_core::job::JobPhase::Completed, None, world.now));
        world.passes(5);
        world.look();
        assert_eq!(world.view.state.get().surplus, 1, "{mode}");
    }
}

#[test]
fn no_runner_leaves_for_whom_ecs_would_start_another_because_a_needed_task_boots() {
    let mut world = world(10, 3);
    world.queues(1..=2);
    world.look();
    assert_eq!(world.desired(1), 5);
    for id in 1..=2 {
        world.happens(&common::job(id, fargate_runners_core::job::JobPhase::Completed, None, world.now));
    }
    // Three are needed, and four boot: whichever leaves now, its place cannot be taken out.
    world.registers(1);
    world.passes(30);
    let plan = world.look();
    assert_eq!(world.view.state.get().surplus, 0);
    assert!(plan.look_again.is_some(), "nothing happens when the others register");
    world.registers(2);
    world.registers(3);
    world.passes(30);
    world.look();
    assert_eq!(world.view.state.get().surplus, 0, "who leaves makes one needed that boots");
    world.registers(4);
    world.passes(30);
    world.look();
    assert_eq!(world.view.state.get().surplus, 1);
    world.registers(5);
    world.passes(30);
    world.look();
    assert_eq!(world.view.state.get().surplus, 2);
}

#[test]
fn a_hung_listener_of_the_only_runner_is_looked_at_when_it_asks_and_costs_no_wake_up() {
    let mut world = world(10, 0);
    world.queues(1..=1);
    let queued_at = world.now;
    assert_eq!(world.look().look_again, None);
    assert_eq!(world.view.state.get().waiting_since, Some(queued_at));
}

#[test]
fn spot_is_replaced_by_ecs_and_not_once_more_by_us() {
    let mut world = world(10, 1);
    world.look();
    world.registers(1);
    world.happens(&common::interrupted(1, world.now));
    world.passes(10);
    assert_eq!((world.look().want, world.desired(1)), (vec![], 1));
}
