//! The log: one JSON object a line on standard output, as Lambda takes it, with level, time and message where Lambda looks for them.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// What is logged unless the environment says otherwise.
const DEFAULT_LEVEL: &str = "info";

/// Libraries that tell of each step at the level at which we tell of what matters.
const QUIET: &[&str] = &[
    "aws_credential_types",
    "aws_runtime",
    "aws_sigv4",
    "aws_smithy_runtime",
    "hyper",
    "hyper_util",
    "lambda_runtime",
    "reqwest",
    "rustls",
];

/// The runtime tells of failed handlers too, less well than `crate::runtime` and the hook below have told already.
const TOLD_ALREADY: &str = "lambda_runtime::layers::panic";

/// Starts the log. `RUST_LOG` (for a person who looks closer) goes before `AWS_LAMBDA_LOG_LEVEL` (from the function's settings).
pub(crate) fn start(variable: impl Fn(&str) -> Option<String>) -> Result<(), TryInitError> {
    let filter = variable("RUST_LOG").and_then(|directives| directives.parse().ok());
    let filter = filter.unwrap_or_else(|| at_level(&variable("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default()));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_ansi(false).with_span_list(false);
    tracing_subscriber::registry().with(lines).with(filter).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload();
        let said = said.downcast_ref::<String>().map(String::as_str).or_else(|| said.downcast_ref::<&str>().copied());
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(error = said.unwrap_or("no reason given"), place, "the function panicked");
    }));
    Ok(())
}

fn at_level(level: &str) -> Targets {
    let level = match level.to_ascii_lowercase().as_str() {
        // Lambda knows a level above ours.
        "fatal" => "error".to_owned(),
        "" => DEFAULT_LEVEL.to_owned(),
        other => other.to_owned(),
    };
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    // Never TRACE: at that level they print whole requests and events, with the secrets in them.
    let quiet = if level > LevelFilter::INFO { LevelFilter::DEBUG } else { level.min(LevelFilter::WARN) };
    let targets = Targets::new().with_default(level).with_targets(QUIET.iter().map(|target| (*target, quiet)));
    targets.with_target(TOLD_ALREADY, LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_level_makes_a_library_print_the_secrets_that_go_through_it() {
        for given in ["TRACE", "DEBUG", "INFO", ""] {
            let filter = at_level(given);
            for library in ["aws_smithy_runtime::client::orchestrator", "lambda_runtime::layers", "aws_sigv4::http_request", "hyper::proto"]
            {
                assert!(!filter.would_enable(library, &Level::TRACE), "{given} {library}");
            }
        }
    }

    use super::*;
    use tracing::Level;

    #[test]
    fn libraries_are_quieter_than_we_unless_somebody_looks_closer() {
        for (given, ours, theirs) in
            [("", true, false), ("INFO", true, false), ("DEBUG", true, true), ("FATAL", false, false), ("noise", true, false)]
        {
            let filter = at_level(given);
            assert_eq!(filter.would_enable("scale", &Level::INFO), ours, "{given}");
            assert_eq!(filter.would_enable("aws_smithy_runtime::client", &Level::INFO), theirs, "{given}");
        }
    }
}
