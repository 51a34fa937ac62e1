//! What can go wrong, in words for the person who measures.

/// Why there is no number.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The machine refused something.
    #[error("{what}: {source}")]
    Machine {
        /// What was tried.
        what: String,
        /// What the machine said.
        #[source]
        source: std::io::Error,
    },
    /// A file is not of the form that it should have.
    #[error("{what}: {source}")]
    Json {
        /// Which file.
        what: String,
        /// Where it differs.
        #[source]
        source: serde_json::Error,
    },
    /// The function did not do what a function does.
    #[error("{name} {what}{log}")]
    Function {
        /// Which one.
        name: String,
        /// What it did instead.
        what: String,
        /// The end of its output.
        log: String,
    },
    /// The stage could not be set.
    #[error("{0}")]
    Stage(String),
}

impl Problem {
    /// For `map_err`: what was tried, with the machine's answer to it.
    pub(crate) fn machine(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Machine { what, source }
    }

    /// For `map_err`: the file that is not of the form that it should have.
    pub(crate) fn json(what: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        let what = what.into();
        move |source| Self::Json { what, source }
    }
}
