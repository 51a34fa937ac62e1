//! Runners as GitHub lists them. What it says of `busy` lags by half a minute and proves nothing; no decision to end a runner may rest on it.

use crate::answer;
use crate::call::Call;
use crate::client::{Access, GithubClient, Operation, Request};
use crate::error::GithubError;
use crate::limits::{PAGE_SIZE, PAGES_MAX};
use crate::link;
use crate::scope;
use crate::surroundings::Surroundings;
use crate::token::TokenStore;
use fargate_runners_core::ids::RunnerId;
use reqwest::Method;
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
    #[serde(default)]
    total_count: Option<u64>,
}

/// One page of the list.
struct Found {
    runners: Vec<Runner>,
    next: Option<u32>,
    total: Option<u64>,
}

impl<S: TokenStore, W: Surroundings> GithubClient<S, W> {
    /// Lists the scope's runners, those whose name fits `name` if one is given, over as many pages as there are, within bounds.
    ///
    /// Each page is an operation of its own, so that a caller in a hurry rather asks for a name.
    pub async fn list_runners(&self, access: &Access, name: Option<&str>) -> Result<RunnerList, GithubError> {
        let mut runners = Vec::new();
        let mut page = 1;
        for _ in 0..PAGES_MAX {
            let found = self.page(access, name, page, self.operation()).await?;
            runners.extend(found.runners);
            match found.next {
                // A page that leads back would never end.
                Some(next) if next > page => page = next,
                Some(_) => return Ok(RunnerList { runners, complete: false }),
                None => return Ok(RunnerList { runners, complete: true }),
            }
        }
        Ok(RunnerList { runners, complete: false })
    }

    /// One page of the scope's runners, 100 at most, and whether no page follows. Pages count from 1.
    pub async fn runners_page(&self, access: &Access, page: u32) -> Result<(Vec<Runner>, bool), GithubError> {
        let found = self.page(access, None, page, self.operation()).await?;
        // A proxy may drop the header; the count then tells that there is more. Runners come and go between two pages, so an empty one is the last.
        let more_by_link = found.next.is_some_and(|next| next > page);
        let more_by_count = found.total.is_some_and(|total| total > u64::from(page) * u64::from(PAGE_SIZE));
        let last = found.runners.is_empty() || !(more_by_link || more_by_count);
        Ok((found.runners, last))
    }

    /// The first page of the scope's runners, and how many there are on all pages.
    pub async fn first_runners(&self, access: &Access) -> Result<(Vec<Runner>, u64), GithubError> {
        let found = self.page(access, None, 1, self.operation()).await?;
        let on_page = u64::try_from(found.runners.len()).unwrap_or(u64::MAX);
        let total = found.total.unwrap_or(on_page);
        Ok((found.runners, total))
    }

    /// The runner of exactly this name, if there is one.
    pub async fn find_runner(&self, access: &Access, name: &str) -> Result<Option<Runner>, GithubError> {
        let found = self.page(access, Some(name), 1, self.operation()).await?;
        Ok(found.runners.into_iter().find(|runner| runner.name.eq_ignore_ascii_case(name)))
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

    async fn page(&self, access: &Access, name: Option<&str>, page: u32, operation: Operation) -> Result<Found, GithubError> {
        let segments = runners_path(access, &[]);
        let mut query: Vec<(&str, String)> = name.map(|name| ("name", name.to_owned())).into_iter().collect();
        query.extend([("per_page", PAGE_SIZE.to_string()), ("page", page.to_string())]);
        let request = Request::new(Call::ListRunners, Method::GET, &segments).query(query);
        let (raw, target) = self.call(access, &request, operation).await?;
        let found: Page = answer::read(&raw, &target)?;
        let next = raw.header("link").and_then(|link| link::next(link, "page")).and_then(|page| page.parse().ok());
        Ok(Found { runners: found.runners, next, total: found.total_count })
    }
}

/// The path of `actions/runners` in the scope, and of what is below.
pub(super) fn runners_path<'a>(access: &'a Access, rest: &[&'a str]) -> Vec<&'a str> {
    let mut segments = scope::segments(&access.scope);
    segments.extend(["actions", "runners"]);
    segments.extend(rest);
    segments
}
