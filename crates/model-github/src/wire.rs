//! The JSON of bodies and answers, in GitHub's field names. These types and names are this model's own.

use serde_json::{Value, json};

use crate::auth::{Access, Permissions};
use crate::ids::HookId;
use crate::job::{Action, Job, Status};
use crate::runner::Runner;
use crate::runs::Run;
use crate::time::rfc3339;
use crate::webhook::{JobEvent, Payload};
use crate::world::{Repository, Visibility};

/// The runner of another job that some deliveries bear.
pub(crate) const STALE_RUNNER: &str = "GitHub Actions 5";

/// What a webhook's body needs beyond its payload.
pub(crate) struct Envelope {
    pub(crate) api_url: String,
    pub(crate) web_url: String,
    pub(crate) installation: Option<u64>,
    pub(crate) hook: HookId,
    pub(crate) url: String,
}

impl Envelope {
    pub(crate) fn render(&self, payload: &Payload) -> String {
        let mut body = match payload {
            Payload::Job(event) => self.job_event(event),
            Payload::Ping => json!({
                "zen": "Keep it logically awesome.",
                "hook_id": self.hook.0,
                "hook": { "type": "App", "id": self.hook.0, "name": "web", "active": true, "events": ["workflow_job"],
                    "config": { "content_type": "json", "insecure_ssl": "0", "secret": "********", "url": self.url } },
            }),
        };
        if let Some(installation) = self.installation {
            body["installation"] = json!({ "id": installation, "node_id": node_id("Installation", installation) });
        }
        body.to_string()
    }

    fn job_event(&self, event: &JobEvent) -> Value {
        let mut job = job(&event.job, &self.api_url, &self.web_url);
        if event.job.status == Status::Completed && event.job.labels.is_empty() {
            job["steps"] = json!([]);
        }
        if event.stale_runner {
            job["runner_id"] = json!(5);
            job["runner_name"] = json!(STALE_RUNNER);
            job["runner_group_id"] = json!(2);
            job["runner_group_name"] = json!("GitHub Actions");
        }
        let mut body = json!({
            "action": event.action.as_str(),
            "workflow_job": job,
            "repository": repository(&event.repository, event.organization.is_some(), &self.api_url, &self.web_url),
            "sender": account(&self.api_url, &self.web_url, "mona", 21, "User"),
        });
        if let Some((id, login)) = &event.organization {
            body["organization"] = json!({
                "login": login, "id": id, "node_id": node_id("Organization", *id), "description": "",
                "url": format!("{}/orgs/{login}", self.api_url),
                "repos_url": format!("{}/orgs/{login}/repos", self.api_url),
                "events_url": format!("{}/orgs/{login}/events", self.api_url),
                "hooks_url": format!("{}/orgs/{login}/hooks", self.api_url),
                "issues_url": format!("{}/orgs/{login}/issues", self.api_url),
                "members_url": format!("{}/orgs/{login}/members{{/member}}", self.api_url),
                "avatar_url": format!("{}/avatars/{id}", self.web_url),
            });
        }
        if event.action == Action::Waiting {
            body["deployment"] = json!({ "id": event.job.id.0 + 1, "environment": "production", "task": "deploy" });
        }
        body
    }
}

/// What an App or an installation may do.
pub(crate) fn permissions(permissions: &Permissions) -> Value {
    let access = |access: &Access| if *access == Access::Write { "write" } else { "read" };
    permissions.0.iter().map(|(name, granted)| (name.clone(), Value::from(access(granted)))).collect::<serde_json::Map<_, _>>().into()
}

/// A job, as look-ups and webhooks show it.
pub(crate) fn job(job: &Job, api_url: &str, web_url: &str) -> Value {
    let full_name = format!("{}/{}", job.owner, job.name);
    let api = format!("{api_url}/repos/{full_name}");
    let runner = job.runner.as_ref();
    // GitHub fills `started_at` from the first moment; only its later value means what it says.
    let started_at = job.started_at.unwrap_or(job.created_at);
    json!({
        "id": job.id.0,
        "run_id": job.run_id,
        "run_url": format!("{api}/actions/runs/{}", job.run_id),
        "run_attempt": job.run_attempt,
        "node_id": node_id("CheckRun", job.id.0),
        "head_sha": format!("{:040x}", u128::from(job.run_id) << 64 | u128::from(job.run_id)),
        "head_branch": "main",
        "url": format!("{api}/actions/jobs/{}", job.id),
        "html_url": format!("{web_url}/{full_name}/actions/runs/{}/job/{}", job.run_id, job.id),
        "status": job.status.as_str(),
        "conclusion": job.conclusion.map(crate::job::Conclusion::as_str),
        "created_at": rfc3339(job.created_at),
        "started_at": rfc3339(started_at),
        "completed_at": job.completed_at.map(rfc3339),
        "name": job.title,
        "steps": steps(job),
        "check_run_url": format!("{api}/check-runs/{}", job.id),
        "labels": job.labels,
        "runner_id": runner.map(|runner| runner.id),
        "runner_name": runner.map(|runner| runner.name.as_str()),
        "runner_group_id": runner.map(|runner| runner.group_id),
        "runner_group_name": runner.map(|runner| runner.group_name.as_str()),
        "workflow_name": "CI",
    })
}

/// A run, as look-ups show it: few of GitHub's fields, but those as they are.
pub(crate) fn run(run: &Run, api_url: &str, web_url: &str) -> Value {
    let full_name = format!("{}/{}", run.owner, run.name);
    let url = format!("{api_url}/repos/{full_name}/actions/runs/{}", run.id);
    json!({
        "id": run.id,
        "node_id": node_id("WorkflowRun", run.id),
        "name": "CI",
        "event": "push",
        "head_branch": "main",
        "status": run.status.as_str(),
        "conclusion": run.conclusion.map(crate::job::Conclusion::as_str),
        "run_attempt": run.attempt,
        "created_at": rfc3339(run.created_at),
        "run_started_at": rfc3339(run.created_at),
        "url": url,
        "jobs_url": format!("{url}/jobs"),
        "rerun_url": format!("{url}/rerun"),
        "html_url": format!("{web_url}/{full_name}/actions/runs/{}", run.id),
    })
}

fn steps(job: &Job) -> Value {
    let Some(started) = job.started_at else { return json!([]) };
    let step = |number: u32, name: &str| {
        json!({
            "name": name, "number": number,
            "status": if job.completed_at.is_some() { "completed" } else { "in_progress" },
            "conclusion": job.conclusion.map(crate::job::Conclusion::as_str),
            "started_at": rfc3339(started), "completed_at": job.completed_at.map(rfc3339),
        })
    };
    if job.completed_at.is_some() {
        json!([step(1, "Set up job"), step(2, "Run"), step(3, "Complete job")])
    } else {
        json!([step(1, "Set up job")])
    }
}

/// A registration, as answers show it.
pub(crate) fn runner(runner: &Runner, busy: bool) -> Value {
    let labels: Vec<Value> = runner
        .labels
        .iter()
        .zip(1_u32..)
        .map(|(label, id)| json!({ "id": id, "name": label.name, "type": if label.read_only { "read-only" } else { "custom" } }))
        .collect();
    json!({
        "id": runner.id.0,
        "name": runner.name,
        "os": if runner.connected_at.is_some() { "Linux" } else { "unknown" },
        "status": runner.presence.as_str(),
        "busy": busy,
        "labels": labels,
        "runner_group_id": runner.group_id,
        "ephemeral": runner.ephemeral,
        "version": runner.version,
    })
}

pub(crate) fn repository(repository: &Repository, owned_by_organization: bool, api_url: &str, web_url: &str) -> Value {
    let full_name = format!("{}/{}", repository.owner, repository.name);
    let kind = if owned_by_organization { "Organization" } else { "User" };
    json!({
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": full_name,
        "private": repository.visibility != Visibility::Public,
        "visibility": repository.visibility.as_str(),
        "owner": account(api_url, web_url, &repository.owner, repository.id + 1, kind),
        "html_url": format!("{web_url}/{full_name}"),
        "url": format!("{api_url}/repos/{full_name}"),
        "hooks_url": format!("{api_url}/repos/{full_name}/hooks"),
        "clone_url": format!("{web_url}/{full_name}.git"),
        "description": null, "fork": false, "size": 0, "language": null, "archived": false, "disabled": false, "is_template": false,
        "default_branch": "main", "topics": [], "web_commit_signoff_required": false, "custom_properties": {},
        "created_at": "2019-05-15T15:19:25Z", "updated_at": "2019-05-15T15:19:27Z", "pushed_at": "2019-05-15T15:20:32Z",
    })
}

pub(crate) fn account(api_url: &str, web_url: &str, login: &str, id: u64, kind: &str) -> Value {
    json!({
        "login": login, "id": id, "node_id": node_id(kind, id), "type": kind, "site_admin": false,
        "avatar_url": format!("{web_url}/avatars/{id}"), "gravatar_id": "",
        "url": format!("{api_url}/users/{login}"), "html_url": format!("{web_url}/{login}"),
        "repos_url": format!("{api_url}/users/{login}/repos"),
        "events_url": format!("{api_url}/users/{login}/events{{/privacy}}"),
    })
}

fn node_id(kind: &str, id: u64) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(format!("0{}:{kind}{id}", kind.len()))
}
