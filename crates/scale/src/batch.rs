//! SQS's event as the use case wants it: messages of the fleets' queue apart from those of the wake-up queue, told by the queue's name; and the answer
//! that names the messages which must come again.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use fargate_runners_use_cases::scale::Message;

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

/// The answer that names the messages which must come again.
pub fn answer(failed: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let mut answer = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| answer.add_failure(id));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::events::Event;

    fn sample(name: &str) -> Batch {
        let path = format!("{}/../../events/scale-{name}.json", env!("CARGO_MANIFEST_DIR"));
        Batch::from(serde_json::from_str::<SqsEvent>(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    fn kinds(messages: &[Message]) -> Vec<&'static str> {
        messages.iter().map(|message| Event::from_message(&message.body).map_or("unreadable", |event| event.detail_type())).collect()
    }

    #[test]
    fn every_sample_is_understood() {
        let fleets = sample("fleets");
        assert_eq!(
            kinds(&fleets.fleets),
            ["Job Queued", "Job Queued", "Job Queued", "Job Completed", "Job In Progress", "Runner Stopped", "Runner Done"]
        );
        assert!(fleets.wake_ups.is_empty());
        assert_eq!(kinds(&sample("fleets-poisoned").fleets), ["unreadable", "Job Queued"]);
        let wake_up = sample("wake-up");
        assert_eq!((kinds(&wake_up.wake_ups), wake_up.fleets.len()), (vec!["Look Again", "Look Again"], 0));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
        let samples = std::fs::read_dir(folder)
            .unwrap()
            .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("scale-")));
        assert_eq!(samples.count(), 3, "a new sample is named above");
    }

    #[test]
    fn the_answer_names_what_must_come_again() {
        let json = serde_json::to_string(&answer(vec!["a".to_owned()])).unwrap();
        assert_eq!(json, r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#);
    }
}
