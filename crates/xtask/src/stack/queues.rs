//! The queues: how many wake-ups they hold, and their patience, shortened. With their own, a batch whose function was killed comes back only after three minutes, and a fleet stands still until then.

use std::fmt::Display;

use fargate_runners_local_stack::aws;
use serde_json::{Value, json};

use crate::problem::{Outcome, Problem};

use super::CONTROL_PLANE;

/// Longer than any function may run, so that no message is worked on twice at once.
const VISIBILITY_SECONDS: u64 = 35;

/// What the functions read from.
const QUEUES: [&str; 3] = ["fleets.fifo", "wake-up", "deregister-retry"];

/// The queue of wake-ups.
const WAKE_UPS: &str = QUEUES[1];

/// Where messages of a queue are that are still to come.
const TO_COME: [&str; 2] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"];

/// Where messages of a queue are that are not done.
const IN_WORK: [&str; 2] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];

/// Makes messages come back sooner.
pub async fn hasten(aws: &aws::Emulator) -> Outcome {
    come_back_after(aws, VISIBILITY_SECONDS).await
}

/// Makes messages come back this many seconds after they were taken.
pub async fn come_back_after(aws: &aws::Emulator, seconds: u64) -> Outcome {
    for queue in QUEUES {
        let attributes = json!({ "VisibilityTimeout": seconds.to_string() });
        let question = json!({ "QueueUrl": url(aws, queue).await?, "Attributes": attributes });
        aws.json("sqs", "AmazonSQS.SetQueueAttributes", &question).await.map_err(failed)?;
    }
    Ok(())
}

/// How many wake-ups are still to come.
pub async fn wake_ups(aws: &aws::Emulator) -> Outcome<u64> {
    length(aws, WAKE_UPS, TO_COME).await
}

/// How many messages of the fleets wait or are being worked on.
pub async fn fleet_messages(aws: &aws::Emulator) -> Outcome<u64> {
    length(aws, QUEUES[0], IN_WORK).await
}

async fn length(aws: &aws::Emulator, queue: &str, attributes: [&str; 2]) -> Outcome<u64> {
    let question = json!({ "QueueUrl": url(aws, queue).await?, "AttributeNames": attributes });
    let answer = aws.json("sqs", "AmazonSQS.GetQueueAttributes", &question).await.map_err(failed)?;
    let number = |name: &str| answer["Attributes"][name].as_str().and_then(|text| text.parse::<u64>().ok());
    attributes.into_iter().map(number).sum::<Option<u64>>().ok_or_else(|| failed("its length is not told"))
}

async fn url(aws: &aws::Emulator, queue: &str) -> Outcome<Value> {
    let question = json!({ "QueueName": format!("{CONTROL_PLANE}-{queue}") });
    let mut answer = aws.json("sqs", "AmazonSQS.GetQueueUrl", &question).await.map_err(failed)?;
    Ok(answer["QueueUrl"].take())
}

fn failed(error: impl Display) -> Problem {
    Problem::new(format!("the queues could not be asked: {error}"))
}
