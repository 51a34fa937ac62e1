//! A registration and its acknowledgement. In `service` mode ECS grants protection first, then one mint, under a lock in the task's record: two calls
//! never mint for one task at once, and a repeat first removes what the last one may have made. That a mint has begun is written before it; its end is written
//! with the acknowledgement.

use super::{Announces, Answer, CONFLICTS_MAX, Caller, Register, Trouble};
use crate::find;
use crate::ports::{
    Asks, Bus, Clock, CommitError, Deleted, Fleets, Github, GithubError, Ledger, MintError, MintPace, PortError, Protection, Retry,
    Slot as PaceSlot, TaskFacts, Tasks, chain,
};
use fargate_runners_core::fleet::{Fleet, Registration};
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::Slot;
use fargate_runners_core::register::{
    self, PROTECTION, Refusal, acknowledge, begin_mint, claim, end_mint, is_vouched_for, may_claim, undo_mint,
};
use fargate_runners_core::task::{Minted, TaskRecord};
use fargate_runners_core::time::Timestamp;
use std::time::Duration;

/// Fargate reports `RUNNING` within seconds of the container's start.
const NOT_RUNNING_YET: Duration = Duration::from_secs(2);

/// ECS refuses protection while its own view of the service settles.
const PROTECTION_REFUSED: Duration = Duration::from_secs(5);

/// A name that was taken is free after its runner has been removed.
const NAME_TAKEN: Duration = Duration::from_secs(1);

/// What a person must put right at GitHub (a permission, a runner group) is not put right in seconds.
const GITHUB_REFUSED: Duration = Duration::from_secs(30);

impl<L: Ledger, P: MintPace, G: Github, T: Tasks, F: Fleets, B: Bus, C: Clock> Register<L, P, G, T, F, B, C> {
    /// `pull_started_at` is what the task's metadata say of the pull of its image.
    pub(super) async fn registration(
        &self,
        fleet: &Fleet,
        caller: &Caller,
        nonce: &str,
        pull_started_at: Option<Timestamp>,
    ) -> Result<Answer, Trouble> {
        // If this process has minted, and its answer was lost, the lock is its own.
        let minted = self.kept.take(&caller.task).and_then(|kept| kept.get().minted.clone());
        let mut task = self.task_with(fleet, caller, minted.as_ref()).await?;
        if let Err(refusal) = may_claim(task.get(), nonce, self.clock.now()) {
            return self.refuse(fleet, task.get(), refusal).await;
        }
        // Whoever knows the nonce of a claim is the start script that made it, in a task that ECS has called running. Should it have ended since, its runner is
        // removed as that of any task that ends without having seen it off; so is that of a task which RunTask has launched.
        if !is_vouched_for(task.get(), self.clock.now()) {
            let facts = self.facts(fleet, caller).await?;
            if facts.service.is_some() && !mutant::is(Mutant::MintBeforeProtection) {
                self.protect(fleet, caller).await?;
            }
            claim(task.get_mut(), nonce, &facts.task_definition, facts.service.as_ref(), self.clock.now());
            task.get_mut().hosting = task.get().hosting.join(&facts.hosting);
        }
        let asks = if task.get().launched_with > 1 { Asks::AmongOthers } else { Asks::Alone };
        if let PaceSlot::NotBefore(until) = self.pace.take_slot(&fleet.credential, asks, self.clock.now()).await? {
            // A claim is kept while the task waits: `scale` knows by it that ECS cannot pick this task any more.
            self.write(&mut task).await.map_err(busy_record)?;
            return Err(Trouble::NotBefore(until));
        }
        let earlier = task.get().clone();
        begin_mint(task.get_mut(), nonce, self.clock.now());
        task.get_mut().hosting = task.get().hosting.join(&Hosting::told(pull_started_at, self.clock.now()));
        self.write(&mut task).await.map_err(busy_record)?;

        if let Err(error) = self.remove(fleet, &earlier).await {
            undo_mint(task.get_mut());
            self.write(&mut task).await.map_err(busy_record)?;
            return Err(error);
        }
        task.get_mut().cleared = earlier.attempt;
        self.mint(fleet, caller, task).await
    }

    /// A start script from before it named its runner acknowledges whatever was made last.
    pub(super) async fn ack(&self, fleet: &Fleet, caller: &Caller, nonce: &str, runner: Option<&str>) -> Result<Answer, Trouble> {
        let runner =
            runner.map(RunnerName::parse).transpose().map_err(|_| Refusal::Forbidden("it acknowledges a runner with no such name"))?;
        let attempt = runner.map(|runner| runner.attempt);
        let mut kept = self.kept.take(&caller.task);
        let minted = kept.as_ref().and_then(|kept| kept.get().minted.clone());
        for _ in 0..CONFLICTS_MAX {
            let now = self.clock.now();
            let (mut task, is_read) = match kept.take() {
                Some(kept) => (kept, false),
                None => (self.task_with(fleet, caller, minted.as_ref()).await?, true),
            };
            match acknowledge(task.get_mut(), nonce, attempt, now) {
                Ok(()) => {}
                Err(refusal) if is_read => return self.refuse(fleet, task.get(), refusal).await,
                // Others may have written the record since: what it says now decides.
                Err(_) => continue,
            }
            let first = task.is_changed();
            match self.write(&mut task).await {
                Ok(()) => {
                    metrics::counter!("RunnersRegistered").increment(first.into());
                    let name = self.name(fleet, caller, task.get().attempt);
                    tracing::info!(fleet = %fleet.name, runner_name = %name, "a runner is about to listen");
                    return Ok(Answer::Acknowledged(Announces(task.get().service.is_some())));
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Trouble::Contention)
    }

    /// The task's record, with what this process knows of a mint that it tells the begin of.
    async fn task_with(&self, fleet: &Fleet, caller: &Caller, minted: Option<&Minted>) -> Result<Slot<TaskRecord>, Trouble> {
        let mut task = self.task(fleet, caller, self.clock.now()).await?;
        if let Some(minted) = minted {
            end_mint(task.get_mut(), minted.clone());
        }
        Ok(task)
    }

    /// What ECS says of the caller: it must be a task of this cluster and this fleet that is meant to run.
    async fn facts(&self, fleet: &Fleet, caller: &Caller) -> Result<TaskFacts, Trouble> {
        let facts = self.tasks.describe(fleet, &caller.task).await?.ok_or(Refusal::Forbidden("the cluster has no such task"))?;
        if facts.task_definition.family() != fleet.task_definition.family() {
            return Err(Refusal::Forbidden("the task is another fleet's").into());
        }
        match (facts.desired_status.as_str(), facts.last_status.as_str()) {
            ("STOPPED", _) => Err(Refusal::Forbidden("the task is ending").into()),
            (_, "RUNNING") => Ok(facts),
            (_, "PROVISIONING" | "PENDING" | "ACTIVATING") => {
                Err(Refusal::AskAgain { reason: "ECS does not call the task running yet", after: NOT_RUNNING_YET }.into())
            }
            _ => Err(Refusal::Forbidden("the task is ending").into()),
        }
    }

    async fn protect(&self, fleet: &Fleet, caller: &Caller) -> Result<(), Trouble> {
        match self.tasks.protect(fleet, &caller.task, PROTECTION).await? {
            Protection::Granted => Ok(()),
            Protection::Refused(reason) => {
                metrics::counter!("ProtectionsRefused").increment(1);
                tracing::warn!(fleet = %fleet.name, task_id = %caller.task, reason, "ECS refused scale-in protection; the task asks again");
                Err(Refusal::AskAgain { reason: "ECS refused scale-in protection", after: PROTECTION_REFUSED }.into())
            }
        }
    }

    async fn mint(&self, fleet: &Fleet, caller: &Caller, mut task: Slot<TaskRecord>) -> Result<Answer, Trouble> {
        let name = self.name(fleet, caller, task.get().attempt);
        let minted = match fleet.registration {
            Registration::Jit => self.github.jit_config(fleet, &name).await.map(|jit| (Some(jit.id), Answer::Jit(name.clone(), jit))),
            Registration::Token => {
                self.github.registration_token(fleet).await.map(|token| (None, Answer::Token(name.clone(), Box::new(fleet.clone()), token)))
            }
        };
        let (runner_id, answer) = match minted {
            Ok(minted) => minted,
            Err(error) => return Err(self.not_minted(fleet, &mut task, error).await?),
        };
        metrics::counter!("Mints").increment(1);
        tracing::info!(fleet = %fleet.name, runner_name = %name, "minted a registration");
        // Written with the acknowledgement. If the task ends or is condemned before, its runner goes by its name.
        end_mint(task.get_mut(), Minted { attempt: name.attempt, runner_id, at: self.clock.now() });
        self.kept.keep(task);
        Ok(answer)
    }

    /// What follows from a mint that did not succeed.
    async fn not_minted(&self, fleet: &Fleet, task: &mut Slot<TaskRecord>, error: MintError) -> Result<Trouble, Trouble> {
        let trouble = match error {
            MintError::NotBefore(until) => {
                undo_mint(task.get_mut());
                self.pace.hold(&fleet.credential, until).await?;
                tracing::warn!(fleet = %fleet.name, credential = %fleet.credential, %until, "GitHub's rate limit: mints pause");
                Trouble::NotBefore(until)
            }
            MintError::NameTaken => {
                // The attempt stays: the next call removes the runner of that name, and goes on under the next.
                task.get_mut().minting_until = None;
                Refusal::AskAgain { reason: "the runner's name was taken", after: NAME_TAKEN }.into()
            }
            MintError::UnknownEffect(error) => {
                // The lock stays until no answer can come any more; the next call removes what may have been made.
                let after = task.get().minting_until.map_or(NAME_TAKEN, |until| until.since(self.clock.now()));
                tracing::warn!(fleet = %fleet.name, error = chain(&error), "nobody knows whether GitHub made the runner");
                return Ok(Refusal::AskAgain { reason: "GitHub's answer was lost", after }.into());
            }
            MintError::Refused(error) => {
                undo_mint(task.get_mut());
                metrics::counter!("MintsFailed").increment(1);
                tracing::error!(fleet = %fleet.name, credential = %fleet.credential, error = chain(&error), "GitHub refuses to mint for this fleet");
                let after = if error.retry == Retry::Never { GITHUB_REFUSED } else { super::AFTER_FAILURE };
                Refusal::AskAgain { reason: "GitHub refused", after }.into()
            }
        };
        self.write(task).await.map_err(busy_record)?;
        Ok(trouble)
    }

    /// Removes what the record's attempts have made, or may have made.
    async fn remove(&self, fleet: &Fleet, task: &TaskRecord) -> Result<(), Trouble> {
        if task.attempt == 0 || mutant::is(Mutant::MintBesideTheLast) || fleet.registration == Registration::Token {
            return Ok(());
        }
        for runner in find::runners(&self.github, &self.stack, fleet, task).await.map_err(trouble)? {
            if self.github.delete(fleet, runner).await.map_err(trouble)? == Deleted::Busy {
                return Err(Refusal::AskAgain { reason: "GitHub holds its earlier runner for busy", after: GITHUB_REFUSED }.into());
            }
        }
        Ok(())
    }

    /// A task that is told to leave may have a runner that it never started: that one goes first, so that an exit code of 0 means that nothing is left.
    async fn refuse(&self, fleet: &Fleet, task: &TaskRecord, refusal: Refusal) -> Result<Answer, Trouble> {
        if matches!(refusal, Refusal::Leave(_)) && task.registered_at.is_none() {
            self.remove(fleet, task).await?;
        }
        Err(refusal.into())
    }

    /// Writes the task's record if it has changed; the slot then stands for what was written.
    pub(super) async fn write(&self, task: &mut Slot<TaskRecord>) -> Result<(), CommitError> {
        if task.is_changed() {
            self.ledger.commit(&[task.to_write()], self.now()).await?;
            task.committed();
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Somebody else wrote the task's record between a read and a write: the task asks again at once.
fn busy_record(error: CommitError) -> Trouble {
    match error {
        CommitError::Conflict => Refusal::AskAgain { reason: "the task's record is being written", after: register::DONE_AGAIN }.into(),
        CommitError::Failed(error) => error.into(),
    }
}

pub(super) fn trouble(error: GithubError) -> Trouble {
    match error {
        GithubError::NotBefore(until) => Trouble::NotBefore(until),
        GithubError::Failed(error) => PortError { retry: Retry::UnknownEffect, ..error }.into(),
    }
}
