//! The queues' patience, shortened: with their own, a batch whose function was killed comes back only after three minutes, and a fleet stands still until then.

use std::fmt::Display;

use fargate_runners_local_stack::aws;
use serde_json::json;

use crate::problem::{Outcome, Problem};

use super::CONTROL_PLANE;

/// Longer than any function may run, so that no message is worked on twice at once.
const VISIBILITY_SECONDS: u64 = 35;

/// What the functions read from.
const QUEUES: [&str; 3] = ["fleets.fifo", "wake-up", "deregister-retry"];

/// Makes messages come back sooner.
pub async fn hasten(aws: &aws::Emulator) -> Outcome {
    for queue in QUEUES {
        let question = json!({ "QueueName": format!("{CONTROL_PLANE}-{queue}") });
        let answer = aws.json("sqs", "AmazonSQS.GetQueueUrl", &question).await.map_err(failed)?;
        let question = json!({ "QueueUrl": answer["QueueUrl"], "Attributes": { "VisibilityTimeout": VISIBILITY_SECONDS.to_string() } });
        aws.json("sqs", "AmazonSQS.SetQueueAttributes", &question).await.map_err(failed)?;
    }
    Ok(())
}

fn failed(error: impl Display) -> Problem {
    Problem::new(format!("the queues could not be set: {error}"))
}
