//! `logs`: what a runner's task has written.

use crate::arguments;
use crate::commands::why::job_number;
use crate::error::CliError;
use crate::facts;
use crate::screen::{Answer, Screen};
use crate::stack::Stack;
use aws_sdk_cloudwatchlogs::operation::get_log_events::GetLogEventsError;
use fargate_runners_core::ids::{FleetName, TaskId};
use fargate_runners_core::job::TOMBSTONE;
use fargate_runners_core::names::RunnerName;
use serde::Serialize;

/// What Fargate's log driver calls the stream of a task, before its id: the prefix that the fleet's template gives, and the container.
const STREAM_OF_A_TASK: &str = "runner/runner";

/// More lines than this are not fetched: `aws logs tail` is better at that.
const LINES: usize = 10_000;

/// As many as CloudWatch Logs gives at once.
const PAGE: i32 = 1_000;

/// Pages, of which some may be empty.
const PAGES: usize = 50;

/// Shows them.
pub async fn run(stack: &Stack, options: &arguments::Logs, screen: &Screen) -> Result<bool, CliError> {
    let (fleet, task) = task_of(stack, &options.of, screen).await?;
    let group = format!("/fargate-runners/{}/{fleet}", stack.name);
    let _doing = screen.doing(format!("reading the log of task {task}"));
    let client = aws_sdk_cloudwatchlogs::Client::new(&stack.config);
    let stream = format!("{STREAM_OF_A_TASK}/{task}");
    let (mut lines, mut from) = (Vec::new(), None);
    for _ in 0..PAGES {
        let call = client.get_log_events().log_group_name(&group).log_stream_name(&stream).start_from_head(true).limit(PAGE);
        let page = match call.set_next_token(from.clone()).send().await {
            Ok(page) => page,
            Err(error) if error.as_service_error().is_some_and(GetLogEventsError::is_resource_not_found_exception) => {
                return Err(CliError::Unknown(format!(
                    "task {task} has written nothing to {group} (a task that pulls its image writes nothing yet)"
                )));
            }
            Err(error) => return Err(CliError::call(format!("reading the log stream {stream}"), error)),
        };
        lines.extend(page.events().iter().filter_map(|event| event.message()).map(|line| line.trim_end().to_owned()));
        if page.next_forward_token == from || lines.len() >= LINES {
            break;
        }
        from = page.next_forward_token;
    }
    screen.answer(&Log { fleet: fleet.to_string(), task_id: task.to_string(), group, stream, lines })?;
    Ok(true)
}

async fn task_of(stack: &Stack, of: &str, screen: &Screen) -> Result<(FleetName, TaskId), CliError> {
    if let Ok(name) = RunnerName::parse(of) {
        return Ok((name.fleet, name.task));
    }
    let task = TaskId::parse(of).ok();
    let job = job_number(of);
    let since = Stack::now() - TOMBSTONE;
    for facts in facts::fleets(stack, None, screen).await? {
        let (tasks, _) = facts::tasks_since(stack, &facts, since).await?;
        let found =
            tasks.into_iter().find(|record| Some(&record.task_id) == task.as_ref() || record.job_id.is_some() && record.job_id == job);
        if let Some(found) = found {
            return Ok((found.fleet, found.task_id));
        }
    }
    let remedy = "name a runner, a task, or a job that a runner has taken; `fargate-runners runners --all` lists them";
    Err(CliError::Unknown(format!("nothing is known of {of:?}; {remedy}")))
}

#[derive(Debug, Serialize)]
struct Log {
    fleet: String,
    task_id: String,
    group: String,
    stream: String,
    lines: Vec<String>,
}

impl Answer for Log {
    fn tell(&self) -> String {
        self.lines.join("\n")
    }
}
