//! The calls that this client makes, by name, and the permission that each needs.

use fargate_runners_core::fleet::Scope;
use reqwest::Method;
use std::fmt;

/// One kind of call; its name is the `call` label of the `GithubCalls` counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Looks up where the App is installed.
    FindInstallation,
    /// Exchanges the App's JWT for an installation token.
    ExchangeToken,
    /// Mints a JIT configuration.
    MintJitConfiguration,
    /// Mints a registration token.
    MintRegistrationToken,
    /// Lists runners, one page.
    ListRunners,
    /// Reads one runner.
    GetRunner,
    /// Deletes one runner.
    DeleteRunner,
    /// Reads one workflow job.
    GetJob,
}

impl Call {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FindInstallation => "find_installation",
            Self::ExchangeToken => "exchange_token",
            Self::MintJitConfiguration => "mint_jit_configuration",
            Self::MintRegistrationToken => "mint_registration_token",
            Self::ListRunners => "list_runners",
            Self::GetRunner => "get_runner",
            Self::DeleteRunner => "delete_runner",
            Self::GetJob => "get_job",
        }
    }

    /// Whether a second call after a lost answer does no harm. A second JIT mint leaves a runner behind, or meets its own name.
    pub(crate) const fn may_be_repeated(self) -> bool {
        !matches!(self, Self::MintJitConfiguration)
    }

    /// What the credential must be allowed, in the words of GitHub's settings pages.
    pub(crate) const fn permission(self, scope: &Scope) -> &'static str {
        match (self, scope) {
            (Self::FindInstallation | Self::ExchangeToken, _) => "an App that is installed at the fleet's organisation or repository",
            (Self::GetJob, _) => "the App permission \"Actions: read\", or a PAT with the scope repo",
            (_, Scope::Organisation(_)) => {
                "the App's organisation permission \"Self-hosted runners: read and write\", or a PAT with the scope admin:org"
            }
            (_, Scope::Repository(_)) => "the App's repository permission \"Administration: read and write\", or a PAT with the scope repo",
            (_, Scope::Enterprise(_)) => {
                "a classic PAT with the scope manage_runners:enterprise (Apps cannot manage an enterprise's runners)"
            }
        }
    }
}

/// What an error is about: the call, its method and its path. Neither query nor host, and nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which call.
    pub call: Call,
    /// The HTTP method.
    pub method: Method,
    /// The path, escaped.
    pub path: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
