//! `runners`: each task with its runner.

use crate::arguments::Filter;
use crate::error::CliError;
use crate::facts;
use crate::screen::{Answer, Screen, table};
use crate::stack::Stack;
use crate::words::{self, ago};
use fargate_runners_core::ids::StackId;
use fargate_runners_core::job::TOMBSTONE;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::task::{TaskRecord, TaskState};
use fargate_runners_core::time::Timestamp;
use serde::Serialize;

/// Shows them.
pub async fn run(stack: &Stack, options: &Filter, screen: &Screen) -> Result<bool, CliError> {
    let id = stack.id()?;
    let now = Stack::now();
    let mut runners = Vec::new();
    for facts in facts::fleets(stack, options.fleet.as_ref(), screen).await? {
        let tasks = if options.all {
            let _doing = screen.doing(format!("reading the runners of fleet {} since {}", facts.fleet.name, words::utc(now - TOMBSTONE)));
            facts::tasks_since(stack, &facts, now - TOMBSTONE).await?.0
        } else {
            facts.tasks().cloned().collect()
        };
        runners.extend(tasks.iter().map(|task| Runner::of(task, &id)));
    }
    runners.sort_by(|a, b| (&a.fleet, a.first_seen_at).cmp(&(&b.fleet, b.first_seen_at)));
    screen.answer(&Runners { now, runners })?;
    Ok(true)
}

/// All of them.
#[derive(Debug, Serialize)]
struct Runners {
    #[serde(skip)]
    now: Timestamp,
    runners: Vec<Runner>,
}

/// A task with its runner. Times are in UTC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Runner {
    /// Its name at GitHub, once there is a registration or may be one.
    pub runner_name: Option<String>,
    /// Its task.
    pub task_id: String,
    /// Its fleet.
    pub fleet: String,
    /// What it does.
    pub state: TaskState,
    /// Its job.
    pub job_id: Option<u64>,
    #[serde(skip)]
    first_seen_at: Timestamp,
    seen_at: String,
    registered_at: Option<String>,
    /// How it ended.
    stopped: Option<String>,
}

impl Runner {
    /// From its record.
    pub fn of(task: &TaskRecord, stack: &StackId) -> Self {
        let name = |attempt| RunnerName { stack: stack.clone(), fleet: task.fleet.clone(), task: task.task_id.clone(), attempt };
        Self {
            // That a mint is done is written down with its acknowledgement.
            runner_name: (task.minted.is_some() || task.minting_until.is_some()).then(|| name(task.attempt).to_string()),
            task_id: task.task_id.to_string(),
            fleet: task.fleet.to_string(),
            state: task.state(),
            job_id: task.job_id.map(|job| job.0),
            first_seen_at: task.first_seen_at,
            seen_at: words::utc(task.first_seen_at),
            registered_at: task.registered_at.map(words::utc),
            stopped: task.stop.as_ref().map(|stop| {
                let code = stop.exit_code.map(|code| format!("exit code {code}"));
                let parts = [stop.code.clone(), code, stop.reason.clone()];
                format!("{}: {}", words::utc(stop.at), parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
            }),
        }
    }
}

impl Answer for Runners {
    fn tell(&self) -> String {
        if self.runners.is_empty() {
            return "no runners".to_owned();
        }
        let rows = self.runners.iter().map(|runner| {
            [
                runner.fleet.clone(),
                format!("{:?}", runner.state).to_lowercase(),
                runner.job_id.map_or_else(|| "-".to_owned(), |job| job.to_string()),
                ago(Some(runner.first_seen_at), self.now),
                runner.task_id.clone(),
                runner.stopped.clone().unwrap_or_else(|| runner.runner_name.clone().unwrap_or_else(|| "no registration yet".to_owned())),
            ]
        });
        table(["fleet", "state", "job", "age", "task", "runner, or how it ended"], rows)
    }
}
