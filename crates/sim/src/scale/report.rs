//! What a person reads: a Markdown table with a column for each run.

use super::Outcome;
use crate::engine::Millis;
use crate::host::Function;
use std::collections::BTreeMap;

/// The simulation's names of calls, and AWS's. ECS's actions have their own names.
const CALLS: &[(&str, &str)] = &[
    ("reading a fleet's records", "dynamodb:Query"),
    ("reading records", "dynamodb:GetItem, BatchGetItem"),
    ("writing records", "dynamodb:PutItem, TransactWriteItems"),
    ("taking a mint slot", "dynamodb:UpdateItem"),
    ("holding a credential", "dynamodb:UpdateItem"),
    ("noting a job's progress", "dynamodb:UpdateItem"),
    ("recalling", "dynamodb:Query"),
    ("keeping in mind", "dynamodb:PutItem, TransactWriteItems"),
    ("publishing", "events:PutEvents"),
    ("asking for a wake-up", "sqs:SendMessage"),
    ("forwarding", "sqs:SendMessage"),
    ("putting a message aside", "sqs:SendMessage"),
    ("asking for another try", "sqs:SendMessage"),
    ("receiving dead letters", "sqs:ReceiveMessage"),
    ("removing a dead letter", "sqs:DeleteMessage"),
    ("reading the fleets", "ssm:GetParametersByPath"),
    ("GitHub", "GitHub's REST interface"),
];

/// A run and what its column is called.
pub struct Column {
    /// The head.
    pub name: String,
    /// What it reaches at most: `min(demand, maximum)`.
    pub most_wanted: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// The resident memory of the whole simulation after it, in kilobytes, where the system says it.
    pub resident: Option<u64>,
}

/// All runs side by side.
#[must_use]
pub fn table(columns: &[Column]) -> String {
    let line = |name: &str, cells: Vec<String>| format!("| {name} | {} |\n", cells.join(" | "));
    let head = line("", columns.iter().map(|column| column.name.clone()).collect());
    let rule = line("---", vec!["---:".to_owned(); columns.len()]);
    let body = rows(columns).into_iter().map(|(name, value)| line(&name, columns.iter().map(value).collect()));
    head + &rule + &body.collect::<String>()
}

type Row = (String, Box<dyn Fn(&Column) -> String>);

fn rows(columns: &[Column]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |name: &str, value: fn(&Column) -> String| rows.push((name.to_owned(), Box::new(value)));
    row("jobs that count (never started), all", |column| {
        format!("{} ({}), {}", column.outcome.jobs, column.outcome.open, column.outcome.all)
    });
    row("queue wait p50 / p95 / p99", |column| [50, 95, 99].map(|percent| seconds(column.outcome.wait(percent))).join(" / "));
    row("until the last job was in the ledger", |column| {
        seconds(column.outcome.counts.last_new_job_at.and_then(|at| at.checked_sub(crate::story::BEGIN)))
    });
    row("until min(demand, maximum) was wanted", |column| {
        format!("{} ({})", seconds(column.outcome.wanted_at(column.most_wanted)), column.most_wanted)
    });
    row("until the last job ended", |column| seconds(Some(column.outcome.ended)));
    row("UpdateService in the fullest second, of a fleet / of all", |column| {
        format!("{} / {}", column.outcome.counts.updates.most, column.outcome.counts.updates_in_all.most)
    });
    row("mints, and in the fullest minute of an App", |column| {
        format!("{}, {}", column.outcome.counts.mints.total, column.outcome.counts.mints.most)
    });
    row("tasks started", |column| column.outcome.tasks.to_string());
    row("messages of groups, and in the fullest second of one", |column| {
        format!("{}, {}", column.outcome.counts.events.total, column.outcome.counts.events.most)
    });
    row("messages a batch, mean; most waiting in a group", |column| {
        format!("{}, {}", mean(column.outcome.counts.batches.total, column.outcome.counts.batches.count), column.outcome.counts.backlog)
    });
    row("records a look, mean / most", |column| {
        let records = column.outcome.counts.records;
        format!("{} / {}", mean(records.total, records.count), records.most)
    });
    row("KB read a look, mean / most", |column| {
        let bytes = column.outcome.counts.bytes;
        format!("{} / {}", mean(bytes.total / 1_024, bytes.count), bytes.most / 1_024)
    });
    row("pages of these looks", |column| column.outcome.counts.pages.to_string());
    row("read / write units of DynamoDB a job", |column| {
        let (read, written) = column.outcome.counts.units;
        format!("{} / {}", mean(read, column.outcome.all), mean(written, column.outcome.all))
    });
    row("reads that waited for their partition: longest, all together", |column| {
        let waited = column.outcome.counts.reads_waited;
        format!("{}, {}", seconds(Some(waited.most)), seconds(Some(waited.total)))
    });
    row("writes that did: longest, all together", |column| {
        let waited = column.outcome.counts.writes_waited;
        format!("{}, {}", seconds(Some(waited.most)), seconds(Some(waited.total)))
    });
    row("memory of the whole simulation", |column| column.resident.map_or_else(|| "?".to_owned(), |kb| format!("{} MB", kb / 1_024)));
    row("rules broken", |column| {
        column.outcome.violation.as_ref().map_or_else(|| "none".to_owned(), |violation| format!("{}: {}", violation.rule, violation.text))
    });
    for function in [Function::Webhook, Function::Register, Function::Scale, Function::Deregister, Function::Sweep] {
        rows.push((
            format!("invocations of `{}` (at once)", function.name()),
            Box::new(move |column| {
                let (all, _, most) = column.outcome.counts.invocations.get(&function).copied().unwrap_or_default();
                format!("{all} ({most})")
            }),
        ));
    }
    let mut names: Vec<String> = columns.iter().flat_map(|column| calls(&column.outcome).into_keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let key = name.clone();
        rows.push((name, Box::new(move |column| calls(&column.outcome).get(&key).copied().unwrap_or_default().to_string())));
    }
    rows.push((
        "calls to AWS a job".to_owned(),
        Box::new(|column| {
            let all: u64 = calls(&column.outcome).iter().filter(|(name, _)| !name.starts_with("GitHub")).map(|(_, count)| count).sum();
            mean(all, column.outcome.all)
        }),
    ));
    rows.push((
        "calls that ECS throttled".to_owned(),
        Box::new(|column| column.outcome.ecs.values().map(|calls| calls.throttled).sum::<u64>().to_string()),
    ));
    rows
}

fn calls(outcome: &Outcome) -> BTreeMap<String, u64> {
    let mut calls: BTreeMap<String, u64> = BTreeMap::new();
    for (what, count) in &outcome.counts.calls {
        let known = CALLS.iter().find(|(ours, _)| ours == what);
        *calls.entry(known.map_or_else(|| format!("ecs:{what}"), |(_, name)| (*name).to_owned())).or_default() += count;
    }
    calls
}

/// With one decimal.
fn mean(total: u64, count: u64) -> String {
    let tenths = (total * 10).checked_div(count).unwrap_or_default();
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Seconds with one decimal; a dash for what never was.
fn seconds(millis: Option<Millis>) -> String {
    millis.map_or_else(|| "–".to_owned(), |millis| format!("{}.{} s", millis / 1_000, millis % 1_000 / 100))
}
