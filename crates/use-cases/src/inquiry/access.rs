//! What GitHub says of the credentials of the fleets: who they are, what they may do, and what the fleets need to be there.

use super::part::Part;
use super::webhooks::Webhooks;
use fargate_runners_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The answer to `Inquiry::Github`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GithubAnswer {
    /// When it was asked, by the function's clock, in milliseconds since 1970.
    pub asked_at: Timestamp,
    /// Each way to GitHub that the fleets have, once.
    pub accesses: Vec<Access>,
    /// The webhooks of these, each once.
    pub webhooks: Vec<Webhooks>,
    /// Fleets whose description cannot be read, by their parameter's name, and why.
    pub unreadable_fleets: BTreeMap<String, String>,
    /// How many further ways to GitHub were left out, because the bounds of an inquiry were reached.
    pub left_out: u32,
}

/// A way to GitHub: an API, a scope and a credential, which some fleets share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// The API's address.
    pub api_url: String,
    /// `org/NAME`, `repo/OWNER/NAME` or `enterprise/NAME`.
    pub scope: String,
    /// The credential's name.
    pub credential: String,
    /// The fleets that go this way, in their order.
    pub fleets: Vec<String>,
    /// What the credential is; failed if it could not be read.
    pub kind: Part<CredentialKind>,
    /// By how many seconds GitHub's clock is ahead of the function's (negative: behind), by the `Date` of its answers; none if no answer came.
    /// GitHub refuses an App's JWT from about a minute on.
    pub clock_ahead_seconds: Option<i64>,
    /// The App, asked as itself; none for a token.
    pub app: Option<Part<App>>,
    /// Where the App is installed for this scope; `NotFound`: it is not. None for a token.
    pub installation: Option<Part<Installation>>,
    /// The personal access token; none for an App.
    pub token: Option<Part<Token>>,
    /// Whether the scope's runners may be listed.
    pub runners: Part<Runners>,
    /// How many calls are left.
    pub rate_limit: Part<RateLimit>,
    /// The newest version of the runner program, as GitHub offers it for download.
    pub newest_runner: Part<String>,
    /// The runner groups of the fleets; empty for a repository, which has none.
    pub groups: Vec<FleetGroup>,
}

impl Access {
    /// What the App asks for and its installation does not have, by name with the access that is asked for: an owner has to accept it first.
    #[must_use]
    pub fn not_accepted(&self) -> BTreeMap<&str, &str> {
        let (Some(Part::Answer(app)), Some(Part::Answer(installation))) = (&self.app, &self.installation) else { return BTreeMap::new() };
        let lacks = |(name, asked): &(&String, &String)| rank(installation.permissions.get(*name).map(String::as_str)) < rank(Some(asked));
        app.permissions.iter().filter(lacks).map(|(name, asked)| (name.as_str(), asked.as_str())).collect()
    }
}

fn rank(access: Option<&str>) -> u8 {
    match access {
        Some("admin") => 3,
        Some("write") => 2,
        Some("read") => 1,
        _ => 0,
    }
}

/// What a credential is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A GitHub App.
    App,
    /// A personal access token.
    Token,
    /// A kind that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// An App, as GitHub describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct App {
    /// GitHub's id.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The login of its owner.
    pub owner: Option<String>,
    /// Its public page.
    pub html_url: Option<String>,
    /// What it asks for: `read`, `write` or `admin` by GitHub's name of the permission.
    pub permissions: BTreeMap<String, String>,
    /// The events that it subscribes to.
    pub events: Vec<String>,
}

/// An App's installation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Installation {
    /// GitHub's id.
    pub id: u64,
    /// Where it is installed.
    pub account: Option<String>,
    /// Where an owner sees it, and accepts what the App asks for.
    pub html_url: Option<String>,
    /// What it may do. May be less than the App asks for, until an owner accepts.
    pub permissions: BTreeMap<String, String>,
    /// The events that are sent from there.
    pub events: Vec<String>,
    /// `all` repositories, or `selected` ones.
    pub repository_selection: Option<String>,
    /// Since when it is suspended, in milliseconds since 1970; none if it is not.
    pub suspended_at: Option<Timestamp>,
}

/// A personal access token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// Whose it is.
    pub login: String,
    /// Its scopes; none if GitHub tells none, which it does for classic tokens only.
    pub scopes: Option<Vec<String>>,
    /// When it expires, as GitHub writes it; none if it says nothing.
    pub expires: Option<String>,
}

/// The runners of a scope, by the first page of their list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Runners {
    /// How many GitHub lists, other people's included.
    pub total: u64,
    /// How many of these the first page has, other people's included.
    pub read: u64,
    /// How many of this stack's runners on the first page are online.
    pub online: u32,
    /// The versions of these, and how many there are of each. What other people run is no business of ours.
    pub versions: Vec<RunnerVersion>,
}

/// A version of the runner program that is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunnerVersion {
    /// The version.
    pub version: String,
    /// How many of this stack's runners on the first page are online and of it.
    pub online: u32,
    /// From when on GitHub refuses it, in milliseconds since 1970; an answer of none: nothing is announced.
    pub refused_from: Part<Option<Timestamp>>,
}

/// The calls that a credential has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateLimit {
    /// Calls an hour.
    pub limit: u64,
    /// Calls that are left.
    pub remaining: u64,
    /// When it begins anew, in milliseconds since 1970.
    pub resets_at: Timestamp,
}

/// The runner group of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FleetGroup {
    /// The fleet.
    pub fleet: String,
    /// The group that its runners are made in.
    pub runner_group_id: u64,
    /// The group; `NotFound`: there is none of that id, or the credential may not see it.
    pub group: Part<RunnerGroup>,
}

/// A runner group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunnerGroup {
    /// GitHub's id; 1 is the default group.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Which repositories it admits: `all`, `private` or `selected`. Of an enterprise: which organisations, `all` or `selected`.
    pub visibility: String,
    /// Whether public repositories are admitted.
    pub allows_public_repositories: bool,
    /// Whether only `selected_workflows` may use it.
    pub restricted_to_workflows: bool,
    /// These, as `owner/name/.github/workflows/file@ref`.
    pub selected_workflows: Vec<String>,
}
