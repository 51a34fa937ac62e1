//! Runners whose tasks have left them behind in GitHub. GitHub's list is read first, then the ledger, then ECS: a runner is deleted only if its task was
//! found gone by all that know it, now and minutes ago, or goes on under a newer registration. The runner of a living task is never touched.

use super::round::{Round, scope_key};
use super::{Healer, Outcome, Ports, Sweep, SweepError};
use crate::ports::{Clock, Deleted, Github, SeenRunner, Survey};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::Slot;
use fargate_runners_core::sweep::runners::{Standing, Suspects, standing};
use std::collections::{BTreeMap, BTreeSet};

/// Deletions for a scope in one sweep: each is a write, of which GitHub admits some 180 a minute, and mints come first.
const DELETIONS_MAX: usize = 50;

/// DescribeTasks takes a hundred tasks.
const ASKED_AT_ONCE: usize = 100;

type Ours = (RunnerName, SeenRunner);

impl<P: Ports> Sweep<P> {
    /// `fleet` stands for all of its scope.
    pub(super) async fn left_runners(&self, fleet: &Fleet, round: &mut Round, outcome: &mut Outcome) -> Result<(), SweepError> {
        let listing = self.listing(round, fleet).await?;
        let mut memo = self.recall::<Suspects>(round, Healer::LeftRunners.name(), &scope_key(fleet)).await?;
        let now = self.clock.now();
        memo.value.forget_old(now);
        let mut by_fleet: BTreeMap<&FleetName, Vec<&Ours>> = BTreeMap::new();
        for runner in &listing.ours {
            by_fleet.entry(&runner.0.fleet).or_default().push(runner);
        }
        let mut left = Vec::new();
        for (name, runners) in by_fleet {
            let found = match self.who_is_left(fleet, round, name, runners).await {
                Ok(found) => found,
                Err(error) => {
                    outcome.failed(Healer::LeftRunners, format!("fleet {name}"), &error);
                    continue;
                }
            };
            for (runner, is_left) in found {
                if !is_left {
                    memo.value.clear(runner.1.id);
                } else if memo.value.suspect(runner.1.id, now) {
                    left.push(runner);
                }
            }
        }
        let deleted = self.delete_left(fleet, round, &left, &mut memo.value, outcome).await;
        self.keep(round, memo).await?;
        deleted
    }

    /// Of the runners of one fleet, which have no task any more. Those of which nobody can tell are left out.
    async fn who_is_left<'a>(
        &self,
        fleet: &Fleet,
        round: &Round,
        name: &FleetName,
        runners: Vec<&'a Ours>,
    ) -> Result<Vec<(&'a Ours, bool)>, SweepError> {
        let described = round.fleet(name);
        if described.is_none() && !round.knows_all_fleets() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        // Never a list: it is older than GitHub's.
        let view = self.view_of(name, runners.iter().map(|runner| &runner.0.task)).await?;
        let of = |runner: &Ours| standing(view.tasks.get(&runner.0.task).map(Slot::get), runner.0.attempt, now);
        // A fleet that is gone has nobody who asks about its tasks: the ledger's word that one lives does not count there.
        let is_asked = |standing| standing == Standing::Ended || (described.is_none() && standing == Standing::Lives);
        let asked: Vec<TaskId> = runners.iter().filter(|runner| is_asked(of(runner))).map(|runner| runner.0.task.clone()).collect();
        let (mut ended, mut known) = (BTreeSet::new(), BTreeSet::new());
        // All fleets have their tasks in the one cluster of the installation.
        for tasks in asked.chunks(ASKED_AT_ONCE) {
            for seen in self.survey.described(described.unwrap_or(fleet), tasks).await? {
                if seen.stop.is_some() {
                    ended.insert(seen.id.clone());
                }
                known.insert(seen.id);
            }
        }
        let is_left = |runner: &Ours| match of(runner) {
            Standing::Replaced => true,
            Standing::Ended => ended.contains(&runner.0.task) || !known.contains(&runner.0.task),
            // Nor does ECS's silence count there: it forgets a task within an hour of its end.
            Standing::Lives => ended.contains(&runner.0.task) || (described.is_none() && !known.contains(&runner.0.task)),
        };
        Ok(runners.into_iter().map(|runner| (runner, is_left(runner))).collect())
    }

    async fn delete_left(
        &self,
        fleet: &Fleet,
        round: &Round,
        left: &[&Ours],
        suspects: &mut Suspects,
        outcome: &mut Outcome,
    ) -> Result<(), SweepError> {
        // One that GitHub calls busy cannot be deleted yet.
        for (name, seen) in left.iter().filter(|(_, seen)| !seen.busy).take(DELETIONS_MAX) {
            if self.is_late(round) {
                break;
            }
            match self.github.delete(fleet, seen.id).await.map_err(SweepError::from) {
                Ok(Deleted::Gone) => {
                    tracing::warn!(fleet = %name.fleet, task_id = %name.task, runner_name = %name, "a runner without a task was left in GitHub; it is deleted");
                    suspects.clear(seen.id);
                    outcome.healed();
                }
                Ok(Deleted::Busy) => {
                    tracing::info!(runner_name = %name, "GitHub holds a runner without a task for busy; it is deleted later");
                }
                Err(error) if error.is_rate_limit() => return Err(error),
                Err(error) => outcome.failed(Healer::LeftRunners, format!("runner {name}"), &error),
            }
        }
        Ok(())
    }
}
