//! `why`: the story of a job, and the one thing that it waits for.
//!
//! What is known is gathered here (ledger, ECS, and GitHub by way of `sweep`); what follows from it is decided by `cause`, which is pure.

mod arrival;
mod cause;
mod evidence;
mod steps;
mod telling;

#[cfg(test)]
mod tests;

use crate::arguments;
use crate::error::CliError;
use crate::facts::{self, AllFleets, FleetFacts};
use crate::said;
use crate::screen::{Answer, Screen, Tone, coloured};
use crate::stack::Stack;
use cause::Cause;
use evidence::{Evidence, Github, described_by};
use fargate_runners_aws::DynamoPace;
use fargate_runners_core::ids::{JobId, RepositoryName, TaskId};
use fargate_runners_core::job::JobRecord;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::{Key, Record};
use fargate_runners_core::task::TaskRecord;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::inquiry::{self, Inquiry};
use fargate_runners_use_cases::ports::{Ledger as _, Survey as _, chain};
use serde::Serialize;
use std::collections::BTreeMap;
use steps::Step;

/// Pages of tasks that are looked at: a fleet of thousands needs more, but what its tasks wait for shows on the first ones.
const TASK_PAGES: usize = 5;

/// Tasks that ECS describes at once; what those wait for that came first, all others wait for too.
const DESCRIBED: usize = 100;

/// Tells it. Whatever a job waits for, the question is answered, which is well; only a job of which nobody knows is an error.
pub async fn run(stack: &Stack, options: &arguments::Why, screen: &Screen) -> Result<bool, CliError> {
    let (repository, job) = job_of(&options.job)?;
    let evidence = gather(stack, repository, job, screen).await?;
    let cause = cause::of(&evidence);
    let (says, remedy) = (cause.sentence(), cause.remedy());
    let why = Why { job_id: job.0, steps: steps::of(&evidence), unknown: evidence.unknown(), cause, says, remedy };
    screen.answer(&why)?;
    if matches!(why.cause, Cause::Nowhere) {
        return Err(CliError::Unknown(format!(
            "job {job} is known neither to the ledger nor, as far as could be asked, to GitHub; give its address or OWNER/NAME with the id, so that GitHub can be asked"
        )));
    }
    Ok(true)
}

async fn gather(stack: &Stack, repository: Option<RepositoryName>, job: JobId, screen: &Screen) -> Result<Evidence, CliError> {
    let AllFleets { facts: fleets, unreadable } = facts::all(stack, screen).await?;
    let doing = screen.doing(format!("reading job {job} from the ledger"));
    let (ledger, now) = (stack.ledger(), Stack::now());
    // A fleet that cannot be read now may have heard of the job while it could.
    let names =
        fleets.iter().map(|facts| facts.fleet.name.clone()).chain(unreadable.keys().filter_map(|parameter| described_by(parameter)));
    let keys: Vec<Key> = names.map(|fleet| Key::Job(fleet, job)).collect();
    let found = ledger.read(&keys, now).await?.into_iter().filter_map(|versioned| match versioned.into_record() {
        Record::Job(job) => Some(job),
        _ => None,
    });
    let records: Vec<JobRecord> = found.collect();
    let taker = records.iter().find_map(|job| RunnerName::parse(job.runner_name.as_deref()?).ok());
    let task: Option<TaskRecord> = match taker {
        Some(name) => {
            ledger.read(&[Key::Task(name.fleet, name.task)], now).await?.into_iter().find_map(|versioned| match versioned.record {
                Record::Task(task) => Some(task),
                _ => None,
            })
        }
        None => None,
    };
    drop(doing);
    let home = records.iter().find(|job| job.home).map(|job| job.fleet.clone());
    let mut evidence = Evidence {
        now,
        fleets,
        unreadable,
        records,
        task,
        seen_tasks: Vec::new(),
        started: BTreeMap::new(),
        services: Vec::new(),
        github: Github::NotAsked,
        access: None,
        paused_until: None,
        complaints: Vec::new(),
        trouble: Vec::new(),
    };
    if let Some(home) = home.as_ref().and_then(|home| evidence.fleets.iter().find(|facts| facts.fleet.name == *home)).cloned()
        && evidence.waits()
    {
        ask_ecs(stack, &home, &mut evidence, screen).await;
    }
    let repository = repository.or_else(|| evidence.records.first().map(|job| job.repository.clone()));
    if let Some(repository) = repository.filter(|_| evidence.waits() || evidence.records.is_empty()) {
        let _doing = screen.doing(format!("sweep asks GitHub about job {job} of {repository}"));
        let question = serde_json::json!({ "inquiry": Inquiry::Job { repository: repository.to_string(), job_id: job.0 } });
        match stack.ask_sweep::<inquiry::Answer>(&question).await {
            Ok(inquiry::Answer::Job(answer)) => evidence.github = Github::Answer(answer),
            Ok(inquiry::Answer::Github(_)) => evidence.trouble.push("sweep answered another question".to_owned()),
            Err(error) => evidence.trouble.push(format!("GitHub could not be asked: {}", chain(&error))),
        }
    }
    if evidence.waits() || evidence.records.is_empty() {
        complaints(stack, "scale", &mut evidence).await;
    }
    if evidence.has_unregistered() {
        complaints(stack, "register", &mut evidence).await;
        if let Some(credential) = evidence.home().map(|facts| facts.fleet.credential.clone()) {
            match DynamoPace::new(&stack.aws, &stack.table).paused_until(&credential, now).await {
                Ok(until) => evidence.paused_until = until,
                Err(error) => evidence.trouble.push(chain(&error)),
            }
        }
    }
    if evidence.has_overdue() {
        let _doing = screen.doing("sweep asks GitHub about the credential");
        match stack.ask_sweep::<inquiry::Answer>(&serde_json::json!({ "inquiry": Inquiry::Github })).await {
            Ok(inquiry::Answer::Github(answer)) => {
                let home = home.map(|home| home.to_string()).unwrap_or_default();
                evidence.access = answer.accesses.into_iter().find(|access| access.fleets.contains(&home));
            }
            Ok(inquiry::Answer::Job(_)) => evidence.trouble.push("sweep answered another question".to_owned()),
            Err(error) => evidence.trouble.push(format!("GitHub could not be asked about the credential: {}", chain(&error))),
        }
    }
    Ok(evidence)
}

async fn complaints(stack: &Stack, function: &'static str, evidence: &mut Evidence) {
    match said::lately(stack, function).await {
        Ok(found) => evidence.complaints.extend(found.into_iter().map(|complaint| (function, complaint))),
        Err(why) => evidence.trouble.push(format!("the log of {function}: {why}")),
    }
}

async fn ask_ecs(stack: &Stack, home: &FleetFacts, evidence: &mut Evidence, screen: &Screen) {
    let _doing = screen.doing(format!("asking ECS about fleet {}", home.fleet.name));
    let ecs = stack.ecs();
    let mut next = None;
    for _ in 0..TASK_PAGES {
        match ecs.running(&home.fleet, next.as_deref()).await {
            Ok(page) => {
                evidence.seen_tasks.extend(page.tasks);
                next = page.next;
            }
            Err(error) => {
                evidence.trouble.push(chain(&error));
                break;
            }
        }
        if next.is_none() {
            break;
        }
    }
    match ecs.services(&home.fleet).await {
        Ok(services) => evidence.services = services,
        Err(error) => evidence.trouble.push(chain(&error)),
    }
    if let Err(error) = ask_starts(stack, home, evidence).await {
        evidence.trouble.push(chain(&error));
    }
}

/// Asks when the containers of those tasks came to run that have no registration yet.
async fn ask_starts(stack: &Stack, home: &FleetFacts, evidence: &mut Evidence) -> Result<(), CliError> {
    let tasks: Vec<String> = evidence.unregistered().iter().take(DESCRIBED).map(|task| task.id.to_string()).collect();
    if tasks.is_empty() {
        return Ok(());
    }
    let call = aws_sdk_ecs::Client::new(&stack.config).describe_tasks().cluster(&home.fleet.cluster).set_tasks(Some(tasks));
    let what = || format!("asking ECS when the tasks of fleet {} began to run", home.fleet.name);
    let answer = call.send().await.map_err(|error| CliError::call(what(), error))?;
    evidence.started = answer.tasks().iter().filter_map(started).collect();
    Ok(())
}

fn started(task: &aws_sdk_ecs::types::Task) -> Option<(TaskId, Timestamp)> {
    let millis = task.started_at()?.to_millis().ok()?;
    Some((TaskId::from_arn(task.task_arn()?).ok()?, Timestamp::from_millis(u64::try_from(millis).ok()?)))
}

/// The job's number in an id, an address such as `https://github.com/OWNER/NAME/actions/runs/7/job/42`, or a link to a check run.
pub fn job_number(text: &str) -> Option<JobId> {
    let last = text.trim_end_matches('/').rsplit('/').next()?;
    let last = last.split(['?', '#']).next()?;
    last.parse().ok().map(JobId)
}

fn job_of(given: &[String]) -> Result<(Option<RepositoryName>, JobId), CliError> {
    let wrong = || {
        CliError::Given(format!(
            "{:?} is no job: give its address (https://github.com/OWNER/NAME/actions/runs/RUN/job/JOB), its id, or OWNER/NAME and its id",
            given.join(" ")
        ))
    };
    match given {
        [one] if one.contains("/actions/runs/") && !one.contains("/job/") => Err(CliError::Given(format!(
            "{one} is a run, and a run has jobs: open the one that waits, and give its address (https://github.com/OWNER/NAME/actions/runs/RUN/job/JOB)"
        ))),
        [one] => {
            let job = job_number(one).ok_or_else(wrong)?;
            let path = one.split_once("://").map(|(_, rest)| rest);
            let repository = path.and_then(|path| {
                let parts: Vec<&str> = path.split('/').collect();
                let runs = parts.iter().position(|part| *part == "actions" || *part == "runs")?;
                RepositoryName::parse(&format!("{}/{}", parts.get(runs.checked_sub(2)?)?, parts.get(runs - 1)?)).ok()
            });
            Ok((repository, job))
        }
        [repository, job] => {
            let repository = RepositoryName::parse(repository).map_err(|error| CliError::Given(error.to_string()))?;
            Ok((Some(repository), job_number(job).ok_or_else(wrong)?))
        }
        _ => Err(wrong()),
    }
}

/// The answer.
#[derive(Debug, Serialize)]
struct Why {
    job_id: u64,
    steps: Vec<Step>,
    /// What could not be found out.
    unknown: Vec<String>,
    cause: Cause,
    /// The cause in one sentence.
    says: String,
    /// What to do.
    remedy: Option<String>,
}

impl Answer for Why {
    fn tell(&self) -> String {
        let mut text = format!("job {}\n", self.job_id);
        for step in &self.steps {
            let at = step.at.as_deref().unwrap_or("                    ");
            text.push_str(&format!("  {at}  {}\n", step.what));
        }
        for unknown in &self.unknown {
            text.push_str(&format!("  {} {unknown}\n", coloured("not known:", Tone::Warning)));
        }
        let tone = if self.cause.is_waiting() { Tone::Warning } else { Tone::Good };
        text.push_str(&format!("\n{}", coloured(&self.says, tone)));
        if let Some(remedy) = &self.remedy {
            text.push_str(&format!("\n  {remedy}"));
        }
        text
    }
}
