//! The pace of mints over DynamoDB: one item a credential, with the window that is counted (`window`, its start in milliseconds), how often a slot of it was
//! asked for (`used`), the same of the window before it (`last`, `before`), and the time before which GitHub wants no call (`not_before`). Each change is one conditional update, so that no two processes take the
//! same slot.

use super::item::{Item, number, number_of, text};
use crate::config::Aws;
use crate::error::port_error;
use crate::limits::PACE_ROUNDS;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::register::{MINT_WINDOW, mint_turn, mint_window};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Asks, MintPace, PortError, Retry, Slot};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The pace of mints in a table. Clones share the client.
#[derive(Clone, Debug)]
pub struct DynamoPace {
    aws: Aws,
    table: String,
    /// The newest window of each credential in which this process has counted. Where that was long ago, nobody else has begun the present one either, in all
    /// likelihood.
    seen: Arc<Mutex<BTreeMap<CredentialName, Timestamp>>>,
}

/// What became of an update.
enum Outcome {
    /// What it has changed, as it is now.
    Done(Item),
    /// Its condition did not hold; what stands there, if DynamoDB told.
    Refused(Option<Item>),
}

impl DynamoPace {
    /// The pace in the table of that name.
    #[must_use]
    pub fn new(aws: &Aws, table: impl Into<String>) -> Self {
        Self { aws: aws.clone(), table: table.into(), seen: Arc::default() }
    }

    /// Until when tasks wait, as the item has it: somebody who asks now, or who was told a later turn in the window before; for those who ask why a task waits.
    pub async fn paused_until(&self, credential: &CredentialName, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        let call = self.aws.dynamodb().get_item().table_name(&self.table).consistent_read(true);
        let call = call.key("pk", text(format!("CREDENTIAL#{credential}"))).key("sk", text("PACE"));
        let answer = call.send().await.map_err(|error| port_error(format!("reading the pace of credential {credential}"), error))?;
        let Some(item) = answer.item else { return Ok(None) };
        let counted = |window, used| Some((Timestamp::from_millis(number_of(&item, window)?), number_of(&item, used)?));
        let turn = counted("window", "used")
            .filter(|(window, _)| *window + MINT_WINDOW > now)
            .and_then(|(window, used)| mint_turn(window, used + 1));
        let told = [("window", "used"), ("last", "before")].into_iter().filter_map(|(window, used)| counted(window, used));
        let told = told.filter_map(|(window, used)| mint_turn(window, used)).max();
        Ok(number_of(&item, "not_before").map(Timestamp::from_millis).max(turn).max(told).filter(|until| *until > now))
    }

    fn seen(&self, credential: &CredentialName) -> Option<Timestamp> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(credential).copied()
    }

    fn saw(&self, credential: &CredentialName, window: Timestamp) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(credential.clone(), window);
    }

    fn update(&self, credential: &CredentialName) -> UpdateItemFluentBuilder {
        let call = self.aws.dynamodb().update_item().table_name(&self.table);
        call.key("pk", text(format!("CREDENTIAL#{credential}")))
            .key("sk", text("PACE"))
            .expression_attribute_names("#not_before", "not_before")
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn count(&self, credential: &CredentialName, window: u64, now: Timestamp) -> Result<Outcome, PortError> {
        let call = self
            .update(credential)
            .update_expression("SET #used = #used + :one")
            .condition_expression("#window = :window AND (attribute_not_exists(#not_before) OR #not_before <= :now)")
            .expression_attribute_names("#window", "window")
            .expression_attribute_names("#used", "used")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":window", number(window))
            .expression_attribute_values(":now", number(now.as_millis()));
        send(format!("taking a mint slot of credential {credential}"), call).await
    }

    async fn begin(&self, credential: &CredentialName, window: u64, now: Timestamp) -> Result<Outcome, PortError> {
        let call = self
            .update(credential)
            .update_expression(
                "SET #last = if_not_exists(#window, :none), #before = if_not_exists(#used, :none), #window = :window, #used = :one",
            )
            .condition_expression(
                "(attribute_not_exists(#window) OR #window < :window) AND (attribute_not_exists(#not_before) OR #not_before <= :now)",
            )
            .expression_attribute_names("#window", "window")
            .expression_attribute_names("#used", "used")
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#before", "before")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":window", number(window))
            .expression_attribute_values(":now", number(now.as_millis()));
        send(format!("taking the first mint slot of a window of credential {credential}"), call).await
    }
}

async fn send(what: String, call: UpdateItemFluentBuilder) -> Result<Outcome, PortError> {
    match call.send().await {
        Ok(answer) => Ok(Outcome::Done(answer.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Outcome::Refused(refused.item.clone())),
            _ => Err(port_error(what, error)),
        },
    }
}

/// Until when there is no slot, as far as the item tells.
fn wait_until(item: &Item, window: u64, now: Timestamp) -> Option<Timestamp> {
    let held = number_of(item, "not_before").map(Timestamp::from_millis).filter(|until| *until > now);
    // Another process's clock may be ahead: its window is then the one that counts.
    let ahead = number_of(item, "window").filter(|counted| *counted > window).map(end_of);
    held.max(ahead)
}

fn end_of(window: u64) -> Timestamp {
    Timestamp::from_millis(window) + MINT_WINDOW
}

impl MintPace for DynamoPace {
    async fn take_slot(&self, credential: &CredentialName, asks: Asks, now: Timestamp) -> Result<Slot, PortError> {
        let start = mint_window(now);
        let window = start.as_millis();
        // The first in a window begins it, all others count in it. Who tries first what it is likelier to be mostly needs one call: a lone job begins, and of many
        // each process counts, once it has met the window before.
        let mut begins = asks == Asks::Alone && self.seen(credential).is_none_or(|seen| seen + MINT_WINDOW < start);
        for _ in 0..PACE_ROUNDS {
            let outcome = if begins { self.begin(credential, window, now).await? } else { self.count(credential, window, now).await? };
            let item = match outcome {
                Outcome::Done(item) => {
                    self.saw(credential, start);
                    let missing = || PortError::bare("taking a mint slot, whose count DynamoDB did not tell,", Retry::UnknownEffect);
                    let asked = if begins { 1 } else { number_of(&item, "used").ok_or_else(missing)? };
                    return Ok(mint_turn(start, asked).map_or(Slot::Taken, Slot::NotBefore));
                }
                Outcome::Refused(item) => item,
            };
            if let Some(until) = item.and_then(|item| wait_until(&item, window, now)) {
                return Ok(Slot::NotBefore(until));
            }
            begins = !begins;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use fargate_runners_core::register::mints_per_window;
    use serde_json::{Value, json};
    use std::time::Duration;

    const WINDOW: Timestamp = Timestamp::from_secs(10_000);

    fn done(used: u64) -> (u16, Value) {
        (200, json!({"Attributes": {"used": {"N": used.to_string()}}}))
    }

    fn refused(window: Timestamp, used: u64) -> (u16, Value) {
        let item = json!({"window": {"N": window.as_millis().to_string()}, "used": {"N": used.to_string()}});
        (400, json!({"__type": "ConditionalCheckFailedException", "message": "", "Item": item}))
    }

    /// What each of these takers gets, and whether each call has begun a window.
    async fn takes(pace: &DynamoPace, answers: &Answers, at: &[u64]) -> (Vec<Slot>, Vec<bool>) {
        takes_as(Asks::Alone, pace, answers, at).await
    }

    async fn takes_as(asks: Asks, pace: &DynamoPace, answers: &Answers, at: &[u64]) -> (Vec<Slot>, Vec<bool>) {
        let before = answers.requests().len();
        let credential = CredentialName::parse("default").unwrap();
        let mut slots = vec![];
        for second in at {
            slots.push(pace.take_slot(&credential, asks, WINDOW + Duration::from_secs(*second)).await.unwrap());
        }
        let begins = |request: &Value| request["UpdateExpression"].as_str().unwrap().contains("#window = :window");
        (slots, answers.requests()[before..].iter().map(begins).collect())
    }

    #[tokio::test]
    async fn a_lone_job_takes_one_call_and_so_does_each_of_many() {
        let (answers, aws) = Answers::of([done(1), done(2), done(26), refused(WINDOW, 30), done(1)]);
        let pace = DynamoPace::new(&aws, "ledger");
        let (slots, begins) = takes(&pace, &answers, &[0, 1, 2]).await;
        assert_eq!(slots, [Slot::Taken, Slot::Taken, Slot::NotBefore(WINDOW + MINT_WINDOW)]);
        assert_eq!(begins, [true, false, false]);
        // The next window follows at once: it counts first, as if others had begun it.
        assert_eq!(takes(&pace, &answers, &[10]).await, (vec![Slot::Taken], vec![false, true]));
    }

    #[tokio::test]
    async fn a_process_that_is_new_counts_in_the_window_that_others_have_begun() {
        let (answers, aws) = Answers::of([refused(WINDOW, 25), done(26), refused(WINDOW, 26), done(27)]);
        let turn = Slot::NotBefore(WINDOW + MINT_WINDOW);
        for _ in 0..2 {
            let (slots, begins) = takes(&DynamoPace::new(&aws, "ledger"), &answers, &[1]).await;
            assert_eq!((slots, begins), (vec![turn], vec![true, false]));
        }
    }

    #[tokio::test]
    async fn who_was_launched_among_others_counts_first_in_a_new_process_too() {
        let (answers, aws) = Answers::of([done(2), refused(WINDOW - MINT_WINDOW, 9), done(1)]);
        for begins in [vec![false], vec![false, true]] {
            let took = takes_as(Asks::AmongOthers, &DynamoPace::new(&aws, "ledger"), &answers, &[1]).await;
            assert_eq!(took, (vec![Slot::Taken], begins));
        }
    }

    #[tokio::test]
    async fn a_lone_job_that_comes_after_a_while_takes_one_call() {
        let (answers, aws) = Answers::of([done(1), done(1)]);
        let pace = DynamoPace::new(&aws, "ledger");
        assert_eq!(takes(&pace, &answers, &[0, 600]).await, (vec![Slot::Taken; 2], vec![true; 2]));
    }

    /// Until when tasks wait, a second into a window of which the item says this, and of the window before that.
    async fn waits_until(used: u64, before: u64) -> Option<u64> {
        let at = |window: Timestamp| json!({"N": window.as_millis().to_string()});
        let last = at(WINDOW - MINT_WINDOW);
        let item = json!({"window": at(WINDOW), "used": {"N": used.to_string()}, "last": last, "before": {"N": before.to_string()}});
        let (_, aws) = Answers::of([(200, json!({"Item": item}))]);
        let (pace, now) = (DynamoPace::new(&aws, "ledger"), WINDOW + Duration::from_secs(1));
        let until = pace.paused_until(&CredentialName::parse("default").unwrap(), now).await.unwrap();
        until.map(|until| until.since(WINDOW).as_secs())
    }

    #[tokio::test]
    async fn tasks_that_were_told_a_turn_in_the_window_before_are_known_to_wait() {
        let each = u64::from(mints_per_window());
        assert_eq!(waits_until(3, 0).await, None);
        assert_eq!(waits_until(each, 0).await, Some(10), "who asks now waits");
        assert_eq!(waits_until(3, 2 * each).await, None, "their turn has come");
        assert_eq!(waits_until(3, 3 * each).await, Some(10));
    }

    #[tokio::test]
    async fn nobody_mints_on_an_answer_that_does_not_say_how_many_have_asked() {
        let (_, aws) = Answers::of([done(1), (200, json!({}))]);
        let (pace, credential) = (DynamoPace::new(&aws, "ledger"), CredentialName::parse("default").unwrap());
        assert_eq!(pace.take_slot(&credential, Asks::Alone, WINDOW).await.unwrap(), Slot::Taken);
        assert_eq!(pace.take_slot(&credential, Asks::Alone, WINDOW).await.unwrap_err().retry, Retry::UnknownEffect);
    }
}
