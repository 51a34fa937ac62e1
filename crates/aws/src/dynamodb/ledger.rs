//! The ledger over DynamoDB: one conditional write for one record, one transaction for many.
//!
//! A repeat of a single write whose answer was lost is refused as a conflict by the version that the first attempt wrote; the caller reads again and
//! finds its own record. A repeated transaction carries a token, by which DynamoDB knows it.

use super::conditions::{in_version, put_error, transaction_error};
use super::item::{item_of, record_of};
use super::reads;
use crate::config::Aws;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use fargate_runners_core::ids::FleetName;
use fargate_runners_core::record::{Key, Record, Versioned, Write};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{COMMIT_MAX, CommitError, Ledger, PortError, Retry};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The ledger in a table. Clones share the client.
#[derive(Clone, Debug)]
pub struct DynamoLedger {
    aws: Aws,
    table: String,
}

impl DynamoLedger {
    /// The ledger in the table of that name.
    #[must_use]
    pub fn new(aws: &Aws, table: impl Into<String>) -> Self {
        Self { aws: aws.clone(), table: table.into() }
    }

    async fn put(&self, write: &Write, now: Timestamp) -> Result<(), CommitError> {
        let condition = in_version(write.expected, now);
        let call = self.aws.dynamodb().put_item().table_name(&self.table).set_item(Some(item_of(write)?));
        let call = call
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values));
        call.send().await.map_err(|error| put_error(format!("writing the {} to the ledger", write.record.key()), error))?;
        Ok(())
    }

    async fn transact(&self, writes: &[Write], now: Timestamp) -> Result<(), CommitError> {
        let what = || format!("writing {} records to the ledger", writes.len());
        let mut call = self.aws.dynamodb().transact_write_items();
        for write in writes {
            let condition = in_version(write.expected, now);
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item_of(write)?))
                .condition_expression(condition.expression)
                .set_expression_attribute_names(Some(condition.names))
                .set_expression_attribute_values(Some(condition.values))
                .build()
                .map_err(|error| PortError::new(what(), Retry::Never, error))?;
            call = call.transact_items(TransactWriteItem::builder().put(put).build());
        }
        // The SDK adds the request's token, one for all attempts.
        call.send().await.map_err(|error| transaction_error(what(), error))?;
        Ok(())
    }
}

/// Those who met at a record begin anew at different times, within some round trips to the table.
fn apart() -> Duration {
    const LONGEST_MILLIS: u64 = 60;
    Duration::from_millis(RandomState::new().hash_one(()) % LONGEST_MILLIS)
}

impl Ledger for DynamoLedger {
    async fn active(&self, fleet: &FleetName, now: Timestamp) -> Result<Vec<Versioned>, PortError> {
        let mut records = reads::active(&self.aws, &self.table, fleet, now).await?;
        records.sort_by_key(|versioned| !matches!(versioned.record, Record::Fleet(_)));
        Ok(records)
    }

    async fn read(&self, keys: &[Key], now: Timestamp) -> Result<Vec<Versioned>, PortError> {
        let items = match keys {
            [] => vec![],
            [key] => reads::one(&self.aws, &self.table, key).await?.into_iter().collect(),
            keys => reads::many(&self.aws, &self.table, keys).await?,
        };
        items.iter().filter_map(|item| record_of(item, now).transpose()).collect()
    }

    async fn commit(&self, writes: &[Write], now: Timestamp) -> Result<(), CommitError> {
        let committed = match writes {
            [] => Ok(()),
            [write] => self.put(write, now).await,
            writes if writes.len() <= COMMIT_MAX => self.transact(writes, now).await,
            writes => {
                let what = format!("writing {} records to the ledger at once", writes.len());
                Err(PortError::new(what, Retry::Never, format!("a transaction takes {COMMIT_MAX}")).into())
            }
        };
        if matches!(committed, Err(CommitError::Conflict)) {
            tokio::time::sleep(apart()).await;
        }
        committed
    }
}
