//! The pace of mints over DynamoDB: one item a credential, with the window that is counted (`window`, its start in milliseconds), how often a slot of it was
//! asked for (`used`), how many slots were given in each of those before it (`given`), the count of the last window before it in which anybody asked (`last`,
//! `before`), and the time before which GitHub wants no call (`not_before`). Each change is one conditional update, so that no two processes take the same slot.

use super::item::{Item, number, number_of, text};
use crate::config::Aws;
use crate::error::port_error;
use crate::limits::PACE_ROUNDS;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::mint_pace::{MINT_WINDOW, Mints, mint_window, out_of_sight};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::{Asks, MintPace, PortError, Retry, Slot};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The pace of mints in a table. Clones share the client.
#[derive(Clone, Debug)]
pub struct DynamoPace {
    aws: Aws,
    table: String,
    /// What this process has last seen of each credential. Where that was in another window, nobody else has counted since, in all likelihood.
    seen: Arc<Mutex<BTreeMap<CredentialName, Mints>>>,
}

/// What is tried for a slot.
#[derive(Clone, Copy)]
enum Try {
    /// To count in the window, which somebody has begun.
    Count,
    /// To begin it, if none is in sight of it.
    First(Mints),
    /// To begin it, if the last one stands as it was seen.
    After(Mints, Mints),
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
        let mints = mints_of(&item);
        let turn =
            mints.filter(|mints| mints.window + MINT_WINDOW > now).and_then(|mints| Mints { asked: mints.asked + 1, ..mints }.turn());
        let told = [mints, before(&item)].into_iter().flatten().filter_map(|mints| mints.turn()).max();
        Ok(number_of(&item, "not_before").map(Timestamp::from_millis).max(turn).max(told).filter(|until| *until > now))
    }

    fn seen(&self, credential: &CredentialName) -> Option<Mints> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(credential).copied()
    }

    fn saw(&self, credential: &CredentialName, mints: Mints) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(credential.clone(), mints);
    }

    /// What is likeliest to need one call: a lone task begins, and of many each counts, since the first of them has begun.
    fn first_try(&self, credential: &CredentialName, asks: Asks, window: Timestamp) -> Try {
        match self.seen(credential) {
            None if asks == Asks::Alone => Try::First(Mints::first(window)),
            Some(seen) if asks == Asks::Alone && seen.window < window => next_try(Some(seen), window),
            _ => Try::Count,
        }
    }

    fn update(&self, credential: &CredentialName) -> UpdateItemFluentBuilder {
        let call = self.aws.dynamodb().update_item().table_name(&self.table);
        call.key("pk", text(format!("CREDENTIAL#{credential}")))
            .key("sk", text("PACE"))
            .expression_attribute_names("#not_before", "not_before")
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn attempt(&self, credential: &CredentialName, attempt: Try, window: Timestamp, now: Timestamp) -> Result<Outcome, PortError> {
        let call = self.update(credential);
        let call = match attempt {
            Try::Count => call.update_expression("SET #used = #used + :one").condition_expression(format!("#window = :window AND {FREE}")),
            Try::First(mints) => {
                let condition = format!("(attribute_not_exists(#window) OR #window < :out_of_sight) AND {FREE}");
                let call = begins(call, mints).condition_expression(condition);
                call.expression_attribute_values(":out_of_sight", number(out_of_sight(window).as_millis()))
            }
            Try::After(seen, mints) => begins(call, mints)
                .condition_expression(format!("#window = :seen AND #used = :asked AND {FREE}"))
                .expression_attribute_values(":seen", number(seen.window.as_millis()))
                .expression_attribute_values(":asked", number(seen.asked)),
        };
        let call = call
            .expression_attribute_names("#window", "window")
            .expression_attribute_names("#used", "used")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":window", number(window.as_millis()))
            .expression_attribute_values(":now", number(now.as_millis()));
        send(format!("taking a mint slot of credential {credential}"), call).await
    }
}

/// GitHub has not asked for a pause, or it is over.
const FREE: &str = "(attribute_not_exists(#not_before) OR #not_before <= :now)";

/// The update that begins a window.
fn begins(call: UpdateItemFluentBuilder, mints: Mints) -> UpdateItemFluentBuilder {
    let given = mints.given.into_iter().map(number).collect();
    call.update_expression(
        "SET #last = if_not_exists(#window, :none), #before = if_not_exists(#used, :none), #window = :window, #used = :one, #given = :given",
    )
    .expression_attribute_names("#last", "last")
    .expression_attribute_names("#before", "before")
    .expression_attribute_names("#given", "given")
    .expression_attribute_values(":none", number(0))
    .expression_attribute_values(":given", AttributeValue::L(given))
}

/// What is to be tried where the item says this.
fn next_try(known: Option<Mints>, window: Timestamp) -> Try {
    match known {
        Some(known) if known.window == window => Try::Count,
        Some(known) if known.window >= out_of_sight(window) => Try::After(known, known.begun(window)),
        _ => Try::First(Mints::first(window)),
    }
}

/// What the item says. An older version did not write what was given before.
fn mints_of(item: &Item) -> Option<Mints> {
    let mut mints = Mints { asked: number_of(item, "used")?, ..Mints::first(Timestamp::from_millis(number_of(item, "window")?)) };
    let given = item.get("given").and_then(|given| given.as_l().ok()).into_iter().flatten();
    let given = given.filter_map(|given| given.as_n().ok()?.parse().ok());
    mints.given.iter_mut().zip(given).for_each(|(known, given)| *known = given);
    Some(mints)
}

/// What it says of the last window before. What was given before that one is known but for those that were out of sight already.
fn before(item: &Item) -> Option<Mints> {
    let mints = mints_of(item)?;
    let last = Timestamp::from_millis(number_of(item, "last")?);
    let passed = usize::try_from(mints.window.since(last).as_millis() / MINT_WINDOW.as_millis()).ok()?;
    let mut before = Mints { asked: number_of(item, "before")?, ..Mints::first(last) };
    before.given.iter_mut().zip(mints.given.iter().skip(passed)).for_each(|(known, given)| *known = *given);
    Some(before)
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
fn wait_until(item: &Item, window: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let held = number_of(item, "not_before").map(Timestamp::from_millis).filter(|until| *until > now);
    // Another process's clock may be ahead: its window is then the one that counts.
    let counted = number_of(item, "window").map(Timestamp::from_millis);
    held.max(counted.filter(|counted| *counted > window).map(|counted| counted + MINT_WINDOW))
}

impl MintPace for DynamoPace {
    async fn take_slot(&self, credential: &CredentialName, asks: Asks, now: Timestamp) -> Result<Slot, PortError> {
        let window = mint_window(now);
        let mut attempt = self.first_try(credential, asks, window);
        for _ in 0..PACE_ROUNDS {
            let item = match self.attempt(credential, attempt, window, now).await? {
                Outcome::Done(item) => {
                    let missing = || PortError::bare("taking a mint slot, whose count DynamoDB did not tell,", Retry::UnknownEffect);
                    let mints = mints_of(&item).ok_or_else(missing)?;
                    self.saw(credential, mints);
                    return Ok(mints.turn().map_or(Slot::Taken, Slot::NotBefore));
                }
                Outcome::Refused(item) => item.unwrap_or_default(),
            };
            if let Some(until) = wait_until(&item, window, now) {
                return Ok(Slot::NotBefore(until));
            }
            attempt = next_try(mints_of(&item), window);
        }
        Ok(Slot::NotBefore(window + MINT_WINDOW))
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
    use fargate_runners_core::mint_pace::MINTS_AT_ONCE;
    use serde_json::{Value, json};
    use std::time::Duration;

    const WINDOW: Timestamp = Timestamp::from_secs(10_000);

    fn item(window: Timestamp, used: u64, given: &[u64]) -> Value {
        let number = |number: u64| json!({"N": number.to_string()});
        json!({"window": number(window.as_millis()), "used": number(used), "given": {"L": given.iter().map(|given| number(*given)).collect::<Vec<_>>()}})
    }

    fn done(window: Timestamp, used: u64) -> (u16, Value) {
        (200, json!({"Attributes": item(window, used, &[])}))
    }

    fn refused(item: &Value) -> (u16, Value) {
        (400, json!({"__type": "ConditionalCheckFailedException", "message": "", "Item": item}))
    }

    /// What one who asks then gets.
    async fn takes(pace: &DynamoPace, asks: Asks, second: u64) -> Slot {
        let credential = CredentialName::parse("default").unwrap();
        pace.take_slot(&credential, asks, WINDOW + Duration::from_secs(second)).await.unwrap()
    }

    /// What each call tried.
    fn tried(answers: &Answers) -> Vec<&'static str> {
        let tried = |request: Value| {
            let condition = request["ConditionExpression"].as_str().unwrap().to_owned();
            let tries = [("= :window", "count"), (":out_of_sight", "first"), (":seen", "after")];
            tries.into_iter().find(|(part, _)| condition.contains(part)).unwrap().1
        };
        answers.requests().into_iter().map(tried).collect()
    }

    #[tokio::test]
    async fn a_lone_job_takes_one_call_and_so_does_each_of_many() {
        let next = WINDOW + MINT_WINDOW;
        let later = WINDOW + Duration::from_secs(600);
        let (answers, aws) =
            Answers::of([done(WINDOW, 1), done(WINDOW, 2), done(WINDOW, MINTS_AT_ONCE + 1), done(next, 1), done(later, 1)]);
        let pace = DynamoPace::new(&aws, "ledger");
        for (second, slot) in [(0, Slot::Taken), (1, Slot::Taken), (2, Slot::NotBefore(next)), (5, Slot::Taken), (600, Slot::Taken)] {
            assert_eq!(takes(&pace, Asks::Alone, second).await, slot, "{second}");
        }
        assert_eq!(tried(&answers), ["first", "count", "count", "after", "first"]);
        let began = &answers.requests()[3];
        assert_eq!(began["ExpressionAttributeValues"][":asked"]["N"], (MINTS_AT_ONCE + 1).to_string());
        assert_eq!(
            began["ExpressionAttributeValues"][":given"]["L"][0]["N"],
            MINTS_AT_ONCE.to_string(),
            "what was given, not what was asked for"
        );
    }

    #[tokio::test]
    async fn a_process_that_is_new_counts_in_the_window_that_others_have_begun() {
        let (answers, aws) = Answers::of([refused(&item(WINDOW, 25, &[])), done(WINDOW, 26)]);
        assert_eq!(takes(&DynamoPace::new(&aws, "ledger"), Asks::Alone, 1).await, Slot::Taken);
        assert_eq!(tried(&answers), ["first", "count"]);
    }

    #[tokio::test]
    async fn who_was_launched_among_others_counts_first_in_a_new_process_too() {
        let before = WINDOW - MINT_WINDOW * 2;
        let (answers, aws) = Answers::of([done(WINDOW, 2), refused(&item(before, 9, &[40, 30])), done(WINDOW, 1)]);
        for _ in 0..2 {
            assert_eq!(takes(&DynamoPace::new(&aws, "ledger"), Asks::AmongOthers, 1).await, Slot::Taken);
        }
        assert_eq!(tried(&answers), ["count", "count", "after"]);
        let given = &answers.requests()[2]["ExpressionAttributeValues"][":given"]["L"];
        let given: Vec<&str> = (0..5).filter_map(|window| given[window]["N"].as_str()).collect();
        assert_eq!(given, ["0", "9", "40", "30", "0"]);
    }

    #[tokio::test]
    async fn who_finds_that_others_have_just_asked_tries_with_what_they_have_left() {
        let before = WINDOW - MINT_WINDOW;
        let (answers, aws) = Answers::of([done(before, 1), refused(&item(before, 3, &[])), done(WINDOW, 1)]);
        let pace = DynamoPace::new(&aws, "ledger");
        let credential = CredentialName::parse("default").unwrap();
        for at in [before, WINDOW] {
            assert_eq!(pace.take_slot(&credential, Asks::Alone, at).await.unwrap(), Slot::Taken);
        }
        assert_eq!(tried(&answers), ["first", "after", "after"]);
        assert_eq!(answers.requests()[2]["ExpressionAttributeValues"][":asked"]["N"], "3");
    }

    /// Until when tasks wait, a second into a window of which the item says this, and of the window before that.
    async fn waits_until(used: u64, before: u64) -> Option<u64> {
        let number = |number: u64| json!({"N": number.to_string()});
        let mut item = item(WINDOW, used, &[before.min(MINTS_AT_ONCE)]);
        item["last"] = number((WINDOW - MINT_WINDOW).as_millis());
        item["before"] = number(before);
        let (_, aws) = Answers::of([(200, json!({"Item": item}))]);
        let (pace, now) = (DynamoPace::new(&aws, "ledger"), WINDOW + Duration::from_secs(1));
        let until = pace.paused_until(&CredentialName::parse("default").unwrap(), now).await.unwrap();
        until.map(|until| until.since(WINDOW).as_secs())
    }

    #[tokio::test]
    async fn tasks_that_were_told_a_turn_in_the_window_before_are_known_to_wait() {
        assert_eq!(waits_until(3, 0).await, None);
        assert_eq!(waits_until(MINTS_AT_ONCE, 0).await, Some(5), "who asks now waits");
        assert_eq!(waits_until(3, 2 * MINTS_AT_ONCE).await, None, "their turn has come");
        assert_eq!(waits_until(3, 2 * MINTS_AT_ONCE + 1).await, Some(5));
    }

    #[tokio::test]
    async fn nobody_mints_on_an_answer_that_does_not_say_how_many_have_asked() {
        let (_, aws) = Answers::of([(200, json!({}))]);
        let (pace, credential) = (DynamoPace::new(&aws, "ledger"), CredentialName::parse("default").unwrap());
        assert_eq!(pace.take_slot(&credential, Asks::Alone, WINDOW).await.unwrap_err().retry, Retry::UnknownEffect);
    }
}
