//! The queues: wake-ups, the fleets' FIFO, what nobody can read, stopped tasks that `deregister` looks at again, and dead letters.

mod dead_letters;

pub use dead_letters::{DeadLetterReader, DeadLetterUrls};

use crate::config::Aws;
use crate::error::port_error;
use crate::limits::{DELAY, REASON_CHARS};
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::MessageAttributeValue;
use fargate_runners_core::events::{Event, LookAgain};
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{DeadLetters, FleetQueue, PortError, Retry, RetryQueue, WakeUp};
use std::time::Duration;

/// The group of parked messages: their order says nothing.
const PARKED: &str = "parked";

/// The attribute of a parked message that says why it was parked.
const REASON: &str = "Reason";

#[derive(Clone, Debug)]
struct Queue {
    aws: Aws,
    url: String,
}

impl Queue {
    fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self { aws: aws.clone(), url: url.into() }
    }

    fn message(&self, body: &str) -> SendMessageFluentBuilder {
        self.aws.sqs().send_message().queue_url(&self.url).message_body(body)
    }
}

async fn send(what: impl FnOnce() -> String, call: SendMessageFluentBuilder) -> Result<(), PortError> {
    call.send().await.map(drop).map_err(|error| port_error(what(), error))
}

/// A delay in the whole seconds that SQS counts in, rounded up.
fn seconds(delay: Duration) -> i32 {
    let delay = delay.min(DELAY);
    i32::try_from(delay.as_secs() + u64::from(delay.subsec_nanos() > 0)).unwrap_or_default()
}

/// The wake-up queue. Clones share the client.
#[derive(Clone, Debug)]
pub struct WakeUpQueue(Queue);

impl WakeUpQueue {
    /// The queue of that URL.
    #[must_use]
    pub fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self(Queue::new(aws, url))
    }
}

impl WakeUp for WakeUpQueue {
    async fn look_again(&self, fleet: &FleetName, delay: Duration, due: Timestamp) -> Result<(), PortError> {
        let what = || format!("asking for another look at fleet {fleet}");
        let event = Event::LookAgain(LookAgain { fleet: fleet.clone(), due: Some(due) });
        let body = event.to_message().map_err(|error| PortError::new(what(), Retry::Never, error))?;
        send(what, self.0.message(&body).delay_seconds(seconds(delay))).await
    }
}

/// The fleets' FIFO queue. Clones share the client.
#[derive(Clone, Debug)]
pub struct FleetFifo(Queue);

impl FleetFifo {
    /// The queue of that URL.
    #[must_use]
    pub fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self(Queue::new(aws, url))
    }
}

impl FleetQueue for FleetFifo {
    async fn forward(&self, fleet: &FleetName, id: &str, body: &str) -> Result<(), PortError> {
        let call = self.0.message(body).message_group_id(fleet.as_str()).message_deduplication_id(id);
        send(|| format!("forwarding message {id} to the queue of fleet {fleet}"), call).await
    }
}

/// Where messages are kept that nobody can read: a FIFO queue. Clones share the client.
#[derive(Clone, Debug)]
pub struct DeadLetterQueue(Queue);

impl DeadLetterQueue {
    /// The queue of that URL.
    #[must_use]
    pub fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self(Queue::new(aws, url))
    }
}

impl DeadLetters for DeadLetterQueue {
    async fn park(&self, id: &str, body: &str, reason: &str) -> Result<(), PortError> {
        let what = || format!("parking message {id}");
        let attribute = MessageAttributeValue::builder().data_type("String").string_value(printable(reason)).build();
        let attribute = attribute.map_err(|error| PortError::new(what(), Retry::Never, error))?;
        let call = self.0.message(body).message_group_id(PARKED).message_deduplication_id(id);
        send(what, call.message_attributes(REASON, attribute)).await
    }
}

/// SQS refuses control characters and empty attributes.
fn printable(reason: &str) -> String {
    let text: String = reason.chars().take(REASON_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().is_empty() { "no reason given".to_owned() } else { text }
}

/// The queue that brings a stopped task back to `deregister`. Clones share the client.
#[derive(Clone, Debug)]
pub struct RetryLater(Queue);

impl RetryLater {
    /// The queue of that URL.
    #[must_use]
    pub fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self(Queue::new(aws, url))
    }
}

impl RetryQueue for RetryLater {
    async fn retry_later(&self, body: &str, delay: Duration) -> Result<(), PortError> {
        send(|| "putting a stopped task into the retry queue".to_owned(), self.0.message(body).delay_seconds(seconds(delay))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use serde_json::{Value, json};

    const URL: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/queue";

    fn sent() -> (u16, Value) {
        (200, json!({"MessageId": "1"}))
    }

    #[tokio::test]
    async fn a_wake_up_is_delayed_by_whole_seconds_and_at_most_as_long_as_sqs_can() {
        let (answers, aws) = Answers::of([sent(), sent()]);
        let fleet = FleetName::parse("default").unwrap();
        let (queue, due) = (WakeUpQueue::new(&aws, URL), Timestamp::from_secs(1));
        queue.look_again(&fleet, Duration::from_millis(1_500), due).await.unwrap();
        queue.look_again(&fleet, Duration::from_secs(5_000), due).await.unwrap();
        let requests = answers.requests();
        assert_eq!((&requests[0]["DelaySeconds"], &requests[1]["DelaySeconds"]), (&json!(2), &json!(900)));
        let body = Event::from_message(requests[0]["MessageBody"].as_str().unwrap()).unwrap();
        assert_eq!(body, Event::LookAgain(LookAgain { fleet, due: Some(due) }));
    }

    #[tokio::test]
    async fn a_forwarded_message_goes_into_its_fleets_group_under_its_id() {
        let (answers, aws) = Answers::of([sent()]);
        FleetFifo::new(&aws, URL).forward(&FleetName::parse("gpu").unwrap(), "id-1", "{}").await.unwrap();
        let expected = json!({"QueueUrl": URL, "MessageBody": "{}", "MessageGroupId": "gpu", "MessageDeduplicationId": "id-1"});
        assert_eq!(answers.requests(), [expected]);
    }

    #[tokio::test]
    async fn a_parked_message_says_why_in_characters_that_sqs_takes() {
        let (answers, aws) = Answers::of([sent()]);
        DeadLetterQueue::new(&aws, URL).park("id-1", "{", "line 1\u{0}\nline 2").await.unwrap();
        assert_eq!(answers.requests()[0]["MessageAttributes"]["Reason"]["StringValue"], "line 1  line 2");
    }
}
