//! Which items a write touches, each under its condition. Together they are carried out or not at all.
//!
//! A record that counts and one that is over stand in different partitions, so that what counts is listed without what is over, and no index is written. A record
//! stands in one of the two at a time: whoever makes one makes sure of the other, or knows that what it is about has only begun; and one that ends moves in one
//! transaction.

use super::conditions::{Condition, in_version, nothing};
use super::item::{Item, item_of, key_at, places};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};
use fargate_runners_core::record::{Expected, Write};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::PortError;

/// What becomes of one item.
pub(super) enum Step {
    /// It is written.
    Put(Item, Condition),
    /// It is written over whatever stands there.
    Replace(Item),
    /// It is deleted.
    Delete(Item, Condition),
    /// It stays as it is.
    Check(Item, Condition),
}

/// What becomes of the items of a record, in at most two steps.
pub(super) fn steps_of(write: &Write, now: Timestamp) -> Result<Vec<Step>, PortError> {
    let (key, item, place) = (write.record.key(), item_of(write)?, write.record.place());
    Ok(match write.expected {
        Expected::Nothing => {
            let others = places(&key).iter().filter(|other| **other != place);
            let checks = others.map(|other| Step::Check(key_at(&key, *other), nothing(now)));
            std::iter::once(Step::Put(item, nothing(now))).chain(checks).collect()
        }
        Expected::NothingYet => vec![Step::Put(item, nothing(now))],
        Expected::Record(from, version) if from == place => vec![Step::Put(item, in_version(version, now))],
        // What is there besides can only be an end of the same record, which was not known when it was made (`Expected::NothingYet`). Were that in the way, nobody
        // could end it any more.
        Expected::Record(from, version) => vec![Step::Delete(key_at(&key, from), in_version(version, now)), Step::Replace(item)],
    })
}

impl Step {
    /// The step as a part of a transaction.
    pub(super) fn in_transaction(self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let item = TransactWriteItem::builder();
        Ok(match self {
            Self::Put(put, condition) => {
                let put = Put::builder().table_name(table).set_item(Some(put)).condition_expression(condition.expression);
                let put = put.set_expression_attribute_names(Some(condition.names));
                item.put(put.set_expression_attribute_values(Some(condition.values)).build()?)
            }
            Self::Replace(put) => item.put(Put::builder().table_name(table).set_item(Some(put)).build()?),
            Self::Delete(key, condition) => {
                let delete = Delete::builder().table_name(table).set_key(Some(key)).condition_expression(condition.expression);
                let delete = delete.set_expression_attribute_names(Some(condition.names));
                item.delete(delete.set_expression_attribute_values(Some(condition.values)).build()?)
            }
            Self::Check(key, condition) => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key)).condition_expression(condition.expression);
                let check = check.set_expression_attribute_names(Some(condition.names));
                item.condition_check(check.set_expression_attribute_values(Some(condition.values)).build()?)
            }
        }
        .build())
    }
}

#[cfg(test)]
mod tests {
    use crate::dynamodb::DynamoLedger;
    use crate::testing::Answers;
    use fargate_runners_core::ids::{FleetName, TaskId};
    use fargate_runners_core::record::{Expected, Place, Record, Version, Write};
    use fargate_runners_core::state::FleetState;
    use fargate_runners_core::task::{Stop, TaskRecord};
    use fargate_runners_core::time::Timestamp;
    use fargate_runners_use_cases::ports::Ledger;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::from_secs(5);

    fn fleet() -> FleetName {
        FleetName::parse("default").unwrap()
    }

    fn task(has_ended: bool) -> Record {
        let stop = Stop { at: NOW, code: None, reason: None, exit_code: Some(0) };
        let task = TaskRecord::new(fleet(), TaskId::parse(&"0".repeat(32)).unwrap(), NOW);
        Record::Task(TaskRecord { stop: has_ended.then_some(stop), ..task })
    }

    /// What is asked of DynamoDB for one write.
    async fn request(record: Record, expected: Expected) -> Value {
        let (answers, aws) = Answers::of([(200, json!({}))]);
        DynamoLedger::new(&aws, "table").commit(&[Write { record, expected }], NOW).await.unwrap();
        answers.requests().remove(0)
    }

    #[tokio::test]
    async fn a_record_that_stays_where_it_is_takes_one_write() {
        for (has_ended, place, partition) in [(false, Place::Active, "FLEET#default"), (true, Place::Past, "PAST#default")] {
            let put = request(task(has_ended), Expected::Record(place, Version(2))).await;
            assert_eq!((&put["Item"]["pk"]["S"], &put["Item"]["version"]["N"]), (&json!(partition), &json!("3")));
            assert_eq!(put["ExpressionAttributeValues"][":expected"]["N"], "2");
        }
        let state = Record::Fleet(FleetState::new(fleet()));
        assert_eq!(request(state, Expected::Nothing).await["Item"]["pk"]["S"], "FLEET#default", "a fleet is never over");
    }

    #[tokio::test]
    async fn a_record_that_cannot_be_over_yet_takes_one_write() {
        let put = request(task(false), Expected::NothingYet).await;
        assert_eq!((&put["Item"]["pk"]["S"], &put["Item"]["version"]["N"]), (&json!("FLEET#default"), &json!("1")));
        assert_eq!(put["ConditionExpression"], "attribute_not_exists(#pk) OR #expires <= :now");
    }

    #[tokio::test]
    async fn a_record_that_ends_moves_in_one_transaction() {
        let request = request(task(true), Expected::Record(Place::Active, Version(2))).await;
        let [delete, put] = [&request["TransactItems"][0]["Delete"], &request["TransactItems"][1]["Put"]];
        assert_eq!(
            (&delete["Key"]["pk"]["S"], &delete["ExpressionAttributeValues"][":expected"]["N"]),
            (&json!("FLEET#default"), &json!("2"))
        );
        assert_eq!((&put["Item"]["pk"]["S"], &put["Item"]["version"]["N"]), (&json!("PAST#default"), &json!("3")));
        assert_eq!(put["ConditionExpression"], Value::Null, "also where an end of it stands already");
    }

    #[tokio::test]
    async fn a_record_is_made_only_where_none_stands_at_either_place() {
        for (has_ended, partition, other) in [(false, "FLEET#default", "PAST#default"), (true, "PAST#default", "FLEET#default")] {
            let request = request(task(has_ended), Expected::Nothing).await;
            let [put, check] = [&request["TransactItems"][0]["Put"], &request["TransactItems"][1]["ConditionCheck"]];
            assert_eq!((&put["Item"]["pk"]["S"], &check["Key"]["pk"]["S"]), (&json!(partition), &json!(other)));
            for step in [put, check] {
                assert_eq!(step["ConditionExpression"], "attribute_not_exists(#pk) OR #expires <= :now");
            }
        }
    }
}
