//! What the control plane costs for a thousand jobs, from what was counted while they ran.

use std::fmt::Write as _;

use super::{Counts, HEALER, number};
use fargate_runners_prices::{
    DYNAMODB_READ, DYNAMODB_WRITE, EVENTBRIDGE_EVENT, HTTP_API, KMS, LAMBDA_GB_SECOND, LAMBDA_REQUEST, LOG_GB, Price, REGION, SQS_FIFO,
    SQS_STANDARD, SSM_STANDARD,
};

/// The functions' memory: `MemorySize` of all of them in template.yaml.
pub const FUNCTION_GB: f64 = 128.0 / 1024.0;

/// A line of the API's log: the format in template.yaml, filled in. The emulator writes none.
const ACCESS_LINE_BYTES: f64 = 110.0;

/// The functions that the API invokes, once for each request.
const BEHIND_THE_API: [&str; 2] = ["webhook", "register"];

/// Each batch of a queue is received and deleted: two requests.
const REQUESTS_A_BATCH: f64 = 2.0;

/// Jobs that a bill is for.
const JOBS: f64 = 1_000.0;

/// A line of a bill.
pub struct Line {
    pub price: Price,
    pub quantity: f64,
    pub note: &'static str,
}

/// The lines of a run's bill, for all of its jobs.
pub fn lines(counts: &Counts) -> Vec<Line> {
    let invocations: u64 = counts.functions.without(HEALER).map(|(_, function)| function.invocations).sum();
    let billed_ms: u64 = counts.functions.without(HEALER).map(|(_, function)| function.billed_ms).sum();
    let bytes: u64 = counts.functions.without(HEALER).map(|(_, function)| function.bytes).sum();
    let requests: u64 = BEHIND_THE_API.iter().map(|name| counts.functions.invocations(name)).sum();
    let batches = number(counts.functions.invocations("scale"));
    let sent = number(counts.calls.iter().filter(|call| call.name == "sqs:SendMessage").count() as u64);
    // A wake-up is sent to one queue, and by whoever gets it to the other.
    let forwarded = sent / 2.0;
    let events = number(counts.events.all as u64);
    let queued = number((counts.events.all - counts.events.noted) as u64);
    let line = |price: Price, quantity: f64, note: &'static str| Line { price, quantity, note };
    vec![
        line(HTTP_API, number(requests), "deliveries of GitHub, questions of tasks"),
        line(LAMBDA_REQUEST, number(invocations), ""),
        line(
            LAMBDA_GB_SECOND,
            number(billed_ms) / 1000.0 * FUNCTION_GB,
            "as billed here: unoptimised unless built as deployed, on a machine that does everything else too",
        ),
        line(EVENTBRIDGE_EVENT, events, ""),
        line(SQS_FIFO, queued + forwarded + (batches - forwarded) * REQUESTS_A_BATCH, "sent, received, deleted"),
        line(SQS_STANDARD, forwarded * (1.0 + REQUESTS_A_BATCH), "wake-ups"),
        line(DYNAMODB_WRITE, counts.calls_of_jobs().map(|call| call.write_units).sum(), "transactions count double"),
        line(DYNAMODB_READ, counts.calls_of_jobs().map(|call| call.read_units).sum(), ""),
        line(LOG_GB, number(bytes) + number(requests) * ACCESS_LINE_BYTES, "functions and API"),
    ]
}

/// What comes once in a process or an hour, in the whole run.
fn lines_once(counts: &Counts) -> Vec<Line> {
    let parameters = counts.calls_once().filter(|call| call.name.starts_with("ssm:")).count() as u64;
    vec![
        Line {
            price: DYNAMODB_WRITE,
            quantity: counts.calls_once().map(|call| call.write_units).sum(),
            note: "the right to exchange a token",
        },
        Line { price: SSM_STANDARD, quantity: number(parameters), note: "fleets, secrets, credential, token" },
        Line {
            price: KMS,
            quantity: number(counts.calls_once().map(|call| u64::from(call.kms)).sum()),
            note: "secret parameters read or written",
        },
    ]
}

/// What a thousand jobs like these cost, in dollars; what comes once in a process or an hour is left out.
pub fn dollars(counts: &Counts) -> f64 {
    let all: f64 = lines(counts).iter().map(|line| line.price.of(line.quantity)).sum();
    all / number(counts.jobs.max(1) as u64) * JOBS
}

/// The bill, for a person.
pub fn bill(counts: &Counts) -> String {
    let mut text = format!("What the control plane costs for 1,000 jobs like these ({REGION})\n");
    let jobs = number(counts.jobs.max(1) as u64);
    for Line { price, quantity, note } in lines(counts) {
        let quantity = quantity / jobs;
        let _ = writeln!(text, "  {:<40} {quantity:>10.2} a job  ${:.4}  {note}", price.what, price.of(quantity * JOBS));
    }
    let _ = writeln!(text, "  {:<40} {:>10}        ${:.4}", "together", "", dollars(counts));
    let _ = writeln!(text, "  In this run once, for new processes and a new token:");
    let mut once = 0.0;
    for Line { price, quantity, note } in lines_once(counts) {
        once += price.of(quantity);
        let _ = writeln!(text, "  {:<40} {quantity:>10.0} in all  ${:.6}  {note}", price.what, price.of(quantity));
    }
    let _ = writeln!(text, "  {:<40} {:>10}        ${once:.6}", "together, however many jobs follow", "");
    text
}
