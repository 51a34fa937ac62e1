//! What is found in the AWS account: the stack, the quota of vCPUs, queues, alarms, functions.

use super::finding::Finding;
use crate::error::CliError;
use crate::facts::FleetFacts;
use crate::stack::Stack;
use crate::words::count;
use aws_sdk_cloudwatch::types::StateValue;
use aws_sdk_sqs::types::QueueAttributeName;
use fargate_runners_use_cases::ports::chain;

/// Service Quotas' codes of "Fargate On-Demand vCPU resource count" and "Fargate Spot vCPU resource count".
const QUOTAS: [(&str, &str); 2] = [("On-Demand", "L-3032A538"), ("Spot", "L-36FBB829")];

/// CPU units of a vCPU.
const CPU_UNITS: f64 = 1024.0;

/// The functions, by the last part of their names.
pub const FUNCTIONS: [&str; 5] = ["webhook", "register", "deregister", "scale", "sweep"];

/// The dead-letter queues, by the last part of their names.
const DEAD_LETTERS: [&str; 4] = ["fleets-dead.fifo", "wake-up-dead", "deregister-retry-dead", "events-dead"];

/// The alarms of `observability.yaml`, by what comes after the stack's name.
const ALARMS: [&str; 10] = [
    "OldestQueued",
    "BootsFailing",
    "TasksMissing",
    "MintsFailed",
    "WebhookFailing",
    "Functions",
    "Losses",
    "DeadLetters",
    "RateLimitLow",
    "RunnerVersion",
];

/// Pages of alarms, of which one holds fifty.
const ALARM_PAGES: usize = 5;

/// What was read; each part may have failed by itself.
pub struct Account {
    stack: String,
    stack_status: String,
    /// Granted vCPUs and what the fleets' maxima need, for each kind of capacity.
    vcpus: Vec<(&'static str, Result<f64, String>, f64)>,
    dead: Vec<(String, Result<u64, String>)>,
    alarms: Result<Vec<(String, String, String)>, String>,
    functions: Vec<(&'static str, Result<Function, String>)>,
    /// Whether interrupted jobs are to be run again.
    pub retries_jobs: bool,
}

struct Function {
    state: String,
    updated: String,
}

impl Account {
    /// Reads all of it.
    pub async fn read(stack: &Stack, fleets: &[FleetFacts]) -> Self {
        let (mut on_demand, mut spot) = (0.0, 0.0);
        let ecs = aws_sdk_ecs::Client::new(&stack.config);
        for facts in fleets {
            let described = ecs.describe_task_definition().task_definition(facts.fleet.task_definition.as_str()).send().await;
            let cpu = described.ok().and_then(|answer| answer.task_definition?.cpu?.parse::<f64>().ok()).unwrap_or(CPU_UNITS);
            let vcpus = f64::from(facts.fleet.maximum) * cpu / CPU_UNITS;
            let share = f64::from(facts.fleet.spot_percent) / 100.0;
            on_demand += vcpus * (1.0 - share);
            spot += vcpus * share;
        }
        let quotas = aws_sdk_servicequotas::Client::new(&stack.config);
        let mut vcpus = Vec::new();
        for ((kind, code), needed) in QUOTAS.into_iter().zip([on_demand, spot]) {
            if needed > 0.0 {
                let answer = quotas.get_service_quota().service_code("fargate").quota_code(code).send().await;
                let granted = answer
                    .map_err(|error| chain(&error))
                    .and_then(|answer| answer.quota.and_then(|quota| quota.value).ok_or_else(|| "no value".to_owned()));
                vcpus.push((kind, granted, needed));
            }
        }
        let mut functions = Vec::new();
        let lambda = aws_sdk_lambda::Client::new(&stack.config);
        let mut retries_jobs = false;
        for name in FUNCTIONS {
            let answer = lambda.get_function_configuration().function_name(format!("{}-{name}", stack.name)).send().await;
            functions.push((
                name,
                answer.map_err(|error| chain(&error)).map(|answer| {
                    let variables = answer.environment.and_then(|environment| environment.variables).unwrap_or_default();
                    retries_jobs |= variables.get("RETRY_INTERRUPTED_JOBS").is_some_and(|value| value == "true");
                    Function {
                        state: answer.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
                        updated: answer.last_update_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
                    }
                }),
            ));
        }
        Self {
            stack: stack.name.clone(),
            stack_status: stack.status.clone(),
            vcpus,
            dead: dead_letters(stack).await,
            alarms: alarms(stack).await,
            functions,
            retries_jobs,
        }
    }

    /// What follows.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![self.stack()];
        findings.extend(self.functions());
        findings.extend(self.vcpus.iter().map(|(kind, granted, needed)| quota(kind, granted, *needed)));
        findings.extend(self.dead());
        findings.extend(self.alarms());
        findings
    }

    fn stack(&self) -> Finding {
        let says = format!("{}: {}", self.stack, self.stack_status);
        if self.stack_status.contains("FAILED") || self.stack_status.contains("ROLLBACK") {
            return Finding::wrong(
                "stack",
                says,
                "Its last deployment did not get through: CloudFormation's events say why; deploy again.",
            );
        }
        Finding::ok("stack", says)
    }

    fn functions(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, function) in &self.functions {
            match function {
                Err(why) => findings.push(Finding::unknown("functions", format!("function {name}"), why)),
                Ok(function) => {
                    if !["Active", ""].contains(&function.state.as_str()) && function.state != "Inactive" || function.updated == "Failed" {
                        findings.push(Finding::wrong(
                            "functions",
                            format!("{name} is {} (last update: {})", function.state, function.updated),
                            "Deploy the stack again.",
                        ));
                    }
                }
            }
        }
        if findings.is_empty() {
            findings.push(Finding::ok("functions", "all five can be invoked"));
        }
        findings
    }

    fn dead(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (queue, letters) in &self.dead {
            match letters {
                Err(why) => findings.push(Finding::unknown("dead letters", queue, why)),
                Ok(0) => {}
                Ok(letters) => findings.push(Finding::warning(
                    "dead letters",
                    format!("{} in {queue}", count(u32::try_from(*letters).unwrap_or(u32::MAX), "message")),
                    "`fargate-runners redrive` replays them and says of each that stays why.",
                )),
            }
        }
        if findings.is_empty() {
            findings.push(Finding::ok("dead letters", "none"));
        }
        findings
    }

    fn alarms(&self) -> Vec<Finding> {
        match &self.alarms {
            Err(why) => vec![Finding::unknown("alarms", "CloudWatch", why)],
            Ok(alarms) if alarms.is_empty() => vec![Finding::ok("alarms", "none is in ALARM")],
            Ok(alarms) => alarms.iter().map(|(name, says, why)| Finding::wrong("alarms", format!("{name}: {why}"), says.clone())).collect(),
        }
    }
}

fn quota(kind: &str, granted: &Result<f64, String>, needed: f64) -> Finding {
    const CHECK: &str = "vCPU quota";
    let more = format!(
        "Service Quotas, AWS Fargate, \"Fargate {kind} vCPU resource count\": ask for {needed:.0} or more, or lower the fleets' Maximum."
    );
    match granted {
        Err(why) => Finding::unknown(CHECK, format!("the quota of Fargate {kind} vCPUs"), why),
        Ok(granted) if *granted < needed => Finding::wrong(
            CHECK,
            format!("the account may run {granted:.0} Fargate {kind} vCPUs, and the fleets' maxima need {needed:.0}"),
            more,
        ),
        Ok(granted) => Finding::ok(CHECK, format!("{granted:.0} Fargate {kind} vCPUs for the {needed:.0} that the fleets' maxima need")),
    }
}

async fn dead_letters(stack: &Stack) -> Vec<(String, Result<u64, String>)> {
    let client = aws_sdk_sqs::Client::new(&stack.config);
    let mut dead = Vec::new();
    for queue in DEAD_LETTERS {
        let name = format!("{}-{queue}", stack.name);
        dead.push((name.clone(), letters(&client, &name).await.map_err(|error| chain(&error))));
    }
    dead
}

async fn letters(client: &aws_sdk_sqs::Client, name: &str) -> Result<u64, CliError> {
    let url =
        client.get_queue_url().queue_name(name).send().await.map_err(|error| CliError::call(format!("finding the queue {name}"), error))?;
    let call = client.get_queue_attributes().set_queue_url(url.queue_url).attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
    let answer = call.send().await.map_err(|error| CliError::call(format!("reading the queue {name}"), error))?;
    let count = answer.attributes().and_then(|attributes| attributes.get(&QueueAttributeName::ApproximateNumberOfMessages)?.parse().ok());
    Ok(count.unwrap_or_default())
}

/// The names of a stack's alarms. Another stack's name may begin with this one's, so that a prefix would not do.
fn alarm_names(stack: &str) -> Vec<String> {
    ALARMS.iter().map(|alarm| format!("{stack}-{alarm}")).collect()
}

async fn alarms(stack: &Stack) -> Result<Vec<(String, String, String)>, String> {
    let client = aws_sdk_cloudwatch::Client::new(&stack.config);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let (mut alarms, mut from) = (Vec::new(), None);
    for _ in 0..ALARM_PAGES {
        let call = client.describe_alarms().set_alarm_names(Some(alarm_names(&stack.name))).state_value(StateValue::Alarm);
        let page = call.set_next_token(from).send().await.map_err(|error| chain(&error))?;
        let told = page.metric_alarms().iter();
        alarms.extend(told.map(|alarm| (text(alarm.alarm_name()), text(alarm.alarm_description()), text(alarm.state_reason()))));
        from = page.next_token;
        if from.is_none() {
            break;
        }
    }
    Ok(alarms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarms_are_those_that_the_stack_deploys_and_no_other_stacks() {
        let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../observability.yaml")).unwrap();
        let deployed =
            template.lines().filter_map(|line| line.trim().strip_prefix(r#"AlarmName: !Sub "${ControlPlane}-"#)?.strip_suffix('"'));
        assert_eq!(deployed.collect::<Vec<_>>(), ALARMS);
        let (one, two) = (alarm_names("runners"), alarm_names("runners-two"));
        assert!(one.contains(&"runners-MintsFailed".to_owned()) && one.iter().all(|name| !two.contains(name)));
    }
}
