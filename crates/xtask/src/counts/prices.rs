//! The one price table: AWS's public list prices of one region, without free tiers and discounts. Look them up for your region before you trust a sum.

use std::fmt::Write as _;

/// Where the prices hold.
pub const REGION: &str = "us-east-1";

/// When they were taken down; they seldom change, and then mostly fall.
pub const AS_OF: &str = "2026-11-27";

/// A price.
#[derive(Debug, Clone, Copy)]
pub struct Price {
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
    const fn new(what: &'static str, dollars: f64, per: f64, source: &'static str) -> Self {
        Self { what, dollars, per, source }
    }

    /// What so much of it costs, in dollars.
    pub fn of(self, quantity: f64) -> f64 {
        self.dollars * quantity / self.per
    }
}

const MILLION: f64 = 1e6;

/// Invocations.
pub const LAMBDA_REQUEST: Price = Price::new("Lambda requests", 0.20, MILLION, "aws.amazon.com/lambda/pricing");
/// Time of a function's memory, on arm64.
pub const LAMBDA_GB_SECOND: Price = Price::new("Lambda GB-seconds (arm64)", 13.3334, MILLION, "aws.amazon.com/lambda/pricing");
/// Writes on demand. A transaction takes two.
pub const DYNAMODB_WRITE: Price = Price::new("DynamoDB write request units", 0.625, MILLION, "aws.amazon.com/dynamodb/pricing/on-demand");
/// Strongly consistent reads of 4 KB, on demand.
pub const DYNAMODB_READ: Price = Price::new("DynamoDB read request units", 0.125, MILLION, "aws.amazon.com/dynamodb/pricing/on-demand");
/// Requests of FIFO queues: send, receive, delete.
pub const SQS_FIFO: Price = Price::new("SQS requests, FIFO", 0.50, MILLION, "aws.amazon.com/sqs/pricing");
/// Requests of other queues.
pub const SQS_STANDARD: Price = Price::new("SQS requests, standard", 0.40, MILLION, "aws.amazon.com/sqs/pricing");
/// Events of our own. Those of AWS, and deliveries within the account, cost nothing.
pub const EVENTBRIDGE_EVENT: Price = Price::new("EventBridge custom events", 1.00, MILLION, "aws.amazon.com/eventbridge/pricing");
/// Requests of an HTTP API.
pub const HTTP_API: Price = Price::new("HTTP API requests", 1.00, MILLION, "aws.amazon.com/api-gateway/pricing");
/// Bytes into CloudWatch Logs.
pub const LOG_GB: Price = Price::new("CloudWatch Logs ingestion, bytes", 0.50, GB, "aws.amazon.com/cloudwatch/pricing");
/// Bytes kept there for a month.
pub const LOG_GB_MONTH: Price = Price::new("CloudWatch Logs storage, byte-months", 0.03, GB, "aws.amazon.com/cloudwatch/pricing");
/// Invocations of schedules.
pub const SCHEDULER: Price = Price::new("EventBridge Scheduler invocations", 1.00, MILLION, "aws.amazon.com/eventbridge/pricing");
/// Standard parameters at standard throughput.
pub const SSM_STANDARD: Price = Price::new("SSM standard parameter calls", 0.00, MILLION, "aws.amazon.com/systems-manager/pricing");
/// What reading a secret parameter asks of KMS.
pub const KMS: Price = Price::new("KMS requests", 0.03, 10_000.0, "aws.amazon.com/kms/pricing");
/// A metric of our own, for a month in which it is written all the time.
pub const METRIC_MONTH: Price = Price::new("CloudWatch custom metrics, months", 0.30, 1.0, "aws.amazon.com/cloudwatch/pricing");
/// A metric that an alarm watches, for a month.
pub const ALARM_MONTH: Price = Price::new("CloudWatch alarm metrics, months", 0.10, 1.0, "aws.amazon.com/cloudwatch/pricing");

/// A dashboard, for a month.
pub const DASHBOARD_MONTH: Price = Price::new("CloudWatch dashboards, months", 3.00, 1.0, "aws.amazon.com/cloudwatch/pricing");

/// Logs are billed by the gigabyte of 2^30 bytes.
const GB: f64 = 1_073_741_824.0;

/// All of them.
const ALL: [Price; 16] = [
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

/// The table, for a person.
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
}
