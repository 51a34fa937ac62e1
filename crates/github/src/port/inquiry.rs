//! What a person wants to know of GitHub, over this client: answers as GitHub gives them, and refusals in its own words. Nothing is decided here, and
//! nothing is changed there.

use super::look::seen_runner;
use super::{Credentials, Failed, FleetGithub};
use crate::calls::{Delivery as Attempt, HookLogOf, Job, Repository, Webhook as Configured};
use crate::client::Access;
use crate::credential::Credential;
use crate::error::GithubError as ClientError;
use crate::limits::{ASKED_CREDENTIAL_MAX_AGE, CREDENTIAL_MAX_AGE};
use crate::scope::ApiUrl;
use crate::surroundings::Surroundings;
use crate::time;
use crate::token::TokenStore;
use fargate_runners_core::fleet::Fleet;
use fargate_runners_core::ids::{JobId, RepositoryName};
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::inquiry::{
    App, CredentialKind, Delivery, Failure, FailureKind, Installation, Part, RateLimit, RunnerGroup, ShownJob, ShownRepository, Token,
    Webhook, WebhookConfig,
};
use fargate_runners_use_cases::ports::{DeliveryLog, Hook, LogEntry, LogPage, LookedInto, Members, SeenRunner, Shown, Standing, chain};
use std::time::Duration;

impl<C: Credentials, S: TokenStore, W: Surroundings> Standing for FleetGithub<C, S, W> {
    async fn kind(&self, fleet: &Fleet) -> Result<CredentialKind, Failure> {
        let access = self.access(fleet, ASKED_CREDENTIAL_MAX_AGE).await.map_err(|error| failure(Failed::Before(error)))?;
        Ok(match access.credential {
            Credential::App(_) => CredentialKind::App,
            Credential::Pat(_) => CredentialKind::Token,
        })
    }

    fn clock_ahead(&self, fleet: &Fleet) -> Option<i64> {
        self.client.clock_ahead(&ApiUrl::parse(&fleet.api_url).ok()?)
    }

    async fn app(&self, fleet: &Fleet) -> Result<App, Failure> {
        let app = with_credential!(self, fleet, access => self.client.get_app(access)).map_err(failure)?;
        Ok(App {
            id: app.id,
            slug: app.slug.unwrap_or_default(),
            name: app.name,
            owner: app.owner.map(|owner| owner.login),
            html_url: app.html_url,
            permissions: app.permissions,
            events: app.events,
        })
    }

    async fn installation(&self, fleet: &Fleet) -> Result<Installation, Failure> {
        let found = with_credential!(self, fleet, access => self.client.get_installation(access)).map_err(failure)?;
        Ok(Installation {
            id: found.id,
            account: found.account.map(|account| account.login),
            html_url: found.html_url,
            permissions: found.permissions,
            events: found.events,
            repository_selection: found.repository_selection,
            suspended_at: moment(found.suspended_at.as_deref()),
        })
    }

    async fn token(&self, fleet: &Fleet) -> Result<Token, Failure> {
        let token = with_credential!(self, fleet, access => self.client.get_token(access)).map_err(failure)?;
        Ok(Token { login: token.login, scopes: token.scopes, expires: token.expires })
    }

    async fn rate_limit(&self, fleet: &Fleet) -> Result<RateLimit, Failure> {
        let left = with_credential!(self, fleet, access => self.client.get_rate_limit(access)).map_err(failure)?;
        Ok(RateLimit { limit: left.limit, remaining: left.remaining, resets_at: left.resets_at })
    }

    async fn first_runners(&self, fleet: &Fleet) -> Result<(Vec<SeenRunner>, u64), Failure> {
        let (runners, total) = with_credential!(self, fleet, access => self.client.first_runners(access)).map_err(failure)?;
        Ok((runners.into_iter().map(seen_runner).collect(), total))
    }

    async fn version_refused_from(&self, fleet: &Fleet, version: &str) -> Result<Option<Timestamp>, Failure> {
        with_credential!(self, fleet, access => self.client.version_refused_from(access, version)).map_err(failure)
    }

    async fn newest_runner(&self, fleet: &Fleet) -> Result<String, Failure> {
        with_credential!(self, fleet, access => self.client.newest_version(access)).map_err(failure)
    }

    async fn runner_group(&self, fleet: &Fleet) -> Result<RunnerGroup, Failure> {
        let id = fleet.runner_group_id;
        let group = with_credential!(self, fleet, access => self.client.get_runner_group(access, id)).map_err(failure)?;
        Ok(RunnerGroup {
            id: group.id,
            name: group.name,
            visibility: group.visibility,
            allows_public_repositories: group.allows_public_repositories,
            restricted_to_workflows: group.restricted_to_workflows,
            selected_workflows: group.selected_workflows,
        })
    }

    async fn group_members(&self, fleet: &Fleet, page: u32) -> Result<Members, Failure> {
        let id = fleet.runner_group_id;
        let found = with_credential!(self, fleet, access => self.client.list_group_members(access, id, page)).map_err(failure)?;
        Ok(Members { names: found.names, last: found.last })
    }
}

impl<C: Credentials, S: TokenStore, W: Surroundings> Shown for FleetGithub<C, S, W> {
    async fn shown_job(&self, fleet: &Fleet, repository: &RepositoryName, job: JobId) -> Result<ShownJob, Failure> {
        let found = with_credential!(self, fleet, access => self.client.show_job(access, repository, job)).map_err(failure)?;
        Ok(shown_job(found))
    }

    async fn shown_repository(&self, fleet: &Fleet, repository: &RepositoryName) -> Result<ShownRepository, Failure> {
        let found = with_credential!(self, fleet, access => self.client.get_repository(access, repository)).map_err(failure)?;
        Ok(shown_repository(found))
    }
}

impl<C: Credentials, S: TokenStore, W: Surroundings> DeliveryLog for FleetGithub<C, S, W> {
    async fn webhooks(&self, fleet: &Fleet) -> Result<Vec<Webhook>, Failure> {
        let found = with_credential!(self, fleet, access => self.webhooks_of(access)).map_err(failure)?;
        Ok(found.into_iter().map(|hook| self.webhook(hook)).collect())
    }

    async fn log_page(&self, hook: &Hook, cursor: Option<&str>) -> Result<LogPage, Failure> {
        let (fleet, log) = (&hook.fleet, log_of(hook));
        let page = with_credential!(self, fleet, access => self.client.list_deliveries(access, log, cursor));
        let (attempts, next) = page.map_err(failure)?;
        Ok(LogPage { entries: attempts.into_iter().map(entry).collect(), next })
    }

    async fn look_into(&self, hook: &Hook, delivery: u64) -> Result<LookedInto, Failure> {
        let (fleet, log) = (&hook.fleet, log_of(hook));
        let detail = with_credential!(self, fleet, access => self.client.get_delivery(access, log, delivery)).map_err(failure)?;
        Ok(LookedInto { job: detail.job_id, answer: detail.answer })
    }
}

impl<C: Credentials, S: TokenStore, W: Surroundings> FleetGithub<C, S, W> {
    async fn webhooks_of(&self, access: &Access) -> Result<Vec<Configured>, ClientError> {
        match &access.credential {
            Credential::App(_) => self.client.get_app_webhook(access).await.map(|hook| vec![hook]),
            Credential::Pat(_) => self.client.list_webhooks(access).await,
        }
    }

    fn webhook(&self, hook: Configured) -> Webhook {
        let own = self.webhook_url.as_deref().map(|url| url.trim_end_matches('/'));
        let config = WebhookConfig {
            leads_here: own == Some(hook.url.trim_end_matches('/')),
            url: hook.url,
            content_type: hook.content_type,
            insecure_ssl: hook.insecure_ssl,
            has_secret: hook.has_secret,
            active: hook.active,
            events: hook.events,
        };
        Webhook { id: hook.id, config: Part::Answer(config), deliveries: None }
    }
}

fn log_of(hook: &Hook) -> HookLogOf {
    hook.id.map_or(HookLogOf::App, HookLogOf::Hook)
}

fn entry(attempt: Attempt) -> LogEntry {
    LogEntry {
        repository_id: attempt.repository_id,
        delivery: Delivery {
            id: attempt.id,
            guid: attempt.guid,
            delivered_at: attempt.delivered_at,
            event: attempt.event,
            action: attempt.action,
            status: attempt.status,
            status_code: attempt.status_code,
            ok: attempt.ok,
            redelivery: attempt.redelivery,
            duration_millis: u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
            answer: None,
        },
    }
}

fn shown_job(job: Job) -> ShownJob {
    // Before a runner has it, GitHub fills this in all the same; it then means nothing.
    let has_started = matches!(job.status.as_str(), "in_progress" | "completed");
    ShownJob {
        started_at: moment(job.started_at.as_deref()).filter(|_| has_started),
        created_at: moment(job.created_at.as_deref()),
        completed_at: moment(job.completed_at.as_deref()),
        status: job.status,
        conclusion: job.conclusion,
        name: job.name,
        workflow_name: job.workflow_name,
        labels: job.labels,
        run_id: job.run_id.0,
        run_attempt: job.run_attempt,
        runner_name: job.runner_name.filter(|name| !name.is_empty()),
        runner_group_name: job.runner_group_name.filter(|name| !name.is_empty()),
        runner_group_id: job.runner_group_id,
        html_url: job.html_url,
    }
}

fn shown_repository(repository: Repository) -> ShownRepository {
    // A server that does not tell the visibility tells whether it is private; one that tells neither may have public ones.
    let is_public = repository.visibility.as_deref().map_or(repository.private != Some(true), |visibility| visibility == "public");
    let visibility = repository.visibility.unwrap_or_else(|| if is_public { "public" } else { "private" }.to_owned());
    ShownRepository { id: repository.id, full_name: repository.full_name, visibility, is_public, archived: repository.archived }
}

fn moment(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(time::parse)
}

/// A failure as a person reads it: GitHub's own words where it has said any.
fn failure(failed: Failed) -> Failure {
    let error = match failed {
        Failed::Before(error) => return Failure::new(FailureKind::Credential, chain(&error)),
        Failed::At(error) => error,
    };
    let said = |kind, status: Option<u16>, target: &crate::call::Target, message: &str| Failure {
        status,
        call: Some(target.to_string()),
        ..Failure::new(kind, message)
    };
    match &error {
        ClientError::Unauthorized { target, message } => {
            let kind = if speaks_of_the_clock(message) { FailureKind::Clock } else { FailureKind::Unauthorized };
            said(kind, Some(401), target, message)
        }
        ClientError::PermissionMissing { target, needed, message } => {
            Failure { needed: Some((*needed).to_owned()), ..said(FailureKind::Forbidden, Some(403), target, message) }
        }
        ClientError::NotFound { target, needed, message } => {
            Failure { needed: Some((*needed).to_owned()), ..said(FailureKind::NotFound, Some(404), target, message) }
        }
        ClientError::NotBefore { target, until, reason } => {
            Failure { until: Some(*until), ..said(FailureKind::RateLimited, None, target, &reason.to_string()) }
        }
        ClientError::Rejected { target, status, message } => said(FailureKind::Other, Some(*status), target, message),
        ClientError::NameTaken { target, message } => said(FailureKind::Other, Some(409), target, message),
        ClientError::Unavailable { target, source, .. } | ClientError::UnknownEffect { target, source } => {
            said(FailureKind::Unavailable, None, target, &chain(&**source))
        }
        ClientError::Unreadable { target, problem } => said(FailureKind::Other, None, target, problem),
        ClientError::Credential(_) => Failure::new(FailureKind::Credential, chain(&error)),
        ClientError::Setup(_) => Failure::new(FailureKind::Other, chain(&error)),
    }
}

/// GitHub's words on a JWT whose times it does not believe: `'Expiration time' claim ('exp') is too far in the future` and the like.
fn speaks_of_the_clock(message: &str) -> bool {
    message.contains("'exp'") || message.contains("'iat'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_words_on_a_jwts_times_are_told_from_a_key_that_is_wrong() {
        assert!(speaks_of_the_clock("'Expiration time' claim ('exp') is too far in the future"));
        assert!(speaks_of_the_clock("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"));
        assert!(!speaks_of_the_clock("A JSON web token could not be decoded"));
    }

    #[test]
    fn a_repository_of_which_nothing_is_said_counts_as_public() {
        let repository = |private, visibility: Option<&str>| Repository {
            id: 1,
            full_name: "o/r".to_owned(),
            private,
            visibility: visibility.map(str::to_owned),
            archived: false,
        };
        assert!(shown_repository(repository(None, None)).is_public);
        assert_eq!(shown_repository(repository(Some(true), None)).visibility, "private");
        assert!(shown_repository(repository(Some(true), Some("public"))).is_public);
        assert!(!shown_repository(repository(None, Some("internal"))).is_public);
    }
}
