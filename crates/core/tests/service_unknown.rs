//! Launch mode `service` while nobody knows what ECS has, because a look has died, an answer was lost, or ECS has refused.

mod common;

use common::{busy, fleet, fleet_name, in_service as world, service, task_id};
use fargate_runners_core::events::{Event, ServiceDrifted};
use fargate_runners_core::time::Timestamp;

fn drifted(desired: u32, at: Timestamp) -> Event {
    Event::ServiceDrifted(ServiceDrifted { fleet: fleet_name(), service: service(1), desired, at })
}

#[test]
fn a_crash_between_the_ledger_and_ecs_is_made_good_at_the_next_look() {
    let mut world = busy(2, 10);
    world.finishes(1);
    world.passes(10);
    let first = world.looks_and_dies();
    world.passes(5);
    let second = world.looks_and_dies();
    assert_eq!((first.want, first.unprotect), (second.want, second.unprotect));
    assert_eq!((second.lowers, world.desired(1)), (vec![service(1)], 1));
}

#[test]
fn a_count_that_ecs_had_no_room_for_is_asked_for_again_a_second_later_however_often_the_fleet_is_looked_at() {
    let mut world = world(10, 0);
    world.queues(1..=3);
    assert_eq!(world.looks_and_dies().want, [(service(1), 3)]);
    for id in 4..=6 {
        world.queues(id..=id);
        let plan = world.looks_and_dies();
        assert_eq!((plan.want, plan.unprotect), (vec![], vec![]));
    }
    world.passes(1);
    assert_eq!(world.looks_and_dies().want.len(), 1);
    world.passes(10);
    assert_eq!(world.looks_and_dies().want, [(service(1), 6)]);
}

#[test]
fn a_place_of_a_released_task_that_may_be_gone_is_not_taken_out_of_another_ones() {
    let mut world = busy(3, 10);
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.looks_and_dies().want, [(service(1), 2)]);
    // The task exits by itself after 30 s; ECS starts another in its place, of which nobody has heard.
    world.passes(15);
    assert_eq!(world.looks_and_dies().want, [(service(1), 3)]);
}

#[test]
fn a_place_that_ecs_may_have_taken_out_is_not_asked_for_again_beyond_a_lowered_maximum() {
    let mut world = busy(6, 6);
    world.fleet = fleet("service", 5, 0, 1);
    world.queues(10..=19);
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.looks_and_dies().want, [(service(1), 5)]);
    // ECS has done it; nobody has heard of it.
    world.stops(1, 0);
    world.finishes(2);
    world.passes(2);
    let plan = world.looks_and_dies();
    assert_eq!(plan.want, [], "six could be one more than ECS has, and than there may be");
    assert!(plan.look_again.is_some());
    // With the next place that is taken out the count is known again.
    world.finishes(3);
    world.stops(2, 0);
    world.passes(40);
    world.look();
    world.passes(10);
    assert!(world.look().want.iter().all(|(_, count)| *count <= 5));
}

#[test]
fn a_place_that_was_to_be_taken_out_stays_once_a_needed_task_boots() {
    let mut world = busy(3, 10);
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.looks_and_dies().want, [(service(1), 2)]);
    // A runner crashes, and ECS starts another in its place: with less protection than the one that is ready to go.
    world.stops(2, 1);
    world.queues(10..=10);
    world.passes(2);
    assert_eq!(world.looks_and_dies().want, [(service(1), 3)], "whichever ECS picks, none that is needed goes");
}

#[test]
fn a_lowering_that_ecs_refuses_for_long_is_not_tried_every_second() {
    let mut world = busy(4, 4);
    world.fleet = fleet("service", 4, 0, 2);
    world.queues(10..=13);
    world.finishes(1);
    world.passes(10);
    world.looks_and_dies();
    world.passes(2);
    let plan = world.looks_and_dies();
    assert_eq!((plan.want, plan.look_again.map(|wait| wait.as_secs())), (vec![(service(1), 3)], Some(5)));
}

#[test]
fn a_task_that_has_waited_long_for_its_answer_counts_as_protected_until_it_has_surely_exited() {
    let mut world = busy(3, 10);
    world.finishes(1);
    world.passes(10);
    world.looks_and_dies();
    world.stops(1, 0);
    world.registers(4);
    world.reports_done(2);
    // The second waits for longer than a place is taken out by it, but has not exited.
    world.passes(25);
    assert_eq!(world.looks_and_dies().want, [(service(1), 3)]);
}

#[test]
fn a_count_that_was_to_fall_stays_when_the_place_was_filled_again_before_it_could() {
    let mut world = busy(3, 3);
    world.fleet = fleet("service", 2, 0, 1);
    world.finishes(3);
    world.passes(10);
    assert_eq!(world.looks_and_dies().want, [(service(1), 2)]);
    world.passes(40);
    world.stops(3, 0);
    world.registers(4);
    world.passes(60);
    assert_eq!(world.look().want, [(service(1), 3)]);
}

#[test]
fn crashed_runners_whose_end_is_not_known_do_not_push_the_count_beyond_the_maximum() {
    let mut world = busy(2, 2);
    for number in 3..=8 {
        world.is_protected(number);
        world.passes(10);
        world.look();
        assert_eq!(world.desired(1), 2);
    }
}

#[test]
fn a_count_is_set_again_while_nobody_knows_whether_ecs_has_it() {
    let mut world = busy(2, 10);
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 1)]);
    // The call's effect happened, its answer was lost; then a job arrives.
    world.view.state.get_mut().services.get_mut(&service(1)).unwrap().applied = None;
    world.stops(1, 0);
    world.queues(3..=3);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 2)]);
}

#[test]
fn a_task_that_ecs_has_no_place_for_goes_without_one() {
    let mut world = busy(6, 6);
    // Somebody had raised the count by hand, and it was put right while the sixth task had a job already.
    world.fleet = fleet("service", 5, 0, 1);
    let name = service(1);
    let known = world.view.state.get_mut().services.get_mut(&name).unwrap();
    (known.desired, known.applied) = (5, Some(5));
    world.finishes(1);
    world.passes(10);
    let plan = world.look();
    assert_eq!((plan.want, plan.unprotect), (vec![], vec![task_id(1)]), "five are protected then: no count is lowered below them");
    world.stops(1, 0);
    world.finishes(2);
    world.passes(10);
    let plan = world.look();
    assert_eq!((plan.want, plan.unprotect), (vec![(name, 4)], vec![task_id(2)]));
}

#[test]
fn a_count_beyond_a_lowered_maximum_is_forgotten_once_somebody_has_seen_what_ecs_has() {
    let mut world = busy(4, 4);
    world.fleet = fleet("service", 3, 3, 1);
    world.finishes(1);
    world.passes(10);
    world.looks_and_dies();
    // ECS has lowered it; nobody has heard of it, the task is gone, and the lowering is taken back.
    world.stops(1, 0);
    world.passes(2);
    let plan = world.looks_and_dies();
    assert_eq!((world.desired(1), plan.want), (4, vec![]), "four are not asked for again");
    world.passes(100);
    world.happens(&drifted(3, world.now));
    let plan = world.look();
    assert_eq!((world.desired(1), plan.want, plan.look_again), (3, vec![], None));
}

#[test]
fn what_was_seen_while_a_call_may_be_under_way_counts_for_nothing() {
    let mut world = world(10, 0);
    world.queues(1..=3);
    world.looks_and_dies();
    world.passes(5);
    world.happens(&drifted(0, world.now));
    assert_eq!(world.view.state.get().services[&service(1)].applied, None);
}

#[test]
fn a_count_that_somebody_has_lowered_is_not_put_right_beyond_a_maximum_that_was_lowered_before() {
    let mut world = busy(5, 5);
    world.fleet = fleet("service", 4, 0, 1);
    world.passes(900);
    assert_eq!(world.look().want, [], "five have jobs, and nobody kills one");
    // By hand the count is set to 3, and two of the five end before anybody looks.
    world.finishes(1);
    world.finishes(2);
    world.stops(1, 0);
    world.stops(2, 0);
    let seen = drifted(3, world.now);
    world.happens(&seen);
    world.queues(10..=19);
    world.passes(10);
    let wanted = world.looks_and_dies().want;
    assert!(wanted.iter().all(|(_, count)| *count <= 4), "{wanted:?}");
}

#[test]
fn a_count_that_somebody_has_lowered_below_those_who_run_is_put_right_for_them_whatever_the_maximum_is_now() {
    let mut world = busy(6, 6);
    world.fleet = fleet("service", 3, 0, 1);
    world.passes(900);
    world.look();
    // By hand the count is set to 2; ECS ends nobody, since all are protected. One crashes.
    world.stops(1, 1);
    world.happens(&drifted(2, world.now));
    let wanted = world.looks_and_dies().want;
    assert!(wanted.iter().all(|(_, count)| *count <= 5), "{wanted:?}");
    world.passes(100);
    world.happens(&drifted(2, world.now));
    assert_eq!(world.look().want, [(service(1), 5)], "or ECS would refuse protection, and its renewal, to all of them");
}

#[test]
fn a_count_that_was_put_right_is_not_raised_again_by_late_word_of_what_it_was_before() {
    let mut world = world(2, 0);
    world.queues(1..=20);
    world.look();
    // By hand the count was set to 5; five tasks register, and a sweep sees it, while `scale` stands still.
    let seen = drifted(5, world.now);
    world.passes(10);
    for number in 1..=5 {
        world.registers(number);
        world.takes(number, number);
    }
    world.finishes(5);
    world.look();
    world.happens(&seen);
    for _ in 0..5 {
        world.passes(2);
        let wanted = world.look().want;
        assert!(wanted.iter().all(|(_, count)| *count <= 2), "{wanted:?}");
    }
}

#[test]
fn a_task_that_may_have_exited_has_no_count_beyond_a_lowered_maximum_asked_for_again() {
    let mut world = busy(6, 6);
    world.fleet = fleet("service", 3, 0, 1);
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.looks_and_dies().want, [(service(1), 5)]);
    world.stops(1, 0);
    // The second has exited after 30 s without an answer, of which no word has come; another has registered in its place.
    world.finishes(2);
    world.passes(40);
    world.registers(7);
    let wanted = world.looks_and_dies().want;
    assert!(wanted.iter().all(|(_, count)| *count <= 5), "{wanted:?}");
}

#[test]
fn a_count_that_somebody_has_raised_falls_to_the_maximum_with_the_first_place_that_is_taken_out() {
    let mut world = busy(2, 5);
    world.passes(100);
    // By hand the count is set to 8, which is known once that many have registered; six of them leave by themselves.
    world.happens(&drifted(8, world.now));
    (3..=8).for_each(|number| world.registers(number));
    assert_eq!(world.look().want, [(service(1), 8)]);
    for number in 3..=8 {
        world.reports_done(number);
        world.stops(number, 0);
    }
    // By hand it is set to 1, of which nobody hears.
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 5)], "seven would be two more than there may be");
    assert_eq!(world.view.state.get().counts.booting, 4);
}
