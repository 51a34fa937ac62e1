//! How a failed invocation is told: once in the log, with all its causes, and to Lambda under a name that does not change.

use fargate_runners_use_cases::ports::chain;
use lambda_runtime::Diagnostic;
use std::error::Error;

/// A failure of a function. The name of its kind is part of what alarms and people watch: it does not change with the code.
pub trait Failure: Error {
    /// The name of its kind, such as `LedgerUnavailable`.
    fn error_type(&self) -> &'static str;
}

impl Failure for std::convert::Infallible {
    fn error_type(&self) -> &'static str {
        match *self {}
    }
}

impl Failure for fargate_runners_use_cases::ports::PortError {
    fn error_type(&self) -> &'static str {
        use fargate_runners_use_cases::ports::Retry;
        match self.retry {
            Retry::Throttled => "Throttled",
            Retry::UnknownEffect => "EffectUnknown",
            Retry::Never => "CallRefused",
        }
    }
}

/// The failure as Lambda is told of it: its kind, and all its causes on one line.
#[must_use]
pub fn diagnostic(failure: &impl Failure) -> Diagnostic {
    Diagnostic { error_type: failure.error_type().to_owned(), error_message: chain(failure) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_use_cases::ports::{PortError, Retry};

    #[test]
    fn a_failure_is_told_with_its_causes_under_the_name_of_its_kind() {
        let told = diagnostic(&PortError::new("reading the ledger", Retry::Throttled, "too many requests"));
        assert_eq!((told.error_type.as_str(), told.error_message.as_str()), ("Throttled", "reading the ledger failed: too many requests"));
    }
}
