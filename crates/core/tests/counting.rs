//! A view that counts the jobs that wait leads to the same decisions and the same writes as one that holds them.

mod common;

use common::{World, fleet, fleet_name, job, runner, stack, stopped, task_id};
use fargate_runners_core::apply::{apply, forget_answered, jobs_of, keys_of, keys_of_stopped, leave_noted, take_losses};
use fargate_runners_core::demand::RAISED_PER_LOOK;
use fargate_runners_core::events::{Event, RunnerLost};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::JobId;
use fargate_runners_core::job::{JobEvent, JobPhase, JobRecord, Progress};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::plan::{Plan, plan};
use fargate_runners_core::record::{Key, Record, Version, Versioned, View};
use fargate_runners_core::shared::Shared;
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use proptest::prelude::*;
use std::time::Duration;

const START: Timestamp = Timestamp::from_secs(1_000_000);
const NOW: Timestamp = Timestamp::from_secs(1_000_500);

/// How a job stands in the ledger.
#[derive(Clone, Copy, Debug)]
enum Stands {
    AtItsGate,
    Waits,
    IsRaised,
    FitsNoMore,
    /// A runner has it, as is noted with its record.
    Noted,
    Runs,
}

fn job_event(id: u64, phase: JobPhase, at: Timestamp) -> JobEvent {
    let Event::Job(event) = job(id, phase, (phase >= JobPhase::InProgress).then(|| runner(id)), at) else { unreachable!() };
    event
}

/// What stands in the ledger: a job in so many places, and the task that has it, if one does.
fn standing(id: u64, stands: Stands, at: u64, says_when: bool) -> Vec<Versioned> {
    let at = START + Duration::from_secs(at);
    let phase = match stands {
        Stands::AtItsGate => JobPhase::Waiting,
        Stands::Waits | Stands::IsRaised | Stands::FitsNoMore | Stands::Noted => JobPhase::Queued,
        Stands::Runs => JobPhase::InProgress,
    };
    let mut record = JobRecord::from_event(&job_event(id, phase, at));
    record.queued_at = record.queued_at.filter(|_| says_when);
    record.raised_at = Some(at + Duration::from_secs(1)).filter(|_| matches!(stands, Stands::IsRaised));
    if matches!(stands, Stands::FitsNoMore) {
        record.labels = Labels::parse(["self-hosted", "gpu"]).unwrap();
    }
    let noted: Vec<Progress> =
        matches!(stands, Stands::Noted).then(|| job_event(id, JobPhase::InProgress, at).progress()).into_iter().collect();
    let has_task = matches!(stands, Stands::Noted | Stands::Runs);
    let task = TaskRecord {
        registered_at: Some(at),
        job_id: Some(JobId(id)).filter(|_| matches!(stands, Stands::Runs)),
        ..TaskRecord::new(fleet_name(), task_id(id), at)
    };
    let task = has_task.then(|| Versioned::new(Record::Task(task), Version(2)));
    std::iter::once(Versioned { record: Record::Job(record), version: Version(3), noted }).chain(task).collect()
}

/// A look, as `scale` has it: what counts is listed, what the events are about is read by its key where it is not held.
fn look(empty: View, ledger: &[Versioned], events: &[Event], fleet: &Fleet) -> (View, Vec<RunnerLost>, Plan) {
    let (mut view, mut shared) = (empty, Shared::default());
    for found in ledger {
        view.list(found.clone(), &mut shared);
    }
    let read = |view: &mut View, keys: Vec<Key>| {
        let found = ledger.iter().filter(|found| keys.contains(&found.record.key()) && !view.holds(&found.record.key()));
        let found: Vec<Versioned> = found.cloned().collect();
        view.add(found);
    };
    read(&mut view, events.iter().flat_map(|event| keys_of(event, &stack())).collect());
    let closed = keys_of_stopped(&view, events);
    read(&mut view, closed);
    let noted = leave_noted(&mut view, events, &stack(), NOW);
    read(&mut view, noted.iter().flat_map(|event| keys_of(event, &stack())).collect());
    noted.iter().chain(events).for_each(|event| apply(&mut view, event, &stack(), NOW));
    forget_answered(&mut view);
    let losses = take_losses(&mut view, NOW);
    let plan = plan(&mut view, fleet, "seed", NOW);
    (view, losses, plan)
}

fn counting(fleet: &Fleet, events: &[Event]) -> View {
    View::counting(fleet.name.clone(), fleet.labels.clone(), jobs_of(events))
}

fn stories() -> impl Strategy<Value = (Vec<Versioned>, Vec<Event>)> {
    let stands = prop_oneof![
        1 => Just(Stands::AtItsGate),
        12 => Just(Stands::Waits),
        4 => Just(Stands::IsRaised),
        1 => Just(Stands::FitsNoMore),
        1 => Just(Stands::Noted),
        1 => Just(Stands::Runs),
    ];
    let jobs = proptest::collection::vec((stands, 0u64..300, any::<bool>()), 0..120);
    let ledger = jobs.prop_map(|jobs| {
        let jobs = jobs.into_iter().zip(0..);
        jobs.flat_map(|((stands, at, says_when), id)| standing(id, stands, at, says_when)).collect::<Vec<_>>()
    });
    let event = (0u64..130, 300u64..400, 0u8..5).prop_map(|(id, at, what)| {
        let at = START + Duration::from_secs(at);
        match what {
            0 => Event::Job(job_event(id, JobPhase::Queued, at)),
            1 => Event::Job(job_event(id, JobPhase::InProgress, at)),
            2 => Event::Job(job_event(id, JobPhase::Completed, at)),
            3 => stopped(id, Some(0), at),
            _ => stopped(id, Some(137), at),
        }
    });
    (ledger.prop_shuffle(), proptest::collection::vec(event, 0..12))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_look_that_counts_decides_and_writes_what_one_that_holds_all_does(
        (ledger, events) in stories(), maximum in 0u32..120, warm in 0u32..60, mode in prop_oneof![Just("service"), Just("tasks")],
    ) {
        let fleet = fleet(mode, maximum, warm.min(maximum), 1);
        let (all, losses, planned) = look(View::new(fleet.name.clone()), &ledger, &events, &fleet);
        let (some, other_losses, other_plan) = look(counting(&fleet, &events), &ledger, &events, &fleet);
        prop_assert_eq!(planned, other_plan);
        prop_assert_eq!(losses, other_losses);
        prop_assert_eq!(all.state.get(), some.state.get());
        prop_assert_eq!(all.writes(), some.writes(), "the milestones of the same jobs among them");
        prop_assert_eq!((all.records(), all.demand(&fleet.labels)), (some.records(), some.demand(&fleet.labels)));
        let wait = some.jobs.values().filter(|job| job.get().has_had_no_runner()).count();
        prop_assert!(wait <= RAISED_PER_LOOK + events.len(), "{wait} are held");
    }
}

#[test]
fn a_job_that_was_counted_is_counted_no_more_once_it_is_held() {
    let fleet = fleet("tasks", 10, 0, 1);
    let stands = [Stands::IsRaised, Stands::IsRaised, Stands::FitsNoMore, Stands::AtItsGate];
    let ledger: Vec<Versioned> = stands.into_iter().zip(0..).flat_map(|(stands, id)| standing(id, stands, 0, true)).collect();
    let (mut view, mut shared) = (counting(&fleet, &[]), Shared::default());
    for found in &ledger {
        view.list(found.clone(), &mut shared);
    }
    assert_eq!((view.jobs.len(), view.records(), view.demand(&fleet.labels).queued), (0, 4, 2));
    for (held, found) in (1..).zip(&ledger) {
        for _ in 0..2 {
            view.add([found.clone()]);
            let demand = view.demand(&fleet.labels);
            assert_eq!((view.jobs.len(), view.records(), demand.queued, demand.raised), (held, 4, 2, 2), "{:?}", found.record);
        }
    }
    let noted = standing(1, Stands::Noted, 0, true).swap_remove(0);
    let mut view = counting(&fleet, &[]);
    for found in &ledger {
        view.list(found.clone(), &mut shared);
    }
    view.add([Versioned { noted: noted.noted, ..ledger[1].clone() }]);
    assert_eq!((view.records(), view.demand(&fleet.labels).queued), (4, 2), "also if its progress was noted since it was listed");
}

#[test]
fn of_the_jobs_that_wait_the_oldest_are_held_in_whatever_order_they_are_listed() {
    let fleet = fleet("tasks", 10, 0, 1);
    let all: Vec<Versioned> = (0..100).flat_map(|id| standing(id, Stands::Waits, 99 - id, true)).collect();
    for ledger in [all.clone(), all.into_iter().rev().collect()] {
        let (mut view, mut shared) = (counting(&fleet, &[]), Shared::default());
        for found in ledger {
            view.list(found, &mut shared);
        }
        assert_eq!(view.jobs.keys().map(|job| job.0).collect::<Vec<_>>(), (60..100).collect::<Vec<_>>());
        assert_eq!((view.records(), view.demand(&fleet.labels).queued), (100, 100));
        assert_eq!(view.writes().len(), 1, "nothing is to be written but a fleet that is new");
    }
}

#[test]
fn the_oldest_jobs_get_their_milestone_until_as_many_have_it_as_runners_will_exist() {
    let mut world = World::new(fleet("service", 60, 0, 1));
    world.queues(1..=100);
    let raised = |world: &World| {
        world.view.jobs.values().filter(|job| job.get().raised_at.is_some()).map(|job| job.get().job_id.0).collect::<Vec<_>>()
    };
    world.look();
    assert_eq!(raised(&world), (1..=40).collect::<Vec<_>>(), "so many in a look");
    world.look();
    assert_eq!(raised(&world), (1..=60).collect::<Vec<_>>());
    world.happens(&job(101, JobPhase::Queued, None, world.now - Duration::from_secs(60)));
    world.look();
    assert_eq!(raised(&world), (1..=60).collect::<Vec<_>>(), "an older one that comes late finds all of them covered");
    world.registers(1);
    world.takes(1, 1);
    world.fleet.maximum = 61;
    world.passes(60);
    world.look();
    assert_eq!(raised(&world), (1..=60).chain([101]).collect::<Vec<_>>(), "and is the first for which there is one more");
}
