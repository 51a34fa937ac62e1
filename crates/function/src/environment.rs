//! The variables that a function is set up with. Each is read once, at the start, so that a function with a wrong one fails at once and says which.

use std::fmt::Display;
use std::str::FromStr;

/// What is wrong with a function's environment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// A variable holds something else than it should. What it holds is repeated by the reason only, if at all.
    #[error("the environment variable {name} is not valid: {reason}")]
    Invalid {
        /// Which one.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// The variables of a function.
pub struct Environment<V = fn(&str) -> Option<String>> {
    variable: V,
}

impl Environment {
    /// The process's own.
    #[must_use]
    pub fn of_process() -> Self {
        Self { variable: |name| std::env::var(name).ok() }
    }
}

impl<V: Fn(&str) -> Option<String>> Environment<V> {
    /// Variables given otherwise.
    pub const fn new(variable: V) -> Self {
        Self { variable }
    }

    /// A variable that must be set.
    pub fn text(&self, name: &'static str) -> Result<String, EnvironmentError> {
        (self.variable)(name).filter(|value| !value.is_empty()).ok_or(EnvironmentError::Missing(name))
    }

    /// A variable that must be set, read by its type.
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, EnvironmentError> {
        self.read(name, str::parse)
    }

    /// A variable that must be set, read by a function such as a name's `parse`.
    pub fn read<T, E: Display>(&self, name: &'static str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, EnvironmentError> {
        let text = self.text(name)?;
        read(&text).map_err(|error| EnvironmentError::Invalid { name, reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_not_as_it_should_be_is_named() {
        let environment = Environment::new(|name| match name {
            "NUMBER" => Some("12".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        });
        assert_eq!(environment.parsed::<u32>("NUMBER").ok(), Some(12));
        for (result, says) in [
            (environment.text("ABSENT").map(drop), "ABSENT is not set"),
            (environment.text("EMPTY").map(drop), "EMPTY is not set"),
            (environment.parsed::<bool>("NUMBER").map(drop), "NUMBER is not valid"),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
