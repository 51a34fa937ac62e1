//! Launch mode `service` when a revision or a launch mode takes the place of another.

mod common;

use common::{World, busy, fleet, in_service as world, service};

#[test]
fn tasks_that_somebody_started_in_a_replaced_service_count_against_the_maximum() {
    let mut world = busy(1, 4);
    for number in 11..=12 {
        world.registers(number);
    }
    world.fleet = fleet("service", 4, 0, 2);
    world.queues(20..=29);
    world.passes(10);
    assert_eq!(world.look().want, [(service(2), 1)], "three run in the old one, whatever its count");
    // By the ledger the old service is empty, and forgotten.
    world.view.state.get_mut().services.remove(&service(1));
    world.passes(10);
    assert_eq!((world.look().want, world.desired(2)), (vec![], 1));
}

#[test]
fn a_place_that_is_to_be_taken_out_is_promised_to_nobody_before_ecs_has_done_it() {
    let mut world = busy(4, 4);
    world.fleet = fleet("service", 4, 0, 2);
    world.queues(10..=13);
    world.finishes(1);
    world.passes(10);
    let plan = world.looks_and_dies();
    assert_eq!(plan.want, [(service(1), 3)], "with one in the new service it could be five of four");
    assert!(plan.look_again.is_some_and(|wait| wait.as_secs() <= 2));
    world.passes(2);
    assert_eq!(world.look().want, [(service(1), 3)]);
    world.passes(2);
    assert_eq!(world.look().want, [(service(2), 1)]);
}

#[test]
fn a_count_that_ecs_may_have_reached_is_held_against_the_maximum_until_it_has_fallen() {
    let mut world = world(5, 0);
    world.queues(1..=4);
    world.looks_and_dies();
    assert_eq!(world.desired(1), 4);
    // Whether ECS has the four nobody knows: with a new revision it still may.
    world.fleet = fleet("service", 5, 0, 2);
    world.passes(10);
    let plan = world.looks_and_dies();
    assert_eq!(plan.want, [(service(1), 0), (service(2), 1)]);
    world.passes(10);
    world.look();
    world.passes(10);
    world.look();
    assert_eq!((world.desired(1), world.desired(2)), (0, 4));
}

#[test]
fn a_new_revision_gets_a_service_of_its_own_and_the_old_one_drains() {
    let mut world = busy(2, 4);
    world.fleet = fleet("service", 4, 1, 2);
    world.passes(10);
    // Two busy where they are, one warm: only that one is needed of the new revision.
    assert_eq!(world.look().want, [(service(2), 1)]);
    assert_eq!((world.desired(1), world.desired(2)), (2, 1));
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 1)]);
    world.stops(1, 0);
    world.finishes(2);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 0)]);
    assert!(!world.view.state.get().services.contains_key(&service(1)));
}

#[test]
fn old_and_new_services_together_keep_to_the_maximum() {
    let mut world = busy(3, 4);
    world.fleet = fleet("service", 4, 0, 2);
    world.queues(10..=20);
    world.passes(10);
    world.look();
    assert_eq!((world.desired(1), world.desired(2)), (3, 1));
}

#[test]
fn a_fleet_that_becomes_one_of_tasks_drains_its_service_and_keeps_to_the_maximum() {
    let mut world = busy(3, 4);
    world.fleet = fleet("tasks", 4, 0, 2);
    world.queues(10..=20);
    world.passes(10);
    let plan = world.look();
    assert_eq!(plan.launch.iter().map(|launch| launch.count).sum::<u32>(), 1, "three busy ones and a new one make four");
    world.launched(101..=101);
    world.finishes(1);
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 2)]);
    for number in 2..=3 {
        world.finishes(number);
    }
    world.passes(10);
    assert_eq!(world.look().want, [(service(1), 0)]);
}

#[test]
fn a_fleet_that_becomes_one_of_a_service_counts_what_was_launched_before() {
    let mut world = World::new(fleet("tasks", 4, 0, 1));
    world.queues(1..=3);
    world.look();
    world.launched(1..=3);
    for number in 1..=3 {
        world.registers(number);
        world.takes(number, number);
    }
    world.fleet = fleet("service", 4, 0, 2);
    world.queues(10..=20);
    world.passes(10);
    assert_eq!(world.look().want, [(service(2), 1)]);
}

#[test]
fn places_of_a_replaced_revision_that_never_fill_do_not_block_the_new_one() {
    let mut world = world(10, 0);
    world.queues(1..=10);
    world.look();
    assert_eq!(world.desired(1), 10);
    world.fleet = fleet("service", 10, 0, 2);
    for _ in 0..3 {
        world.passes(10);
        world.look();
    }
    assert_eq!((world.desired(1), world.desired(2)), (0, 10));
}
