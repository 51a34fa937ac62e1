//! Runners as GitHub lists them. What it says of `busy` lags by half a minute and proves nothing; no decision to end a runner may rest on it.

use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Operation, Request};
use crate::error::GithubError;
use crate::limits::{PAGE_SIZE, PAGES_MAX};
use crate::scope;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use fargate_runners_core::ids::RunnerId;
use reqwest::{Method, Url};
use serde::Deserialize;

/// A runner, as far as this project looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Runner {
    /// GitHub's id.
    pub id: RunnerId,
    /// The name that it was minted under.
    pub name: String,
    /// `online` or `offline`.
    #[serde(default)]
    pub status: String,
    /// Whether GitHub believes that it runs a job.
    #[serde(default)]
    pub busy: bool,
    /// The runner program's version, where GitHub says it.
    #[serde(default)]
    pub version: Option<String>,
}

/// Runners, and whether these are all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerList {
    /// The runners.
    pub runners: Vec<Runner>,
    /// False if there were more pages than this client reads or than there was time for: absence from the list then means nothing.
    pub complete: bool,
}

/// What became of a runner that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// GitHub deleted it.
    Deleted,
    /// GitHub knows it no more: the same as deleted.
    AlreadyGone,
    /// GitHub holds it to be running a job, which may last 15 minutes beyond a crash. Ask again later.
    StillRunning,
}

#[derive(Deserialize)]
struct Page {
    runners: Vec<Runner>,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// Lists the scope's runners, those whose name fits `name` if one is given, over as many pages as there are, within bounds.
    ///
    /// Each page is an operation of its own, so that a caller in a hurry rather asks for a name.
    pub async fn list_runners(&self, access: &Access, name: Option<&str>) -> Result<RunnerList, GithubError> {
        let mut runners = Vec::new();
        let mut page = 1;
        for _ in 0..PAGES_MAX {
            let (found, next) = self.page(access, name, page, self.operation()).await?;
            runners.extend(found);
            match next {
                // A page that leads back would never end.
                Some(next) if next > page => page = next,
                Some(_) => return Ok(RunnerList { runners, complete: false }),
                None => return Ok(RunnerList { runners, complete: true }),
            }
        }
        Ok(RunnerList { runners, complete: false })
    }

    /// The runner of exactly this name, if there is one.
    pub async fn find_runner(&self, access: &Access, name: &str) -> Result<Option<Runner>, GithubError> {
        let (found, _) = self.page(access, Some(name), 1, self.operation()).await?;
        Ok(found.into_iter().find(|runner| runner.name.eq_ignore_ascii_case(name)))
    }

    /// The runner of this id, or none if GitHub knows it no more.
    pub async fn get_runner(&self, access: &Access, id: RunnerId) -> Result<Option<Runner>, GithubError> {
        let id = id.to_string();
        let segments = runners_path(access, &[&id]);
        match self.call(access, &Request::new(Call::GetRunner, Method::GET, &segments), self.operation()).await {
            Ok((raw, target)) => answer::read(&raw, &target).map(Some),
            Err(GithubError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the runner of this id.
    pub async fn delete_runner(&self, access: &Access, id: RunnerId) -> Result<Deletion, GithubError> {
        let id = id.to_string();
        let segments = runners_path(access, &[&id]);
        match self.call(access, &Request::new(Call::DeleteRunner, Method::DELETE, &segments), self.operation()).await {
            Ok(_) => Ok(Deletion::Deleted),
            Err(GithubError::NotFound { .. }) => Ok(Deletion::AlreadyGone),
            Err(GithubError::Rejected { status: 422, .. }) => Ok(Deletion::StillRunning),
            Err(error) => Err(error),
        }
    }

    async fn page(
        &self,
        access: &Access,
        name: Option<&str>,
        page: u32,
        operation: Operation,
    ) -> Result<(Vec<Runner>, Option<u32>), GithubError> {
        let segments = runners_path(access, &[]);
        let mut query: Vec<(&str, String)> = name.map(|name| ("name", name.to_owned())).into_iter().collect();
        query.extend([("per_page", PAGE_SIZE.to_string()), ("page", page.to_string())]);
        let request = Request::new(Call::ListRunners, Method::GET, &segments).query(query);
        let (raw, target) = self.call(access, &request, operation).await?;
        let found: Page = answer::read(&raw, &target)?;
        Ok((found.runners, raw.header("link").and_then(next_page)))
    }
}

fn runners_path<'a>(access: &'a Access, rest: &[&'a str]) -> Vec<&'a str> {
    let mut segments = scope::segments(&access.scope);
    segments.extend(["actions", "runners"]);
    segments.extend(rest);
    segments
}

/// The number of the next page. Only the number is taken: the address in the header is not followed, since it could lead anywhere.
fn next_page(link: &str) -> Option<u32> {
    let next = link.split(',').find(|part| part.split(';').skip(1).any(|parameter| parameter.trim() == "rel=\"next\""))?;
    let address = next.split(';').next()?.trim().strip_prefix('<')?.strip_suffix('>')?;
    let url = Url::parse(address).ok()?;
    url.query_pairs().find_map(|(key, value)| if key == "page" { value.parse().ok() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let link =
            "<https://api.github.com/x?per_page=100&page=1>; rel=\"prev\", <https://api.github.com/x?per_page=100&page=3>; rel=\"next\"";
        assert_eq!(next_page(link), Some(3));
        for last in [
            "",
            "<https://api.github.com/x?page=1>; rel=\"first\"",
            "<https://api.github.com/x>; rel=\"next\"",
            "<x>; rel=\"next\"",
            ";,;<",
        ] {
            assert_eq!(next_page(last), None, "{last}");
        }
    }
}
