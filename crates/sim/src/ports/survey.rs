//! What only the healer asks: everything that ECS has, and what GitHub's lists and logs say.

use super::github::{failed, scope};
use crate::faults::Fault;
use crate::host::Call;
use crate::people;
use crate::world::World;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::hosting::Hosting;
use fargate_runners_core::ids::{JobId, RepositoryName, RunId, RunnerId, ServiceName, TaskDefinition, TaskId};
use fargate_runners_core::job::JobPhase;
use fargate_runners_core::labels::Labels;
use fargate_runners_core::task::Stop;
use fargate_runners_core::time::Timestamp;
use fargate_runners_model_github::{GithubModel, JobId as ModelJobId, Runner, RunnerId as ModelRunnerId, Status};
use fargate_runners_use_cases::ports::{
    DeliveryPage, GithubError, Hook, HookLog, Jobs, LoggedDelivery, PortError, Protection, Retry, RunnerPage, Runners, SeenJob, SeenRun,
    SeenRunner, SeenService, SeenTask, Survey, TaskPage,
};
use serde_json::{Value, json};
use std::time::Duration;

/// GitHub's and ECS's pages.
const PAGE: usize = 100;

/// DescribeServices takes this many.
const SERVICES_PER_CALL: usize = 10;

fn seen_runner(world: &World, github: &GithubModel, runner: &Runner) -> SeenRunner {
    let busy = github.shows_busy(runner);
    if runner.job.is_some() && !busy {
        world.stale_busy.set(world.stale_busy.get() + 1);
    }
    SeenRunner {
        id: RunnerId(runner.id.0),
        name: runner.name.clone(),
        online: runner.presence == fargate_runners_model_github::Presence::Online,
        busy,
        version: runner.version.clone(),
    }
}

impl Runners for Call {
    async fn runners(&self, fleet: &Fleet, page: u32) -> Result<RunnerPage, GithubError> {
        let (caller, scope) = (self.world().caller_of(fleet), scope(fleet));
        let found = self
            .ask_github(|github, now| {
                let found = github.list_runners(now, &caller, &scope, None, PAGE, page as usize)?;
                let runners = found.items.iter().map(|runner| seen_runner(self.world(), github, runner)).collect();
                Ok(RunnerPage { runners, last: page as usize * PAGE >= found.total })
            })
            .await;
        found.map_err(|failure| failed("listing runners", failure))
    }

    async fn runner(&self, fleet: &Fleet, runner: RunnerId) -> Result<Option<SeenRunner>, GithubError> {
        let (caller, scope) = (self.world().caller_of(fleet), scope(fleet));
        let found = self
            .ask_github(|github, now| {
                let found = github.get_runner(now, &caller, &scope, ModelRunnerId(runner.0))?;
                Ok(seen_runner(self.world(), github, &found))
            })
            .await;
        match found {
            Ok(found) => Ok(Some(found)),
            Err(super::github::Failure::Status(404, _)) => Ok(None),
            Err(failure) => Err(failed("looking at a runner", failure)),
        }
    }

    async fn refused_from(&self, fleet: &Fleet, version: &str) -> Result<Option<Timestamp>, GithubError> {
        let (caller, scope) = (self.world().caller_of(fleet), scope(fleet));
        self.world().oracle.asks_about_version(&fleet.scope.to_string());
        let found = self.ask_github(|github, now| github.deprecation(now, &caller, &scope, version)).await;
        let found = found.map_err(|failure| failed("asking about a version", failure))?;
        Ok(found.registration_at.into_iter().chain(found.runtime_at).min().map(Timestamp::from_millis))
    }
}

impl Jobs for Call {
    async fn job(&self, fleet: &Fleet, repository: &RepositoryName, job: JobId) -> Result<Option<SeenJob>, GithubError> {
        let caller = self.world().caller_of(fleet);
        let (owner, name) = repository.as_str().split_once('/').unwrap_or((repository.as_str(), ""));
        let found = self.ask_github(|github, now| github.get_job(now, &caller, owner, name, ModelJobId(job.0))).await;
        let job = match found {
            Ok(job) => job,
            Err(super::github::Failure::Status(404, _)) => return Ok(None),
            Err(failure) => return Err(failed("looking at a job", failure)),
        };
        let (phase, at) = match job.status {
            Status::Waiting => (JobPhase::Waiting, Some(job.created_at)),
            Status::Queued => (JobPhase::Queued, job.queued_at),
            Status::InProgress => (JobPhase::InProgress, job.started_at),
            Status::Completed => (JobPhase::Completed, job.completed_at),
        };
        Ok(Some(SeenJob {
            phase,
            run_id: RunId(job.run_id),
            run_attempt: job.run_attempt,
            workflow_name: None,
            name: job.title.clone(),
            labels: Labels::parse(job.labels.iter().map(String::as_str)).unwrap_or_default(),
            conclusion: job.conclusion.map(|conclusion| conclusion.as_str().to_owned()),
            runner_name: job.runner.as_ref().map(|runner| runner.name.clone()),
            at: at.map(Timestamp::from_millis),
        }))
    }

    async fn run(&self, fleet: &Fleet, repository: &RepositoryName, run: RunId) -> Result<Option<SeenRun>, GithubError> {
        let caller = self.world().caller_of(fleet);
        let (owner, name) = repository.as_str().split_once('/').unwrap_or((repository.as_str(), ""));
        let answer = self.ask_github(|github, now| github.get_run(now, &caller, owner, name, run.0)).await;
        // Once it is answered: a question that is asked before the run's end may be answered after it.
        self.world().oracle.asks_about_run(self.world(), run.0);
        match answer {
            Ok(run) => Ok(Some(SeenRun {
                attempt: run.attempt,
                ended: run.status == Status::Completed,
                conclusion: run.conclusion.map(|conclusion| conclusion.as_str().to_owned()),
            })),
            Err(super::github::Failure::Status(404, _)) => Ok(None),
            Err(failure) => Err(failed("looking at a run", failure)),
        }
    }

    async fn rerun_failed(&self, fleet: &Fleet, repository: &RepositoryName, run: RunId) -> Result<(), GithubError> {
        let caller = self.world().caller_of(fleet);
        let (owner, name) = repository.as_str().split_once('/').unwrap_or((repository.as_str(), ""));
        self.tell(|| format!("has run {run} of {repository} run once more"));
        let world = self.world();
        let asked = self
            .ask_github(|github, now| {
                let answer = github.rerun_failed_jobs(now, &caller, owner, name, run.0);
                people::watch_for_the_kept_out(world, github.jobs().filter(|job| job.run_id == run.0));
                answer
            })
            .await;
        asked.map_err(|failure| failed("running once more", failure))
    }
}

impl HookLog for Call {
    async fn hooks(&self, fleets: &[Fleet]) -> Result<Vec<Hook>, GithubError> {
        Ok(fleets.first().map(|fleet| Hook { key: "app/default".to_owned(), fleet: fleet.clone(), id: None }).into_iter().collect())
    }

    async fn deliveries(&self, _hook: &Hook, cursor: Option<&str>) -> Result<DeliveryPage, GithubError> {
        let below: u64 = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(u64::MAX);
        let page = self
            .ask_github(|github, now| {
                github.advance(now);
                let older = github.deliveries().filter(|delivery| delivery.id.0 < below && delivery.delivered_at.is_some());
                let mut older: Vec<_> = older.collect();
                older.reverse();
                let next = older.get(PAGE).map(|_| older[PAGE - 1].id.0.to_string());
                let deliveries = older.into_iter().take(PAGE).map(|delivery| LoggedDelivery {
                    id: delivery.id.0,
                    guid: delivery.guid.to_string(),
                    at: Timestamp::from_millis(delivery.delivered_at.unwrap_or_default()),
                    // An attempt that is under way has no answer yet.
                    ok: delivery.answer.is_some_and(fargate_runners_model_github::Answer::ok),
                    event: "workflow_job".to_owned(),
                });
                Ok(DeliveryPage { deliveries: deliveries.collect(), next })
            })
            .await;
        page.map_err(|failure| failed("reading the delivery log", failure))
    }

    async fn redeliver(&self, _hook: &Hook, delivery: u64) -> Result<(), GithubError> {
        let asked = self.ask_github(|github, now| Ok(github.redeliver(now, fargate_runners_model_github::DeliveryId(delivery)))).await;
        asked.map(drop).map_err(|failure| failed("redelivering", failure))
    }
}

fn seen_task(task: &Value) -> Option<SeenTask> {
    let text = |name: &str| task[name].as_str().map(str::to_owned);
    // DescribeTasks gives times in seconds, with a fraction.
    let time = |name: &str| task[name].as_f64().map(millis);
    let last_status = text("lastStatus")?;
    let stop = (last_status == "STOPPED").then(|| Stop {
        at: time("stoppedAt").unwrap_or_default(),
        code: text("stopCode"),
        reason: text("stoppedReason"),
        exit_code: task["containers"][0]["exitCode"].as_i64(),
    });
    Some(SeenTask {
        id: TaskId::from_arn(task["taskArn"].as_str()?).ok()?,
        last_status,
        desired_status: text("desiredStatus")?,
        task_definition: TaskDefinition::parse(task["taskDefinitionArn"].as_str()?).ok()?,
        service: task["group"].as_str().and_then(|group| ServiceName::parse(group.strip_prefix("service:")?).ok()),
        created_at: time("createdAt"),
        hosting: hosting(task),
        stop,
    })
}

/// What DescribeTasks says that Fargate gives a task.
pub(super) fn hosting(task: &Value) -> Hosting {
    let number = |name: &str| task[name].as_str().and_then(|text| text.parse().ok());
    Hosting { pull_started_at: task["pullStartedAt"].as_f64().map(millis), cpu_units: number("cpu"), memory_mib: number("memory") }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since 1970")]
fn millis(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0) as u64)
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect()).unwrap_or_default()
}

impl Survey for Call {
    async fn running(&self, fleet: &Fleet, next: Option<&str>) -> Result<TaskPage, PortError> {
        let mut body = json!({"cluster": fleet.cluster, "family": fleet.task_definition.family(), "desiredStatus": "RUNNING"});
        if let Some(next) = next {
            body["nextToken"] = json!(next);
        }
        let listed = self.ask_ecs("ListTasks", &body).await?;
        let arns = words(&listed["taskArns"]);
        let next = listed["nextToken"].as_str().map(str::to_owned);
        if arns.is_empty() {
            return Ok(TaskPage { tasks: vec![], next });
        }
        let described = self.ask_ecs("DescribeTasks", &json!({"cluster": fleet.cluster, "tasks": arns})).await?;
        Ok(TaskPage { tasks: described["tasks"].as_array().into_iter().flatten().filter_map(seen_task).collect(), next })
    }

    async fn described(&self, fleet: &Fleet, tasks: &[TaskId]) -> Result<Vec<SeenTask>, PortError> {
        if tasks.is_empty() {
            return Ok(vec![]);
        }
        let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
        let described = self.ask_ecs("DescribeTasks", &json!({"cluster": fleet.cluster, "tasks": names})).await?;
        Ok(described["tasks"].as_array().into_iter().flatten().filter_map(seen_task).collect())
    }

    async fn services(&self, fleet: &Fleet) -> Result<Vec<SeenService>, PortError> {
        let listed = self.ask_ecs("ListServices", &json!({"cluster": fleet.cluster, "maxResults": PAGE})).await?;
        let prefix = format!("{}-", fleet.task_definition.family());
        let short = |arn: &String| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let own = |name: &String| name.strip_prefix(&prefix).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let names: Vec<String> = words(&listed["serviceArns"]).iter().map(short).filter(own).collect();
        let mut services = Vec::new();
        for names in names.chunks(SERVICES_PER_CALL) {
            let described = self.ask_ecs("DescribeServices", &json!({"cluster": fleet.cluster, "services": names})).await?;
            let active = described["services"].as_array().into_iter().flatten().filter(|service| service["status"] == "ACTIVE");
            let number = |value: &Value| u32::try_from(value.as_u64().unwrap_or_default()).unwrap_or(u32::MAX);
            services.extend(active.filter_map(|service| {
                Some(SeenService {
                    name: ServiceName::parse(service["serviceName"].as_str()?).ok()?,
                    desired: number(&service["desiredCount"]),
                    tasks: number(&service["runningCount"]) + number(&service["pendingCount"]),
                    trouble: None,
                })
            }));
        }
        Ok(services)
    }

    async fn renew(&self, fleet: &Fleet, tasks: &[TaskId], duration: Duration) -> Result<Vec<(TaskId, Protection)>, PortError> {
        if let Some(refused) = self.refuses_protection(fleet, Fault::RenewalRefused) {
            self.tell(|| format!("is refused the renewal of protection for {} tasks of {}", tasks.len(), fleet.name));
            return Ok(tasks.iter().map(|task| (task.clone(), refused.clone())).collect());
        }
        let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
        let minutes = duration.as_secs() / 60;
        let body = json!({"cluster": fleet.cluster, "tasks": names, "protectionEnabled": true, "expiresInMinutes": minutes});
        let answer = self.ask_ecs("UpdateTaskProtection", &body).await?;
        let granted: Vec<String> = answer["protectedTasks"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|task| task["taskArn"].as_str())
            .map(str::to_owned)
            .collect();
        let of = |task: &TaskId| {
            if granted.iter().any(|arn| arn.ends_with(task.as_str())) {
                Protection::Granted
            } else {
                Protection::Refused("not among the protected".to_owned())
            }
        };
        Ok(tasks.iter().map(|task| (task.clone(), of(task))).collect())
    }

    async fn stop(&self, fleet: &Fleet, task: &TaskId, reason: &str) -> Result<(), PortError> {
        self.tell(|| format!("stops task {task}: {reason}"));
        self.world().oracle.stops(self, fleet, task);
        self.ask_ecs("StopTask", &json!({"cluster": fleet.cluster, "task": task.as_str(), "reason": reason})).await.map(drop)
    }

    async fn delete_service(&self, fleet: &Fleet, service: &ServiceName) -> Result<(), PortError> {
        self.tell(|| format!("deletes service {service}"));
        let asked = self.ask_ecs("DeleteService", &json!({"cluster": fleet.cluster, "service": service.as_str()})).await;
        match asked {
            Err(error) if error.retry == Retry::Never => Ok(()),
            other => other.map(drop),
        }
    }
}
