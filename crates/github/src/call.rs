//! The calls that this client makes, by name, and the permission that each needs.

use fargate_runners_core::fleet::Scope;
use reqwest::Method;
use std::fmt;

/// One kind of call; its name is a field of the log beside the `GithubCalls` counter.
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
    /// Reads what is announced of a version of the runner program.
    GetDeprecation,
    /// Reads one workflow job.
    GetJob,
    /// Reads one workflow run.
    GetRun,
    /// Runs the failed jobs of a run once more.
    RerunFailedJobs,
    /// Reads the App that asks.
    GetApp,
    /// Reads whose token asks, and what it may do.
    GetUser,
    /// Reads how many calls are left.
    GetRateLimit,
    /// Reads which runner programs are offered.
    ListDownloads,
    /// Reads one runner group.
    GetRunnerGroup,
    /// Lists what a runner group admits, one page.
    ListGroupMembers,
    /// Reads one repository.
    GetRepository,
    /// Reads how the App's webhook is set up.
    GetHookConfig,
    /// Lists the webhooks of an organisation or a repository.
    ListHooks,
    /// Lists deliveries, one page.
    ListDeliveries,
    /// Reads one delivery with its answer.
    GetDelivery,
    /// Asks for a delivery once more.
    Redeliver,
    /// Exchanges the code that GitHub gave a browser for the App that it has just made, with its private key.
    ConvertManifest,
    /// Reads whether an account is an organisation.
    GetAccount,
    /// Sets where a webhook is sent and what signs it.
    SetHookConfig,
    /// Makes a webhook of an organisation or a repository.
    CreateHook,
    /// Asks for a ping.
    PingHook,
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
            Self::GetDeprecation => "get_deprecation",
            Self::GetJob => "get_job",
            Self::GetRun => "get_run",
            Self::RerunFailedJobs => "rerun_failed_jobs",
            Self::GetApp => "get_app",
            Self::GetUser => "get_user",
            Self::GetRateLimit => "get_rate_limit",
            Self::ListDownloads => "list_downloads",
            Self::GetRunnerGroup => "get_runner_group",
            Self::ListGroupMembers => "list_group_members",
            Self::GetRepository => "get_repository",
            Self::GetHookConfig => "get_hook_config",
            Self::ListHooks => "list_hooks",
            Self::ListDeliveries => "list_deliveries",
            Self::GetDelivery => "get_delivery",
            Self::Redeliver => "redeliver",
            Self::ConvertManifest => "convert_manifest",
            Self::GetAccount => "get_account",
            Self::SetHookConfig => "set_hook_config",
            Self::CreateHook => "create_hook",
            Self::PingHook => "ping_hook",
        }
    }

    /// Counts an attempt: all calls are one metric, which is paid for by the month; those of a name are a field of the same line of the log.
    pub(crate) fn count(self) {
        metrics::counter!("GithubCalls").increment(1);
        metrics::counter!(self.name()).increment(1);
    }

    /// Whether a second call after a lost answer does no harm. A second JIT mint leaves a runner behind, or meets its own name; a second re-run may
    /// begin an attempt that nobody wanted. A manifest's code is good once, and a second webhook would be sent everything twice.
    pub(crate) const fn may_be_repeated(self) -> bool {
        !matches!(self, Self::MintJitConfiguration | Self::RerunFailedJobs | Self::ConvertManifest | Self::CreateHook)
    }

    /// What to do when the answer is lost to a call that must not simply be repeated.
    pub(crate) const fn after_a_lost_answer(self) -> &'static str {
        match self {
            Self::MintJitConfiguration => "the runner may have been made; delete it by its name before the next mint",
            Self::ConvertManifest => {
                "the App was made and its private key may be lost; delete the App in GitHub's settings, and make it anew"
            }
            _ => "it may have had its effect; look before asking again",
        }
    }

    /// What to look at when GitHub rejects the call.
    pub(crate) const fn after_a_rejection(self) -> &'static str {
        match self {
            Self::MintJitConfiguration | Self::MintRegistrationToken => "check the fleet's labels and runner group",
            _ => "asking again changes nothing",
        }
    }

    const fn is_about_hooks(self) -> bool {
        matches!(
            self,
            Self::ListHooks
                | Self::ListDeliveries
                | Self::GetDelivery
                | Self::Redeliver
                | Self::SetHookConfig
                | Self::CreateHook
                | Self::PingHook
        )
    }

    /// What the credential must be allowed, in the words of GitHub's settings pages.
    pub(crate) const fn permission(self, scope: &Scope) -> &'static str {
        match (self, scope) {
            (Self::FindInstallation | Self::ExchangeToken, _) => "an App that is installed at the fleet's organisation or repository",
            (Self::GetApp | Self::GetHookConfig, _) => "to be an App",
            (Self::GetUser | Self::GetRateLimit | Self::GetAccount, _) => "to be valid",
            (Self::ConvertManifest, _) => "a code that is not older than an hour and was not used before",
            (Self::GetRepository, _) => "to be installed at the repository (an App), or a PAT with the scope repo",
            (Self::GetJob | Self::GetRun, _) => "the App permission \"Actions: read\", or a PAT with the scope repo",
            (Self::RerunFailedJobs, _) => {
                "the App permission \"Actions: read and write\", or a PAT with the scope repo; and the run must have ended with failed jobs, within a month"
            }
            (call, Scope::Organisation(_)) if call.is_about_hooks() => {
                "to be the App whose webhook it is, or a PAT with the scope admin:org_hook"
            }
            (call, _) if call.is_about_hooks() => "to be the App whose webhook it is, or a PAT with the scope admin:repo_hook",
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
