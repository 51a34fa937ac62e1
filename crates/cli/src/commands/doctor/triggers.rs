//! What starts the functions, and whether they are as the stack deployed them: the queues' mappings, the rules, the schedule of `sweep`. One of these
//! switched off stops the control plane without any error anywhere.

use super::finding::Finding;
use crate::facts::FleetFacts;
use crate::stack::Stack;
use crate::words::utc;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::chain;
use std::collections::BTreeMap;
use std::time::Duration;

/// The mappings from queues to functions, by their names in the template, with what each brings.
const MAPPINGS: [(&str, &str); 3] = [
    ("FleetQueueToScale", "the queue of the fleets to `scale`: jobs are seen, and nothing is started for them"),
    ("WakeUpQueueToScale", "the queue of wake-ups to `scale`: what was put off is not taken up again"),
    ("RetryQueueToDeregister", "the queue of repeats to `deregister`: runners of dead tasks stay at GitHub"),
];

/// The rule that tells of tasks that have stopped, by its name in the template.
const TASK_RULE: &str = "TaskRule";

/// The function that it tells, by the last part of its name.
const TASK_TARGET: &str = "deregister";

/// The queue that the fleets' rules lead to, by the last part of its name.
const FLEET_TARGET: &str = "fleets.fifo";

/// The schedule of `sweep`, by the name that SAM gives it.
const SCHEDULE: &str = "SweepSchedule";

/// The functions, by their names in the template and by the last part of their own.
const FUNCTIONS: [(&str, &str); 5] =
    [("Webhook", "webhook"), ("Register", "register"), ("Deregister", "deregister"), ("Scale", "scale"), ("Sweep", "sweep")];

/// CloudFormation notes that it is done with a function within this time of the function's own change.
const NOTED_WITHIN: Duration = Duration::from_secs(30);

/// Pages of rules of the bus: 100 on each.
const RULE_PAGES: usize = 20;

/// How something that can be switched off stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It works.
    On,
    /// Somebody has switched it off.
    Off,
    /// It is not there.
    Gone,
    /// It is there, and does not lead to where it should.
    Astray,
    /// It could not be asked.
    Unknown(String),
}

/// What was read; each part may have failed by itself.
#[derive(Debug, Default)]
pub struct Triggers {
    /// The stack's name.
    pub stack: String,
    /// Mappings, by what each brings.
    pub mappings: Vec<(&'static str, Switch)>,
    /// The rule for stopped tasks.
    pub task_rule: Option<Switch>,
    /// The rules of the fleets.
    pub fleet_rules: Vec<(String, Switch)>,
    /// The schedule of `sweep`.
    pub schedule: Option<Switch>,
    /// Functions that may not run at all.
    pub held: Vec<&'static str>,
    /// Functions that were changed after their deployment, with when, and when that was.
    pub changed: Vec<(&'static str, Timestamp, Timestamp)>,
    /// What else could not be asked.
    pub unknown: Vec<(&'static str, String)>,
}

/// A resource of the stack.
struct Resource {
    id: String,
    deployed_at: Option<Timestamp>,
}

impl Triggers {
    /// Reads all of it.
    pub async fn read(stack: &Stack, fleets: &[FleetFacts]) -> Self {
        let mut triggers = Self { stack: stack.name.clone(), ..Self::default() };
        let resources = match resources(stack).await {
            Ok(resources) => resources,
            Err(why) => {
                triggers.unknown.push(("the stack's resources", why));
                return triggers;
            }
        };
        let id = |name: &str| resources.get(name).map(|resource| resource.id.clone());
        for (name, brings) in MAPPINGS {
            triggers.mappings.push((brings, mapping(stack, id(name)).await));
        }
        triggers.task_rule = Some(task_rule(stack, id(TASK_RULE)).await);
        triggers.schedule = Some(schedule(stack, id(SCHEDULE)).await);
        triggers.fleet_rules = fleet_rules(stack, fleets).await;
        triggers.functions(stack, &resources).await;
        triggers
    }

    async fn functions(&mut self, stack: &Stack, resources: &BTreeMap<String, Resource>) {
        let lambda = aws_sdk_lambda::Client::new(&stack.config);
        for (logical, name) in FUNCTIONS {
            let function = format!("{}-{name}", stack.name);
            match lambda.get_function_concurrency().function_name(&function).send().await {
                Ok(answer) if answer.reserved_concurrent_executions == Some(0) => self.held.push(name),
                Ok(_) => {}
                Err(error) => self.unknown.push(("a function's concurrency", chain(&error))),
            }
            let Some(deployed_at) = resources.get(logical).and_then(|resource| resource.deployed_at) else { continue };
            // That it cannot be asked is told elsewhere.
            let Ok(answer) = lambda.get_function_configuration().function_name(&function).send().await else { continue };
            let changed_at = answer.last_modified.as_deref().and_then(timestamp);
            self.changed.extend(changed_at.filter(|at| *at > deployed_at + NOTED_WITHIN).map(|at| (name, at, deployed_at)));
        }
    }

    /// What follows.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (brings, switch) in &self.mappings {
            findings.extend(switched(
                "triggers",
                &format!("the event source mapping from {brings}"),
                switch,
                "Enable it in Lambda (the function's page, Configuration, Triggers).",
            ));
        }
        if let Some(switch) = &self.task_rule {
            let what = "the rule that tells `deregister` of stopped tasks: ends of tasks are learnt by `sweep` only";
            findings.extend(switched("triggers", what, switch, "Enable it in EventBridge (the default bus, Rules)."));
        }
        for (fleet, switch) in &self.fleet_rules {
            let what = format!(
                "the rule that brings events of fleet {fleet} to its queue: its jobs are seen by the webhook, and nothing comes of it"
            );
            let remedy = "Enable it in EventBridge (the stack's bus, Rules).";
            findings.extend(switched("triggers", &what, switch, remedy));
        }
        if let Some(switch) = &self.schedule {
            let what = "the schedule of `sweep`: nothing that is lost is found again";
            findings.extend(switched("triggers", what, switch, "Enable it in EventBridge Scheduler (Schedules)."));
        }
        for name in &self.held {
            findings.push(Finding::wrong(
                "functions",
                format!("{name} may not run: its reserved concurrency is 0"),
                format!(
                    "`aws lambda delete-function-concurrency --function-name {}-{name}`, or Configuration, Concurrency in the console.",
                    self.stack
                ),
            ));
        }
        for (name, at, deployed_at) in &self.changed {
            findings.push(Finding::warning(
                "versions",
                format!(
                    "{name} was changed by hand at {}, after the stack's deployment ({}): it may be of another version than the other functions",
                    utc(*at),
                    utc(*deployed_at)
                ),
                "Deploy the version that is wanted; if CloudFormation sees no change, with another LogLevel, so that it writes every function anew.",
            ));
        }
        findings.extend(self.unknown.iter().map(|(what, why)| Finding::unknown("triggers", what, why)));
        if findings.is_empty() {
            findings.push(Finding::ok("triggers", "queues, rules and the schedule start the functions"));
            findings.push(Finding::ok("versions", "all functions are as the stack deployed them"));
        }
        findings
    }
}

fn switched(check: &'static str, what: &str, switch: &Switch, enable: &str) -> Option<Finding> {
    match switch {
        Switch::On => None,
        Switch::Off => Some(Finding::wrong(check, format!("switched off: {what}"), enable)),
        Switch::Gone => Some(Finding::wrong(
            check,
            format!("gone: {what}"),
            "Deploy the stack again; if CloudFormation sees no change, delete what is left of it by its \"drift\", and deploy.",
        )),
        Switch::Astray => Some(Finding::wrong(
            check,
            format!("without its target: {what}"),
            "Deploy the stack again, of a fleet the fleet's own; if CloudFormation sees no change, put the target back as its \"drift\" shows it.",
        )),
        Switch::Unknown(why) => Some(Finding::unknown(check, what, why)),
    }
}

async fn resources(stack: &Stack) -> Result<BTreeMap<String, Resource>, String> {
    let client = aws_sdk_cloudformation::Client::new(&stack.config);
    let answer = client.describe_stack_resources().stack_name(&stack.name).send().await.map_err(|error| chain(&error))?;
    let resource = |found: &aws_sdk_cloudformation::types::StackResource| {
        let deployed_at = found.timestamp().and_then(|at| u64::try_from(at.to_millis().ok()?).ok()).map(Timestamp::from_millis);
        Some((found.logical_resource_id()?.to_owned(), Resource { id: found.physical_resource_id()?.to_owned(), deployed_at }))
    };
    Ok(answer.stack_resources().iter().filter_map(resource).collect())
}

async fn mapping(stack: &Stack, id: Option<String>) -> Switch {
    let Some(id) = id else { return Switch::Gone };
    match aws_sdk_lambda::Client::new(&stack.config).get_event_source_mapping().uuid(id).send().await {
        Ok(found) if found.state().is_some_and(|state| state.starts_with("Disabl")) => Switch::Off,
        Ok(_) => Switch::On,
        Err(error) => missing(error.code(), &chain(&error)),
    }
}

async fn task_rule(stack: &Stack, id: Option<String>) -> Switch {
    let Some(id) = id else { return Switch::Gone };
    // CloudFormation's id of a rule is its name; on a bus of its own, with the bus before it.
    let name = id.rsplit(['|', '/']).next().unwrap_or(&id).to_owned();
    let client = aws_sdk_eventbridge::Client::new(&stack.config);
    match client.describe_rule().name(name).send().await {
        Ok(rule) if of_rule(rule.state()) == Switch::On => {
            let target = format!(":function:{}-{TASK_TARGET}", stack.name);
            leads_to(&client, rule.name().unwrap_or_default(), None, &target).await
        }
        Ok(rule) => of_rule(rule.state()),
        Err(error) => missing(error.code(), &chain(&error)),
    }
}

/// Whether one of a rule's targets is the one that it is there for, which the end of the ARN tells.
async fn leads_to(client: &aws_sdk_eventbridge::Client, rule: &str, bus: Option<&str>, target: &str) -> Switch {
    match client.list_targets_by_rule().rule(rule).set_event_bus_name(bus.map(str::to_owned)).send().await {
        Ok(found) => of_targets(found.targets().iter().map(aws_sdk_eventbridge::types::Target::arn), target),
        Err(error) => missing(error.code(), &chain(&error)),
    }
}

fn of_targets<'a>(mut arns: impl Iterator<Item = &'a str>, target: &str) -> Switch {
    if arns.any(|arn| arn.ends_with(target)) { Switch::On } else { Switch::Astray }
}

fn of_rule(state: Option<&aws_sdk_eventbridge::types::RuleState>) -> Switch {
    if state == Some(&aws_sdk_eventbridge::types::RuleState::Disabled) { Switch::Off } else { Switch::On }
}

/// Each fleet has a rule of its own on the stack's bus, which names it.
async fn fleet_rules(stack: &Stack, fleets: &[FleetFacts]) -> Vec<(String, Switch)> {
    let client = aws_sdk_eventbridge::Client::new(&stack.config);
    let bus = stack.outputs.get("BusName").cloned().unwrap_or_else(|| stack.name.clone());
    let target = format!(":{}-{FLEET_TARGET}", stack.name);
    let (mut rules, mut from, mut trouble) = (Vec::new(), None, None);
    for _ in 0..RULE_PAGES {
        match client.list_rules().event_bus_name(&bus).set_next_token(from.take()).send().await {
            Ok(page) => {
                from = page.next_token;
                rules.extend(page.rules.unwrap_or_default());
            }
            Err(error) => trouble = Some(missing(error.code(), &chain(&error))),
        }
        if from.is_none() {
            break;
        }
    }
    let names = fleets.iter().map(|facts| facts.fleet.name.to_string());
    if let Some(trouble) = trouble {
        return names.map(|fleet| (fleet, trouble.clone())).collect();
    }
    let mut switches = Vec::with_capacity(fleets.len());
    for fleet in names {
        let mut found = Vec::new();
        for rule in rules.iter().filter(|rule| rule.event_pattern().is_some_and(|pattern| is_for(pattern, &fleet))) {
            found.push(match of_rule(rule.state()) {
                Switch::On => leads_to(&client, rule.name().unwrap_or_default(), Some(&bus), &target).await,
                other => other,
            });
        }
        let switch = if found.contains(&Switch::On) { Switch::On } else { found.into_iter().next().unwrap_or(Switch::Gone) };
        switches.push((fleet, switch));
    }
    switches
}

fn is_for(pattern: &str, fleet: &str) -> bool {
    let pattern: serde_json::Value = serde_json::from_str(pattern).unwrap_or_default();
    pattern["detail"]["fleet"].as_array().is_some_and(|fleets| fleets.iter().any(|name| name == fleet))
}

async fn schedule(stack: &Stack, id: Option<String>) -> Switch {
    let Some(id) = id else { return Switch::Gone };
    let name = id.rsplit('/').next().unwrap_or(&id).to_owned();
    match aws_sdk_scheduler::Client::new(&stack.config).get_schedule().name(name).send().await {
        Ok(found) if found.state() == Some(&aws_sdk_scheduler::types::ScheduleState::Disabled) => Switch::Off,
        Ok(_) => Switch::On,
        Err(error) => missing(error.code(), &chain(&error)),
    }
}

fn missing(code: Option<&str>, why: &str) -> Switch {
    if code == Some("ResourceNotFoundException") { Switch::Gone } else { Switch::Unknown(why.to_owned()) }
}

/// Lambda's own writing of a time: `2026-11-27T12:00:00.000+0000`.
fn timestamp(text: &str) -> Option<Timestamp> {
    let text =
        text.strip_suffix("+0000").or_else(|| text.strip_suffix("+00:00")).map_or_else(|| text.to_owned(), |plain| format!("{plain}Z"));
    Timestamp::parse_rfc3339(&text)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn what_is_switched_off_or_gone_is_told_with_what_it_would_have_brought() {
        let well = Triggers {
            mappings: MAPPINGS.map(|(_, brings)| (brings, Switch::On)).to_vec(),
            task_rule: Some(Switch::On),
            fleet_rules: vec![("default".to_owned(), Switch::On)],
            schedule: Some(Switch::On),
            ..Triggers::default()
        };
        assert!(well.findings().iter().all(|finding| finding.verdict == Verdict::Ok));
        let ill = Triggers {
            stack: "runners-two".to_owned(),
            mappings: vec![(MAPPINGS[0].1, Switch::Off)],
            task_rule: Some(Switch::Gone),
            fleet_rules: vec![("default".to_owned(), Switch::Off)],
            schedule: Some(Switch::Off),
            held: vec!["scale"],
            changed: vec![("sweep", Timestamp::from_secs(100), Timestamp::from_secs(10))],
            unknown: vec![],
        };
        let found = ill.findings();
        assert_eq!(found.len(), 6);
        assert!(found.iter().all(|finding| finding.verdict != Verdict::Ok && finding.remedy.is_some()));
        let held = found.iter().find(|finding| finding.check == "functions").and_then(|finding| finding.remedy.clone());
        assert!(held.is_some_and(|remedy| remedy.contains("--function-name runners-two-scale`")), "the command can be pasted");
        let says: Vec<&str> = found.iter().map(|finding| finding.says.as_str()).collect();
        for (says, wanted) in says.iter().zip(["`scale`", "`deregister`", "fleet default", "`sweep`", "concurrency is 0", "by hand"]) {
            assert!(says.contains(wanted), "{says}");
        }
    }

    #[test]
    fn a_rule_that_leads_nowhere_or_elsewhere_starts_nothing() {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:runners-fleets.fifo";
        let of = |arns: &[&'static str]| of_targets(arns.iter().copied(), ":runners-fleets.fifo");
        assert_eq!(of(&["arn:aws:lambda:eu-west-1:111122223333:function:mine", queue]), Switch::On);
        assert_eq!(of(&[]), Switch::Astray);
        assert_eq!(of(&["arn:aws:sqs:eu-west-1:111122223333:two-runners-fleets.fifo"]), Switch::Astray);
        let astray =
            Triggers { task_rule: Some(Switch::Astray), fleet_rules: vec![("default".to_owned(), Switch::Astray)], ..Triggers::default() };
        let found = astray.findings();
        assert_eq!(found.len(), 2);
        for (finding, wanted) in found.iter().zip(["`deregister`", "fleet default"]) {
            assert!(finding.verdict == Verdict::Wrong && finding.says.contains("without its target") && finding.says.contains(wanted));
        }
    }

    #[test]
    fn lambdas_times_and_the_patterns_of_rules_are_read() {
        assert_eq!(timestamp("1970-01-01T00:00:10.000+0000"), Some(Timestamp::from_secs(10)));
        assert_eq!(timestamp("1970-01-01T00:00:10.000Z"), Some(Timestamp::from_secs(10)));
        assert!(is_for(r#"{"detail": {"fleet": ["default"]}}"#, "default"));
        assert!(!is_for(r#"{"detail": {"fleet": ["big"]}}"#, "default") && !is_for("x", "default"));
    }
}
