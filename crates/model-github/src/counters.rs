//! What was asked of the REST interface, by endpoint.

use std::collections::BTreeMap;

/// The calls that the model tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the endpoints'")]
pub enum Endpoint {
    TokenExchange,
    FindInstallation,
    App,
    HookConfig,
    User,
    RegistrationToken,
    RemoveToken,
    JitConfig,
    ListRunners,
    GetRunner,
    DeleteRunner,
    Downloads,
    Deprecations,
    RunnerGroups,
    GroupMembers,
    Repository,
    GetJob,
    GetRun,
    RerunFailedJobs,
    ListHooks,
    ListDeliveries,
    GetDelivery,
    Redeliver,
    SetHookConfig,
    CreateHook,
    PingHook,
    RateLimit,
    Other,
}

impl Endpoint {
    /// Whether a call changes something, and therefore costs more.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::TokenExchange
                | Self::RegistrationToken
                | Self::RemoveToken
                | Self::JitConfig
                | Self::DeleteRunner
                | Self::RerunFailedJobs
                | Self::Redeliver
                | Self::SetHookConfig
                | Self::CreateHook
                | Self::PingHook
        )
    }
}

/// How the calls of one endpoint ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub asked: u64,
    /// Answered with 2xx.
    pub ok: u64,
    /// Answered with 4xx for a reason of their own.
    pub refused: u64,
    /// Answered with 403 or 429 because of a rate limit.
    pub throttled: u64,
    /// Answered with 5xx.
    pub failed: u64,
    /// Never answered.
    pub dropped: u64,
}

/// What was counted so far.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    counts: BTreeMap<Endpoint, Count>,
}

impl Counters {
    /// The count of one endpoint.
    #[must_use]
    pub fn get(&self, endpoint: Endpoint) -> Count {
        self.counts.get(&endpoint).copied().unwrap_or_default()
    }

    /// The endpoints that were asked, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (Endpoint, Count)> + '_ {
        self.counts.iter().map(|(endpoint, count)| (*endpoint, *count))
    }

    /// Registrations handed out: JIT configurations and registration tokens.
    #[must_use]
    pub fn mints(&self) -> u64 {
        self.get(Endpoint::JitConfig).ok + self.get(Endpoint::RegistrationToken).ok
    }

    /// App JWTs exchanged for installation tokens.
    #[must_use]
    pub fn token_exchanges(&self) -> u64 {
        self.get(Endpoint::TokenExchange).ok
    }

    /// DELETEs asked for, however they ended.
    #[must_use]
    pub fn deletes(&self) -> u64 {
        self.get(Endpoint::DeleteRunner).asked
    }

    /// Begins to count anew.
    pub(crate) fn reset(&mut self) {
        self.counts.clear();
    }

    pub(crate) fn of(&mut self, endpoint: Endpoint) -> &mut Count {
        self.counts.entry(endpoint).or_default()
    }
}
