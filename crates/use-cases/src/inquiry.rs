//! Questions to GitHub that a person asks: what is wrong between this stack and GitHub, and what GitHub knows of one job. The function `sweep` asks
//! them, since it has the credential already; nobody else needs to read it.
//!
//! An inquiry only reads. Each part of it may fail by itself and then says why; no part holds a secret. Questions and answers are JSON that may go
//! between two versions: fields are added, and one that is missing has a default.

mod access;
mod ask_github;
mod ask_job;
mod budget;
mod job;
mod part;
mod search;
mod webhooks;

pub use access::{
    Access, App, CredentialKind, FleetGroup, GithubAnswer, Installation, RateLimit, RunnerGroup, RunnerVersion, Runners, Token,
};
pub use budget::{CALLS_MAX, TIME};
pub use job::{Admission, Candidate, JobAnswer, Search, ShownJob, ShownRepository};
pub use part::{Failure, FailureKind, Part};
pub use webhooks::{Delivery, Webhook, WebhookConfig, Webhooks};

use crate::ports::{Clock, DeliveryLog, Fleets, PortError, Shown, Standing};
use fargate_runners_core::ids::{InvalidName, JobId, RepositoryName, StackId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The fleets are read anew if they are older than this: a person asks about what was just changed.
const FRESH: Duration = Duration::from_secs(10);

/// What is asked: `"github"`, or `{"job": {"repository": "octo/hello", "job_id": 1}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inquiry {
    /// How this stack and GitHub stand: credentials, permissions, runner groups, webhooks.
    Github,
    /// What GitHub knows of a job.
    Job {
        /// Its repository, `OWNER/NAME`.
        repository: String,
        /// GitHub's id of it.
        job_id: u64,
    },
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To `Inquiry::Github`.
    Github(Box<GithubAnswer>),
    /// To `Inquiry::Job`.
    Job(Box<JobAnswer>),
}

/// Why nothing could be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum InquiryError {
    /// The fleets cannot be read.
    #[error(transparent)]
    Fleets(#[from] PortError),
    /// What was asked about is no repository.
    #[error(transparent)]
    Repository(#[from] InvalidName),
}

/// What an inquiry needs. It borrows it: the function has it for its own work.
pub struct Inquire<'a, G, F, C> {
    /// GitHub.
    pub github: &'a G,
    /// The fleets.
    pub fleets: &'a F,
    /// The time.
    pub clock: &'a C,
    /// This installation: what its runners' names begin with.
    pub stack: &'a StackId,
}

impl<G: Standing + Shown + DeliveryLog, F: Fleets, C: Clock> Inquire<'_, G, F, C> {
    /// Asks. What fails within is part of the answer.
    pub async fn handle(&self, inquiry: &Inquiry) -> Result<Answer, InquiryError> {
        let list = self.fleets.fleets(FRESH).await?;
        // Boxed, because each asks many different things in turn, and a future has room for all of them.
        match inquiry {
            Inquiry::Github => Ok(Answer::Github(Box::new(Box::pin(self.github(&list)).await))),
            Inquiry::Job { repository, job_id } => {
                let repository = repository_name(repository)?;
                Ok(Answer::Job(Box::new(Box::pin(self.job(&list, &repository, JobId(*job_id))).await)))
            }
        }
    }
}

/// A name as a person wrote it, which becomes part of a path.
fn repository_name(text: &str) -> Result<RepositoryName, InvalidName> {
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && part != "." && part != "..";
    let name = RepositoryName::parse(text)?;
    if text.split('/').all(plain) {
        return Ok(name);
    }
    let rule = "it must be OWNER/NAME, each of A-Z, a-z, 0-9, -, _ and .";
    Err(InvalidName { what: "repository", given: text.chars().take(80).collect(), rule })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_question_is_written_as_it_is_read() {
        for (inquiry, written) in [
            (Inquiry::Github, json!("github")),
            (Inquiry::Job { repository: "octo/hello".to_owned(), job_id: 7 }, json!({"job": {"repository": "octo/hello", "job_id": 7}})),
        ] {
            assert_eq!(serde_json::to_value(&inquiry).unwrap(), written);
            assert_eq!(serde_json::from_value::<Inquiry>(written).unwrap(), inquiry);
        }
    }

    #[test]
    fn an_answer_of_another_version_is_read_as_far_as_it_goes() {
        let newer = json!({"github": {"accesses": [{"scope": "org/octo", "kind": {"answer": "robot"}, "planet": 9,
            "runners": {"failed": {"kind": "eaten", "status": 418, "message": "no"}}}]}});
        let Answer::Github(read) = serde_json::from_value(newer).unwrap() else { panic!("github") };
        let access = &read.accesses[0];
        assert_eq!(access.kind, Part::Answer(CredentialKind::Unknown));
        assert_eq!(access.runners.failure().map(|failure| (failure.kind, failure.status)), Some((FailureKind::Other, Some(418))));
        assert!(access.rate_limit.failure().is_some_and(|failure| failure.message.contains("another version")));
        let written = serde_json::to_value(Answer::Github(read.clone())).unwrap();
        assert_eq!(serde_json::from_value::<Answer>(written).unwrap(), Answer::Github(read));
    }

    #[test]
    fn what_an_owner_has_not_accepted_is_named() {
        let names =
            |permissions: &[(&str, &str)]| permissions.iter().map(|(name, access)| ((*name).to_owned(), (*access).to_owned())).collect();
        let app = App { permissions: names(&[("actions", "write"), ("metadata", "read"), ("administration", "write")]), ..App::default() };
        let installation = Installation { permissions: names(&[("actions", "read"), ("metadata", "read")]), ..Installation::default() };
        let access = Access { app: Some(Part::Answer(app)), installation: Some(Part::Answer(installation)), ..Access::default() };
        assert_eq!(access.not_accepted().into_iter().collect::<Vec<_>>(), [("actions", "write"), ("administration", "write")]);
        assert!(Access::default().not_accepted().is_empty());
    }
}
