//! The parameter store: fleets, secrets, the credential, and the token that the functions share. And the names that all parts of the world agree on.

use fargate_runners_core::ids::{FleetName, JobId, RepositoryName, RunId, RunnerId, ServiceName, StackId, TaskDefinition, TaskId};
use fargate_runners_core::job::{JobEvent, JobPhase, JobRecord};
use fargate_runners_core::labels::Labels;
use fargate_runners_core::names::RunnerName;
use fargate_runners_core::record::Record;
use fargate_runners_core::register::{acknowledge, begin_mint, claim, end_mint, nonce_sha256};
use fargate_runners_core::task::{Minted, TaskRecord};
use fargate_runners_core::time::Timestamp;
use serde_json::{Value, json};

use super::{State, github};

/// The stack of the samples in `events/`.
pub(crate) const STACK_NAME: &str = "fargate-runners";
/// Its id.
pub(crate) const STACK_ID: &str = "1a2b3c4d";
/// What signs the samples.
pub(super) const WEBHOOK_SECRET: &str = "events-webhook-secret";
/// Where GitHub delivers to.
pub(crate) const WEBHOOK_URL: &str = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/webhook";
pub(super) const ORGANISATION: &str = "octo-org";
pub(super) const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/fargate-runners";
pub(super) const SERVICE: &str = "fargate-runners-default-3";
pub(super) const TASK_DEFINITION: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/fargate-runners-default:3";
const TASK_ROLE: &str = "fargate-runners-FirstFleet-1ABCDEFGHIJKL-TaskRole-2ABCDEFGHIJK";
const FLEET: &str = "default";
/// Ids as long as GitHub's are now, and none of the samples'.
const FIRST_JOB: u64 = 70_000_000_000;
const FIRST_RUN: u64 = 20_000_000_000;
/// What the samples' task has made up.
const NONCE: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// The runner of the task.
pub(super) fn runner_name(task: &str) -> RunnerName {
    RunnerName { stack: stack(), fleet: fleet(), task: task_id(task), attempt: 1 }
}

/// The record of a task that has registered just now, made by the project's own rules.
pub(super) fn registered(task: &str, runner_id: u64, now: u64) -> Record {
    let (now, nonce) = (Timestamp::from_millis(now), nonce_sha256(NONCE));
    let mut record = TaskRecord::new(fleet(), task_id(task), now);
    let definition = TaskDefinition::parse(TASK_DEFINITION).expect("a task definition's ARN");
    let service = ServiceName::parse(SERVICE).expect("a service's name");
    claim(&mut record, &nonce, &definition, Some(&service), now);
    begin_mint(&mut record, &nonce, now);
    end_mint(&mut record, Minted { attempt: 1, runner_id: Some(RunnerId(runner_id)), at: now });
    acknowledge(&mut record, &nonce, Some(1), now).expect("what was minted just now may be acknowledged");
    Record::Task(record)
}

/// The record of a job that waits, since the bench began.
pub(super) fn waiting(number: u32, now: u64) -> Record {
    let now = Timestamp::from_millis(now);
    let event = JobEvent {
        fleet: fleet(),
        home: true,
        job_id: JobId(FIRST_JOB + u64::from(number)),
        run_id: RunId(FIRST_RUN + u64::from(number) / 4),
        run_attempt: 1,
        repository: RepositoryName::parse("octo-org/hello").expect("a repository's name"),
        workflow_name: Some("ci".to_owned()),
        name: format!("build ({number})"),
        labels: Labels::parse(["self-hosted", "linux", "x64"]).expect("labels"),
        phase: JobPhase::Queued,
        conclusion: None,
        runner_name: None,
        at: Some(now),
        seen_at: now,
        delivery: "0b989ba4-242f-11e5-81e1-c7b6966d2516".to_owned(),
        noted: false,
    };
    Record::Job(JobRecord::from_event(&event))
}

fn stack() -> StackId {
    StackId::parse(STACK_ID).expect("eight hexadecimal digits")
}

fn fleet() -> FleetName {
    FleetName::parse(FLEET).expect("a fleet's name")
}

fn task_id(task: &str) -> TaskId {
    TaskId::parse(task).expect("the model names tasks as ECS does")
}

impl State {
    pub(super) fn parameter(&self, action: &str, body: &Value) -> Value {
        let held = self.parameters();
        if action == "PutParameter" {
            return json!({"Version": 1});
        }
        if let Some(path) = body["Path"].as_str() {
            let below = held.iter().filter(|(name, _)| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')));
            return json!({"Parameters": below.map(|(name, value)| parameter(name, value)).collect::<Vec<_>>()});
        }
        let asked = body["Names"].as_array().map(Vec::as_slice).unwrap_or_default();
        let (there, missing): (Vec<_>, Vec<_>) = asked.iter().partition(|name| held.iter().any(|(known, _)| name == &known));
        let found = held.iter().filter(|(name, _)| there.contains(&&json!(name)));
        json!({"Parameters": found.map(|(name, value)| parameter(name, value)).collect::<Vec<_>>(), "InvalidParameters": missing})
    }

    fn parameters(&self) -> Vec<(String, String)> {
        let url = &self.github_url;
        let described = |fleet: &str, more: Value| {
            let mut description = json!({
                "fleet": fleet, "scope": format!("org/{ORGANISATION}"), "api_url": url, "credential": "default",
                "labels": ["self-hosted", "linux", "x64"], "maximum": "10", "task_role": TASK_ROLE, "cluster": CLUSTER,
                "task_definition": TASK_DEFINITION.replace("default", fleet),
                "subnets": ["subnet-0123456789abcdef0"], "security_groups": ["sg-0123456789abcdef0"],
            });
            for (field, value) in more.as_object().into_iter().flatten() {
                description[field] = value.clone();
            }
            description.to_string()
        };
        let default = described(FLEET, json!({"launch_mode": "service", "service": SERVICE}));
        let burst = json!({"launch_mode": "tasks", "labels": ["self-hosted", "linux", "x64", "burst"], "task_role": "burst-tasks"});
        let (app, installation) = (github::APP.to_string(), self.github.installation);
        let credential = json!({"kind": "app", "app_id": app, "private_key": self.fixed.key_pem, "installation_id": installation});
        let (token, expires_at) = &self.github.token;
        let token = json!({"token": token, "expires_at": expires_at, "app_id": app, "installation_id": installation, "api_url": url});
        [
            ("fleets/default", default),
            ("fleets/burst", described("burst", burst)),
            ("webhook-secrets/events", WEBHOOK_SECRET.to_owned()),
            ("credentials/default", credential.to_string()),
            ("tokens/default", token.to_string()),
        ]
        .map(|(name, value)| (format!("/{STACK_NAME}/{name}"), value))
        .to_vec()
    }
}

fn parameter(name: &str, value: &str) -> Value {
    json!({"Name": name, "Type": "SecureString", "Value": value, "Version": 1})
}
