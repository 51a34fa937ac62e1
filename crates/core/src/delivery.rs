//! A webhook delivery of GitHub's: which fields are read of it, and which fleets it concerns.
//! Field names are GitHub's (`workflow_job` in its webhook documentation); whatever is not named here is not looked at.

use crate::fleet::Fleet;
use crate::ids::{FleetName, InvalidName, JobId, RepositoryName, RunId, StackId};
use crate::job::{JobEvent, JobPhase};
use crate::labels::{Labels, fleet_of};
use crate::names::RunnerName;
use crate::time::Timestamp;
use serde::Deserialize;

/// A `workflow_job` delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDelivery {
    /// The job.
    pub job_id: JobId,
    /// Its run.
    pub run_id: RunId,
    /// Which attempt of the run.
    pub run_attempt: u32,
    /// The job's name.
    pub name: String,
    /// The workflow's name.
    pub workflow_name: Option<String>,
    /// How far it has come.
    pub phase: JobPhase,
    /// How it ended.
    pub conclusion: Option<String>,
    /// What it asks of a runner. A group-only `runs-on` leaves it empty, and so do some closing deliveries.
    pub labels: Labels,
    /// The runner that has or had it.
    pub runner_name: Option<String>,
    /// When this phase began, by GitHub's clock.
    pub at: Option<Timestamp>,
    /// Where the job belongs.
    pub repository: RepositoryName,
    /// Whether anybody may see that repository. Where GitHub does not say, it counts as public.
    pub is_public: bool,
    /// The enterprise, where the delivery names one.
    pub enterprise: Option<String>,
    /// GitHub's id of the delivery.
    pub delivery: String,
}

/// Why a delivery could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// It is no JSON, or a field that is needed is missing or of the wrong type: the source names it.
    #[error("the delivery is not a workflow_job as GitHub documents it")]
    Json(#[from] serde_json::Error),
    /// A name in it is not valid.
    #[error("workflow_job is not as GitHub documents it")]
    Name(#[from] InvalidName),
    /// An action that GitHub did not have when this was written.
    #[error("workflow_job: the action {0:?} is not known")]
    Action(String),
}

impl JobDelivery {
    /// Reads the body of a `workflow_job` delivery.
    pub fn parse(body: &[u8], delivery: &str) -> Result<Self, DeliveryError> {
        let payload: Payload = serde_json::from_slice(body)?;
        let job = payload.workflow_job;
        let phase = match (payload.action.as_str(), job.status.as_deref()) {
            // An environment's gate: GitHub says `queued`, but the job waits for a person.
            ("queued", Some("waiting")) | ("waiting", _) => JobPhase::Waiting,
            ("queued", _) => JobPhase::Queued,
            ("in_progress", _) => JobPhase::InProgress,
            ("completed", _) => JobPhase::Completed,
            (other, _) => return Err(DeliveryError::Action(other.chars().take(80).collect())),
        };
        let at = match phase {
            JobPhase::Waiting | JobPhase::Queued => job.created_at.or(job.started_at),
            JobPhase::InProgress => job.started_at,
            JobPhase::Completed => job.completed_at,
        };
        let visibility = payload.repository.visibility.as_deref().map(|visibility| visibility == "public");
        Ok(Self {
            job_id: JobId(job.id),
            run_id: RunId(job.run_id),
            run_attempt: job.run_attempt.unwrap_or(1),
            name: job.name,
            workflow_name: job.workflow_name,
            phase,
            conclusion: job.conclusion,
            labels: Labels::parse(job.labels.iter().map(String::as_str))?,
            runner_name: job.runner_name.filter(|name| !name.is_empty()),
            at: at.as_deref().and_then(Timestamp::parse_rfc3339),
            is_public: visibility.unwrap_or(payload.repository.private != Some(true)),
            repository: RepositoryName::parse(&payload.repository.full_name)?,
            enterprise: payload.enterprise.map(|enterprise| enterprise.slug),
            delivery: delivery.to_owned(),
        })
    }

    /// The event for one fleet.
    #[must_use]
    pub fn event_for(&self, fleet: &FleetName, home: bool, seen_at: Timestamp) -> JobEvent {
        JobEvent {
            fleet: fleet.clone(),
            home,
            job_id: self.job_id,
            run_id: self.run_id,
            run_attempt: self.run_attempt,
            repository: self.repository.clone(),
            workflow_name: self.workflow_name.clone(),
            name: self.name.clone(),
            labels: self.labels.clone(),
            phase: self.phase,
            conclusion: self.conclusion.clone(),
            runner_name: self.runner_name.clone().filter(|_| self.phase >= JobPhase::InProgress),
            at: self.at,
            seen_at,
            delivery: self.delivery.clone(),
            noted: false,
        }
    }
}

/// Where a delivery goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To these fleets; `true` where the job's labels lead to the fleet.
    To(Vec<(FleetName, bool)>),
    /// Nowhere: no fleet has all its labels. The way of most of an organisation's jobs, which GitHub hosts.
    NoFleet,
    /// Nowhere: its repository is public, and no fleet that has its labels admits public repositories.
    PublicRefused(FleetName),
}

/// Finds the fleets that a delivery concerns: the job's own by its labels; the runner's, when another fleet's runner took it; and for a closing
/// delivery that names neither labels that lead somewhere nor any runner, every fleet of its scope, since it may end a job that waits there.
#[must_use]
pub fn route(job: &JobDelivery, fleets: &[Fleet], stack: &StackId) -> Route {
    let in_scope = || fleets.iter().filter(|fleet| fleet.scope.admits(&job.repository, job.enterprise.as_deref()));
    let admitting = in_scope().filter(|fleet| fleet.allow_public_repositories || !job.is_public);
    let home = fleet_of(&job.labels, admitting.map(|fleet| (&fleet.name, &fleet.labels)));
    let runner_name = job.runner_name.as_deref().filter(|_| job.phase >= JobPhase::InProgress);
    let runner = runner_name.and_then(|name| RunnerName::parse(name).ok()).filter(|name| name.stack == *stack).map(|name| name.fleet);
    let mut to: Vec<(FleetName, bool)> = home.map(|fleet| (fleet.clone(), true)).into_iter().collect();
    to.extend(runner.filter(|fleet| home != Some(fleet)).map(|fleet| (fleet, false)));
    if to.is_empty() && job.phase == JobPhase::Completed && runner_name.is_none() {
        to.extend(in_scope().map(|fleet| (fleet.name.clone(), false)));
    }
    if !to.is_empty() {
        return Route::To(to);
    }
    match fleet_of(&job.labels, in_scope().map(|fleet| (&fleet.name, &fleet.labels))) {
        Some(refused) => Route::PublicRefused(refused.clone()),
        None => Route::NoFleet,
    }
}

#[derive(Deserialize)]
struct Payload {
    action: String,
    workflow_job: Job,
    repository: Repository,
    #[serde(default)]
    enterprise: Option<Enterprise>,
}

#[derive(Deserialize)]
struct Job {
    id: u64,
    run_id: u64,
    run_attempt: Option<u32>,
    name: String,
    workflow_name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    labels: Vec<String>,
    runner_name: Option<String>,
    created_at: Option<String>,
    started_at: Option<String>,
    completed_at: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    visibility: Option<String>,
    private: Option<bool>,
}

#[derive(Deserialize)]
struct Enterprise {
    slug: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::description;
    use serde_json::json;

    fn stack() -> StackId {
        StackId::parse("0123abcd").unwrap()
    }

    fn fleets() -> Vec<Fleet> {
        vec![
            Fleet::parse(&description(&[])).unwrap(),
            Fleet::parse(&description(&[("fleet", json!("gpu")), ("labels", json!(["self-hosted", "linux", "x64", "gpu"]))])).unwrap(),
            Fleet::parse(&description(&[("fleet", json!("other")), ("scope", json!("org/other-org"))])).unwrap(),
        ]
    }

    fn delivery(change: impl FnOnce(&mut serde_json::Value)) -> JobDelivery {
        let mut body = json!({
            "action": "queued",
            "workflow_job": {
                "id": 1, "run_id": 2, "name": "build", "status": "queued", "conclusion": null, "labels": ["self-hosted", "linux"],
                "runner_id": null, "runner_name": null, "created_at": "2026-11-01T10:00:00Z", "started_at": "2026-11-01T10:00:00Z"
            },
            "repository": { "full_name": "octo-org/hello", "private": true }
        });
        change(&mut body);
        JobDelivery::parse(body.to_string().as_bytes(), "guid").unwrap()
    }

    fn to(names: &[(&str, bool)]) -> Route {
        Route::To(names.iter().map(|(name, home)| (FleetName::parse(name).unwrap(), *home)).collect())
    }

    #[test]
    fn a_queued_job_goes_to_the_fleet_of_its_labels() {
        assert_eq!(route(&delivery(|_| {}), &fleets(), &stack()), to(&[("default", true)]));
        let gpu = delivery(|body| body["workflow_job"]["labels"] = json!(["GPU"]));
        assert_eq!(route(&gpu, &fleets(), &stack()), to(&[("gpu", true)]));
        let hosted = delivery(|body| body["workflow_job"]["labels"] = json!(["ubuntu-latest"]));
        assert_eq!(route(&hosted, &fleets(), &stack()), Route::NoFleet);
    }

    #[test]
    fn a_job_that_another_fleets_runner_took_concerns_both() {
        let taken = delivery(|body| {
            body["action"] = json!("in_progress");
            body["workflow_job"]["runner_name"] = json!(format!("0123abcd-gpu-{}-1", "a".repeat(32)));
        });
        assert_eq!(route(&taken, &fleets(), &stack()), to(&[("default", true), ("gpu", false)]));
    }

    #[test]
    fn a_closing_delivery_that_names_nothing_goes_to_every_fleet_of_its_scope() {
        let closed = delivery(|body| {
            body["action"] = json!("completed");
            body["workflow_job"]["labels"] = json!([]);
        });
        assert_eq!(route(&closed, &fleets(), &stack()), to(&[("default", false), ("gpu", false)]));
        let hosted = delivery(|body| {
            body["action"] = json!("completed");
            body["workflow_job"]["labels"] = json!(["ubuntu-latest"]);
            body["workflow_job"]["runner_name"] = json!("GitHub Actions 5");
        });
        assert_eq!(route(&hosted, &fleets(), &stack()), Route::NoFleet);
    }

    #[test]
    fn a_public_repository_is_refused_unless_the_fleet_admits_it() {
        for change in
            [json!({"full_name": "octo-org/hello"}), json!({"full_name": "octo-org/hello", "private": true, "visibility": "public"})]
        {
            let public = delivery(|body| body["repository"] = change.clone());
            assert_eq!(route(&public, &fleets(), &stack()), Route::PublicRefused(FleetName::parse("default").unwrap()));
        }
        let internal = delivery(|body| body["repository"] = json!({"full_name": "octo-org/hello", "visibility": "internal"}));
        assert_eq!(route(&internal, &fleets(), &stack()), to(&[("default", true)]));
        let mut open = fleets();
        open[0].allow_public_repositories = true;
        let public = delivery(|body| body["repository"]["private"] = json!(false));
        assert_eq!(route(&public, &open, &stack()), to(&[("default", true)]));
    }

    #[test]
    fn a_job_behind_an_environments_gate_waits_although_github_says_queued() {
        assert_eq!(delivery(|body| body["workflow_job"]["status"] = json!("waiting")).phase, JobPhase::Waiting);
    }

    #[test]
    fn what_is_missing_is_named() {
        for field in ["id", "run_id", "name", "labels"] {
            let body = json!({"action": "queued", "workflow_job": {"id": 1, "run_id": 2, "name": "x", "labels": []}, "repository": {"full_name": "a/b"}});
            let mut body = body;
            body["workflow_job"].as_object_mut().unwrap().remove(field);
            let error = JobDelivery::parse(body.to_string().as_bytes(), "guid").unwrap_err();
            assert!(std::error::Error::source(&error).unwrap().to_string().contains(field), "{field}");
        }
    }
}
