//! What GitHub says of one job: how it stands, whether the fleets' runner groups admit its repository, and what became of its deliveries.

use super::access::RunnerGroup;
use super::part::{Failure, Part};
use super::webhooks::Delivery;
use fargate_runners_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The answer to `Inquiry::Job`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobAnswer {
    /// When it was asked, by the function's clock, in milliseconds since 1970.
    pub asked_at: Timestamp,
    /// The repository that was asked about.
    pub repository: String,
    /// The job that was asked about.
    pub job_id: u64,
    /// The job; `NotFound`: GitHub has no such job there, or no credential may see it.
    pub job: Part<ShownJob>,
    /// Its repository.
    pub shown_repository: Part<ShownRepository>,
    /// The fleets whose scope can reach the repository, whatever their labels; those of enterprises too, since GitHub does not tell a repository's.
    pub fleets: Vec<Candidate>,
    /// The delivery logs that were searched for the job, each webhook once.
    pub searches: Vec<Search>,
    /// Why the webhooks could not be found out, if so.
    pub searches_failed: Option<Failure>,
}

/// A job, as GitHub shows it now. Times are GitHub's, in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShownJob {
    /// `queued`, `waiting`, `in_progress`, `completed` and others.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// Its name.
    pub name: String,
    /// The workflow's name.
    pub workflow_name: Option<String>,
    /// What it asks of a runner, as the workflow has it.
    pub labels: Vec<String>,
    /// Its run.
    pub run_id: u64,
    /// Which attempt of the run.
    pub run_attempt: u32,
    /// The runner that has or had it.
    pub runner_name: Option<String>,
    /// That runner's group.
    pub runner_group_name: Option<String>,
    /// That runner's group, by GitHub's id.
    pub runner_group_id: Option<u64>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When a runner took it; none before that.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Its page.
    pub html_url: Option<String>,
}

/// A repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShownRepository {
    /// GitHub's id.
    pub id: u64,
    /// `owner/name`, as it is called now.
    pub full_name: String,
    /// `public`, `private` or `internal`.
    pub visibility: String,
    /// Whether anybody may see it.
    pub is_public: bool,
    /// Whether it is archived: then nothing runs.
    pub archived: bool,
}

/// A fleet that can reach the job's repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// The fleet.
    pub fleet: String,
    /// The group that its runners are made in.
    pub runner_group_id: u64,
    /// That group; none for a fleet of a repository, which has no groups.
    pub group: Option<Part<RunnerGroup>>,
    /// Whether the group admits the repository.
    pub admission: Part<Admission>,
}

/// Whether a runner group admits a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// It does.
    Admitted,
    /// Only selected repositories are admitted (or, of an enterprise, organisations), and it is not among them.
    NotSelected,
    /// The repository is public, and the group admits no public ones.
    PublicRefused,
    /// It cannot be told: the list of selected repositories is longer than is read, or the repository is not known.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A webhook's log, searched for a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Search {
    /// The webhook, by the name under which it is remembered: `app/CREDENTIAL` or `SCOPE/hooks/ID`.
    pub webhook: String,
    /// The deliveries about the job, the oldest first, with our answers.
    pub deliveries: Vec<Delivery>,
    /// How far back the log was read; none if no page could be.
    pub read_back_to: Option<Timestamp>,
    /// Whether every delivery was looked into that could be of the job. If not, and none was found, there may be one all the same.
    pub complete: bool,
    /// How many deliveries were looked into.
    pub looked_into: u32,
    /// What ended the search early.
    pub failure: Option<Failure>,
}
