//! What the checks of fleets share: tasks that register in one step, and records without the times that only matter while time passes.

use crate::cast::{START, definition, fleet_name, task_id};
use crate::ledger::Ledger;
use fargate_runners_core::ids::RunnerId;
use fargate_runners_core::record::{Expected, Key, Record, Write};
use fargate_runners_core::register::{acknowledge, begin_mint, claim, end_mint};
use fargate_runners_core::task::{Minted, TaskRecord};
use fargate_runners_core::time::Timestamp;

/// RunTask has launched a task, and its answer is written down.
///
/// # Panics
/// When something stands there.
pub fn launched(ledger: &mut Ledger, fleet: u8, number: u8) {
    let mut task = TaskRecord::new(fleet_name(fleet).clone(), task_id(number).clone(), START);
    task.task_definition = Some(definition(fleet));
    task.launched_with = 1;
    let written = ledger.commit(&[Write { record: Record::Task(task), expected: Expected::Nothing }]);
    assert!(written, "nothing stands there");
}

/// A task registers, with nothing happening in between: the way there is the claim's. Its runner has the task's number for an id.
///
/// # Panics
/// When the rules do not let it.
pub fn registered(ledger: &mut Ledger, fleet: u8, number: u8) {
    let key = Key::Task(fleet_name(fleet).clone(), task_id(number).clone());
    let (mut task, expected) = match ledger.get(&key).map(|held| held.get().clone()) {
        Some(held) => {
            let expected = held.expected();
            match held.record {
                Record::Task(task) => (task, expected),
                Record::Fleet(_) | Record::Job(_) => unreachable!("a task stands under a task's key"),
            }
        }
        None => (TaskRecord::new(fleet_name(fleet).clone(), task_id(number).clone(), START), Expected::Nothing),
    };
    claim(&mut task, "nonce", &definition(fleet), None, START);
    begin_mint(&mut task, "nonce", START);
    let attempt = task.attempt;
    end_mint(&mut task, Minted { attempt, runner_id: Some(RunnerId(number.into())), at: START });
    acknowledge(&mut task, "nonce", Some(attempt), START).expect("nobody has refused it");
    let written = ledger.commit(&[Write { record: Record::Task(task), expected }]);
    assert!(written, "nobody writes in between");
}

/// The writes as if the pauses between two changes were always over: time stands still in these checks.
#[must_use]
pub fn timeless(writes: &[Write]) -> Vec<Write> {
    let mut writes = writes.to_vec();
    for write in &mut writes {
        if let Record::Fleet(state) = &mut write.record {
            state.changed_at = Timestamp::default();
            state.pause_secs = 0;
        }
    }
    writes
}
