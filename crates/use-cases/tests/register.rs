//! What a task meets at `register`.

mod common;

use common::{TestLedger, World, arn, stack, task_id};
use fargate_runners_core::events::Event;
use fargate_runners_core::register::{MINT_LOCK, condemn};
use fargate_runners_core::state::FleetState;
use fargate_runners_core::task::{TaskRecord, TaskState};
use fargate_runners_core::time::Timestamp;
use fargate_runners_core::{ids::FleetName, ids::RunnerId, record::Expected, record::Key, record::Record, record::Version, record::Write};
use fargate_runners_ledger_memory::MemoryLedger;
use fargate_runners_use_cases::ports::{Clock, Deleted, Ledger, MintError, MintPace, PortError, Protection, Retry};
use fargate_runners_use_cases::register::{Announces, Answer, Kept, Register, Route};
use std::time::Duration;

type TestRegister = Register<TestLedger, MemoryLedger, World, World, World, World, World>;

/// A process of `register` that has just started.
fn register(world: &World) -> TestRegister {
    Register {
        ledger: TestLedger(world.clone()),
        pace: world.1.clone(),
        github: world.clone(),
        tasks: world.clone(),
        fleets: world.clone(),
        bus: world.clone(),
        clock: world.clone(),
        kept: Kept::default(),
        stack: stack(),
    }
}

/// A request of the first task of the fleet "burst" to a process.
async fn asks(process: &TestRegister, route: Route, runner_name: Option<&str>) -> Answer {
    let body = serde_json::json!({ "nonce": "n", "runner_name": runner_name }).to_string();
    process.handle(route, Some(&arn("burst", 1)), body.as_bytes()).await
}

/// A process mints for the task; the name of its runner.
async fn mints(process: &TestRegister) -> String {
    match asks(process, Route::Registration, None).await {
        Answer::Jit(name, _) => name.to_string(),
        answer => panic!("{answer:?}"),
    }
}

async fn ask(world: &World, route: Route, fleet: &str, task: u64, nonce: &str) -> Answer {
    let body = serde_json::json!({ "nonce": nonce }).to_string();
    register(world).handle(route, Some(&arn(fleet, task)), body.as_bytes()).await
}

async fn acknowledge(world: &World, runner_name: &str) -> Answer {
    asks(&register(world), Route::Ack, Some(runner_name)).await
}

async fn registered(world: &World, fleet: &str, task: u64) {
    world.runs(fleet, task, "RUNNING");
    let process = register(world);
    for route in [Route::Registration, Route::Ack] {
        let answer = process.handle(route, Some(&arn(fleet, task)), br#"{"nonce":"n"}"#).await;
        assert!(matches!(answer, Answer::Jit(..) | Answer::Acknowledged(_)), "{answer:?}");
    }
}

/// A mint's lock is over for those who do not know how it ended.
fn lock_ends(world: &World) {
    world.passes(MINT_LOCK.as_secs());
}

/// The first task of the fleet "burst", and its record's version.
async fn record(world: &World) -> (TaskRecord, Version) {
    let key = Key::Task(FleetName::parse("burst").unwrap(), task_id(1));
    let found = world.1.read(&[key], world.now()).await.unwrap().remove(0);
    match found.record {
        Record::Task(task) => (task, found.version),
        record => panic!("{record:?}"),
    }
}

/// Somebody else changes that record.
async fn changes(world: &World, change: impl FnOnce(&mut TaskRecord)) {
    let (mut task, version) = record(world).await;
    let expected = fargate_runners_core::record::Versioned::new(Record::Task(task.clone()), version).expected();
    change(&mut task);
    world.1.commit(&[Write { record: Record::Task(task), expected }], world.now()).await.unwrap();
}

async fn surplus(world: &World, fleet: &str, count: u32) {
    let mut state = world.state(fleet).await.unwrap_or_else(|| FleetState::new(FleetName::parse(fleet).unwrap()));
    state.surplus = count;
    world.1.commit(&[Write { record: Record::Fleet(state), expected: Expected::Nothing }], world.now()).await.unwrap();
}

#[tokio::test]
async fn only_a_services_task_announces_its_end() {
    let world = World::default();
    for (fleet, task, announces) in [("burst", 1, false), ("default", 2, true)] {
        registered(&world, fleet, task).await;
        let answer = ask(&world, Route::Ack, fleet, task, "n").await;
        assert!(matches!(answer, Answer::Acknowledged(Announces(said)) if said == announces), "{fleet} {answer:?}");
    }
}

#[tokio::test]
async fn an_idle_runner_that_a_job_waits_beside_for_long_has_its_fleet_looked_at() {
    let world = World::default();
    registered(&world, "burst", 1).await;
    let mut state = FleetState::new(FleetName::parse("burst").unwrap());
    state.waiting_since = Some(world.now());
    world.1.commit(&[Write { record: Record::Fleet(state), expected: Expected::Nothing }], world.now()).await.unwrap();
    let looks = |world: &World| world.with(|state| state.published.iter().filter(|event| matches!(event, Event::LookAgain(_))).count());
    assert!(matches!(ask(&world, Route::Lease, "burst", 1, "n").await, Answer::Stay(_)));
    assert_eq!(looks(&world), 0);
    world.passes(180);
    assert!(matches!(ask(&world, Route::Lease, "burst", 1, "n").await, Answer::Stay(_)));
    assert_eq!(looks(&world), 1);
}

#[tokio::test]
async fn a_task_of_ours_gets_one_registration_with_one_call_to_github() {
    let world = World::default();
    registered(&world, "burst", 1).await;
    assert_eq!(world.with(|state| state.github_calls.len()), 1);
    assert_eq!(world.with(|state| state.protected.len()), 0, "only tasks of services can be protected");
    assert_eq!(world.task("burst", 1).await.unwrap().state(), TaskState::Idle);
}

#[tokio::test]
async fn in_a_service_ecs_must_grant_protection_before_anything_is_minted() {
    let world = World::default();
    world.runs("default", 1, "RUNNING");
    world.with(|state| state.protection = Protection::Refused("DEPLOYMENT_BLOCKED".to_owned()));
    assert!(matches!(ask(&world, Route::Registration, "default", 1, "n").await, Answer::Unavailable(_)));
    assert_eq!(world.with(|state| state.github_calls.len()), 0);
    world.with(|state| state.protection = Protection::Granted);
    registered(&world, "default", 1).await;
    assert!(world.task("default", 1).await.unwrap().protected_until.is_some());
}

#[tokio::test]
async fn whoever_is_not_one_of_ours_gets_403_and_nothing_else() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    world.runs("burst", 2, "DEPROVISIONING");
    let register = register(&world);
    let body = br#"{"nonce":"n"}"#;
    for (user, body) in [
        (None, body.as_slice()),
        (Some("arn:aws:iam::111122223333:user/somebody".to_owned()), body),
        (Some(arn("unknown", 1)), body),
        (Some(arn("default", 1)), body), // another fleet's task
        (Some(arn("burst", 2)), body),   // ending
        (Some(arn("burst", 3)), body),   // not in this cluster
        (Some(arn("burst", 1)), b""),
        (Some(arn("burst", 1)), b"{}"),
        (Some(arn("burst", 1)), br#"{"nonce":""}"#),
    ] {
        let answer = register.handle(Route::Registration, user.as_deref(), body).await;
        assert!(matches!(answer, Answer::Forbidden), "{user:?}: {answer:?}");
    }
    assert_eq!(world.with(|state| state.github_calls.len()), 0);
}

#[tokio::test]
async fn a_task_that_ecs_does_not_call_running_yet_asks_again() {
    let world = World::default();
    world.runs("burst", 1, "PENDING");
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Unavailable(_)));
}

#[tokio::test]
async fn a_repeat_before_the_ack_removes_what_the_last_one_made() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    for attempt in 1..=3 {
        let answer = ask(&world, Route::Registration, "burst", 1, "n").await;
        assert!(matches!(answer, Answer::Jit(name, _) if name.attempt == attempt));
        assert_eq!(world.with(|state| state.runners.len()), 1);
        // Another process cannot know that the mint is done.
        assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Unavailable(after) if after == MINT_LOCK));
        lock_ends(&world);
    }
}

#[tokio::test]
async fn a_repeat_that_comes_to_who_has_minted_waits_for_nothing_and_searches_for_nothing() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let process = register(&world);
    let names = [mints(&process).await, mints(&process).await, mints(&process).await];
    let [_, _, third] = &names;
    let calls = world.with(|state| state.github_calls.clone());
    let mint = |number: usize| format!("mint {}", names[number]);
    assert_eq!(calls, [mint(0), "delete 1".to_owned(), mint(1), "delete 2".to_owned(), mint(2)]);
    assert!(matches!(asks(&process, Route::Ack, Some(third)).await, Answer::Acknowledged(_)));
}

#[tokio::test]
async fn a_registration_that_a_late_repeat_has_removed_is_not_acknowledged() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let Answer::Jit(first, _) = ask(&world, Route::Registration, "burst", 1, "n").await else { panic!("no registration") };
    // The connection of an earlier call broke before the function had begun; now it has, and its answer reaches nobody.
    lock_ends(&world);
    let Answer::Jit(second, _) = ask(&world, Route::Registration, "burst", 1, "n").await else { panic!("no registration") };
    assert!(matches!(acknowledge(&world, &first.to_string()).await, Answer::Unavailable(_)), "it may have been left as it was");
    lock_ends(&world);
    assert!(matches!(acknowledge(&world, &first.to_string()).await, Answer::Forbidden));
    assert!(matches!(acknowledge(&world, "of-no-task").await, Answer::Forbidden));
    assert_eq!(world.task("burst", 1).await.unwrap().registered_at, None);
    assert!(matches!(acknowledge(&world, &second.to_string()).await, Answer::Acknowledged(_)));
}

#[tokio::test]
async fn a_second_nonce_or_anything_after_the_ack_gets_403() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let name = mints(&register(&world)).await;
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "other").await, Answer::Forbidden));
    assert!(matches!(ask(&world, Route::Ack, "burst", 1, "other").await, Answer::Forbidden));
    assert!(matches!(acknowledge(&world, &name).await, Answer::Acknowledged(_)));
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Forbidden));
    assert!(matches!(ask(&world, Route::Ack, "burst", 1, "n").await, Answer::Acknowledged(_)), "its answer may have been lost");
    assert_eq!(world.with(|state| state.mints.len()), 1);
}

#[tokio::test]
async fn a_mint_whose_answer_was_lost_is_removed_before_the_next() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    world.with(|state| state.mint_answers.push_back(MintError::UnknownEffect(PortError::bare("the answer", Retry::UnknownEffect))));
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Unavailable(_)));
    // While the lost call may still be under way, nothing is minted.
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Unavailable(_)));
    world.passes(31);
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Jit(name, _) if name.attempt == 2));
    assert_eq!(world.with(|state| state.runners.len()), 1);
}

#[tokio::test]
async fn a_function_that_died_before_it_removed_the_last_runner_leaves_none_behind() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Jit(..)));
    // The task did not hear, and asked again; the function noted the next mint and died.
    lock_ends(&world);
    let (nonce, now) = (fargate_runners_core::register::nonce_sha256("n"), world.now());
    changes(&world, |task| fargate_runners_core::register::begin_mint(task, &nonce, now)).await;
    world.passes(60);
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Jit(..)));
    assert_eq!(world.with(|state| state.runners.len()), 1, "the newest alone");
}

#[tokio::test]
async fn a_rate_limit_holds_every_mint_of_the_credential_until_then() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    world.runs("default", 2, "RUNNING");
    let until = world.now() + Duration::from_secs(60);
    world.with(|state| state.mint_answers.push_back(MintError::NotBefore(until)));
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::TooMany(_)));
    assert!(matches!(ask(&world, Route::Registration, "default", 2, "n").await, Answer::TooMany(_)));
    assert_eq!(world.with(|state| state.github_calls.len()), 1);
    world.passes(61);
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Jit(name, _) if name.attempt == 1));
}

#[tokio::test]
async fn the_mint_pace_delays_what_github_would_refuse() {
    let world = World::default();
    let per_window = fargate_runners_core::mint_pace::MINTS_AT_ONCE;
    for task in 0..=per_window {
        world.runs("burst", task, "RUNNING");
        let answer = ask(&world, Route::Registration, "burst", task, "n").await;
        assert_eq!(matches!(answer, Answer::TooMany(_)), task == per_window, "{task}: {answer:?}");
    }
}

#[tokio::test]
async fn a_task_that_waits_for_its_mint_is_protected_already_and_not_asked_about_again() {
    let world = World::default();
    world.runs("default", 1, "RUNNING");
    let credential = fargate_runners_core::ids::CredentialName::parse("default").unwrap();
    world.1.hold(&credential, world.now() + Duration::from_secs(60)).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(ask(&world, Route::Registration, "default", 1, "n").await, Answer::TooMany(_)));
    }
    assert_eq!(world.with(|state| state.protected.len()), 1);
    let task = world.task("default", 1).await.unwrap();
    assert_eq!((task.state(), task.protected_until.is_some()), (TaskState::Booting, true));
    assert!(matches!(ask(&world, Route::Registration, "default", 1, "other").await, Answer::Forbidden));
    world.passes(61);
    assert!(matches!(ask(&world, Route::Registration, "default", 1, "n").await, Answer::Jit(..)));
    assert_eq!(world.with(|state| (state.protected.len(), state.described)), (1, 1));
}

/// RunTask's answer, which names the task among so many, is in the ledger.
async fn launched(world: &World, with: u32) {
    let mut task = TaskRecord::new(FleetName::parse("burst").unwrap(), task_id(1), world.now());
    task.launched_with = with;
    world.1.commit(&[Write { record: Record::Task(task), expected: Expected::Nothing }], world.now()).await.unwrap();
}

#[tokio::test]
async fn ecs_is_not_asked_about_a_task_that_it_has_launched_for_us() {
    let world = World::default();
    launched(&world, 1).await;
    let name = mints(&register(&world)).await;
    assert_eq!(world.with(|state| state.described), 0);
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "other").await, Answer::Forbidden));
    assert!(matches!(acknowledge(&world, &name).await, Answer::Acknowledged(_)));
}

#[tokio::test]
async fn a_task_that_was_launched_and_waits_for_its_mint_costs_no_write() {
    let world = World::default();
    launched(&world, 10).await;
    let before = world.task("burst", 1).await;
    let credential = fargate_runners_core::ids::CredentialName::parse("default").unwrap();
    world.1.hold(&credential, world.now() + Duration::from_secs(60)).await.unwrap();
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::TooMany(_)));
    assert_eq!(world.task("burst", 1).await, before);
    world.passes(61);
    assert!(matches!(ask(&world, Route::Registration, "burst", 1, "n").await, Answer::Jit(..)));
}

#[tokio::test]
async fn a_task_tells_when_its_image_was_pulled() {
    let world = World::default();
    launched(&world, 1).await;
    let told = |at: &str| serde_json::json!({ "nonce": "n", "pull_started_at": at }).to_string();
    // A repeat that tells nothing of use, or what cannot be, takes nothing away.
    // Twenty seconds before now.
    for body in [told("2023-11-14T22:13:00.123456789Z"), told("yesterday"), told("1999-01-01T00:00:00Z")] {
        let answer = register(&world).handle(Route::Registration, Some(&arn("burst", 1)), body.as_bytes()).await;
        assert!(matches!(answer, Answer::Jit(..)), "{answer:?}");
        assert_eq!(world.task("burst", 1).await.unwrap().hosting.pull_started_at, Some(Timestamp::from_millis(1_699_999_980_123)));
        lock_ends(&world);
    }
}

#[tokio::test]
async fn an_idle_runner_stays_until_there_is_one_too_many() {
    let world = World::default();
    registered(&world, "burst", 1).await;
    assert!(matches!(ask(&world, Route::Lease, "burst", 1, "n").await, Answer::Stay(_)));
    surplus(&world, "burst", 1).await;
    assert!(matches!(ask(&world, Route::Lease, "burst", 1, "n").await, Answer::LeaveLease));
    assert_eq!(world.with(|state| state.runners.len()), 0);
    assert!(matches!(ask(&world, Route::Lease, "burst", 1, "n").await, Answer::LeaveLease), "a repeat gets the recorded answer");
    assert_eq!(world.state("burst").await.unwrap().surplus, 0);
}

#[tokio::test]
async fn a_leaver_that_github_knows_to_have_a_job_stays() {
    let world = World::default();
    registered(&world, "burst", 1).await;
    surplus(&world, "burst", 1).await;
    world.with(|state| state.delete_answers.push_back(Ok(Deleted::Busy)));
    assert!(matches!(ask(&world, Route::Lease, "burst", 1, "n").await, Answer::Stay(_)));
    assert_eq!(world.task("burst", 1).await.unwrap().state(), TaskState::Idle);
}

#[tokio::test]
async fn a_task_that_is_done_goes_at_once_in_tasks_mode_and_waits_for_scale_in_a_service() {
    let world = World::default();
    registered(&world, "burst", 1).await;
    registered(&world, "default", 2).await;
    assert!(matches!(ask(&world, Route::Done, "burst", 1, "n").await, Answer::Go));
    assert_eq!(world.with(|state| state.published.len()), 0, "its end is word enough");
    assert!(matches!(ask(&world, Route::Done, "default", 2, "n").await, Answer::Wait(_)));
    assert!(matches!(ask(&world, Route::Done, "default", 2, "n").await, Answer::Wait(_)));
    assert_eq!(world.with(|state| state.published.len()), 1, "scale is told once");
    world.passes(10);
    assert!(matches!(ask(&world, Route::Done, "default", 2, "n").await, Answer::Wait(_)));
    assert_eq!(world.with(|state| state.published.len()), 2, "and again in case that was lost");
}

#[tokio::test]
async fn a_task_that_asks_every_3_seconds_for_its_answer_does_not_fill_its_fleets_queue() {
    let world = World::default();
    registered(&world, "default", 2).await;
    for _ in 0..10 {
        assert!(matches!(ask(&world, Route::Done, "default", 2, "n").await, Answer::Wait(_)));
        world.passes(3);
    }
    assert_eq!(world.with(|state| state.published.len()), 5, "scale is told at once and about every 8 seconds");
}

#[tokio::test]
async fn a_task_that_leaves_before_its_ack_leaves_no_runner_behind() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let name = mints(&register(&world)).await;
    is_condemned(&world).await;
    assert!(matches!(acknowledge(&world, &name).await, Answer::Leave));
    assert_eq!(world.with(|state| state.runners.len()), 0);
    assert_eq!(world.task("burst", 1).await.unwrap().task_id, task_id(1));
}

/// The task takes too long.
async fn is_condemned(world: &World) {
    lock_ends(world);
    let now = world.now();
    changes(world, |task| assert!(condemn(task, now))).await;
}

#[tokio::test]
async fn a_registration_takes_two_writes_if_its_acknowledgement_comes_to_who_has_minted() {
    let world = World::default();
    launched(&world, 1).await;
    let (process, reads) = (register(&world), world.with(|state| state.reads));
    let name = mints(&process).await;
    let (begun, version) = record(&world).await;
    assert_eq!((begun.minted.clone(), begun.minting_until, version), (None, Some(world.now() + MINT_LOCK), Version(2)));
    assert!(matches!(asks(&process, Route::Ack, Some(&name)).await, Answer::Acknowledged(_)));
    let (task, version) = record(&world).await;
    assert_eq!((task.minted.unwrap().runner_id, task.minting_until, version), (Some(RunnerId(1)), None, Version(3)));
    assert_eq!(world.with(|state| state.reads), reads + 1);
}

#[tokio::test]
async fn an_acknowledgement_that_comes_to_another_is_taken_at_once_and_the_runner_found_by_its_name() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let name = mints(&register(&world)).await;
    assert!(matches!(acknowledge(&world, &name).await, Answer::Acknowledged(_)));
    let (task, version) = record(&world).await;
    assert_eq!((task.state(), task.minted.unwrap().runner_id, version), (TaskState::Idle, None, Version(2)));
    surplus(&world, "burst", 1).await;
    assert!(matches!(ask(&world, Route::Lease, "burst", 1, "n").await, Answer::LeaveLease));
    assert_eq!(world.with(|state| state.github_calls.clone()), [format!("mint {name}"), format!("find {name}"), "delete 1".to_owned()]);
}

#[tokio::test]
async fn who_has_minted_knows_the_runner_also_if_others_have_written_since() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let process = register(&world);
    let name = mints(&process).await;
    changes(&world, |task| task.launched_with = 1).await;
    assert!(matches!(asks(&process, Route::Ack, Some(&name)).await, Answer::Acknowledged(_)));
    let (task, _) = record(&world).await;
    assert_eq!((task.minted.unwrap().runner_id, task.launched_with), (Some(RunnerId(1)), 1));
}

#[tokio::test]
async fn a_start_script_that_names_no_runner_registers_at_once_with_who_has_minted_and_else_after_the_lock() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let process = register(&world);
    mints(&process).await;
    assert!(matches!(asks(&register(&world), Route::Ack, None).await, Answer::Unavailable(after) if after == MINT_LOCK));
    assert!(matches!(asks(&process, Route::Ack, None).await, Answer::Acknowledged(_)));

    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    mints(&register(&world)).await;
    lock_ends(&world);
    assert!(matches!(asks(&register(&world), Route::Ack, None).await, Answer::Acknowledged(_)));
    assert!(matches!(asks(&register(&world), Route::Registration, None).await, Answer::Forbidden));
}

#[tokio::test]
async fn who_has_minted_takes_the_acknowledgement_without_a_read() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let (process, other) = (register(&world), register(&world));
    let name = mints(&process).await;
    let reads = world.with(|state| state.reads);
    assert!(matches!(asks(&process, Route::Ack, Some(&name)).await, Answer::Acknowledged(_)));
    assert_eq!(world.with(|state| state.reads), reads);
    assert_eq!(world.task("burst", 1).await.unwrap().state(), TaskState::Idle);
    for process in [&process, &other] {
        assert!(matches!(asks(process, Route::Ack, Some(&name)).await, Answer::Acknowledged(_)), "a repeat");
        assert!(matches!(asks(process, Route::Registration, None).await, Answer::Forbidden));
    }
    assert_eq!(world.with(|state| state.reads), reads + 4);
}

#[tokio::test]
async fn an_acknowledgement_goes_by_what_others_have_written_since() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let (process, other) = (register(&world), register(&world));
    let first = mints(&process).await;
    lock_ends(&world);
    let second = mints(&other).await;
    assert!(matches!(asks(&process, Route::Ack, Some(&first)).await, Answer::Unavailable(_)), "it is replaced, or is yet to be");
    lock_ends(&world);
    assert!(matches!(asks(&process, Route::Ack, Some(&first)).await, Answer::Forbidden), "it was replaced");
    let third = mints(&process).await;
    lock_ends(&world);
    let fourth = mints(&other).await;
    assert!(
        matches!(asks(&process, Route::Ack, Some(&fourth)).await, Answer::Acknowledged(_)),
        "what it kept knew only {third}, after {second}"
    );
    assert_eq!(world.task("burst", 1).await.unwrap().attempt, 4);
}

#[tokio::test]
async fn a_task_that_was_condemned_since_its_mint_is_told_to_leave_by_who_has_minted() {
    let world = World::default();
    world.runs("burst", 1, "RUNNING");
    let process = register(&world);
    let name = mints(&process).await;
    is_condemned(&world).await;
    assert!(matches!(asks(&process, Route::Ack, Some(&name)).await, Answer::Leave));
    assert_eq!(world.with(|state| (state.runners.len(), state.github_calls.last().cloned())), (0, Some("delete 1".to_owned())));
}

#[tokio::test]
async fn the_slots_of_two_windows_do_not_add_up() {
    let world = World::default();
    let credential = fargate_runners_core::ids::CredentialName::parse("default").unwrap();
    let mut taken = 0;
    for second in 0..60 {
        let now = world.now() + Duration::from_secs(second);
        for _ in 0..20 {
            taken += u32::from(
                world.1.take_slot(&credential, fargate_runners_use_cases::ports::Asks::Alone, now).await.unwrap()
                    == fargate_runners_use_cases::ports::Slot::Taken,
            );
        }
    }
    assert!(taken <= 175, "{taken} mints in a minute");
}
