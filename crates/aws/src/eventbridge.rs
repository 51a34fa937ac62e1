//! The stack's bus over EventBridge. PutEvents takes a call and may leave single entries out: those are offered again, and then count as a failure.

use crate::config::Aws;
use crate::error::{is_throttling, port_error};
use crate::limits::{PUT_EVENTS_BYTES, PUT_EVENTS_ENTRIES, PUT_EVENTS_PAUSE, PUT_EVENTS_ROUNDS};
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use fargate_runners_core::events::{Event, SOURCE};
use fargate_runners_use_cases::ports::{Bus, PortError, Retry};

/// A bus. Clones share the client.
#[derive(Clone, Debug)]
pub struct EventBus {
    aws: Aws,
    name: String,
}

impl EventBus {
    /// The bus of that name.
    #[must_use]
    pub fn new(aws: &Aws, name: impl Into<String>) -> Self {
        Self { aws: aws.clone(), name: name.into() }
    }

    fn entry(&self, event: &Event) -> Result<PutEventsRequestEntry, PortError> {
        let detail = event.detail().map_err(|error| PortError::new(what(event), Retry::Never, error))?.to_string();
        let entry = PutEventsRequestEntry::builder().event_bus_name(&self.name).source(SOURCE);
        Ok(entry.detail_type(event.detail_type()).detail(detail).build())
    }

    /// Offers the entries until the bus has taken all of them.
    async fn put(&self, mut entries: Vec<PutEventsRequestEntry>) -> Result<(), PortError> {
        let what = format!("publishing {} events to the bus {}", entries.len(), self.name);
        let mut refusal = None;
        for round in 0..PUT_EVENTS_ROUNDS {
            if round > 0 {
                tokio::time::sleep(PUT_EVENTS_PAUSE * round).await;
            }
            let call = self.aws.eventbridge().put_events().set_entries(Some(entries.clone()));
            let answer = call.send().await.map_err(|error| port_error(&what, error))?;
            if answer.failed_entry_count() == 0 {
                return Ok(());
            }
            refusal = answer.entries().iter().find(|entry| entry.error_code().is_some()).cloned();
            if answer.entries().len() == entries.len() {
                let refused = entries.into_iter().zip(answer.entries()).filter(|(_, answered)| answered.error_code().is_some());
                entries = refused.map(|(entry, _)| entry).collect();
            }
        }
        Err(refused(what, refusal.as_ref()))
    }
}

impl Bus for EventBus {
    async fn publish(&self, events: &[Event]) -> Result<(), PortError> {
        let entries = events.iter().map(|event| self.entry(event)).collect::<Result<Vec<_>, _>>()?;
        for batch in batches(entries) {
            self.put(batch).await?;
        }
        Ok(())
    }
}

fn what(event: &Event) -> String {
    format!("publishing the event {:?} of fleet {}", event.detail_type(), event.fleet())
}

fn refused(what: String, entry: Option<&PutEventsResultEntry>) -> PortError {
    let code = entry.and_then(|entry| entry.error_code()).unwrap_or("no code given");
    let message = entry.and_then(|entry| entry.error_message()).unwrap_or("no reason given");
    let retry = match code {
        code if is_throttling(code) => Retry::Throttled,
        code if code.starts_with("Internal") => Retry::UnknownEffect,
        _ => Retry::Never,
    };
    PortError::new(what, retry, format!("{code}: {message}"))
}

/// Shares the entries out so that each call keeps to both limits.
fn batches(entries: Vec<PutEventsRequestEntry>) -> Vec<Vec<PutEventsRequestEntry>> {
    let size = |entry: &PutEventsRequestEntry| {
        [entry.source(), entry.detail_type(), entry.detail()].iter().flatten().map(|text| text.len()).sum::<usize>()
    };
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        let more = size(&entry);
        if batch.len() == PUT_EVENTS_ENTRIES || (bytes + more > PUT_EVENTS_BYTES && !batch.is_empty()) {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += more;
        batch.push(entry);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use fargate_runners_core::events::LookAgain;
    use fargate_runners_core::ids::FleetName;
    use serde_json::{Value, json};

    fn events(count: usize) -> Vec<Event> {
        std::iter::repeat_n(Event::LookAgain(LookAgain::now(FleetName::parse("default").unwrap())), count).collect()
    }

    fn taken(count: usize) -> (u16, Value) {
        let entries: Vec<Value> = (0..count).map(|id| json!({"EventId": id.to_string()})).collect();
        (200, json!({"FailedEntryCount": 0, "Entries": entries}))
    }

    #[tokio::test]
    async fn events_are_published_ten_at_a_time_with_their_envelope() {
        let (answers, aws) = Answers::of([taken(10), taken(2)]);
        EventBus::new(&aws, "runners").publish(&events(12)).await.unwrap();
        let requests = answers.requests();
        let entry = json!({"EventBusName": "runners", "Source": "fargate-runners", "DetailType": "Look Again", "Detail": "{\"fleet\":\"default\"}"});
        assert_eq!(requests[0]["Entries"][9], entry);
        assert_eq!(requests[1]["Entries"], json!([entry, entry]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_that_the_bus_left_out_is_offered_again_and_then_an_error() {
        let left = |code: &str| {
            (200, json!({"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, {"ErrorCode": code, "ErrorMessage": "says why"}]}))
        };
        let alone = (200, json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "says why"}]}));
        let (answers, aws) = Answers::of([left("InternalFailure"), taken(1)]);
        EventBus::new(&aws, "runners").publish(&events(2)).await.unwrap();
        assert_eq!(answers.requests()[1]["Entries"].as_array().unwrap().len(), 1);
        let (_, aws) = Answers::of([left("ThrottlingException"), alone.clone(), alone]);
        let error = EventBus::new(&aws, "runners").publish(&events(2)).await.unwrap_err();
        assert_eq!(error.retry, Retry::Throttled);
    }

    #[test]
    fn a_call_stays_below_a_megabyte() {
        let big = PutEventsRequestEntry::builder().detail("x".repeat(PUT_EVENTS_BYTES / 2)).build();
        let sizes: Vec<usize> = batches(vec![big; 3]).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1]);
    }
}
