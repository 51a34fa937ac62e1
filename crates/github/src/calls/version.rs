//! Versions of the runner program, and from when on GitHub refuses one.

use super::runners::runners_path;
use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Request};
use crate::error::GithubError;
use crate::surroundings::Surroundings;
use crate::time;
use crate::token::TokenStore;
use fargate_runners_core::time::Timestamp;
use reqwest::Method;
use serde::Deserialize;

#[derive(Deserialize)]
struct Deprecation {
    #[serde(default)]
    registration_deprecates_at: Option<String>,
    #[serde(default)]
    runtime_deprecates_at: Option<String>,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// From when on GitHub refuses runners of this version: the earlier of the time for registrations and the time for jobs. None if it has announced
    /// neither, or the server has no such call: only github.com and ghe.com do.
    pub async fn version_refused_from(&self, access: &Access, version: &str) -> Result<Option<Timestamp>, GithubError> {
        let segments = runners_path(access, &["deprecations", version]);
        let request = Request::new(Call::GetDeprecation, Method::GET, &segments);
        let (raw, target) = match self.call(access, &request, self.operation()).await {
            Ok(answered) => answered,
            Err(GithubError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let announced: Deprecation = answer::read(&raw, &target)?;
        let mut earliest: Option<Timestamp> = None;
        for text in [announced.registration_deprecates_at, announced.runtime_deprecates_at].into_iter().flatten() {
            let at = time::parse(&text).ok_or_else(|| GithubError::Unreadable {
                target: target.clone(),
                problem: "the time of a deprecation is not a time".to_owned(),
            })?;
            earliest = Some(earliest.map_or(at, |earlier| earlier.min(at)));
        }
        Ok(earliest)
    }
}
