//! SQS's event as the use case wants it: messages of the fleets' queue apart from those of the wake-up queue, told by the queue's name; and the answer
//! that names the messages which must come again.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use fargate_runners_use_cases::scale::Message;
use serde::Serialize;

/// How SQS makes the names of FIFO queues end.
const FIFO: &str = ".fifo";

/// A batch, by queue. Lambda never mixes two queues in one, but nothing here rests on that.
pub struct Batch {
    /// Messages of the fleets' queue, the only FIFO queue that invokes this function.
    pub fleets: Vec<Message>,
    /// Messages of the wake-up queue.
    pub wake_ups: Vec<Message>,
}

impl From<SqsEvent> for Batch {
    fn from(event: SqsEvent) -> Self {
        let of_fleets = |record: &SqsMessage| record.event_source_arn.as_deref().and_then(|arn| arn.strip_suffix(FIFO)).is_some();
        let (fleets, wake_ups): (Vec<_>, Vec<_>) = event.records.into_iter().partition(of_fleets);
        let message = |record: SqsMessage| Message { id: record.message_id.unwrap_or_default(), body: record.body.unwrap_or_default() };
        Self { fleets: fleets.into_iter().map(message).collect(), wake_ups: wake_ups.into_iter().map(message).collect() }
    }
}

/// SQS's partial batch response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    batch_item_failures: Vec<Failed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

impl From<Vec<String>> for Answer {
    fn from(failed: Vec<String>) -> Self {
        Self { batch_item_failures: failed.into_iter().map(|item_identifier| Failed { item_identifier }).collect() }
    }
}
