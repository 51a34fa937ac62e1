//! The log: one JSON object a line on standard output, as Lambda takes it, with level, time and message where Lambda looks for them.

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets, dynamic_filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

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

/// The span of an invocation that X-Ray records.
pub(crate) const TRACED: &str = "traced invocation";

/// Whether a line says where in the code and in which invocation it was written. What tells of the ordinary course does not: it names its job or its task, and
/// each byte of it is paid for.
fn says_where<S: Subscriber + for<'a> LookupSpan<'a>>(of: &Metadata<'_>, context: &Context<'_, S>) -> bool {
    let is_traced = || context.lookup_current().into_iter().flat_map(|span| span.scope()).any(|span| span.name() == TRACED);
    *of.level() != Level::INFO || is_traced()
}

/// Starts the log. `RUST_LOG` (for a person who looks closer) goes before `AWS_LAMBDA_LOG_LEVEL` (from the function's settings).
pub(crate) fn start(variable: impl Fn(&str) -> Option<String>) -> Result<(), TryInitError> {
    let filter = variable("RUST_LOG").and_then(|directives| directives.parse().ok());
    let filter = filter.unwrap_or_else(|| at_level(&variable("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default()));
    tracing_subscriber::registry().with(lines(std::io::stdout)).with(filter).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload();
        let said = said.downcast_ref::<String>().map(String::as_str).or_else(|| said.downcast_ref::<&str>().copied());
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(error = said.unwrap_or("no reason given"), place, "the function panicked");
    }));
    Ok(())
}

/// What writes the lines, each in one of two forms.
fn lines<W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static>(to: W) -> impl Layer<Registry> {
    let line =
        || tracing_subscriber::fmt::layer().json().flatten_event(true).with_ansi(false).with_span_list(false).with_writer(to.clone());
    let full = line().with_filter(dynamic_filter_fn(|of, context| of.is_span() || says_where(of, context)));
    let short = line().with_target(false).with_current_span(false);
    full.and_then(short.with_filter(dynamic_filter_fn(|of, context| of.is_span() || !says_where(of, context))))
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
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of an invocation that tells of the ordinary course and of trouble.
    fn told(span: impl FnOnce() -> tracing::Span) -> Vec<Value> {
        let written = Written::default();
        let to = written.clone();
        let log = tracing_subscriber::registry().with(lines(move || to.clone()));
        tracing::subscriber::with_default(log, || {
            let _entered = span().entered();
            tracing::info!(job_id = 1, "took in a job's event");
            tracing::warn!(job_id = 1, "a job waits");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_ordinary_course_is_told_in_few_bytes_and_trouble_with_its_place_and_invocation() {
        let lines = told(|| tracing::info_span!("invocation", request_id = "7"));
        let members = |line: &Value| line.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(lines.len(), 2, "each once");
        assert_eq!(members(&lines[0]), ["job_id", "level", "message", "timestamp"].map(str::to_owned).into());
        assert_eq!((&lines[1]["span"]["request_id"], &lines[1]["level"]), (&json!("7"), &json!("WARN")));
        assert!(lines[1]["target"].as_str().unwrap().contains("log"));
    }

    #[test]
    fn each_line_of_an_invocation_that_x_ray_records_leads_to_its_trace() {
        let lines = told(|| tracing::info_span!(TRACED, request_id = "7", trace_id = "1-5759e988"));
        assert_eq!(lines.iter().map(|line| line["span"]["trace_id"].as_str()).collect::<Vec<_>>(), [Some("1-5759e988"); 2]);
    }

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
