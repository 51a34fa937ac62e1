//! What several functions look for: a fleet that may be newer than what was read, and the runner of a task whose id may not have been recorded.

use crate::ports::{Fleets, Github, GithubError, PortError};
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{RunnerId, StackId};
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::task::TaskRecord;
use std::time::Duration;

/// A fleet among those that were read at most the first age ago, or else among fresher ones.
pub(crate) async fn fleet<F: Fleets>(
    fleets: &F,
    max_ages: [Duration; 2],
    is_it: impl Fn(&Fleet) -> bool,
) -> Result<Option<Fleet>, PortError> {
    for max_age in max_ages {
        if let Some(fleet) = fleets.fleets(max_age).await?.fleets.iter().find(|fleet| is_it(fleet)) {
            return Ok(Some(fleet.clone()));
        }
    }
    Ok(None)
}

/// The runners of all the task's attempts that may have left one: by the id that was recorded, or by its name if the answer that bore the id was lost.
pub(crate) async fn runners<G: Github>(
    github: &G,
    stack: &StackId,
    fleet: &Fleet,
    task: &TaskRecord,
) -> Result<Vec<RunnerId>, GithubError> {
    let mut found = Vec::new();
    for attempt in task.cleared + 1..=task.attempt {
        let known = task.minted.as_ref().filter(|minted| minted.attempt == attempt).and_then(|minted| minted.runner_id);
        let name = RunnerName { stack: stack.clone(), fleet: fleet.name.clone(), task: task.task_id.clone(), attempt };
        found.extend(if known.is_some() { known } else { github.find(fleet, &name).await? });
    }
    Ok(found)
}
