//! A stand-in for AWS, as far as `setup` asks it: a stack, its one fleet, the parameter store. And for the function `webhook`, which checks signatures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use fargate_runners_model_github::signature;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The stack.
pub const STACK: &str = "runners";

/// The account. Dropped, it answers no more.
pub struct Account {
    endpoint: String,
    state: Arc<Mutex<Held>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Held {
    parameters: BTreeMap<String, String>,
    webhook_url: String,
    /// Deliveries that no stored secret has signed.
    refused: usize,
}

impl Drop for Account {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Account {
    /// One with a fleet for this scope.
    pub async fn with_fleet(scope: &str, github: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let fleet = json!({
            "fleet": "default", "scope": scope, "api_url": github, "credential": "default", "labels": ["linux"], "launch_mode": "tasks", "maximum": 10,
            "task_role": "runners-task", "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/runners", "subnets": ["subnet-1"],
            "task_definition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/runners-default:3",
        });
        let parameters = BTreeMap::from([(format!("/{STACK}/fleets/default"), fleet.to_string())]);
        let held = Held { parameters, webhook_url: format!("{endpoint}/webhook"), refused: 0 };
        let state = Arc::new(Mutex::new(held));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self { endpoint, state, serving }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What a parameter holds; its name without the stack's.
    pub fn parameter(&self, name: &str) -> Option<String> {
        lock(&self.state).parameters.get(&format!("/{STACK}/{name}")).cloned()
    }

    pub fn store(&self, name: &str, value: &Value) {
        lock(&self.state).parameters.insert(format!("/{STACK}/{name}"), value.to_string());
    }

    pub fn refused(&self) -> usize {
        lock(&self.state).refused
    }
}

fn lock(state: &Mutex<Held>) -> MutexGuard<'_, Held> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(state): State<Arc<Mutex<Held>>>, headers: HeaderMap, uri: Uri, body: Bytes) -> (StatusCode, String) {
    let mut held = lock(&state);
    if uri.path() == "/webhook" {
        let signed = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let known = held.parameters.iter().filter(|(name, _)| name.contains("/webhook-secrets/"));
        let accepted = known.into_iter().any(|(_, secret)| signature(secret, &body) == signed);
        held.refused += usize::from(!accepted);
        return (if accepted { StatusCode::ACCEPTED } else { StatusCode::UNAUTHORIZED }, String::new());
    }
    if uri.path().starts_with("/2015-03-31/functions/") {
        return (StatusCode::OK, json!({"Environment": {"Variables": {}}}).to_string());
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let name = asked["Name"].as_str().unwrap_or_default().to_owned();
    let missing = (StatusCode::BAD_REQUEST, json!({"__type": "ParameterNotFound"}).to_string());
    match headers.get("x-amz-target").map(|target| target.to_str().unwrap()) {
        Some("AmazonSSM.GetParametersByPath") => {
            let path = format!("{}/", asked["Path"].as_str().unwrap_or_default());
            let found = held.parameters.iter().filter(|(name, _)| name.starts_with(&path));
            let found: Vec<Value> = found.map(|(name, value)| json!({"Name": name, "Value": value})).collect();
            (StatusCode::OK, json!({"Parameters": found}).to_string())
        }
        Some("AmazonSSM.GetParameter") => match held.parameters.get(&name) {
            Some(value) => (StatusCode::OK, json!({"Parameter": {"Name": name, "Value": value}}).to_string()),
            None => missing,
        },
        Some("AmazonSSM.PutParameter") => {
            assert_eq!(asked["Type"], "SecureString");
            held.parameters.insert(name, asked["Value"].as_str().unwrap().to_owned());
            (StatusCode::OK, json!({"Version": 1}).to_string())
        }
        Some("AmazonSSM.DeleteParameter") => {
            let gone = held.parameters.remove(&name);
            gone.map_or(missing, |_| (StatusCode::OK, json!({}).to_string()))
        }
        Some(other) => panic!("{other} is asked for, which this account does not know"),
        None => (StatusCode::OK, stack(&held.webhook_url)),
    }
}

fn stack(webhook_url: &str) -> String {
    let output = |key: &str, value: &str| format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>");
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks><member>\
         <StackName>{STACK}</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>UPDATE_COMPLETE</StackStatus><Outputs>{}{}</Outputs>\
         </member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
        output("TableName", "ledger"),
        output("WebhookUrl", webhook_url)
    )
}
