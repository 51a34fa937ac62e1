//! ECS, from the side of `scale` and `register`.

use super::survey::hosting;
use crate::faults::Fault;
use crate::host::Call;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{ServiceName, TaskDefinition, TaskId};
use fargate_runners_core::state::Launch;
use fargate_runners_model_ecs::AwsError;
use fargate_runners_use_cases::ports::{Capacity, Launched, PortError, Protection, Retry, TaskFacts, Tasks, Wanted};
use serde_json::{Value, json};
use std::time::Duration;

/// For how long ECS refuses protection, where it does: a boot has ten minutes, and a renewal a day.
const REFUSED_FOR: (u64, u64) = (5_000, 480_000);

/// UpdateTaskProtection takes this many tasks.
const PROTECTED_PER_CALL: usize = 10;

impl Call {
    /// One call to ECS, with all that may go wrong on the way.
    pub(super) async fn ask_ecs(&self, action: &'static str, body: &Value) -> Result<Value, PortError> {
        self.enter(action).await?;
        let now = self.world().now();
        let answer = self.world().ecs.borrow_mut().handle(now, action, body);
        self.leave(action).await?;
        answer.map_err(|error| failed(action, error))
    }

    /// Whether ECS refuses to protect any task of the fleet now, be it because this fault begins.
    pub(super) fn refuses_protection(&self, fleet: &Fleet, fault: Fault) -> Option<Protection> {
        let (world, now) = (self.world(), self.world().now());
        let mut refused = world.protection_refused.borrow_mut();
        let until = refused.entry(fleet.name.to_string()).or_default();
        if *until <= now && world.strikes(fault) {
            *until = now + world.faults.between(fault, REFUSED_FOR.0, REFUSED_FOR.1);
        }
        (now < *until).then(|| Protection::Refused("DEPLOYMENT_BLOCKED".to_owned()))
    }
}

fn failed(action: &'static str, error: AwsError) -> PortError {
    let retry = match &error {
        error if error.is_throttling() => Retry::Throttled,
        error if error.is_silence() || error.status >= 500 => Retry::UnknownEffect,
        _ => Retry::Never,
    };
    PortError::new(action, retry, error)
}

/// Whether ECS has no service of that name, or one that is being deleted.
fn is_no_service(error: &PortError) -> bool {
    let cause = error.source.as_ref().and_then(|source| source.downcast_ref::<AwsError>());
    cause.is_some_and(|error| ["ServiceNotFoundException", "ServiceNotActiveException"].contains(&error.kind.as_str()))
}

impl Capacity for Call {
    async fn want(&self, fleet: &Fleet, service: &ServiceName, count: u32) -> Result<Wanted, PortError> {
        self.tell(|| format!("sets the desired count of {service} to {count}"));
        self.world().oracle.wants(self, fleet, service, count);
        self.world().meter.wants(service, self.world().now());
        let body = json!({"cluster": fleet.cluster, "service": service.as_str(), "desiredCount": count});
        match self.ask_ecs("UpdateService", &body).await {
            Ok(_) => {
                self.world().book.borrow_mut().puts_right(service.as_str());
                Ok(Wanted::Accepted)
            }
            Err(error) if is_no_service(&error) => Ok(Wanted::NoSuchService),
            Err(error) => Err(error),
        }
    }

    async fn launch(&self, fleet: &Fleet, launch: &Launch) -> Result<Launched, PortError> {
        self.tell(|| format!("launches {} tasks of {} ({})", launch.count, fleet.name, launch.token));
        self.world().oracle.launches(self, fleet, launch);
        let spot = u64::from(fleet.spot_percent);
        let body = json!({
            "cluster": fleet.cluster, "taskDefinition": launch.task_definition.as_str(), "count": launch.count, "clientToken": launch.token,
            "capacityProviderStrategy": [
                {"capacityProvider": "FARGATE", "weight": 100 - spot}, {"capacityProvider": "FARGATE_SPOT", "weight": spot},
            ],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        let answer = self.ask_ecs("RunTask", &body).await?;
        let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
        let tasks = list("tasks").iter().filter_map(|task| TaskId::from_arn(task["taskArn"].as_str()?).ok()).collect();
        let failures = list("failures").iter().map(|failure| failure["reason"].as_str().unwrap_or_default().to_owned()).collect();
        Ok(Launched { tasks, failures })
    }

    async fn unprotect(&self, fleet: &Fleet, tasks: &[TaskId]) -> Result<(), PortError> {
        for tasks in tasks.chunks(PROTECTED_PER_CALL) {
            self.tell(|| format!("takes protection from {} tasks", tasks.len()));
            let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
            let body = json!({"cluster": fleet.cluster, "tasks": names, "protectionEnabled": false});
            self.ask_ecs("UpdateTaskProtection", &body).await?;
        }
        Ok(())
    }
}

impl Tasks for Call {
    async fn describe(&self, fleet: &Fleet, task: &TaskId) -> Result<Option<TaskFacts>, PortError> {
        let answer = self.ask_ecs("DescribeTasks", &json!({"cluster": fleet.cluster, "tasks": [task.as_str()]})).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let Some(found) = answer["tasks"].as_array().and_then(|tasks| tasks.first()) else { return Ok(None) };
        let definition = TaskDefinition::parse(&text(&found["taskDefinitionArn"]));
        let service = found["group"].as_str().and_then(|group| ServiceName::parse(group.strip_prefix("service:")?).ok());
        let definition = definition.map_err(|error| PortError::new("DescribeTasks", Retry::Never, error))?;
        let (last_status, desired_status) = (text(&found["lastStatus"]), text(&found["desiredStatus"]));
        Ok(Some(TaskFacts { last_status, desired_status, task_definition: definition, service, hosting: hosting(found) }))
    }

    async fn protect(&self, fleet: &Fleet, task: &TaskId, duration: Duration) -> Result<Protection, PortError> {
        if let Some(refused) = self.refuses_protection(fleet, Fault::ProtectionRefused) {
            return Ok(refused);
        }
        let minutes = duration.as_secs() / 60;
        let body = json!({"cluster": fleet.cluster, "tasks": [task.as_str()], "protectionEnabled": true, "expiresInMinutes": minutes});
        let answer = self.ask_ecs("UpdateTaskProtection", &body).await?;
        if answer["protectedTasks"].as_array().is_some_and(|tasks| !tasks.is_empty()) {
            return Ok(Protection::Granted);
        }
        Ok(Protection::Refused(answer["failures"][0]["reason"].as_str().unwrap_or("no answer").to_owned()))
    }
}
