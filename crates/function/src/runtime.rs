//! The loop of a function: an invocation comes in, the handler answers, what was counted is written down.

use crate::environment::{Environment, EnvironmentError};
use crate::failure::{Failure, diagnostic};
use crate::metrics::{Collector, FlushAtEnd};
use crate::{log, metrics};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;

/// Why a function cannot start, or why its loop ended.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its environment is not as it should be.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Log or metrics were started already.
    #[error("the function's surroundings could not be set up: {0}")]
    SetUp(String),
    /// Lambda's side of the loop failed.
    #[error("the runtime interface of Lambda failed")]
    Interface(#[source] lambda_runtime::Error),
    /// An adapter could not be made.
    #[error("an adapter could not be made")]
    Adapter(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StartError {
    /// An adapter could not be made.
    pub fn adapter(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Adapter(error.into())
    }
}

/// A function whose log and metrics are started.
pub struct Runtime {
    metrics: Collector,
}

impl Runtime {
    /// Starts log and metrics. Needs `STACK_NAME`.
    pub fn start() -> Result<Self, StartError> {
        log::start(|name| std::env::var(name).ok()).map_err(|error| StartError::SetUp(error.to_string()))?;
        let stack_name = Environment::of_process().text("STACK_NAME")?;
        Ok(Self { metrics: metrics::start(stack_name).map_err(StartError::SetUp)? })
    }

    /// Answers one invocation after the other, until Lambda ends the process. A failure is logged once and told to Lambda under its own name.
    pub async fn serve<P, R, E, H>(self, handler: H) -> Result<(), StartError>
    where
        P: DeserializeOwned,
        R: Serialize,
        E: Failure,
        H: AsyncFn(P, Context) -> Result<R, E>,
    {
        let (handler, collector) = (&handler, &self.metrics);
        let service = service_fn(|event: LambdaEvent<P>| async move {
            let _flush = FlushAtEnd(collector);
            // Which invocation it is stands in lines that a person has to look into, and in all of one that X-Ray records.
            let request_id = &event.context.request_id;
            let trace_id = event.context.xray_trace_id.as_deref().and_then(recorded);
            let plain = || tracing::info_span!("invocation", request_id);
            let span = trace_id.map_or_else(plain, |trace_id| tracing::info_span!(log::TRACED, request_id, trace_id));
            let answer = async { handler(event.payload, event.context).await.map_err(|failure| tell(&failure)) };
            answer.instrument(span).await
        });
        lambda_runtime::run(service).await.map_err(StartError::Interface)
    }
}

/// The id of the trace in which X-Ray records the invocation, if it does, out of the header `Root=…;Parent=…;Sampled=1`.
fn recorded(header: &str) -> Option<&str> {
    let field = |name| header.split(';').find_map(|field| field.trim().strip_prefix(name));
    field("Root=").filter(|_| field("Sampled=") == Some("1"))
}

fn tell(failure: &impl Failure) -> Diagnostic {
    let told = diagnostic(failure);
    tracing::error!(error_type = told.error_type, error = told.error_message, "the invocation failed");
    told
}

#[cfg(test)]
mod tests {
    use super::recorded;

    #[test]
    fn only_a_trace_that_is_recorded_is_worth_a_field_in_each_line() {
        assert_eq!(recorded("Root=1-5759e988-bd862e3f;Parent=53995c3f42cd8ad8;Sampled=1"), Some("1-5759e988-bd862e3f"));
        assert_eq!(recorded("Root=1-5759e988-bd862e3f;Parent=53995c3f42cd8ad8;Sampled=0"), None);
        assert_eq!(recorded("Root=1-5759e988-bd862e3f"), None);
        assert_eq!(recorded(""), None);
    }
}
