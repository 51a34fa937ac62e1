//! What the control plane costs for a month in which no job comes: one sweep of an empty stack, as it was counted, every five minutes; Lambda's pollers; the
//! alarms of the template; the metrics that an idle sweep writes; and the logs.

use std::fmt::Write as _;

use super::jobs::{FUNCTION_GB, Line};
use super::{Counts, number};
use fargate_runners_prices::{
    ALARM_MONTH, DASHBOARD_MONTH, DYNAMODB_READ, DYNAMODB_WRITE, KMS, LAMBDA_GB_SECOND, LAMBDA_REQUEST, LOG_GB, LOG_GB_MONTH, METRIC_MONTH,
    REGION, SCHEDULER, SQS_FIFO, SQS_STANDARD, SSM_STANDARD,
};

/// The templates of the stack, for what they have that is paid for by the month.
const TEMPLATES: [&str; 2] = [include_str!("../../../../template.yaml"), include_str!("../../../../observability.yaml")];

/// The dashboard that the stack brings along. An account has three for nothing.
const DASHBOARDS: f64 = 1.0;

/// 730 hours, AWS's own month.
const MONTH_SECONDS: f64 = 730.0 * 3600.0;

/// `rate(5 minutes)` in the template.
const SWEEP_EVERY_SECONDS: f64 = 300.0;

/// Lambda polls a queue with five pollers, each of which waits 20 s for a message: the least that it does, by its documentation. An empty answer is billed.
const POLLERS: f64 = 5.0;
const POLL_SECONDS: f64 = 20.0;

/// How many of the queues that Lambda polls are FIFO, and how many are not.
const QUEUES: (f64, f64) = (1.0, 2.0);

/// `LogRetentionDays` by default: as much is stored as a month brings.
const MONTHS_KEPT: f64 = 30.0 / 30.4;

/// The dead-letter queues that a sweep reads: two requests are standard, but one queue is FIFO.
const FIFO_SHARE_OF_READS: f64 = 0.25;

/// The bill, for a person.
pub fn bill(counts: &Counts) -> String {
    let mut text = format!("What it costs for a month without jobs ({REGION})\n");
    let mut sum = 0.0;
    for Line { price, quantity, note } in lines(counts) {
        sum += price.of(quantity);
        let _ = writeln!(text, "  {:<40} {quantity:>12.0}  ${:.4}  {note}", price.what, price.of(quantity));
    }
    let _ = writeln!(text, "  {:<40} {:>12}  ${sum:.4}", "together", "");
    text
}

fn lines(counts: &Counts) -> Vec<Line> {
    let sweeps = MONTH_SECONDS / SWEEP_EVERY_SECONDS;
    let polls = MONTH_SECONDS / POLL_SECONDS * POLLERS;
    let calls = |prefix: &str| number(counts.idle.iter().filter(|call| call.name.starts_with(prefix)).count() as u64);
    let bytes = number(counts.idle_sweep.bytes) * sweeps;
    let line = |price, quantity, note| Line { price, quantity, note };
    let dead_letters = calls("sqs:") * sweeps;
    vec![
        line(SQS_FIFO, polls * QUEUES.0 + dead_letters * FIFO_SHARE_OF_READS, "empty answers to Lambda's pollers, and to the sweep"),
        line(SQS_STANDARD, polls * QUEUES.1 + dead_letters * (1.0 - FIFO_SHARE_OF_READS), "the same"),
        line(ALARM_MONTH, number(TEMPLATES.into_iter().map(alarm_metrics).sum()), "each metric of an alarm counts"),
        line(DASHBOARD_MONTH, DASHBOARDS, "unless it is one of an account's first three"),
        line(METRIC_MONTH, number(counts.idle_sweep.metrics.len() as u64), "those that an idle sweep writes"),
        line(LAMBDA_REQUEST, sweeps, "sweeps"),
        line(LAMBDA_GB_SECOND, number(counts.idle_sweep.billed_ms) / 1000.0 * FUNCTION_GB * sweeps, "as billed here"),
        line(SCHEDULER, sweeps, ""),
        line(DYNAMODB_WRITE, counts.idle.iter().map(|call| call.write_units).sum::<f64>() * sweeps, ""),
        line(DYNAMODB_READ, counts.idle.iter().map(|call| call.read_units).sum::<f64>() * sweeps, ""),
        line(SSM_STANDARD, calls("ssm:") * sweeps, ""),
        line(KMS, number(counts.idle.iter().map(|call| u64::from(call.kms)).sum()) * sweeps, ""),
        line(LOG_GB, bytes, "the sweeps'"),
        line(LOG_GB_MONTH, bytes * MONTHS_KEPT, "kept for 30 days"),
    ]
}

/// The metrics that the template's alarms watch: those of a sum, and one for each alarm that watches a single one.
fn alarm_metrics(template: &str) -> u64 {
    let of_sums = template.lines().filter(|line| line.contains("MetricStat:")).count();
    let alarms: Vec<&str> = template.split("Type: AWS::CloudWatch::Alarm").skip(1).collect();
    let single = alarms.iter().filter(|alarm| {
        alarm.lines().take_while(|line| !line.starts_with("  ") || line.starts_with("   ")).all(|line| line.trim() != "Metrics:")
    });
    (of_sums + single.count()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_counted_by_the_metrics_that_they_watch() {
        let template = "  A:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n      Metrics:\n        - { Id: all }\n        - { Id: m1, MetricStat: {} }\n        \
                        - { Id: m2, MetricStat: {} }\n  B:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n      MetricName: x\n";
        assert_eq!(alarm_metrics(template), 3);
        assert!(TEMPLATES.into_iter().map(alarm_metrics).sum::<u64>() > 10, "the stack has a dozen alarms, half of them sums");
    }
}
