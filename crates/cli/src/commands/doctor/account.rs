//! What is found in the AWS account: the stack, the quota of vCPUs, queues, alarms, functions.

use super::alarms::Alarms;
use super::finding::Finding;
use crate::error::CliError;
use crate::facts::FleetFacts;
use crate::stack::Stack;
use crate::words::count;
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

/// What was read; each part may have failed by itself.
pub struct Account {
    stack: String,
    stack_status: String,
    /// Granted vCPUs and what the fleets' maxima need, for each kind of capacity.
    vcpus: Vec<(&'static str, Result<f64, String>, Needed)>,
    dead: Vec<(String, Result<u64, String>)>,
    alarms: Alarms,
    functions: Vec<(&'static str, Result<Function, String>)>,
    /// Whether interrupted jobs are to be run again.
    pub retries_jobs: bool,
}

/// What the fleets' maxima need of a kind of capacity.
#[derive(Debug, Default)]
struct Needed {
    /// Of the fleets whose size is known.
    vcpus: f64,
    /// The others, each with why it is not.
    unknown: Vec<String>,
}

impl Needed {
    fn add(&mut self, fleet: &str, share: f64, vcpus: &Result<f64, String>) {
        match vcpus {
            _ if share <= 0.0 => {}
            Ok(vcpus) => self.vcpus += vcpus * share,
            Err(why) => self.unknown.push(format!("fleet {fleet}: {why}")),
        }
    }
}

struct Function {
    state: String,
    updated: String,
}

impl Account {
    /// Reads all of it.
    pub async fn read(stack: &Stack, fleets: &[FleetFacts]) -> Self {
        let (mut on_demand, mut spot) = (Needed::default(), Needed::default());
        let ecs = aws_sdk_ecs::Client::new(&stack.config);
        for facts in fleets {
            let fleet = &facts.fleet;
            let described = ecs.describe_task_definition().task_definition(fleet.task_definition.as_str()).send().await;
            let cpu = described.map_err(|error| chain(&error)).and_then(|answer| {
                let cpu = answer.task_definition.and_then(|definition| definition.cpu?.parse::<f64>().ok());
                cpu.ok_or_else(|| format!("{} names no size", fleet.task_definition.as_str()))
            });
            let vcpus = cpu.map(|cpu| f64::from(fleet.maximum) * cpu / CPU_UNITS);
            let share = f64::from(fleet.spot_percent) / 100.0;
            on_demand.add(fleet.name.as_str(), 1.0 - share, &vcpus);
            spot.add(fleet.name.as_str(), share, &vcpus);
        }
        let quotas = aws_sdk_servicequotas::Client::new(&stack.config);
        let mut vcpus = Vec::new();
        for ((kind, code), needed) in QUOTAS.into_iter().zip([on_demand, spot]) {
            if needed.vcpus > 0.0 || !needed.unknown.is_empty() {
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
            alarms: Alarms::read(stack).await,
            functions,
            retries_jobs,
        }
    }

    /// What follows.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![self.stack()];
        findings.extend(self.functions());
        findings.extend(self.vcpus.iter().map(|(kind, granted, needed)| quota(kind, granted, needed)));
        findings.extend(self.dead());
        findings.extend(self.alarms.findings());
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
}

fn quota(kind: &str, granted: &Result<f64, String>, needed: &Needed) -> Finding {
    const CHECK: &str = "vCPU quota";
    let (needed, unknown) = (needed.vcpus, needed.unknown.join("; "));
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
        // A guess would call an account well that is too small.
        Ok(_) if !unknown.is_empty() => Finding::unknown(CHECK, format!("what the fleets' maxima need of Fargate {kind} vCPUs"), &unknown),
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

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn what_a_task_takes_is_not_guessed_where_it_cannot_be_asked() {
        let denied = || vec!["fleet big: AccessDeniedException".to_owned()];
        let finding = quota("On-Demand", &Ok(6.0), &Needed { vcpus: 2.0, unknown: denied() });
        assert_eq!(finding.verdict, Verdict::Warning);
        assert!(finding.says.contains("fleet big") && finding.says.contains("could not be asked"), "{}", finding.says);
        assert!(finding.remedy.is_some_and(|remedy| remedy.contains("OperatorPolicyArn")));
        // What is known of the others is too much already.
        assert_eq!(quota("On-Demand", &Ok(1.0), &Needed { vcpus: 2.0, unknown: denied() }).verdict, Verdict::Wrong);
        assert_eq!(quota("On-Demand", &Ok(2.0), &Needed { vcpus: 2.0, unknown: vec![] }).verdict, Verdict::Ok);
    }
}
