//! `cost`: what the jobs cost, from the times in the ledger and one table of prices.

mod prices;
mod sizes;
mod sum;

use crate::arguments::{self, By};
use crate::error::CliError;
use crate::facts;
use crate::screen::{Answer, Screen, table};
use crate::stack::Stack;
use crate::words::{self, duration};
use prices::{Named, Prices};
use serde::Serialize;
use sizes::Sizes;
use std::collections::BTreeMap;
use std::time::Duration;
use sum::Row;

/// Sums it up.
pub async fn run(stack: &Stack, options: &arguments::Cost, screen: &Screen) -> Result<bool, CliError> {
    let prices = match &options.prices {
        None => Prices::built_in(),
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| CliError::File(file.clone(), error))?;
            Prices::read(&file.display().to_string(), &text)?
        }
    };
    let now = Stack::now();
    let since = now - options.since;
    let mut sizes = Sizes::new(stack);
    let (mut rows, mut cut_off): (BTreeMap<String, Row>, bool) = (BTreeMap::new(), false);
    for facts in facts::fleets(stack, None, screen).await? {
        let _doing = screen.doing(format!("reading the jobs and tasks of fleet {}", facts.fleet.name));
        let (tasks, more) = facts::tasks_since(stack, &facts, since).await?;
        let (jobs, even_more) = facts::jobs_since(stack, &facts.fleet.name, since).await?;
        cut_off |= more || even_more;
        let jobs: BTreeMap<_, _> = jobs.iter().map(|job| (job.job_id, job)).collect();
        for task in &tasks {
            let job = task.job_id.and_then(|job| jobs.get(&job).copied());
            let name = match (options.by, job) {
                (By::Fleet, _) => facts.fleet.name.to_string(),
                (_, None) => format!("no job (fleet {})", facts.fleet.name),
                (By::Repository, Some(job)) => job.repository.to_string(),
                (By::Workflow, Some(job)) => format!("{}: {}", job.repository, job.workflow_name.as_deref().unwrap_or("-")),
            };
            let size = sizes.of(task, &facts.fleet).await?;
            rows.entry(name).or_default().add(task, job, &size, &prices, since, now);
        }
    }
    let report = Report { since: words::utc(since), by: options.by, cut_off, prices: prices.named(), rows };
    if options.csv {
        screen.text(&report.csv())?;
    } else {
        screen.answer(&report)?;
    }
    Ok(true)
}

#[derive(Debug, Serialize)]
struct Report {
    since: String,
    #[serde(serialize_with = "by_name")]
    by: By,
    /// Whether there was more in the ledger than was read.
    cut_off: bool,
    prices: Named,
    rows: BTreeMap<String, Row>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn by_name<S: serde::Serializer>(by: &By, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match by {
        By::Fleet => "fleet",
        By::Repository => "repository",
        By::Workflow => "workflow",
    })
}

impl Report {
    fn total(&self) -> Row {
        self.rows.values().fold(Row::default(), Row::plus)
    }

    fn csv(&self) -> String {
        let mut text =
            "name,jobs,tasks,billed_seconds,job_seconds,idle_seconds,minimum_seconds,fargate_dollars,control_plane_dollars,dollars\n"
                .to_owned();
        for (name, row) in &self.rows {
            let name = if name.contains([',', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.clone() };
            text.push_str(&format!(
                "{name},{},{},{:.0},{:.0},{:.0},{:.0},{:.6},{:.6},{:.6}\n",
                row.jobs,
                row.tasks,
                row.billed_seconds,
                row.job_seconds,
                row.idle_seconds,
                row.minimum_seconds,
                row.fargate,
                row.control_plane,
                row.fargate + row.control_plane
            ));
        }
        text
    }
}

impl Answer for Report {
    fn tell(&self) -> String {
        let seconds = |seconds: f64| duration(Duration::from_secs_f64(seconds.max(0.0)));
        let line = |name: &str, row: &Row| {
            [
                name.to_owned(),
                row.jobs.to_string(),
                row.tasks.to_string(),
                seconds(row.billed_seconds),
                seconds(row.job_seconds),
                seconds(row.idle_seconds),
                seconds(row.minimum_seconds),
                format!("${:.4}", row.fargate),
                format!("${:.4}", row.control_plane),
                format!("${:.4}", row.fargate + row.control_plane),
            ]
        };
        let rows = self.rows.iter().map(|(name, row)| line(name, row)).chain([line("together", &self.total())]);
        let headings =
            ["", "jobs", "tasks", "billed", "in jobs", "start, idle, end", "minute's minimum", "fargate", "control plane", "together"];
        let mut text = format!("since {}\n\n{}\n\n{}", self.since, table(headings, rows), self.prices.source);
        text.push_str(
            "\nWhat the stack costs whether or not it works (alarms, dashboard, polling; README, \"What it costs\") is in no row.",
        );
        if self.cut_off {
            text.push_str("\nThere is more in the ledger than was read: the figures are too low. Ask for a shorter time.");
        }
        text
    }
}
