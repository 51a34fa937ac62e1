//! Metrics: CloudWatch takes them out of lines in the log, so that counting costs no call. Few dimensions: each set of them is a metric that is paid for.

use metrics_cloudwatch_embedded::{Builder, Collector};
use std::io::stdout;

/// The namespace of all metrics.
const NAMESPACE: &str = "FargateRunners";

/// The dimension of all metrics: two stacks in one account are told apart by it.
const STACK: &str = "StackName";

/// Starts counting.
pub(crate) fn start(stack_name: String) -> Result<&'static Collector, String> {
    Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension(STACK, stack_name).init().map_err(|error| error.to_string())
}

/// Writes down what was counted when an invocation ends, however it ends.
pub(crate) struct FlushAtEnd(pub(crate) &'static Collector);

impl Drop for FlushAtEnd {
    fn drop(&mut self) {
        if let Err(error) = self.0.flush(stdout()) {
            tracing::warn!(%error, "the metrics of this invocation could not be written down");
        }
    }
}
