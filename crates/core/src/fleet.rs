//! A fleet's description, as its stack wrote it into the parameter store. Parsed here once; what a `Fleet` holds is valid.
//! It says what is wanted of a fleet; what a fleet is doing stands in the ledger (`crate::state`).

use crate::ids::{CredentialName, FleetName, InvalidName, RepositoryName, ServiceName, TaskDefinition};
use crate::labels::Labels;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The most tasks that one fleet may have: ECS allows 5,000 tasks a service.
pub const MAXIMUM_LIMIT: u32 = 5_000;

/// A lease may be asked for at the soonest every 2 s (a request a runner) and at the latest every 10 minutes (an idle task costs money).
pub const LEASE_SECONDS: std::ops::RangeInclusive<u32> = 2..=600;

/// What a runner is registered for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// Every repository of an organisation that its runner group admits.
    Organisation(String),
    /// One repository.
    Repository(RepositoryName),
    /// Every organisation of an enterprise.
    Enterprise(String),
}

impl Scope {
    /// Reads `org/NAME`, `repo/OWNER/NAME` or `enterprise/NAME`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let error = || InvalidName::new("scope", text, "it must be org/NAME, repo/OWNER/NAME or enterprise/NAME");
        let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        match text.split_once('/') {
            Some(("org", name)) if plain(name) => Ok(Self::Organisation(name.to_owned())),
            Some(("enterprise", name)) if plain(name) => Ok(Self::Enterprise(name.to_owned())),
            Some(("repo", name)) if name.split('/').all(plain) => RepositoryName::parse(name).map(Self::Repository).map_err(|_| error()),
            _ => Err(error()),
        }
    }

    /// Whether a job of this repository (and, where the delivery names one, this enterprise) may run on a runner of this scope.
    #[must_use]
    pub fn admits(&self, repository: &RepositoryName, enterprise: Option<&str>) -> bool {
        match self {
            Self::Organisation(name) => name.eq_ignore_ascii_case(repository.owner()),
            Self::Repository(name) => name.as_str().eq_ignore_ascii_case(repository.as_str()),
            Self::Enterprise(name) => enterprise.is_some_and(|given| given.eq_ignore_ascii_case(name)),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organisation(name) => write!(f, "org/{name}"),
            Self::Repository(name) => write!(f, "repo/{name}"),
            Self::Enterprise(name) => write!(f, "enterprise/{name}"),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.to_string()
    }
}

/// How a fleet gets its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchMode {
    /// An ECS service, named here, whose desired count is scaled.
    Service(ServiceName),
    /// RunTask for each wanted task.
    Tasks,
}

/// What a task is given to register with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// A just-in-time configuration, good for one runner.
    Jit,
    /// A registration token, good for an hour and for many: only for servers that have no JIT configurations.
    Token,
}

/// One fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Its name.
    pub name: FleetName,
    /// What its runners are registered for.
    pub scope: Scope,
    /// Where GitHub's REST API is, without a trailing slash.
    pub api_url: String,
    /// The credentials that mint its registrations.
    pub credential: CredentialName,
    /// The labels that its runners bear.
    pub labels: Labels,
    /// GitHub's id of the runner group; 1 is the default group.
    pub runner_group_id: u64,
    /// What its tasks register with.
    pub registration: Registration,
    /// How it gets its tasks.
    pub launch_mode: LaunchMode,
    /// The most tasks it may have.
    pub maximum: u32,
    /// Idle runners wanted beyond the queue.
    pub warm: u32,
    /// Whether jobs of public repositories may run here.
    pub allow_public_repositories: bool,
    /// The name of its tasks' role.
    pub task_role: String,
    /// The ARN of the ECS cluster.
    pub cluster: String,
    /// The newest revision of its task definition.
    pub task_definition: TaskDefinition,
    /// Percent of the tasks that run on FARGATE_SPOT.
    pub spot_percent: u32,
    /// Where tasks are launched (`tasks` mode).
    pub subnets: Vec<String>,
    /// Which security groups tasks are launched with (`tasks` mode).
    pub security_groups: Vec<String>,
    /// How long a lease lasts.
    pub lease: Duration,
    /// Whether a person has drained it: it is to have nothing (`Fleet::drain`).
    pub drained: bool,
}

/// Why a description could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// It is no JSON, or a field is missing or of the wrong type.
    #[error("the description is not as expected")]
    Json(#[from] serde_json::Error),
    /// A name in it is not valid.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A value lies outside its bounds.
    #[error("{field} is {given}, but it must be {rule}")]
    Bounds {
        /// Which field.
        field: &'static str,
        /// What it holds.
        given: String,
        /// What it may hold.
        rule: &'static str,
    },
}

impl Fleet {
    /// Reads a description. Numbers and booleans may also be strings, since CloudFormation turns them into such.
    pub fn parse(json: &str) -> Result<Self, FleetError> {
        let raw: Raw = serde_json::from_str(json)?;
        let bounds = |field, given: String, rule| Err(FleetError::Bounds { field, given, rule });
        let labels = Labels::parse(raw.labels.iter().map(String::as_str))?;
        if labels.is_empty() {
            return bounds("labels", "empty".to_owned(), "one label or more, since a job without labels matches no fleet");
        }
        if raw.maximum > MAXIMUM_LIMIT {
            return bounds("maximum", raw.maximum.to_string(), "at most 5000, which ECS allows a service");
        }
        if raw.warm > raw.maximum {
            return bounds("warm", raw.warm.to_string(), "at most the maximum");
        }
        if raw.spot_percent > 100 {
            return bounds("spot_percent", raw.spot_percent.to_string(), "0 to 100");
        }
        if !LEASE_SECONDS.contains(&raw.lease_seconds) {
            return bounds("lease_seconds", raw.lease_seconds.to_string(), "2 to 600");
        }
        if !(raw.api_url.starts_with("https://") || raw.api_url.starts_with("http://")) {
            return bounds("api_url", raw.api_url, "a URL such as https://api.github.com");
        }
        if raw.registration == Registration::Token && raw.runner_group_id != 1 {
            let given = raw.runner_group_id.to_string();
            return bounds("runner_group_id", given, "1 with registration tokens, whose set-up knows groups by name only");
        }
        let launch_mode = match raw.launch_mode {
            RawMode::Service => LaunchMode::Service(ServiceName::parse(&raw.service)?),
            RawMode::Tasks => LaunchMode::Tasks,
        };
        if launch_mode == LaunchMode::Tasks && raw.subnets.is_empty() {
            return bounds("subnets", "empty".to_owned(), "one subnet or more in launch mode tasks");
        }
        Ok(Self {
            name: raw.fleet,
            scope: Scope::parse(&raw.scope)?,
            api_url: raw.api_url.trim_end_matches('/').to_owned(),
            credential: raw.credential,
            labels,
            runner_group_id: raw.runner_group_id,
            registration: raw.registration,
            launch_mode,
            maximum: raw.maximum,
            warm: raw.warm,
            allow_public_repositories: raw.allow_public_repositories,
            task_role: raw.task_role,
            cluster: raw.cluster,
            task_definition: raw.task_definition,
            spot_percent: raw.spot_percent,
            subnets: raw.subnets,
            security_groups: raw.security_groups,
            lease: Duration::from_secs(u64::from(raw.lease_seconds)),
            drained: false,
        })
    }

    /// The fleet as it is while a person has drained it: it wants nothing, so that its idle runners leave, its jobs end by themselves, and what is queued
    /// for it waits.
    #[must_use]
    pub fn drain(self) -> Self {
        Self { maximum: 0, warm: 0, drained: true, ..self }
    }

    /// The service, in launch mode `service`.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceName> {
        match &self.launch_mode {
            LaunchMode::Service(name) => Some(name),
            LaunchMode::Tasks => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawMode {
    Service,
    Tasks,
}

#[derive(Deserialize)]
struct Raw {
    fleet: FleetName,
    scope: String,
    #[serde(default = "github_com")]
    api_url: String,
    credential: CredentialName,
    labels: Vec<String>,
    #[serde(default = "default_group", deserialize_with = "lenient")]
    runner_group_id: u64,
    #[serde(default = "jit")]
    registration: Registration,
    launch_mode: RawMode,
    #[serde(deserialize_with = "lenient")]
    maximum: u32,
    #[serde(default, deserialize_with = "lenient")]
    warm: u32,
    #[serde(default, deserialize_with = "lenient")]
    allow_public_repositories: bool,
    task_role: String,
    cluster: String,
    task_definition: TaskDefinition,
    #[serde(default)]
    service: String,
    #[serde(default, deserialize_with = "lenient")]
    spot_percent: u32,
    #[serde(default)]
    subnets: Vec<String>,
    #[serde(default)]
    security_groups: Vec<String>,
    #[serde(default = "default_lease", deserialize_with = "lenient")]
    lease_seconds: u32,
}

fn github_com() -> String {
    "https://api.github.com".to_owned()
}

const fn default_group() -> u64 {
    1
}

const fn jit() -> Registration {
    Registration::Jit
}

const fn default_lease() -> u32 {
    30
}

fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + std::str::FromStr,
    T::Err: fmt::Display,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Itself(T),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Itself(value) => Ok(value),
        Either::Text(text) => text.trim().parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn description(changes: &[(&str, serde_json::Value)]) -> String {
        let mut value = serde_json::json!({
            "fleet": "default", "scope": "org/octo-org", "api_url": "https://api.github.com/", "credential": "default",
            "labels": ["self-hosted", "Linux", "x64"], "runner_group_id": "1", "registration": "jit", "launch_mode": "service",
            "maximum": "10", "warm": 0, "allow_public_repositories": "false", "task_role": "runners-default-task",
            "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners",
            "task_definition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3",
            "service": "runners-default-3", "spot_percent": "0", "subnets": ["subnet-1"], "security_groups": ["sg-1"], "lease_seconds": "30",
        });
        for (field, change) in changes {
            value[*field] = change.clone();
        }
        value.to_string()
    }

    #[test]
    fn a_description_is_read_with_numbers_as_cloudformation_writes_them() {
        let fleet = Fleet::parse(&description(&[])).unwrap();
        assert_eq!(fleet.maximum, 10);
        assert_eq!(fleet.api_url, "https://api.github.com");
        assert_eq!(fleet.labels.to_string(), "linux,self-hosted,x64");
        assert_eq!(fleet.service().map(ServiceName::as_str), Some("runners-default-3"));
    }

    #[test]
    fn a_description_that_makes_no_sense_is_refused_with_the_field_named() {
        for (field, value, says) in [
            ("warm", serde_json::json!(11), "warm is 11"),
            ("labels", serde_json::json!([]), "labels is empty"),
            ("scope", serde_json::json!("octo-org"), "scope \"octo-org\""),
            ("maximum", serde_json::json!("many"), "not as expected"),
            ("maximum", serde_json::json!(5001), "maximum is 5001"),
            ("lease_seconds", serde_json::json!(1), "lease_seconds is 1"),
            ("service", serde_json::json!(""), "service name"),
            ("spot_percent", serde_json::json!(101), "spot_percent"),
        ] {
            let error = Fleet::parse(&description(&[(field, value)])).unwrap_err().to_string();
            assert!(error.contains(says), "{field}: {error}");
        }
    }

    #[test]
    fn a_scope_admits_its_own_repositories() {
        let repository = RepositoryName::parse("Octo-Org/hello").unwrap();
        assert!(Scope::parse("org/octo-org").unwrap().admits(&repository, None));
        assert!(Scope::parse("repo/octo-org/hello").unwrap().admits(&repository, None));
        assert!(!Scope::parse("repo/octo-org/other").unwrap().admits(&repository, None));
        assert!(Scope::parse("enterprise/big").unwrap().admits(&repository, Some("big")));
        assert!(!Scope::parse("enterprise/big").unwrap().admits(&repository, None));
        assert!(Scope::parse("team/x").is_err());
    }
}
