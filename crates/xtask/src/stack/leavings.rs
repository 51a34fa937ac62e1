//! What a run leaves behind: nothing of it may be there a minute after the last job.

use std::fmt;

use fargate_runners_local_stack::aws;
use fargate_runners_model_ecs::Status;
use serde_json::{Value, json};

use crate::problem::{Outcome, Problem};

use super::Stack;

/// Everything that is still there, each by its name.
#[derive(Debug, Default)]
pub struct Leavings {
    /// Runners that are registered at GitHub.
    pub runners: Vec<String>,
    /// Tasks that have not stopped, and are not wanted warm.
    pub tasks: Vec<String>,
    /// Items of the ledger that count.
    pub open_items: Vec<String>,
    /// Messages in dead-letter queues, by queue.
    pub dead_letters: Vec<String>,
}

impl Leavings {
    /// Looks at everything.
    pub async fn of(stack: &Stack) -> Outcome<Self> {
        let runners = stack.github.with(|model, _| model.runners().map(|runner| runner.name.clone()).collect());
        let tasks = stack.ecs().tasks().filter(|task| task.last_status != Status::Stopped).map(|task| task.id.clone()).collect();
        let open_items = open_items(&stack.aws, stack.output("TableName")?).await?;
        let dead_letters = dead_letters(&stack.aws).await?;
        Ok(Self { runners, tasks, open_items, dead_letters })
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rows().iter().all(|(_, names)| names.is_empty())
    }

    /// What is left, by kind.
    pub fn rows(&self) -> [(&'static str, &Vec<String>); 4] {
        [
            ("runners at GitHub", &self.runners),
            ("tasks", &self.tasks),
            ("open jobs and runners in the ledger", &self.open_items),
            ("dead-letter messages", &self.dead_letters),
        ]
    }
}

impl fmt::Display for Leavings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, names) in self.rows() {
            writeln!(formatter, "  {what:<36} {:>3}{}{}", names.len(), if names.is_empty() { "" } else { "  " }, names.join(", "))?;
        }
        Ok(())
    }
}

/// The fleet's own item, which stays for as long as the fleet.
const FLEET_ITEM: &str = "STATE";

/// What the partitions of what counts begin with.
const ACTIVE: &str = "FLEET#";

/// The items that count, but for the fleets' own, of which there must be one: where there is none, what counts stands elsewhere.
async fn open_items(aws: &aws::Emulator, table: &str) -> Outcome<Vec<String>> {
    let mut question = json!({
        "TableName": table, "FilterExpression": "begins_with(pk, :active)", "ExpressionAttributeValues": { ":active": { "S": ACTIVE } },
        "ConsistentRead": true,
    });
    let key = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let (mut open, mut fleets) = (Vec::new(), 0);
    loop {
        let answer = aws.json("dynamodb", "DynamoDB_20120810.Scan", &question).await.map_err(failed)?;
        let (own, items): (Vec<&Value>, Vec<&Value>) =
            answer["Items"].as_array().into_iter().flatten().partition(|item| key(item, "sk") == FLEET_ITEM);
        fleets += own.len();
        open.extend(items.into_iter().map(|item| format!("{} {}", key(item, "pk"), key(item, "sk"))));
        if answer["LastEvaluatedKey"].is_null() {
            return if fleets > 0 { Ok(open) } else { Err(Problem::new("no fleet stands in the ledger, though jobs have run")) };
        }
        question["ExclusiveStartKey"] = answer["LastEvaluatedKey"].clone();
    }
}

async fn dead_letters(aws: &aws::Emulator) -> Outcome<Vec<String>> {
    let list = aws.json("sqs", "AmazonSQS.ListQueues", &json!({})).await.map_err(failed)?;
    let mut found = Vec::new();
    for url in list["QueueUrls"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let name = url.rsplit('/').next().unwrap_or_default();
        if !is_for_dead_letters(name) {
            continue;
        }
        let question =
            json!({ "QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] });
        let answer = aws.json("sqs", "AmazonSQS.GetQueueAttributes", &question).await.map_err(failed)?;
        let numbers = answer["Attributes"].as_object().into_iter().flatten().filter_map(|(_, number)| number.as_str()?.parse::<u64>().ok());
        let messages: u64 = numbers.sum();
        if messages > 0 {
            found.push(format!("{name}: {messages}"));
        }
    }
    Ok(found)
}

fn is_for_dead_letters(queue: &str) -> bool {
    queue.trim_end_matches(".fifo").ends_with("-dead")
}

fn failed(error: impl fmt::Display) -> Problem {
    Problem::new(format!("the emulator could not be asked what is left: {error}"))
}
