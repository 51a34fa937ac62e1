//! The state, and how time passes in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::Millis;
use crate::auth::Credentials;
use crate::config::Config;
use crate::counters::Counters;
use crate::deliveries::Post;
use crate::ids::{JobId, RunnerId, SessionId};
use crate::job::Job;
use crate::kinds::{Kind, Kinds};
use crate::limits::Meter;
use crate::manifests::Manifests;
use crate::random::Random;
use crate::runner::Runner;
use crate::runs::Attempts;
use crate::schedule::{Due, Schedule};
use crate::session::Session;
use crate::versions::Deprecation;
use crate::world::World;

/// GitHub. Every call brings the time with it, in milliseconds, and time never goes back.
pub struct GithubModel {
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) now: Millis,
    pub(crate) world: World,
    pub(crate) credentials: Credentials,
    pub(crate) secrets: Vec<String>,
    pub(crate) meter: Meter,
    pub(crate) counters: Counters,
    pub(crate) struck: BTreeMap<&'static str, u64>,
    pub(crate) runners: BTreeMap<RunnerId, Runner>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) woken: BTreeSet<SessionId>,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    pub(crate) runs: BTreeMap<u64, Attempts>,
    /// The jobs that a runner may get now.
    pub(crate) queue: BTreeMap<JobId, Kind>,
    pub(crate) kinds: Kinds,
    pub(crate) hang_next: u32,
    pub(crate) deprecations: BTreeMap<String, Deprecation>,
    pub(crate) schedule: Schedule,
    pub(crate) post: Post,
    pub(crate) manifests: Manifests,
    last_id: u64,
}

impl GithubModel {
    /// An empty GitHub. The same seed and the same calls give the same story.
    #[must_use]
    pub fn new(mut config: Config, seed: u64) -> Self {
        if config.api_url.is_empty() {
            "https://api.github.com".clone_into(&mut config.api_url);
        }
        if config.web_url.is_empty() {
            "https://github.com".clone_into(&mut config.web_url);
        }
        Self {
            config,
            random: Random::new(seed),
            now: 0,
            world: World::default(),
            credentials: Credentials::default(),
            secrets: Vec::new(),
            meter: Meter::default(),
            counters: Counters::default(),
            struck: BTreeMap::new(),
            runners: BTreeMap::new(),
            sessions: BTreeMap::new(),
            woken: BTreeSet::new(),
            jobs: BTreeMap::new(),
            runs: BTreeMap::new(),
            queue: BTreeMap::new(),
            kinds: Kinds::default(),
            hang_next: 0,
            deprecations: BTreeMap::new(),
            schedule: Schedule::default(),
            post: Post::default(),
            manifests: Manifests::default(),
            last_id: 1000,
        }
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How it behaves, to be changed while it runs.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// What was asked of the REST interface so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Forgets what was asked of the REST interface so far.
    pub fn reset_counters(&mut self) {
        self.counters.reset();
    }

    /// Runs everything that is due. Every other call does it first.
    pub fn advance(&mut self, now: Millis) {
        while let Some((when, due)) = self.schedule.take(now) {
            self.now = self.now.max(when);
            self.happen(due);
        }
        self.now = self.now.max(now);
    }

    /// When something happens next without being asked, webhooks included.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        [self.schedule.next(), self.post.next()].into_iter().flatten().min()
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Assignable(job) => self.assignable(job),
            Due::GateOpens(job) => self.gate_opens(job),
            Due::Expires(job) => self.expires(job),
            Due::HostedStart(job) => self.hosted_start(job),
            Due::HostedEnd(job) => self.hosted_end(job),
            Due::NotTaken(job, runner) => self.not_taken(job, runner),
            Due::Lost(job) => self.lost(job),
            Due::CancelLimit(job) => self.cancel_limit(job),
            Due::OfflineNoticed(runner, session) => self.offline_noticed(runner, session),
            Due::Settled(runner) => self.settled(runner),
            Due::OfflineTooLong(runner, since) => self.offline_too_long(runner, since),
            Due::IdleRemoval(runner) => self.idle_removal(runner),
        }
    }

    pub(crate) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
