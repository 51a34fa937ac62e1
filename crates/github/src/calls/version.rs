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
struct Download {
    #[serde(default)]
    filename: String,
}

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

    /// The version of the runner program that GitHub offers for download, which is its newest. It stands in the files' names only.
    pub async fn newest_version(&self, access: &Access) -> Result<String, GithubError> {
        let segments = runners_path(access, &["downloads"]);
        let request = Request::new(Call::ListDownloads, Method::GET, &segments);
        let (raw, target) = self.call(access, &request, self.operation()).await?;
        let offered: Vec<Download> = answer::read(&raw, &target)?;
        let found = offered.iter().find_map(|download| version_of(&download.filename));
        found.map(str::to_owned).ok_or_else(|| GithubError::Unreadable { target, problem: "no file's name holds a version".to_owned() })
    }
}

/// The version in `actions-runner-linux-x64-2.338.0.tar.gz` or `actions-runner-win-x64-2.338.0.zip`.
fn version_of(filename: &str) -> Option<&str> {
    let name = filename.strip_suffix(".tar.gz").or_else(|| filename.strip_suffix(".zip"))?;
    let version = name.rsplit('-').next()?;
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    (version.contains('.') && version.split('.').all(is_number)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn a_version_is_read_from_a_files_name() {
        assert_eq!(version_of("actions-runner-linux-x64-2.338.0.tar.gz"), Some("2.338.0"));
        assert_eq!(version_of("actions-runner-win-x64-2.338.0.zip"), Some("2.338.0"));
        for other in ["", "actions-runner-linux-x64.tar.gz", "actions-runner-2.x.0.zip", "2.338.0"] {
            assert_eq!(version_of(other), None, "{other}");
        }
    }
}
