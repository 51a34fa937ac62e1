//! The one price table: AWS's public list prices of one region, without free tiers and discounts, and what the control plane takes for a job. The command
//! line, the demo's bill, the README and the dashboard count with these, and tests hold them together. Look prices up for your region before you trust a sum.

use std::fmt::Write as _;

/// Where the prices hold.
pub const REGION: &str = "us-east-1";

/// When they were taken down; they seldom change, and then mostly fall.
pub const AS_OF: &str = "2026-11-27";

/// A price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Its name in a file of prices.
    pub name: &'static str,
    /// What is paid for.
    pub what: &'static str,
    /// Dollars for `per` of it.
    pub dollars: f64,
    /// How many the price is for.
    pub per: f64,
    /// AWS's page that says so.
    pub source: &'static str,
}

impl Price {
    const fn new(name: &'static str, what: &'static str, dollars: f64, per: f64, source: &'static str) -> Self {
        Self { name, what, dollars, per, source }
    }

    /// What so much of it costs, in dollars.
    #[must_use]
    pub fn of(self, quantity: f64) -> f64 {
        self.dollars * quantity / self.per
    }
}

const MILLION: f64 = 1e6;

/// A vCPU of a task on x86.
pub const X86_VCPU_HOUR: Price = Price::new("x86_vcpu_hour", "Fargate vCPU-hours (x86)", 0.04048, 1.0, "aws.amazon.com/fargate/pricing");
/// Its memory.
pub const X86_GB_HOUR: Price = Price::new("x86_gb_hour", "Fargate GB-hours (x86)", 0.004_445, 1.0, "aws.amazon.com/fargate/pricing");
/// A vCPU of a task on ARM.
pub const ARM_VCPU_HOUR: Price = Price::new("arm_vcpu_hour", "Fargate vCPU-hours (ARM)", 0.03238, 1.0, "aws.amazon.com/fargate/pricing");
/// Its memory.
pub const ARM_GB_HOUR: Price = Price::new("arm_gb_hour", "Fargate GB-hours (ARM)", 0.003_56, 1.0, "aws.amazon.com/fargate/pricing");
/// Disk beyond 20 GB.
pub const STORAGE_GB_HOUR: Price =
    Price::new("storage_gb_hour", "Fargate disk beyond 20 GB, GB-hours", 0.000_111, 1.0, "aws.amazon.com/fargate/pricing");
/// A public IPv4 address.
pub const ADDRESS_HOUR: Price = Price::new("address_hour", "public IPv4 addresses, hours", 0.005, 1.0, "aws.amazon.com/vpc/pricing");

/// Invocations.
pub const LAMBDA_REQUEST: Price = Price::new("lambda_request", "Lambda requests", 0.20, MILLION, "aws.amazon.com/lambda/pricing");
/// Time of a function's memory, on arm64.
pub const LAMBDA_GB_SECOND: Price =
    Price::new("lambda_gb_second", "Lambda GB-seconds (arm64)", 13.3334, MILLION, "aws.amazon.com/lambda/pricing");
/// Writes on demand. A transaction takes two.
pub const DYNAMODB_WRITE: Price =
    Price::new("dynamodb_write", "DynamoDB write request units", 0.625, MILLION, "aws.amazon.com/dynamodb/pricing/on-demand");
/// Strongly consistent reads of 4 KB, on demand.
pub const DYNAMODB_READ: Price =
    Price::new("dynamodb_read", "DynamoDB read request units", 0.125, MILLION, "aws.amazon.com/dynamodb/pricing/on-demand");
/// Requests of FIFO queues: send, receive, delete.
pub const SQS_FIFO: Price = Price::new("sqs_fifo", "SQS requests, FIFO", 0.50, MILLION, "aws.amazon.com/sqs/pricing");
/// Requests of other queues.
pub const SQS_STANDARD: Price = Price::new("sqs_standard", "SQS requests, standard", 0.40, MILLION, "aws.amazon.com/sqs/pricing");
/// Events of our own. Those of AWS, and deliveries within the account, cost nothing.
pub const EVENTBRIDGE_EVENT: Price =
    Price::new("eventbridge_event", "EventBridge custom events", 1.00, MILLION, "aws.amazon.com/eventbridge/pricing");
/// Requests of an HTTP API.
pub const HTTP_API: Price = Price::new("http_api", "HTTP API requests", 1.00, MILLION, "aws.amazon.com/api-gateway/pricing");
/// Bytes into CloudWatch Logs.
pub const LOG_GB: Price = Price::new("log_gb", "CloudWatch Logs ingestion, bytes", 0.50, GB, "aws.amazon.com/cloudwatch/pricing");
/// Bytes kept there for a month.
pub const LOG_GB_MONTH: Price =
    Price::new("log_gb_month", "CloudWatch Logs storage, byte-months", 0.03, GB, "aws.amazon.com/cloudwatch/pricing");
/// Invocations of schedules.
pub const SCHEDULER: Price =
    Price::new("scheduler", "EventBridge Scheduler invocations", 1.00, MILLION, "aws.amazon.com/eventbridge/pricing");
/// Standard parameters at standard throughput.
pub const SSM_STANDARD: Price =
    Price::new("ssm_standard", "SSM standard parameter calls", 0.00, MILLION, "aws.amazon.com/systems-manager/pricing");
/// What reading a secret parameter asks of KMS.
pub const KMS: Price = Price::new("kms", "KMS requests", 0.03, 10_000.0, "aws.amazon.com/kms/pricing");
/// A metric of our own, for a month in which it is written all the time.
pub const METRIC_MONTH: Price =
    Price::new("metric_month", "CloudWatch custom metrics, months", 0.30, 1.0, "aws.amazon.com/cloudwatch/pricing");
/// A metric that an alarm watches, for a month.
pub const ALARM_MONTH: Price =
    Price::new("alarm_month", "CloudWatch alarm metrics, months", 0.10, 1.0, "aws.amazon.com/cloudwatch/pricing");

/// A dashboard, for a month.
pub const DASHBOARD_MONTH: Price =
    Price::new("dashboard_month", "CloudWatch dashboards, months", 3.00, 1.0, "aws.amazon.com/cloudwatch/pricing");

/// Logs are billed by the gigabyte of 2^30 bytes.
const GB: f64 = 1_073_741_824.0;

/// All of them.
pub const ALL: [Price; 22] = [
    X86_VCPU_HOUR,
    X86_GB_HOUR,
    ARM_VCPU_HOUR,
    ARM_GB_HOUR,
    STORAGE_GB_HOUR,
    ADDRESS_HOUR,
    LAMBDA_REQUEST,
    LAMBDA_GB_SECOND,
    DYNAMODB_WRITE,
    DYNAMODB_READ,
    SQS_FIFO,
    SQS_STANDARD,
    EVENTBRIDGE_EVENT,
    HTTP_API,
    LOG_GB,
    LOG_GB_MONTH,
    SCHEDULER,
    SSM_STANDARD,
    KMS,
    METRIC_MONTH,
    ALARM_MONTH,
    DASHBOARD_MONTH,
];

/// What the control plane takes for a lone job in launch mode `tasks`, as `cargo xtask demo --jobs 1 --burst tasks --as-deployed` counts it: what costs, and how much of it.
/// The demo fails where a lone job takes more than this and a quarter.
pub const LONE_JOB: [(Price, f64); 8] = [
    (DYNAMODB_WRITE, 20.0),
    (HTTP_API, 5.0),
    (EVENTBRIDGE_EVENT, 4.0),
    (SQS_FIFO, 6.0),
    (LOG_GB, 4_404.0),
    (LAMBDA_GB_SECOND, 0.15),
    (LAMBDA_REQUEST, 8.0),
    (DYNAMODB_READ, 3.0),
];

/// What one question of an idle runner takes, whether it may stay: a request, an invocation of `register`, and the records of task and fleet, read strongly
/// consistently. The milliseconds of the function are beyond the digits.
pub const LEASE: [(Price, f64); 3] = [(HTTP_API, 1.0), (LAMBDA_REQUEST, 1.0), (DYNAMODB_READ, 2.0)];

/// What the control plane costs for a lone job, in dollars.
#[must_use]
pub fn lone_job() -> f64 {
    LONE_JOB.iter().map(|(price, quantity)| price.of(*quantity)).sum()
}

/// The table, for a person.
#[must_use]
pub fn told() -> String {
    let mut text = format!("Prices: AWS's public list prices of {REGION} as of {AS_OF}, without free tiers\n");
    for price in ALL {
        let _ = writeln!(text, "  {:<40} ${:<9} for {:<12} {}", price.what, price.dollars, price.per, price.source);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_events_cost_what_the_table_says() {
        assert!((EVENTBRIDGE_EVENT.of(1e6) - 1.0).abs() < 1e-9);
        assert!((LOG_GB.of(GB) - 0.5).abs() < 1e-9);
        assert!((ALARM_MONTH.of(3.0) - 0.3).abs() < 1e-9);
    }

    const README: &str = include_str!("../../../README.md");

    #[test]
    fn no_two_prices_have_one_name() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|price| price.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn the_readme_names_these_prices() {
        let pair = |first: Price, second: Price| format!("${} / ${}", first.dollars, second.dollars);
        for stated in [
            format!("| Fargate x86 / ARM, a vCPU-hour | {} |", pair(X86_VCPU_HOUR, ARM_VCPU_HOUR)),
            format!("| Fargate x86 / ARM, a GB-hour | {} |", pair(X86_GB_HOUR, ARM_GB_HOUR)),
            format!("| disk beyond 20 GB, a GB-hour | ${} |", STORAGE_GB_HOUR.dollars),
            format!("| public IPv4 address, an hour | ${} |", ADDRESS_HOUR.dollars),
            format!("| Lambda arm64, a million requests / GB-seconds | ${:.2} / ${} |", LAMBDA_REQUEST.dollars, LAMBDA_GB_SECOND.dollars),
            format!("| HTTP API, EventBridge custom events, a million | {} |", pair(HTTP_API, EVENTBRIDGE_EVENT)),
            format!("| SQS, a million requests, FIFO / standard | ${:.2} / ${:.2} |", SQS_FIFO.dollars, SQS_STANDARD.dollars),
            format!("| DynamoDB on demand, a million writes / reads | {} |", pair(DYNAMODB_WRITE, DYNAMODB_READ)),
            format!("| CloudWatch Logs, a GB in | ${:.2} |", LOG_GB.dollars),
        ] {
            assert!(README.contains(&stated), "the README should say: {stated}");
        }
        let hour = X86_VCPU_HOUR.of(1.0) + X86_GB_HOUR.of(2.0) + ADDRESS_HOUR.of(1.0);
        assert!(README.contains(&format!("**${hour:.5}**")), "{hour}");
    }

    #[test]
    fn the_readme_says_what_the_leases_of_a_warm_runner_cost_in_a_month() {
        let leases = 730.0 * 3600.0 / 30.0;
        let month: f64 = LEASE.iter().map(|(price, quantity)| price.of(quantity * leases)).sum();
        assert!(README.contains(&format!("its leases (every 30 s, 87,600 requests) some ${month:.2}.")), "{month}");
    }

    #[test]
    fn the_readmes_bill_of_a_lone_job_adds_up() {
        let mut sum = 0.0;
        for (price, quantity) in LONE_JOB {
            let dollars = price.of(quantity * 1_000.0);
            sum += dollars;
            let line = README.lines().find(|line| line.ends_with(&format!("| {dollars:.4} |")));
            assert!(line.is_some(), "the README should have a line of {quantity} {} for ${dollars:.4}", price.what);
        }
        assert!(README.contains(&format!("| together | | {sum:.4} |")), "the README's lines add up to {sum:.4}");
    }
}
