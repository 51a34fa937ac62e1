//! The ledger over DynamoDB: one conditional write for a record that stays where it is, one transaction for any other and for many.
//!
//! A repeat of a single write whose answer was lost is refused as a conflict by the version that the first attempt wrote; the caller reads again and
//! finds its own record. A repeated transaction carries a token, by which DynamoDB knows it.

use super::conditions::{Condition, put_error, transaction_error};
use super::item::Item;
use super::reads;
use super::steps::{Step, steps_of};
use crate::config::Aws;
use fargate_runners_core::record::{Key, Versioned, View, Write};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{COMMIT_MAX, CommitError, Ledger, PortError, Retry};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The ledger in a table. Clones share the client.
#[derive(Clone, Debug)]
pub struct DynamoLedger {
    pub(super) aws: Aws,
    pub(super) table: String,
}

impl DynamoLedger {
    /// The ledger in the table of that name.
    #[must_use]
    pub fn new(aws: &Aws, table: impl Into<String>) -> Self {
        Self { aws: aws.clone(), table: table.into() }
    }

    async fn put(&self, what: String, item: Item, condition: Condition) -> Result<(), CommitError> {
        let call = self.aws.dynamodb().put_item().table_name(&self.table).set_item(Some(item));
        let call = call
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values));
        call.send().await.map_err(|error| put_error(what, error))?;
        Ok(())
    }

    async fn transact(&self, what: String, steps: Vec<Step>) -> Result<(), CommitError> {
        let mut call = self.aws.dynamodb().transact_write_items();
        for step in steps {
            let item = step.in_transaction(&self.table);
            call = call.transact_items(item.map_err(|error| PortError::new(what.clone(), Retry::Never, error))?);
        }
        // The SDK adds the request's token, one for all attempts.
        call.send().await.map_err(|error| transaction_error(what, error))?;
        Ok(())
    }

    async fn write(&self, writes: &[Write], now: Timestamp) -> Result<(), CommitError> {
        let what = match writes {
            [write] => format!("writing the {} to the ledger", write.record.key()),
            writes => format!("writing {} records to the ledger", writes.len()),
        };
        if writes.len() > COMMIT_MAX {
            return Err(PortError::new(what, Retry::Never, format!("a commit takes {COMMIT_MAX}")).into());
        }
        let mut steps = Vec::with_capacity(2 * writes.len());
        for write in writes {
            steps.extend(steps_of(write, now)?);
        }
        match <[Step; 1]>::try_from(steps) {
            Ok([Step::Put(item, condition)]) => self.put(what, item, condition).await,
            Ok(step) => self.transact(what, step.into()).await,
            Err(steps) if steps.is_empty() => Ok(()),
            Err(steps) => self.transact(what, steps).await,
        }
    }
}

/// Those who met at a record begin anew at different times, within some round trips to the table.
fn apart() -> Duration {
    const LONGEST_MILLIS: u64 = 60;
    Duration::from_millis(RandomState::new().hash_one(()) % LONGEST_MILLIS)
}

impl Ledger for DynamoLedger {
    async fn active(&self, empty: View, now: Timestamp) -> Result<View, PortError> {
        reads::active(&self.aws, &self.table, empty, now).await
    }

    async fn read(&self, keys: &[Key], now: Timestamp) -> Result<Vec<Versioned>, PortError> {
        reads::by_key(&self.aws, &self.table, keys, now).await
    }

    async fn commit(&self, writes: &[Write], now: Timestamp) -> Result<(), CommitError> {
        let committed = self.write(writes, now).await;
        if matches!(committed, Err(CommitError::Conflict)) {
            tokio::time::sleep(apart()).await;
        }
        committed
    }
}
