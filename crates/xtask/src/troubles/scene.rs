//! The stack with the operator in front of it: what every trouble needs to be put in, asked about, and taken out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

use fargate_runners_local_stack::aws;
use fargate_runners_model_ecs::EcsModel;
use fargate_runners_model_github::{Action, Answer, Conclusion, Delivery, Gate, GithubModel, JobId, NewJob, Payload, Status};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::demo::operator::Operator;
use crate::problem::{Outcome, Problem};
use crate::stack::{CONTROL_PLANE, ORGANIZATION, Stack};

use super::table::Job;

/// How often to look whether something has come about.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Between two sweeps while a job is to end.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// The longest that a job may take once nothing is in its way: a task boots, registers, and the breaker may have held it back for a moment.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Between two presses of "Redeliver".
const REDELIVER_EVERY: Duration = Duration::from_secs(5);

/// A job of a trouble takes no longer than it must.
const JOB_MILLISECONDS: u64 = 300;

/// IAM's version in the query protocol.
const IAM: &str = "2010-05-08";

/// The policy that denies a role what a trouble takes from it.
const DENIAL: &str = "trouble";

/// A line of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// What was looked at.
    pub check: String,
    /// `ok`, `warning` or `wrong`.
    pub verdict: String,
    /// What was found.
    pub says: String,
    /// What to do.
    pub remedy: String,
}

impl Line {
    /// Whether it complains.
    pub fn complains(&self) -> bool {
        self.verdict != "ok"
    }
}

/// A job that `why` is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Its number at GitHub.
    pub id: JobId,
    /// Its repository.
    pub repository: &'static str,
}

/// The scene.
pub struct Scene<'a> {
    /// The stack.
    pub stack: &'a Stack,
    operator: Operator<'a>,
}

impl<'a> Scene<'a> {
    /// Sets it.
    pub fn new(stack: &'a Stack, operator: Operator<'a>) -> Self {
        Self { stack, operator }
    }

    /// The emulator, as its administrator.
    pub fn aws(&self) -> &aws::Emulator {
        &self.stack.aws
    }

    /// Changes something at GitHub.
    pub fn github<T>(&self, act: impl FnOnce(&mut GithubModel) -> T) -> T {
        self.stack.github.with(|model, _| act(model))
    }

    /// Changes something at ECS.
    pub fn ecs<T>(&self, act: impl FnOnce(&mut EcsModel) -> T) -> T {
        let answer = act(&mut self.stack.ecs());
        self.stack.ecs_server().nudge();
        answer
    }

    /// Queues a job.
    pub fn queue(&self, job: Job) -> Asked {
        self.queue_for(job, JOB_MILLISECONDS)
    }

    /// Queues a job that takes so long.
    pub fn queue_for(&self, job: Job, milliseconds: u64) -> Asked {
        let gate = if job.gated { Gate::UntilApproved } else { Gate::None };
        let new = NewJob::new(ORGANIZATION, job.repository, job.labels).titled("trouble").lasting(milliseconds);
        let new = new.ending(Conclusion::Success).gated(gate);
        Asked { id: self.stack.github.with(|model, now| model.queue_job(now, new)), repository: job.repository }
    }

    /// Cancels a job, whether or not it has begun.
    pub fn cancel(&self, job: JobId) {
        self.stack.github.with(|model, now| model.cancel_job(now, job));
    }

    /// Cancels whatever runs.
    pub fn cancel_running(&self) {
        let running =
            self.github(|model| model.jobs().filter(|job| job.status == Status::InProgress).map(|job| job.id).collect::<Vec<_>>());
        for job in running {
            self.cancel(job);
        }
    }

    /// How a job stands at GitHub.
    pub fn status(&self, job: JobId) -> Option<(Status, Option<Conclusion>)> {
        self.github(|model| model.job(job).map(|job| (job.status, job.conclusion)))
    }

    /// Waits until a job has ended well, with a sweep now and then as on AWS.
    pub async fn ends_well(&self, job: JobId) -> Outcome {
        let (started, mut swept) = (Instant::now(), Instant::now());
        loop {
            match self.status(job) {
                Some((Status::Completed, Some(Conclusion::Success))) => return Ok(()),
                Some((Status::Completed, conclusion)) => {
                    return Err(Problem::new(format!("its job ended as {conclusion:?} after the trouble was taken out")));
                }
                _ if started.elapsed() > ENDS_WITHIN => {
                    return Err(Problem::new(format!(
                        "its job did not run within {} s after the trouble was taken out",
                        ENDS_WITHIN.as_secs()
                    )));
                }
                _ => {}
            }
            if swept.elapsed() > SWEEP_EVERY {
                self.sweep().await?;
                swept = Instant::now();
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Presses "Redeliver" for whatever has not arrived, and says for how much: `sweep` does so too, but only once a failure is a minute old.
    pub fn redeliver(&self) -> usize {
        self.stack.github.with(|model, now| {
            let arrived: BTreeSet<_> = model
                .deliveries()
                .filter(|delivery| delivery.answer.is_some_and(Answer::ok))
                .map(|delivery| delivery.guid.clone())
                .collect();
            let failed = |delivery: &&Delivery| delivery.answer.is_some_and(|answer| !answer.ok()) && !arrived.contains(&delivery.guid);
            let failed: BTreeMap<_, _> = model.deliveries().filter(failed).map(|delivery| (delivery.guid.clone(), delivery.id)).collect();
            for id in failed.values() {
                model.redeliver(now, *id);
            }
            failed.len()
        })
    }

    /// Presses it again and again until all has arrived: a webhook may not know yet what has changed meanwhile.
    pub async fn all_arrives(&self) -> Outcome {
        let started = Instant::now();
        loop {
            let missing = self.redeliver();
            if missing == 0 && self.github(|model| model.deliveries().all(|delivery| delivery.answer.is_some())) {
                return Ok(());
            }
            if started.elapsed() > ENDS_WITHIN {
                return Err(Problem::new(format!("{missing} deliveries did not arrive after the trouble was taken out")));
            }
            sleep(if missing == 0 { LOOK_EVERY } else { REDELIVER_EVERY }).await;
        }
    }

    /// Waits until the delivery of a queued job has been answered.
    pub async fn answered(&self, job: Option<JobId>) -> Outcome {
        let started = Instant::now();
        while !self.github(|model| queued_deliveries(model, job).iter().any(|delivery| delivery.answer.is_some())) {
            if started.elapsed() > ENDS_WITHIN {
                return Err(Problem::new(format!("no delivery of job {job:?} was answered")));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Presses "Redeliver" for the delivery of a queued job, again and again until it has ended well: a webhook may not know yet what has changed meanwhile.
    pub async fn ends_well_redelivered(&self, job: JobId) -> Outcome {
        let (started, mut pressed) = (Instant::now(), None::<Instant>);
        while self.status(job) != Some((Status::Completed, Some(Conclusion::Success))) {
            if started.elapsed() > ENDS_WITHIN {
                return Err(Problem::new(format!(
                    "its job did not run within {} s after its delivery was sent again",
                    ENDS_WITHIN.as_secs()
                )));
            }
            if pressed.is_none_or(|at| at.elapsed() > REDELIVER_EVERY) {
                self.stack.github.with(|model, now| {
                    let newest = queued_deliveries(model, Some(job)).last().map(|delivery| delivery.id);
                    newest.is_some_and(|id| model.redeliver(now, id))
                });
                pressed = Some(Instant::now());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until so many jobs run.
    pub async fn busy(&self, jobs: usize) -> Outcome {
        let started = Instant::now();
        loop {
            let running = self.github(|model| model.jobs().filter(|job| job.status == Status::InProgress).count());
            if running >= jobs {
                return Ok(());
            }
            if started.elapsed() > ENDS_WITHIN {
                return Err(Problem::new(format!("only {running} of {jobs} jobs run")));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until all jobs at GitHub are over, and every task with them.
    pub async fn quiet(&self) -> Outcome {
        let started = Instant::now();
        loop {
            let jobs = self.github(|model| model.jobs().filter(|job| job.status != Status::Completed).count());
            let tasks = self.stack.ecs().tasks().filter(|task| task.last_status != fargate_runners_model_ecs::Status::Stopped).count();
            if jobs + tasks == 0 {
                return Ok(());
            }
            if started.elapsed() > ENDS_WITHIN {
                return Err(Problem::new(format!("{jobs} jobs and {tasks} tasks are still there")));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Has the healer look around once.
    pub async fn sweep(&self) -> Outcome<Value> {
        self.aws().invoke(&format!("{CONTROL_PLANE}-sweep"), &json!({})).await.map_err(failed)
    }

    /// What `doctor` says.
    pub async fn doctor(&self) -> Outcome<Vec<Line>> {
        let said = self.operator.run(&["doctor".into(), "--json".into()]).await?;
        let answer: Value = serde_json::from_str(&said.out)
            .map_err(|_| Problem::new(format!("`doctor --json` gave no JSON (exit code {:?}): {}{}", said.code, said.out, said.err)))?;
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        let line = |finding: &Value| Line {
            check: text(finding, "check"),
            verdict: text(finding, "verdict"),
            says: text(finding, "says"),
            remedy: text(finding, "remedy"),
        };
        let lines: Vec<Line> = answer["findings"].as_array().into_iter().flatten().map(line).collect();
        let is_wrong = lines.iter().any(|line| line.verdict == "wrong");
        if said.code != Some(i32::from(is_wrong)) {
            return Err(Problem::new(format!("`doctor` ended with {:?}, and something is wrong: {is_wrong}", said.code)));
        }
        Ok(lines)
    }

    /// What `why` says of a job.
    pub async fn why(&self, job: Asked) -> Outcome<Value> {
        let arguments = ["why".into(), format!("{ORGANIZATION}/{}", job.repository), job.id.0.to_string(), "--json".into()];
        let said = self.operator.run(&arguments).await?;
        serde_json::from_str(&said.out)
            .map_err(|_| Problem::new(format!("`why` gave no JSON (exit code {:?}): {}{}", said.code, said.out, said.err)))
    }

    /// Runs a command of the operator's that must go well.
    pub async fn operate(&self, arguments: &[&str]) -> Outcome {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let said = self.operator.run(&arguments).await?;
        if said.code == Some(0) { Ok(()) } else { Err(Problem::new(format!("{arguments:?} ended with {:?}: {}", said.code, said.err))) }
    }

    /// A resource's name in the account, by its name in the template.
    pub async fn resource(&self, logical: &str) -> Outcome<String> {
        let resources = self.aws().stack_resources(CONTROL_PLANE).await.map_err(failed)?;
        let found = resources.into_iter().find(|resource| resource.logical_id == logical).map(|resource| resource.physical_id);
        found.ok_or_else(|| Problem::new(format!("the stack has no resource {logical}")))
    }

    /// Denies actions to a function's role, or takes that back.
    pub async fn deny(&self, role: &str, actions: &[&str], denied: bool) -> Outcome {
        let role = self.resource(role).await?;
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": actions, "Resource": "*"}]}).to_string();
        let name = [("RoleName", role.as_str()), ("PolicyName", DENIAL)];
        let with_policy = [name[0], name[1], ("PolicyDocument", policy.as_str())];
        let (action, parameters) = if denied { ("PutRolePolicy", &with_policy[..]) } else { ("DeleteRolePolicy", &name[..]) };
        self.aws().query("iam", action, IAM, parameters).await.map_err(failed)?;
        self.aws().forget_policies();
        Ok(())
    }

    /// A queue of the stack's, by the last part of its name.
    pub async fn queue_url(&self, queue: &str) -> Outcome<String> {
        let question = json!({ "QueueName": format!("{CONTROL_PLANE}-{queue}") });
        let answer = self.aws().json("sqs", "AmazonSQS.GetQueueUrl", &question).await.map_err(failed)?;
        Ok(answer["QueueUrl"].as_str().unwrap_or_default().to_owned())
    }

    /// Writes a parameter below the stack's name, or deletes it.
    pub async fn parameter(&self, name: &str, value: Option<&str>) -> Outcome {
        let name = format!("/{CONTROL_PLANE}/{name}");
        match value {
            Some(value) => self.aws().put_parameter(&name, &value.to_owned().into(), false).await.map_err(failed),
            None => self.aws().json("ssm", "AmazonSSM.DeleteParameter", &json!({ "Name": name })).await.map(drop).map_err(failed),
        }
    }

    /// Reads a parameter below the stack's name.
    pub async fn read_parameter(&self, name: &str) -> Outcome<String> {
        let question = json!({ "Name": format!("/{CONTROL_PLANE}/{name}"), "WithDecryption": true });
        let answer = self.aws().json("ssm", "AmazonSSM.GetParameter", &question).await.map_err(failed)?;
        Ok(answer["Parameter"]["Value"].as_str().unwrap_or_default().to_owned())
    }
}

/// What was sent to say that a job is queued, the oldest first.
fn queued_deliveries(model: &GithubModel, job: Option<JobId>) -> Vec<&Delivery> {
    let is_of = |delivery: &&Delivery| matches!(&*delivery.payload, Payload::Job(event) if event.action == Action::Queued && Some(event.job.id) == job);
    model.deliveries().filter(is_of).collect()
}

/// A call of a stand-in that failed.
pub fn failed(error: impl Display) -> Problem {
    Problem::new(format!("a trouble could not be put in or taken out: {error}"))
}
