//! Registrations from their making to their end.

use crate::Millis;
use crate::error::ApiError;
use crate::ids::RunnerId;
use crate::model::GithubModel;
use crate::runner::{Label, Phase, Presence, Runner};
use crate::schedule::Due;
use crate::scope::Scope;

/// A name may have this many characters.
pub(crate) const NAME_LIMIT: usize = 64;

/// What a registration is made of.
pub(crate) struct Registration<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) name: &'a str,
    pub(crate) labels: Vec<String>,
    pub(crate) group_id: u64,
    pub(crate) ephemeral: bool,
    pub(crate) jit: bool,
}

impl GithubModel {
    /// All registrations, the oldest first.
    pub fn runners(&self) -> impl Iterator<Item = &Runner> {
        self.runners.values().filter(|runner| !runner.deleted)
    }

    /// A registration.
    #[must_use]
    pub fn runner(&self, id: RunnerId) -> Option<&Runner> {
        self.runners.get(&id).filter(|runner| !runner.deleted)
    }

    /// The registration of this name, wherever it is.
    #[must_use]
    pub fn runner_by_name(&self, name: &str) -> Option<&Runner> {
        self.runners().find(|runner| runner.name.eq_ignore_ascii_case(name))
    }

    /// Whether GitHub shows this runner as busy now, which is not the truth.
    #[must_use]
    pub fn shows_busy(&self, runner: &Runner) -> bool {
        runner.busy_at(self.now, self.config.timing.busy_lag_ms)
    }

    /// This runner's listener looks healthy and never takes a job again.
    pub fn hang_runner(&mut self, id: RunnerId) {
        if let Some(runner) = self.runners.get_mut(&id) {
            runner.hung = true;
        }
        self.take_back(id);
    }

    /// The next listeners that connect will hang.
    pub fn hang_next(&mut self, count: u32) {
        self.hang_next = count;
    }

    pub(crate) fn register(&mut self, new: Registration<'_>) -> Result<RunnerId, ApiError> {
        if new.name.is_empty() || new.name.chars().count() > NAME_LIMIT {
            return Err(ApiError::new(422, "Invalid Argument - name must be between 1 and 64 characters"));
        }
        if let Some(owner) = new.scope.group_owner()
            && self.world.group(owner, new.group_id).is_none()
        {
            return Err(ApiError::new(404, "Runner group not found."));
        }
        let mut in_group = 0;
        for runner in self.runners().filter(|runner| runner.scope.same(new.scope)) {
            if runner.name.eq_ignore_ascii_case(new.name) {
                return Err(ApiError::new(409, format!("Already exists - A runner with the name {} already exists.", new.name)));
            }
            in_group += usize::from(runner.group_id == new.group_id);
        }
        if in_group >= self.config.limits.runners_per_group {
            return Err(ApiError::new(422, "The runner group has reached its limit of runners."));
        }
        self.meter.admit_registration(self.now, &new.scope.to_string(), &self.config.limits)?;
        let id = RunnerId(self.new_id());
        let client_id = self.random.uuid();
        self.credentials.listeners.insert(client_id.clone(), id);
        let runner = Runner {
            id,
            name: new.name.to_owned(),
            lower_labels: new.labels.iter().map(|label| label.to_lowercase()).collect(),
            labels: new.labels.into_iter().map(label).collect(),
            scope: new.scope.clone(),
            group_id: new.group_id,
            ephemeral: new.ephemeral,
            presence: Presence::Offline,
            job: None,
            created_at: self.now,
            connected_at: None,
            version: None,
            hung: false,
            deleted: false,
            jit: new.jit,
            client_id,
            offline_since: None,
            session: None,
            phase: Phase::Idle,
        };
        self.runners.insert(id, runner);
        self.watch_offline(id);
        Ok(id)
    }

    /// What a DELETE does. It goes by what GitHub shows, so it succeeds in a job that has only just begun: that job is then lost if its runner is
    /// stopped, or at once (`Config::delete_ends_job`).
    pub(crate) fn unregister(&mut self, id: RunnerId) -> Result<(), ApiError> {
        let runner = self.runner(id).ok_or_else(ApiError::not_found)?;
        if self.shows_busy(runner) {
            let message = format!("Bad request - Runner \"{}\" is still running a job", runner.name);
            return Err(ApiError::new(422, message));
        }
        let phase = runner.phase;
        if matches!(phase, Phase::Running(..)) {
            self.note_strike("delete_in_job");
        }
        if let Phase::Running(job, _) = phase
            && !self.config.delete_ends_job
        {
            self.runners.entry(id).and_modify(|runner| runner.deleted = true);
            self.jobs.entry(job).and_modify(|job| job.killed_by_delete = true);
            return Ok(());
        }
        self.remove(id);
        match phase {
            Phase::Assigned(job) => self.requeue(job),
            Phase::Running(job, _) => {
                if let Some(job) = self.jobs.get_mut(&job) {
                    job.killed_by_delete = true;
                }
                self.schedule.at(self.now + self.config.timing.lost_ms, Due::Lost(job));
            }
            Phase::Idle | Phase::Ending | Phase::Lost(_) => {}
        }
        Ok(())
    }

    /// The registration is gone; its listener, if there is one, learns it at its next question.
    pub(crate) fn remove(&mut self, id: RunnerId) {
        let Some(runner) = self.runners.remove(&id) else { return };
        self.credentials.listeners.remove(&runner.client_id);
        if let Some(session) = runner.session {
            self.sessions.remove(&session);
            self.woken.insert(session);
        }
    }

    /// The runner's job is over: for a while it is busy still, then it is gone (or free again).
    pub(crate) fn settle(&mut self, id: RunnerId) {
        let after = self.random.between(self.config.timing.after_job_ms);
        let Some(runner) = self.runners.get_mut(&id) else { return };
        runner.phase = Phase::Ending;
        runner.job = None;
        self.schedule.at(self.now + after, Due::Settled(id));
    }

    pub(crate) fn settled(&mut self, id: RunnerId) {
        let Some(runner) = self.runners.get_mut(&id).filter(|runner| runner.phase == Phase::Ending) else { return };
        if runner.ephemeral {
            self.remove(id);
        } else {
            runner.phase = Phase::Idle;
            self.offer_work(id);
        }
    }

    /// Starts the time after which an offline runner is removed.
    pub(crate) fn watch_offline(&mut self, id: RunnerId) {
        let Some(runner) = self.runners.get_mut(&id) else { return };
        runner.offline_since = Some(self.now);
        let timing = &self.config.timing;
        let limit = if runner.ephemeral { timing.ephemeral_offline_ms } else { timing.offline_ms };
        self.schedule.at(self.now + limit, Due::OfflineTooLong(id, self.now));
    }

    pub(crate) fn offline_too_long(&mut self, id: RunnerId, since: Millis) {
        if self.runners.get(&id).is_some_and(|runner| runner.offline_since == Some(since) && runner.phase == Phase::Idle) {
            self.remove(id);
        }
    }

    pub(crate) fn idle_removal(&mut self, id: RunnerId) {
        if self.runners.get(&id).is_some_and(|runner| runner.phase == Phase::Idle) {
            self.note_strike("idle_removal");
            self.remove(id);
        }
    }
}

fn label(name: String) -> Label {
    const KNOWN: [&str; 7] = ["self-hosted", "linux", "windows", "macos", "x64", "arm64", "arm"];
    let read_only = KNOWN.contains(&name.to_lowercase().as_str());
    Label { name, read_only }
}
