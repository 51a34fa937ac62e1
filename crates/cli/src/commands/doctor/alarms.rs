//! The stack's alarms: which have gone off, and whether any could: one that is not there, or tells nobody, is as silent as one that is well.

use super::finding::Finding;
use crate::stack::Stack;
use fargate_runners_use_cases::ports::chain;

/// The alarms of `observability.yaml`, by what comes after the stack's name.
const ALARMS: [&str; 12] = [
    "OldestQueued",
    "EventsWaiting",
    "SweepMissing",
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

const CHECK: &str = "alarms";

/// What was read.
pub struct Alarms {
    stack: String,
    found: Result<Vec<Alarm>, String>,
}

/// One that is there.
#[derive(Clone, Debug, Default)]
struct Alarm {
    name: String,
    /// What it means, with the address of its page.
    description: String,
    /// Whether it has gone off, and why.
    went_off: Option<String>,
    /// Whether somebody has switched its actions off.
    is_muted: bool,
    /// Whether it has actions at all.
    has_topic: bool,
}

impl Alarms {
    /// Reads all of them by their names, whatever their state.
    pub async fn read(stack: &Stack) -> Self {
        Self { stack: stack.name.clone(), found: read(stack).await }
    }

    /// What follows.
    pub fn findings(&self) -> Vec<Finding> {
        let alarms = match &self.found {
            Ok(alarms) => alarms,
            Err(why) => return vec![Finding::unknown(CHECK, "CloudWatch", why)],
        };
        let mut findings: Vec<Finding> = alarms
            .iter()
            .filter_map(|alarm| Some(Finding::wrong(CHECK, format!("{}: {}", alarm.name, alarm.went_off.as_ref()?), &alarm.description)))
            .collect();
        let wanted = names(&self.stack);
        let missing: Vec<&str> = wanted.iter().filter(|name| alarms.iter().all(|alarm| alarm.name != **name)).map(String::as_str).collect();
        if !missing.is_empty() {
            findings.push(Finding::warning(
                CHECK,
                format!("not there: {}", missing.join(", ")),
                "Deploy the stack again, from this version; if CloudFormation sees no change, its \"drift\" shows what was deleted by hand.",
            ));
        }
        findings.extend(self.untold(alarms));
        if findings.is_empty() {
            findings.push(Finding::ok(CHECK, format!("all {} are there, and none is in ALARM", alarms.len())));
        }
        findings
    }

    /// Those of which nobody would hear.
    fn untold(&self, alarms: &[Alarm]) -> Vec<Finding> {
        let named = |fits: fn(&&Alarm) -> bool| alarms.iter().filter(fits).map(|alarm| alarm.name.as_str()).collect::<Vec<_>>();
        let (muted, without) = (named(|alarm| alarm.is_muted), named(|alarm| !alarm.has_topic));
        let mut findings = Vec::new();
        if !muted.is_empty() {
            findings.push(Finding::warning(
                CHECK,
                format!("switched off, so that nobody is told of them: {}", muted.join(", ")),
                format!("`aws cloudwatch enable-alarm-actions --alarm-names {}`", muted.join(" ")),
            ));
        }
        if !without.is_empty() {
            let which = if without.len() == alarms.len() { "any".to_owned() } else { without.join(", ") };
            findings.push(Finding::warning(
                CHECK,
                format!("nobody is told of {which}: {} names no topic for them", self.stack),
                "Deploy the stack with the parameter AlarmTopicArn: an SNS topic that somebody reads.",
            ));
        }
        findings
    }
}

/// The names of a stack's alarms. Another stack's name may begin with this one's, so that a prefix would not do.
fn names(stack: &str) -> Vec<String> {
    ALARMS.iter().map(|alarm| format!("{stack}-{alarm}")).collect()
}

async fn read(stack: &Stack) -> Result<Vec<Alarm>, String> {
    let client = aws_sdk_cloudwatch::Client::new(&stack.config);
    let (mut alarms, mut from) = (Vec::new(), None);
    for _ in 0..ALARM_PAGES {
        let call = client.describe_alarms().set_alarm_names(Some(names(&stack.name)));
        let page = call.set_next_token(from).send().await.map_err(|error| chain(&error))?;
        alarms.extend(page.metric_alarms().iter().map(alarm));
        from = page.next_token;
        if from.is_none() {
            break;
        }
    }
    Ok(alarms)
}

fn alarm(told: &aws_sdk_cloudwatch::types::MetricAlarm) -> Alarm {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let went_off = told.state_value() == Some(&aws_sdk_cloudwatch::types::StateValue::Alarm);
    Alarm {
        name: text(told.alarm_name()),
        description: text(told.alarm_description()),
        went_off: went_off.then(|| text(told.state_reason())),
        is_muted: told.actions_enabled() == Some(false),
        has_topic: !told.alarm_actions().is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    /// All of them, of which nothing is wrong.
    fn well() -> Vec<Alarm> {
        names("runners").into_iter().map(|name| Alarm { name, has_topic: true, ..Alarm::default() }).collect()
    }

    fn found(change: impl FnOnce(&mut Vec<Alarm>)) -> Vec<(Verdict, String)> {
        let mut alarms = well();
        change(&mut alarms);
        let findings = Alarms { stack: "runners".to_owned(), found: Ok(alarms) }.findings();
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Ok || finding.remedy.is_some()), "{findings:?}");
        findings.into_iter().map(|finding| (finding.verdict, finding.says)).collect()
    }

    fn one(change: impl FnOnce(&mut Vec<Alarm>), verdict: Verdict, says: &str) {
        let found = found(change);
        assert!(matches!(&found[..], [(of, said)] if *of == verdict && said.contains(says)), "{says}: {found:?}");
    }

    #[test]
    fn alarms_are_well_only_if_they_are_there_and_somebody_would_hear_of_them() {
        one(|_| {}, Verdict::Ok, "none is in ALARM");
        one(|alarms| alarms[1].went_off = Some("Threshold Crossed".to_owned()), Verdict::Wrong, "runners-EventsWaiting: Threshold Crossed");
        one(|alarms| drop(alarms.remove(0)), Verdict::Warning, "not there: runners-OldestQueued");
        one(Vec::clear, Verdict::Warning, "runners-RunnerVersion");
        one(|alarms| alarms[1].is_muted = true, Verdict::Warning, "switched off, so that nobody is told of them: runners-EventsWaiting");
        one(|alarms| alarms.iter_mut().for_each(|alarm| alarm.has_topic = false), Verdict::Warning, "nobody is told of any");
        one(|alarms| alarms[2].has_topic = false, Verdict::Warning, "nobody is told of runners-SweepMissing");
    }

    #[test]
    fn what_cloudwatch_tells_of_an_alarm_is_read_whatever_its_state() {
        let told = aws_sdk_cloudwatch::types::MetricAlarm::builder().alarm_name("a").actions_enabled(false).alarm_actions("arn:topic");
        let read = alarm(&told.state_value("OK".into()).state_reason("fine").build());
        assert!(read.went_off.is_none() && read.is_muted && read.has_topic);
        let read = alarm(&aws_sdk_cloudwatch::types::MetricAlarm::builder().state_value("ALARM".into()).state_reason("high").build());
        assert!(read.went_off.as_deref() == Some("high") && !read.is_muted && !read.has_topic);
    }

    #[test]
    fn the_alarms_are_those_that_the_stack_deploys_and_no_other_stacks() {
        let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../observability.yaml")).unwrap();
        let deployed =
            template.lines().filter_map(|line| line.trim().strip_prefix(r#"AlarmName: !Sub "${ControlPlane}-"#)?.strip_suffix('"'));
        assert_eq!(deployed.collect::<Vec<_>>(), ALARMS);
        let (one, two) = (names("runners"), names("runners-two"));
        assert!(one.contains(&"runners-MintsFailed".to_owned()) && one.iter().all(|name| !two.contains(name)));
    }
}
