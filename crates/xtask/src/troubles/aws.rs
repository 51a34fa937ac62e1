//! Troubles in the AWS account: quotas, images, roles, queues, alarms, what starts the functions.

use fargate_runners_local_stack::aws::Method;
use serde_json::{Value, json};

use crate::problem::Outcome;
use crate::stack::CONTROL_PLANE;

use super::Step;
use super::scene::{Scene, failed};

/// Service Quotas' code of "Fargate On-Demand vCPU resource count".
const VCPUS: &str = "L-3032A538";

/// The vCPUs of a new account.
const NEW_ACCOUNT: u64 = 6;

/// CloudWatch's version in the query protocol.
const CLOUDWATCH: &str = "2010-08-01";

/// The account's quota is smaller than the fleets' maxima.
pub async fn quota_small(scene: &Scene<'_>, step: Step) -> Outcome {
    let wanted = if step == Step::In { 1 } else { NEW_ACCOUNT };
    let question = json!({ "ServiceCode": "fargate", "QuotaCode": VCPUS, "DesiredValue": wanted });
    let target = "ServiceQuotasV20190624.RequestServiceQuotaIncrease";
    scene.aws().json("servicequotas", target, &question).await.map(drop).map_err(failed)
}

/// Others use up the account's vCPUs.
pub async fn quota_used_up(scene: &Scene<'_>, step: Step) -> Outcome {
    scene.ecs(|model| model.config_mut().limits.cpu_units = (step == Step::In).then_some(0));
    Ok(())
}

/// The image is not in the registry.
pub async fn image_missing(scene: &Scene<'_>, step: Step) -> Outcome {
    scene.ecs(|model| model.config_mut().faults.image_pull = if step == Step::In { 1.0 } else { 0.0 });
    Ok(())
}

/// `scale` may not launch tasks.
pub async fn launches_denied(scene: &Scene<'_>, step: Step) -> Outcome {
    scene.deny("ScaleRole", &["ecs:RunTask", "ecs:UpdateService"], step == Step::In).await
}

/// `register` may not protect tasks.
pub async fn protection_denied(scene: &Scene<'_>, step: Step) -> Outcome {
    scene.deny("RegisterRole", &["ecs:UpdateTaskProtection"], step == Step::In).await
}

/// `scale` may not write the ledger.
pub async fn ledger_denied(scene: &Scene<'_>, step: Step) -> Outcome {
    let actions = ["dynamodb:PutItem", "dynamodb:TransactWriteItems", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem"];
    scene.deny("ScaleRole", &actions, step == Step::In).await
}

/// The webhook may not publish what it took.
pub async fn bus_denied(scene: &Scene<'_>, step: Step) -> Outcome {
    scene.deny("WebhookRole", &["events:PutEvents"], step == Step::In).await
}

/// A message that nobody can handle.
pub async fn dead_letter(scene: &Scene<'_>, step: Step) -> Outcome {
    let url = scene.queue_url("wake-up-dead").await?;
    if step == Step::In {
        let question = json!({ "QueueUrl": url, "MessageBody": "{}" });
        return scene.aws().json("sqs", "AmazonSQS.SendMessage", &question).await.map(drop).map_err(failed);
    }
    scene.aws().json("sqs", "AmazonSQS.PurgeQueue", &json!({ "QueueUrl": url })).await.map(drop).map_err(failed)
}

/// An alarm has gone off.
pub async fn alarm(scene: &Scene<'_>, step: Step) -> Outcome {
    let name = format!("{CONTROL_PLANE}-MintsFailed");
    let state = if step == Step::In { "ALARM" } else { "OK" };
    let parameters = [("AlarmName", name.as_str()), ("StateValue", state), ("StateReason", "Threshold Crossed")];
    scene.aws().query("monitoring", "SetAlarmState", CLOUDWATCH, &parameters).await.map(drop).map_err(failed)
}

/// Nobody is told of an alarm.
pub async fn alarm_muted(scene: &Scene<'_>, step: Step) -> Outcome {
    let name = format!("{CONTROL_PLANE}-OldestQueued");
    let action = if step == Step::In { "DisableAlarmActions" } else { "EnableAlarmActions" };
    scene.aws().query("monitoring", action, CLOUDWATCH, &[("AlarmNames.member.1", &name)]).await.map(drop).map_err(failed)
}

/// `scale` may not run at all.
pub async fn scale_held(scene: &Scene<'_>, step: Step) -> Outcome {
    let path = format!("/2017-10-31/functions/{CONTROL_PLANE}-scale/concurrency");
    let body = json!({ "ReservedConcurrentExecutions": 0 });
    let call = match step {
        Step::In => scene.aws().rest("lambda", Method::PUT, &path, Some(&body)).await,
        Step::Out => scene.aws().rest("lambda", Method::DELETE, &path, None).await,
    };
    call.map(drop).map_err(failed)
}

/// Nothing brings messages to `scale`.
pub async fn queue_unplugged(scene: &Scene<'_>, step: Step) -> Outcome {
    let id = scene.resource("FleetQueueToScale").await?;
    let path = format!("/2015-03-31/event-source-mappings/{id}");
    let body = json!({ "Enabled": step == Step::Out });
    scene.aws().rest("lambda", Method::PUT, &path, Some(&body)).await.map(drop).map_err(failed)
}

/// Nobody hears of tasks that have stopped.
pub async fn task_rule_off(scene: &Scene<'_>, step: Step) -> Outcome {
    let rule = scene.resource("TaskRule").await?;
    switch_rule(scene, &rule, None, step).await
}

/// A fleet's events do not come to its queue.
pub async fn fleet_rule_off(scene: &Scene<'_>, step: Step) -> Outcome {
    let bus = scene.stack.output("BusName")?;
    let name = fleet_rule(scene, bus).await?;
    switch_rule(scene, &name, Some(bus), step).await
}

/// A fleet's rule leads nowhere any more.
pub async fn fleet_rule_astray(scene: &Scene<'_>, step: Step) -> Outcome {
    let bus = scene.stack.output("BusName")?;
    let rule = fleet_rule(scene, bus).await?;
    // As the fleet's template has it.
    let (id, fleet) = ("fleet-queue", "bursts");
    if step == Step::In {
        let question = json!({ "Rule": rule, "EventBusName": bus, "Ids": [id] });
        return scene.aws().json("events", "AWSEvents.RemoveTargets", &question).await.map(drop).map_err(failed);
    }
    let queue = json!({ "QueueUrl": scene.queue_url("fleets.fifo").await?, "AttributeNames": ["QueueArn"] });
    let queue = scene.aws().json("sqs", "AmazonSQS.GetQueueAttributes", &queue).await.map_err(failed)?;
    let target = json!({ "Id": id, "Arn": queue["Attributes"]["QueueArn"], "SqsParameters": { "MessageGroupId": fleet } });
    let question = json!({ "Rule": rule, "EventBusName": bus, "Targets": [target] });
    scene.aws().json("events", "AWSEvents.PutTargets", &question).await.map(drop).map_err(failed)
}

/// The rule of the fleet `bursts`.
async fn fleet_rule(scene: &Scene<'_>, bus: &str) -> Outcome<String> {
    let rules = scene.aws().json("events", "AWSEvents.ListRules", &json!({ "EventBusName": bus })).await.map_err(failed)?;
    let of_fleet = |rule: &&Value| rule["EventPattern"].as_str().is_some_and(|pattern| pattern.contains("\"bursts\""));
    let name = rules["Rules"].as_array().and_then(|rules| rules.iter().find(of_fleet)).and_then(|rule| rule["Name"].as_str());
    name.map(str::to_owned).ok_or_else(|| failed("the fleet `bursts` has no rule"))
}

async fn switch_rule(scene: &Scene<'_>, rule: &str, bus: Option<&str>, step: Step) -> Outcome {
    let target = if step == Step::In { "AWSEvents.DisableRule" } else { "AWSEvents.EnableRule" };
    let mut question = json!({ "Name": rule });
    if let Some(bus) = bus {
        question["EventBusName"] = json!(bus);
    }
    scene.aws().json("events", target, &question).await.map(drop).map_err(failed)
}

/// Nothing starts `sweep`.
pub async fn sweep_not_scheduled(scene: &Scene<'_>, step: Step) -> Outcome {
    let id = scene.resource("SweepSchedule").await?;
    let path = format!("/schedules/{}", id.rsplit('/').next().unwrap_or(&id));
    let mut schedule = scene.aws().rest("scheduler", Method::GET, &path, None).await.map_err(failed)?;
    schedule["State"] = json!(if step == Step::In { "DISABLED" } else { "ENABLED" });
    scene.aws().rest("scheduler", Method::PUT, &path, Some(&schedule)).await.map(drop).map_err(failed)
}

/// Somebody has changed a function by hand. That is not undone: the function keeps the time of its last change until the next deployment.
pub async fn function_changed(scene: &Scene<'_>, step: Step) -> Outcome {
    if step == Step::Out {
        return Ok(());
    }
    let path = format!("/2015-03-31/functions/{CONTROL_PLANE}-deregister/configuration");
    let body = json!({ "Description": "changed by hand" });
    scene.aws().rest("lambda", Method::PUT, &path, Some(&body)).await.map(drop).map_err(failed)
}

/// A service of a revision that was replaced is still there.
pub async fn service_left(scene: &Scene<'_>, step: Step) -> Outcome {
    let cluster = scene.stack.output("ClusterArn")?.to_owned();
    let name = format!("{CONTROL_PLANE}-default-999");
    let description: Value = serde_json::from_str(&scene.read_parameter("fleets/default").await?).map_err(failed)?;
    let now = scene.stack.github.now();
    let (action, body) = match step {
        Step::In => {
            let definition = &description["task_definition"];
            let subnets = json!({ "awsvpcConfiguration": { "subnets": description["subnets"] } });
            let body = json!({ "cluster": cluster, "serviceName": name, "taskDefinition": definition, "desiredCount": 0,
                "launchType": "FARGATE", "networkConfiguration": subnets });
            ("CreateService", body)
        }
        Step::Out => ("DeleteService", json!({ "cluster": cluster, "service": name })),
    };
    scene.ecs(|model| model.handle(now, action, &body)).map(drop).map_err(|error| failed(format!("{error:?}")))
}
