//! Notes of how far jobs have come, each in one update of an item that stands among those that count. It never makes an item, and never touches a record's body:
//! what a note means is for whoever reads it.

use super::DynamoLedger;
use super::item::{key_at, note_of, number, text};
use crate::error::port_error;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use fargate_runners_core::job::JobEvent;
use fargate_runners_core::record::{Key, Place};
use fargate_runners_use_cases::ports::{Notes, PortError, Retry};
use std::time::Duration;

/// How long a note may take, with its repeats. GitHub gives up on a delivery after 10 s, and the event is still to be published, which brings a look without the
/// note.
const NOTE: Duration = Duration::from_secs(2);

impl Notes for DynamoLedger {
    async fn note(&self, job: &JobEvent) -> Result<bool, PortError> {
        let Some(attribute) = note_of(job.phase) else { return Ok(false) };
        let key = Key::Job(job.fleet.clone(), job.job_id);
        let what = || format!("noting with the {key} what GitHub says of it");
        let note = serde_json::to_string(&job.progress()).map_err(|error| PortError::new(what(), Retry::Never, error))?;
        let call = self.aws.dynamodb().update_item().table_name(&self.table).set_key(Some(key_at(&key, Place::Active)));
        // A second attempt, should the first one's answer have been lost, only counts the version once more.
        let call = call
            .update_expression("SET #note = :note ADD #version :one")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#note", attribute)
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":note", text(note))
            .expression_attribute_values(":one", number(1));
        let Ok(answer) = tokio::time::timeout(NOTE, call.send()).await else {
            return Err(PortError::new(what(), Retry::UnknownEffect, format!("there was no answer within {} s", NOTE.as_secs())));
        };
        match answer {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) => Ok(false),
            Err(error) => Err(port_error(what(), error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::item::NOTES;
    use crate::testing::Answers;
    use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId};
    use fargate_runners_core::job::JobPhase;
    use fargate_runners_core::labels::Labels;
    use fargate_runners_core::time::Timestamp;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::from_secs(5);

    fn event(phase: JobPhase) -> JobEvent {
        JobEvent {
            fleet: FleetName::parse("default").unwrap(),
            home: true,
            job_id: JobId(7),
            run_id: RunId(1),
            run_attempt: 1,
            repository: RepositoryName::parse("octo-org/hello").unwrap(),
            workflow_name: None,
            name: "build".to_owned(),
            labels: Labels::parse(["self-hosted"]).unwrap(),
            phase,
            conclusion: None,
            runner_name: Some("runner".to_owned()),
            at: Some(NOW),
            seen_at: NOW,
            delivery: "guid".to_owned(),
            noted: false,
        }
    }

    async fn noted(phase: JobPhase, answers: impl IntoIterator<Item = (u16, Value)>) -> (Vec<Value>, Result<bool, PortError>) {
        let (answers, aws) = Answers::of(answers);
        let noted = DynamoLedger::new(&aws, "table").note(&event(phase)).await;
        (answers.requests(), noted)
    }

    #[tokio::test]
    async fn a_note_is_one_update_of_a_job_that_counts_and_counts_its_version_up() {
        for (phase, attribute) in [(JobPhase::InProgress, "noted_in_progress"), (JobPhase::Completed, "noted_completed")] {
            let (requests, noted) = noted(phase, [(200, json!({}))]).await;
            assert!(noted.unwrap());
            let [request] = &requests[..] else { panic!("{requests:?}") };
            assert_eq!(request["Key"], json!({"pk": {"S": "FLEET#default"}, "sk": {"S": "JOB#7"}}));
            assert_eq!(request["UpdateExpression"], "SET #note = :note ADD #version :one");
            assert_eq!(request["ConditionExpression"], "attribute_exists(#pk)");
            assert_eq!(request["ExpressionAttributeNames"]["#note"], attribute);
        }
    }

    #[test]
    fn the_functions_role_may_write_what_a_note_is_written_to() {
        let template = include_str!("../../../../template.yaml");
        let allowed = format!("dynamodb:Attributes: [pk, sk, version, {}]", NOTES.join(", "));
        assert!(template.contains(&allowed), "template.yaml should say: {allowed}");
    }

    #[tokio::test]
    async fn a_job_that_does_not_count_takes_no_note() {
        let refused = (400, json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}));
        assert!(!noted(JobPhase::InProgress, [refused]).await.1.unwrap());
        let (requests, noted) = noted(JobPhase::Queued, []).await;
        assert_eq!((requests, noted.unwrap()), (vec![], false), "a job that is queued needs a look");
    }
}
