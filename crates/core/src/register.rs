//! What a task may do on its way: claim a registration, acknowledge it, ask whether it may stay, report that it is done.
//! Each decision reads records and either changes them or says why not; it is then written only if the records are still in the version
//! that was read. So two that exclude each other (registering and condemning, two mints, two leavers for one place) cannot both happen.

use crate::ids::{ServiceName, TaskDefinition};
use crate::mutant::{self, Mutant};
use crate::names::ATTEMPT_MAX;
use crate::plan::{HUNG_AFTER, HUNG_EVERY};
use crate::state::FleetState;
use crate::task::{DoneAnswer, LeaveReason, Minted, TaskRecord, TaskState};
use crate::time::Timestamp;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long a mint may be under way: the function's time limit of 25 s, after which Lambda has ended it, and a margin for clocks that differ.
pub const MINT_LOCK: Duration = Duration::from_secs(30);

/// ECS's longest scale-in protection, 2,880 minutes.
pub const PROTECTION: Duration = Duration::from_secs(2_880 * 60);

/// How soon a task that was told to wait after `done` asks again.
pub const DONE_AGAIN: Duration = Duration::from_secs(3);

/// `scale` is told again of a task that is done after each of these, in case the first word was lost: three times in the 30 s for which a task waits, not
/// each time that it asks. Dozens of tasks that wait would fill their fleet's queue faster than `scale` empties it when it has stood still for a while.
const TELL_AGAIN: Duration = Duration::from_secs(8);

/// The longest time that passes between a task's question and the next: what it was told and a call that takes a second.
const ASKED_BEFORE: Duration = Duration::from_secs(4);

/// The longest nonce that is taken; the start script makes 64 characters.
pub const NONCE_MAX: usize = 256;

/// What the ledger keeps of a nonce.
#[must_use]
pub fn nonce_sha256(nonce: &str) -> String {
    hex::encode(Sha256::digest(nonce.as_bytes()))
}

/// Why a task does not get what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not for this caller, ever (403). The text is for the operator's log; the caller learns nothing.
    #[error("refused: {0}")]
    Forbidden(&'static str),
    /// The task is to leave (409).
    #[error("the task is to leave: {0}")]
    Leave(&'static str),
    /// Ask again after this time (503).
    #[error("not now: {reason}")]
    AskAgain {
        /// What it waits for.
        reason: &'static str,
        /// When to ask again.
        after: Duration,
    },
}

/// Whether a registration may be minted for the task, which was told the given nonce's hash. Changes nothing.
pub fn may_claim(task: &TaskRecord, nonce: &str, now: Timestamp) -> Result<(), Refusal> {
    is_its_own(task, nonce)?;
    // Before anything is said about leaving: a runner that is being made could not be removed yet.
    is_nothing_under_way(task, now)?;
    may_register(task)?;
    if task.registered_at.is_some() && !mutant::is(Mutant::RepeatAfterAck) {
        return Err(Refusal::Forbidden("its registration is acknowledged already: nothing is minted for it again"));
    }
    if task.attempt >= ATTEMPT_MAX {
        return Err(Refusal::Leave("it has used up its attempts to register"));
    }
    Ok(())
}

/// Claims the task: from here on only this nonce counts for it. In a service ECS has granted protection before.
pub fn claim(task: &mut TaskRecord, nonce: &str, definition: &TaskDefinition, service: Option<&ServiceName>, now: Timestamp) {
    task.nonce_sha256 = Some(nonce.to_owned());
    task.task_definition = Some(definition.clone());
    task.service = service.cloned();
    task.protected_until = service.map(|_| now + PROTECTION);
}

/// Whether ECS need not be asked about the task before a registration is minted for it: it has been claimed, and is still protected if it must be; or ECS's
/// answer to RunTask has named it, so that it is a task of this cluster, of this fleet and of no service. Who calls as this task has credentials that only
/// the task gets, and before its registration nothing runs in it but the start script.
#[must_use]
pub fn is_vouched_for(task: &TaskRecord, now: Timestamp) -> bool {
    match &task.service {
        Some(_) => task.nonce_sha256.is_some() && task.protected_until.is_some_and(|until| until > now + MINT_LOCK),
        None => task.nonce_sha256.is_some() || task.launched_with > 0,
    }
}

/// Marks a mint as begun, under a new attempt; from here on at the latest only this nonce counts for the task. The registration of the last one is void: its
/// runner is removed first, and whether that has happened nobody may know.
pub fn begin_mint(task: &mut TaskRecord, nonce: &str, now: Timestamp) {
    task.nonce_sha256 = Some(nonce.to_owned());
    task.attempt += 1;
    task.minted = None;
    task.minting_until = Some(now + MINT_LOCK);
}

/// Marks a mint as done, if the record tells of its begin and not of its end: a registration is made once under an attempt, and none after it before the end
/// of the lock. What earlier attempts had made was removed before.
pub fn end_mint(task: &mut TaskRecord, minted: Minted) {
    if task.minting_until.is_some() && task.attempt == minted.attempt {
        task.cleared = minted.attempt.saturating_sub(1);
        task.minted = Some(minted);
        task.minting_until = None;
    }
}

/// Marks a mint as not done: GitHub refused it, so that nothing was made.
pub fn undo_mint(task: &mut TaskRecord) {
    task.attempt = task.attempt.saturating_sub(1);
    task.minting_until = None;
}

/// Takes the acknowledgement of a registration, of this attempt if the task names one. A repeat of the same is taken again. One that the task has got, and
/// a late repeat of its request has removed, is not taken: its listener would find no runner at GitHub.
///
/// Nobody may have written that the mint is done. Who names its attempt has the answer that told of it, so that nothing is under way any more; who names none
/// waits until nothing can be. GitHub's id of the runner is then not known: what the task would say of it is not asked for, since it could be another's.
pub fn acknowledge(task: &mut TaskRecord, nonce: &str, attempt: Option<u8>, now: Timestamp) -> Result<(), Refusal> {
    let is_newest = attempt.is_none_or(|attempt| attempt == task.attempt);
    if is_newest && task.registered_at.is_some() && task.stop.is_none() && task.nonce_sha256.as_deref() == Some(nonce) {
        return Ok(());
    }
    is_its_own(task, nonce)?;
    if attempt.is_none() || !is_newest {
        is_nothing_under_way(task, now)?;
    }
    may_register(task)?;
    if !is_newest {
        return Err(Refusal::Forbidden("a repeat of its request has replaced the registration that it acknowledges"));
    }
    let attempt = task.attempt;
    end_mint(task, Minted { attempt, runner_id: None, at: now });
    if task.minted.as_ref().is_none_or(|minted| minted.attempt != task.attempt) || task.nonce_sha256.is_none() {
        return Err(Refusal::Forbidden("there is no registration to acknowledge"));
    }
    task.registered_at = Some(now);
    Ok(())
}

fn is_its_own(task: &TaskRecord, nonce: &str) -> Result<(), Refusal> {
    if task.nonce_sha256.as_deref().is_some_and(|known| known != nonce) {
        return Err(Refusal::Forbidden("it came with a second nonce"));
    }
    Ok(())
}

fn is_nothing_under_way(task: &TaskRecord, now: Timestamp) -> Result<(), Refusal> {
    match task.minting_until.filter(|until| *until > now) {
        Some(until) => Err(Refusal::AskAgain { reason: "another call mints for this task", after: until.since(now) }),
        None => Ok(()),
    }
}

fn may_register(task: &TaskRecord) -> Result<(), Refusal> {
    match task.state() {
        TaskState::Gone => Err(Refusal::Forbidden("the task has ended")),
        TaskState::Busy | TaskState::Finishing => Err(Refusal::Forbidden("the task has or had a job")),
        TaskState::Condemned => Err(Refusal::Leave("it was condemned, since it took too long to register")),
        TaskState::Leaving => Err(Refusal::Leave("it was told to leave before")),
        TaskState::Interrupted => Err(Refusal::Leave("AWS is about to take it away")),
        TaskState::Idle | TaskState::Booting => Ok(()),
    }
}

/// The answer to a runner that asks whether it may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// It stays.
    Stay,
    /// It leaves: its runner is to be deleted in GitHub before it is told so.
    Leave(LeaveReason),
}

/// Decides whether an idle runner stays. On `Leave` both records are changed, to be written in one transaction; a repeat gets the answer that
/// was recorded. A runner that has a job stays, whatever it asks.
pub fn lease(task: &mut TaskRecord, state: &mut FleetState, now: Timestamp) -> Result<Lease, Refusal> {
    match task.state() {
        TaskState::Gone => return Err(Refusal::Forbidden("the task has ended")),
        TaskState::Booting | TaskState::Condemned => return Err(Refusal::Forbidden("it has no registration to keep")),
        TaskState::Leaving if mutant::is(Mutant::ForgetLeaver) => return Ok(Lease::Stay),
        TaskState::Leaving => return Ok(Lease::Leave(task.leaving.map_or(LeaveReason::Surplus, |(_, reason)| reason))),
        TaskState::Busy | TaskState::Finishing | TaskState::Interrupted => return Ok(Lease::Stay),
        TaskState::Idle => {}
    }
    let replaced = task.task_definition.as_ref().is_some_and(|own| state.current.as_ref().is_some_and(|current| own != current));
    let long_idle = task.registered_at.is_some_and(|at| now.since(at) >= HUNG_AFTER);
    let reason = if replaced {
        LeaveReason::Replaced
    } else if state.surplus > 0 {
        state.surplus -= u32::from(!mutant::is(Mutant::SurplusWithoutVersion));
        LeaveReason::Surplus
    } else if state.hung > 0 && long_idle {
        state.hung -= 1;
        LeaveReason::Hung
    } else {
        return Ok(Lease::Stay);
    };
    task.leaving = Some((now, reason));
    Ok(Lease::Leave(reason))
}

/// Whether the fleet is worth a look because of this idle runner: a job has waited beside it for so long that its listener may hang. Nothing else happens in
/// such a fleet, so that the idle runner's own question is what brings `scale`.
#[must_use]
pub fn is_suspect(task: &TaskRecord, state: &FleetState, now: Timestamp) -> bool {
    let long = |since: Option<Timestamp>| since.is_some_and(|since| now.since(since) >= HUNG_AFTER);
    let idle = task.state() == TaskState::Idle && long(task.registered_at);
    idle && long(state.waiting_since) && now.since(state.hung_granted_at) >= HUNG_EVERY
}

/// GitHub says that the leaver has a job after all: it stays.
pub fn take_back_leave(task: &mut TaskRecord) {
    task.leaving = None;
}

/// Takes a task's word that it is ready to go. `Some` is what it is told; `None`: `scale` has not decided yet, it asks again.
pub fn done(task: &mut TaskRecord, with_job: bool, is_service: bool, now: Timestamp) -> Result<Option<DoneAnswer>, Refusal> {
    if task.stop.is_some() {
        return Err(Refusal::Forbidden("the task has ended"));
    }
    if task.never_registered() {
        return Err(Refusal::Forbidden("it has no registration to be done with"));
    }
    task.done_at = task.done_at.or(Some(now));
    task.done_with_job |= with_job;
    if !is_service {
        task.done_answer = task.done_answer.or(Some(DoneAnswer::Go));
    }
    Ok(task.done_answer)
}

/// Whether `scale` is told again that a task is done, which said so `waits` ago for the first time.
#[must_use]
pub fn is_to_tell_again(waits: Duration) -> bool {
    let told = |waits: Duration| waits.as_secs() / TELL_AGAIN.as_secs();
    told(waits) > told(waits.saturating_sub(ASKED_BEFORE))
}

/// Condemns a task that never registered. Whoever writes first wins: a task that acknowledged its registration is not condemned, and a condemned one
/// never registers. Returns whether it is condemned now.
pub fn condemn(task: &mut TaskRecord, now: Timestamp) -> bool {
    let minting = task.minting_until.is_some_and(|until| until > now);
    if task.state() == TaskState::Booting && !minting {
        task.condemned_at = Some(now);
    }
    task.condemned_at.is_some()
}

#[cfg(test)]
mod tests;
