//! The dead-letter queues, from the side that takes messages out of them.

use super::{Queue, REASON};
use crate::config::Aws;
use crate::error::port_error;
use crate::limits::{DEAD_LETTER_HIDDEN, RECEIVE_MESSAGES};
use aws_sdk_sqs::types::Message;
use fargate_runners_use_cases::ports::{DeadLetter, DeadLetterQueues, DeadLetterSource, PortError};

/// Where the dead-letter queues are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterUrls {
    /// Of rules and `deregister`.
    pub events: String,
    /// Of the fleets' queue.
    pub fleets: String,
    /// Of the wake-up queue.
    pub wake_ups: String,
    /// Of the queue of `deregister`.
    pub retries: String,
}

/// All dead-letter queues. Clones share the client.
#[derive(Clone, Debug)]
pub struct DeadLetterReader {
    events: Queue,
    fleets: Queue,
    wake_ups: Queue,
    retries: Queue,
}

impl DeadLetterReader {
    /// The queues of these URLs.
    #[must_use]
    pub fn new(aws: &Aws, urls: DeadLetterUrls) -> Self {
        let queue = |url| Queue::new(aws, url);
        Self { events: queue(urls.events), fleets: queue(urls.fleets), wake_ups: queue(urls.wake_ups), retries: queue(urls.retries) }
    }

    const fn queue(&self, source: DeadLetterSource) -> &Queue {
        match source {
            DeadLetterSource::Events => &self.events,
            DeadLetterSource::Fleets => &self.fleets,
            DeadLetterSource::WakeUps => &self.wake_ups,
            DeadLetterSource::Retries => &self.retries,
        }
    }
}

impl DeadLetterQueues for DeadLetterReader {
    async fn receive(&self, from: DeadLetterSource) -> Result<Vec<DeadLetter>, PortError> {
        let queue = self.queue(from);
        let hidden = i32::try_from(DEAD_LETTER_HIDDEN.as_secs()).unwrap_or(i32::MAX);
        let call = queue.aws.sqs().receive_message().queue_url(&queue.url).max_number_of_messages(RECEIVE_MESSAGES);
        let call = call.wait_time_seconds(0).visibility_timeout(hidden).message_attribute_names(REASON);
        let answer = call.send().await.map_err(|error| port_error(format!("receiving dead letters ({from:?})"), error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(letter).collect())
    }

    async fn remove(&self, from: DeadLetterSource, letter: &DeadLetter) -> Result<(), PortError> {
        let queue = self.queue(from);
        let call = queue.aws.sqs().delete_message().queue_url(&queue.url).receipt_handle(&letter.receipt);
        call.send().await.map(drop).map_err(|error| port_error(format!("removing the dead letter {} ({from:?})", letter.id), error))
    }
}

/// A message without a receipt could not be removed: it is left where it is.
fn letter(message: Message) -> Option<DeadLetter> {
    let parked = message.message_attributes.is_some_and(|attributes| attributes.contains_key(REASON));
    let (id, body) = (message.message_id.unwrap_or_default(), message.body.unwrap_or_default());
    message.receipt_handle.map(|receipt| DeadLetter { id, body, receipt, parked })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use fargate_runners_use_cases::ports::Retry;
    use serde_json::json;

    fn reader(aws: &Aws) -> DeadLetterReader {
        let url = |name: &str| format!("https://sqs.eu-west-1.amazonaws.com/111122223333/{name}");
        let urls = DeadLetterUrls { events: url("events"), fleets: url("fleets"), wake_ups: url("wake-ups"), retries: url("retries") };
        DeadLetterReader::new(aws, urls)
    }

    #[tokio::test]
    async fn ten_letters_are_received_and_a_parked_one_is_told_by_its_reason() {
        let reason = json!({"Reason": {"DataType": "String", "StringValue": "no JSON"}});
        let parked = json!({"MessageId": "1", "ReceiptHandle": "r1", "Body": "{", "MessageAttributes": reason});
        let failed = json!({"MessageId": "2", "ReceiptHandle": "r2", "Body": "{}"});
        let (answers, aws) = Answers::of([(200, json!({"Messages": [parked, failed]})), (200, json!({}))]);
        let reader = reader(&aws);
        let letter = |id: &str, body: &str, receipt: &str, parked| DeadLetter {
            id: id.to_owned(),
            body: body.to_owned(),
            receipt: receipt.to_owned(),
            parked,
        };
        let letters = reader.receive(DeadLetterSource::Fleets).await.unwrap();
        assert_eq!(letters, [letter("1", "{", "r1", true), letter("2", "{}", "r2", false)]);
        assert_eq!(reader.receive(DeadLetterSource::Events).await.unwrap(), []);
        let asked = json!({
            "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/fleets", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0,
            "VisibilityTimeout": 180, "MessageAttributeNames": ["Reason"]
        });
        assert_eq!(answers.requests()[0], asked);
    }

    #[tokio::test]
    async fn a_letter_is_removed_from_the_queue_that_it_came_from() {
        for (source, name) in DeadLetterSource::ALL.into_iter().zip(["events", "fleets", "wake-ups", "retries"]) {
            let (answers, aws) = Answers::of([(200, json!({}))]);
            let letter = DeadLetter { id: "1".to_owned(), body: "{}".to_owned(), receipt: "r1".to_owned(), parked: false };
            reader(&aws).remove(source, &letter).await.unwrap();
            let asked = json!({"QueueUrl": format!("https://sqs.eu-west-1.amazonaws.com/111122223333/{name}"), "ReceiptHandle": "r1"});
            assert_eq!(answers.requests(), [asked]);
        }
    }

    #[tokio::test]
    async fn a_queue_that_cannot_be_read_is_an_error() {
        let (_, aws) = Answers::of([(403, json!({"__type": "AccessDeniedException", "message": "says why"}))]);
        assert_eq!(reader(&aws).receive(DeadLetterSource::WakeUps).await.unwrap_err().retry, Retry::Never);
    }
}
