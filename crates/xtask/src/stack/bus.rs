//! Listens to the bus on which the control plane publishes its events, as anybody's program could: what stands in them is public.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use fargate_runners_local_stack::aws;
use serde_json::{Value, json};

use crate::problem::{Outcome, Problem};

/// The queue and the rule have the same name.
const NAME: &str = "demo-listens-to-all-events";

/// What the control plane's events say of their source.
const SOURCE: &str = "fargate-runners";

/// Read messages do not come back before the run is over.
const SECONDS_UNSEEN: u64 = 43_200;

/// As many as SQS gives at once.
const AT_ONCE: u64 = 10;

/// More reads than any demo needs.
const READS: usize = 10_000;

/// How many events have come.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnTheBus {
    /// In all.
    pub all: usize,
    /// Of these, what is noted in the ledger: no fleet's rule sends it on to a queue.
    pub noted: usize,
}

/// A queue that gets every event of the bus.
#[derive(Debug)]
pub struct Listener {
    queue_url: String,
}

impl Listener {
    /// Begins to listen.
    pub async fn start(aws: &aws::Emulator, bus: &str) -> Outcome<Self> {
        let question = json!({ "QueueName": NAME, "Attributes": { "VisibilityTimeout": SECONDS_UNSEEN.to_string() } });
        let queue = aws.json("sqs", "AmazonSQS.CreateQueue", &question).await.map_err(failed)?;
        let queue_url = text(&queue, "QueueUrl")?.to_owned();
        let question = json!({ "QueueUrl": queue_url, "AttributeNames": ["QueueArn"] });
        let attributes = aws.json("sqs", "AmazonSQS.GetQueueAttributes", &question).await.map_err(failed)?;
        let arn = text(&attributes["Attributes"], "QueueArn")?;
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": arn,
        }] });
        let question = json!({ "QueueUrl": queue_url, "Attributes": { "Policy": policy.to_string() } });
        aws.json("sqs", "AmazonSQS.SetQueueAttributes", &question).await.map_err(failed)?;
        let pattern = json!({ "source": [SOURCE] }).to_string();
        let question = json!({ "Name": NAME, "EventBusName": bus, "EventPattern": pattern, "State": "ENABLED" });
        aws.json("events", "AWSEvents.PutRule", &question).await.map_err(failed)?;
        let question = json!({ "Rule": NAME, "EventBusName": bus, "Targets": [{ "Id": "all", "Arn": arn }] });
        aws.json("events", "AWSEvents.PutTargets", &question).await.map_err(failed)?;
        Ok(Self { queue_url })
    }

    /// Writes all events that have come so far into a file, a line each, and counts them.
    pub async fn write(&self, aws: &aws::Emulator, file: &Path) -> Outcome<OnTheBus> {
        let mut lines = Vec::new();
        for _ in 0..READS {
            let question = json!({ "QueueUrl": self.queue_url, "MaxNumberOfMessages": AT_ONCE });
            let answer = aws.json("sqs", "AmazonSQS.ReceiveMessage", &question).await.map_err(failed)?;
            let messages = answer["Messages"].as_array().map(Vec::as_slice).unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            lines.extend(messages.iter().filter_map(|message| message["Body"].as_str().map(str::to_owned)));
        }
        fs::write(file, lines.join("\n"))?;
        let is_noted = |line: &String| serde_json::from_str::<Value>(line).is_ok_and(|event| event["detail"]["noted"] == true);
        Ok(OnTheBus { all: lines.len(), noted: lines.iter().filter(|line| is_noted(line)).count() })
    }
}

fn text<'a>(answer: &'a Value, name: &str) -> Outcome<&'a str> {
    answer[name].as_str().ok_or_else(|| Problem::new(format!("the emulator's answer has no {name}")))
}

fn failed(error: impl Display) -> Problem {
    Problem::new(format!("the events of the bus could not be listened to: {error}"))
}
