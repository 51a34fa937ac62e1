//! What is read of a fleet, for all commands alike: its description, what counts in the ledger, and what it has had.

use crate::error::CliError;
use crate::screen::Screen;
use crate::stack::Stack;
use fargate_runners_aws::{History, Kind};
use fargate_runners_core::apply::apply_noted;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::job::JobRecord;
use fargate_runners_core::record::{Record, Slot, View};
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Ledger as _, chain};
use std::collections::BTreeMap;

/// A fleet, and what counts of it in the ledger.
#[derive(Clone, Debug)]
pub struct FleetFacts {
    /// Its description.
    pub fleet: Fleet,
    /// Its records.
    pub view: View,
}

impl FleetFacts {
    /// Its open jobs.
    pub fn jobs(&self) -> impl Iterator<Item = &JobRecord> {
        self.view.jobs.values().map(Slot::get)
    }

    /// Its living tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskRecord> {
        self.view.tasks.values().map(Slot::get)
    }

    /// A task that was read by itself, with what is noted of it if it lives.
    fn as_noted(&self, task: TaskRecord) -> TaskRecord {
        let known = self.view.tasks.get(&task.task_id).map(Slot::get);
        known.filter(|_| task.stop.is_none()).cloned().unwrap_or(task)
    }
}

/// All fleets, as far as they are known.
#[derive(Clone, Debug)]
pub struct AllFleets {
    /// Those that are described.
    pub facts: Vec<FleetFacts>,
    /// The parameters with the descriptions of the others, and why each cannot be used.
    pub unreadable: BTreeMap<String, String>,
}

/// Reads all fleets.
pub async fn all(stack: &Stack, screen: &Screen) -> Result<AllFleets, CliError> {
    let _doing = screen.doing("reading the fleets");
    let list = stack.fleets().await?;
    let unreadable = list.unreadable.iter().map(|(parameter, error)| (parameter.clone(), chain(error))).collect();
    Ok(AllFleets { facts: read(stack, list.fleets.clone()).await?, unreadable })
}

/// Reads all fleets whose description can be used, or the one that is named.
pub async fn fleets(stack: &Stack, only: Option<&FleetName>, screen: &Screen) -> Result<Vec<FleetFacts>, CliError> {
    let Some(name) = only else { return Ok(all(stack, screen).await?.facts) };
    let _doing = screen.doing("reading the fleet");
    read(stack, vec![stack.fleet(name).await?]).await
}

async fn read(stack: &Stack, fleets: Vec<Fleet>) -> Result<Vec<FleetFacts>, CliError> {
    let (ledger, id, now) = (stack.ledger(), stack.id()?, Stack::now());
    let mut facts = Vec::with_capacity(fleets.len());
    for fleet in fleets {
        let mut view = ledger.active(View::new(fleet.name.clone()), now).await?;
        apply_noted(&mut view, &id, now);
        facts.push(FleetFacts { fleet, view });
    }
    Ok(facts)
}

/// The jobs of a fleet that are open or have ended since.
pub async fn jobs_since(stack: &Stack, fleet: &FleetName, since: Timestamp) -> Result<(Vec<JobRecord>, bool), CliError> {
    let history = History::read(&stack.aws, &stack.table, fleet, Kind::Jobs, since, Stack::now()).await?;
    let jobs = history.records.into_iter().filter_map(|record| match record {
        Record::Job(job) => Some(job),
        _ => None,
    });
    Ok((jobs.collect(), history.cut_off))
}

/// The tasks of a fleet that live or have ended since. Of those that live, what is noted with their jobs is known only with the fleet's records.
pub async fn tasks_since(stack: &Stack, facts: &FleetFacts, since: Timestamp) -> Result<(Vec<TaskRecord>, bool), CliError> {
    let history = History::read(&stack.aws, &stack.table, &facts.fleet.name, Kind::Tasks, since, Stack::now()).await?;
    let tasks = history.records.into_iter().filter_map(|record| match record {
        Record::Task(task) => Some(facts.as_noted(task)),
        _ => None,
    });
    Ok((tasks.collect(), history.cut_off))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::ids::{JobId, TaskId};
    use fargate_runners_core::record::Version;
    use fargate_runners_core::task::Stop;
    use serde_json::json;

    #[test]
    fn a_task_that_lives_has_the_job_that_is_noted_and_one_that_has_ended_is_as_it_was_written() {
        let now = Timestamp::from_secs(1);
        let description = json!({
            "fleet": "burst", "scope": "org/octo-org", "credential": "default", "labels": ["burst"], "launch_mode": "tasks", "maximum": 1,
            "task_role": "r", "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners", "subnets": ["subnet-1"],
            "task_definition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-burst:3",
        });
        let fleet = Fleet::parse(&description.to_string()).unwrap();
        let mut view = View::new(fleet.name.clone());
        let written = TaskRecord::new(fleet.name.clone(), TaskId::parse(&"a".repeat(32)).unwrap(), now);
        let mut noted = written.clone();
        noted.had_job(JobId(7), None);
        view.tasks.insert(noted.task_id.clone(), Slot::read(noted, Version(1)));
        let facts = FleetFacts { fleet, view };
        assert_eq!(facts.as_noted(written.clone()).job_id, Some(JobId(7)));
        let stop = Stop { at: now, code: None, reason: None, exit_code: Some(0) };
        let ended = TaskRecord { stop: Some(stop), ..written };
        assert_eq!(facts.as_noted(ended.clone()), ended);
    }
}
