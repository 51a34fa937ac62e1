//! The pace of mints over DynamoDB: one item a credential, with the window that is counted, how many slots of it are taken, and the time before which
//! GitHub wants no call. Each change is one conditional update, so that no two processes take the same slot.

use super::item::{Item, number, number_of, text};
use crate::config::Aws;
use crate::error::port_error;
use crate::limits::PACE_ROUNDS;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::register::{MINT_WINDOW, mints_per_window};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{MintPace, PortError, Slot};

/// The pace of mints in a table. Clones share the client.
#[derive(Clone, Debug)]
pub struct DynamoPace {
    aws: Aws,
    table: String,
}

/// What became of an update.
enum Outcome {
    Done,
    /// Its condition did not hold; what stands there, if DynamoDB told.
    Refused(Option<Item>),
}

impl DynamoPace {
    /// The pace in the table of that name.
    #[must_use]
    pub fn new(aws: &Aws, table: impl Into<String>) -> Self {
        Self { aws: aws.clone(), table: table.into() }
    }

    /// Until when no slot is to be had, as the item has it; for those who ask why a task waits.
    pub async fn paused_until(&self, credential: &CredentialName, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        let call = self.aws.dynamodb().get_item().table_name(&self.table).consistent_read(true);
        let call = call.key("pk", text(format!("CREDENTIAL#{credential}"))).key("sk", text("PACE"));
        let answer = call.send().await.map_err(|error| port_error(format!("reading the pace of credential {credential}"), error))?;
        let Some(item) = answer.item else { return Ok(None) };
        let full = number_of(&item, "used").is_some_and(|used| used >= u64::from(mints_per_window()));
        let window = number_of(&item, "window").filter(|_| full).map(end_of);
        Ok(number_of(&item, "not_before").map(Timestamp::from_millis).max(window).filter(|until| *until > now))
    }

    fn update(&self, credential: &CredentialName) -> UpdateItemFluentBuilder {
        let call = self.aws.dynamodb().update_item().table_name(&self.table);
        call.key("pk", text(format!("CREDENTIAL#{credential}")))
            .key("sk", text("PACE"))
            .expression_attribute_names("#not_before", "not_before")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn count(&self, credential: &CredentialName, window: u64, now: Timestamp) -> Result<Outcome, PortError> {
        let call = self
            .update(credential)
            .update_expression("SET #used = #used + :one")
            .condition_expression("#window = :window AND #used < :limit AND (attribute_not_exists(#not_before) OR #not_before <= :now)")
            .expression_attribute_names("#window", "window")
            .expression_attribute_names("#used", "used")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":window", number(window))
            .expression_attribute_values(":limit", number(u64::from(mints_per_window())))
            .expression_attribute_values(":now", number(now.as_millis()));
        send(format!("taking a mint slot of credential {credential}"), call).await
    }

    async fn begin(&self, credential: &CredentialName, window: u64, now: Timestamp) -> Result<Outcome, PortError> {
        let call = self
            .update(credential)
            .update_expression("SET #window = :window, #used = :one")
            .condition_expression(
                "(attribute_not_exists(#window) OR #window < :window) AND (attribute_not_exists(#not_before) OR #not_before <= :now)",
            )
            .expression_attribute_names("#window", "window")
            .expression_attribute_names("#used", "used")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":window", number(window))
            .expression_attribute_values(":now", number(now.as_millis()));
        send(format!("taking the first mint slot of a window of credential {credential}"), call).await
    }
}

async fn send(what: String, call: UpdateItemFluentBuilder) -> Result<Outcome, PortError> {
    match call.send().await {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Outcome::Refused(refused.item.clone())),
            _ => Err(port_error(what, error)),
        },
    }
}

/// Until when there is no slot, as far as the item tells; none if a window may be begun.
fn wait_until(item: &Item, window: u64, now: Timestamp) -> Option<Timestamp> {
    let held = number_of(item, "not_before").map(Timestamp::from_millis).filter(|until| *until > now);
    let counted = number_of(item, "window").filter(|counted| *counted >= window);
    // Another process's clock may be ahead: its window is then the one that counts.
    let full = counted.map(end_of);
    held.max(full)
}

fn end_of(window: u64) -> Timestamp {
    Timestamp::from_millis(window) + MINT_WINDOW
}

impl MintPace for DynamoPace {
    async fn take_slot(&self, credential: &CredentialName, now: Timestamp) -> Result<Slot, PortError> {
        let length = u64::try_from(MINT_WINDOW.as_millis()).unwrap_or(u64::MAX);
        let window = now.as_millis() / length * length;
        for _ in 0..PACE_ROUNDS {
            let refused = match self.count(credential, window, now).await? {
                Outcome::Done => return Ok(Slot::Taken),
                Outcome::Refused(item) => item,
            };
            if let Some(until) = refused.and_then(|item| wait_until(&item, window, now)) {
                return Ok(Slot::NotBefore(until));
            }
            if matches!(self.begin(credential, window, now).await?, Outcome::Done) {
                return Ok(Slot::Taken);
            }
        }
        Ok(Slot::NotBefore(end_of(window)))
    }

    async fn hold(&self, credential: &CredentialName, until: Timestamp) -> Result<(), PortError> {
        let call = self
            .update(credential)
            .update_expression("SET #not_before = :until")
            .condition_expression("attribute_not_exists(#not_before) OR #not_before < :until")
            .expression_attribute_values(":until", number(until.as_millis()));
        // Refused: a pause that lasts as long is recorded already.
        send(format!("holding the mints of credential {credential}"), call).await.map(drop)
    }
}
