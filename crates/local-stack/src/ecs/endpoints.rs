//! What a container asks its surroundings: who am I (metadata, version 4), and what are my credentials (under a path that only it knows).

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fargate_runners_model_ecs::{Launch, Task};
use fargate_runners_model_github::rfc3339;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Shared;
use super::side::AwsSide;
use crate::aws::Credentials;

/// Credentials last an hour; the same are handed out for a part of it.
const CREDENTIALS_FOR: Duration = Duration::from_secs(15 * 60);
/// Bytes of randomness in a path that must not be guessed.
const SECRET_BYTES: usize = 32;

/// Where the containers' questions go.
pub(super) struct Endpoints {
    address: SocketAddr,
    doors: Mutex<HashMap<String, Arc<Door>>>,
}

/// One task's door to its credentials.
struct Door {
    task_id: String,
    role_arn: Option<String>,
    held: tokio::sync::Mutex<Option<(Instant, Credentials)>>,
}

impl Endpoints {
    /// The common beginning of all tasks' metadata URIs: it stands in every task's environment and nowhere else.
    pub(super) fn marker(&self) -> String {
        format!("http://{}/v4/", self.address)
    }

    pub(super) fn metadata_uri(&self, task_id: &str) -> String {
        format!("{}{task_id}", self.marker())
    }

    /// Opens a door for a task and gives the URI of its credentials.
    pub(super) fn open(&self, launch: &Launch) -> io::Result<String> {
        let secret = secret()?;
        let door = Door { task_id: launch.task_id.clone(), role_arn: launch.task_role_arn.clone(), held: tokio::sync::Mutex::new(None) };
        self.doors().insert(secret.clone(), Arc::new(door));
        Ok(format!("http://{}/credentials/{secret}", self.address))
    }

    /// Closes a task's door.
    pub(super) fn close(&self, task_id: &str) {
        self.doors().retain(|_, door| door.task_id != task_id);
    }

    fn doors(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Door>>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Answering<A> {
    shared: Arc<Shared<A>>,
    endpoints: Arc<Endpoints>,
}

pub(super) async fn serve<A: AwsSide>(shared: Arc<Shared<A>>) -> io::Result<(Arc<Endpoints>, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let endpoints = Arc::new(Endpoints { address: listener.local_addr()?, doors: Mutex::new(HashMap::new()) });
    let answering = Arc::new(Answering { shared: Arc::clone(&shared), endpoints: Arc::clone(&endpoints) });
    let router = Router::new()
        .route("/v4/{task}", get(container::<A>))
        .route("/v4/{task}/task", get(whole_task::<A>))
        .route("/credentials/{secret}", get(credentials::<A>))
        .with_state(answering);
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            shared.config.problem(format!("the tasks' endpoints ended: {error}"));
        }
    });
    Ok((endpoints, server))
}

async fn container<A: AwsSide>(State(state): State<Arc<Answering<A>>>, Path(id): Path<String>) -> Response {
    let model = state.shared.model();
    match (model.task(&id), model.launch(&id)) {
        (Some(task), Some(launch)) => Json(container_document(task, &launch)).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn whole_task<A: AwsSide>(State(state): State<Arc<Answering<A>>>, Path(id): Path<String>) -> Response {
    let model = state.shared.model();
    let (Some(task), Some(launch)) = (model.task(&id), model.launch(&id)) else { return StatusCode::NOT_FOUND.into_response() };
    Json(json!({
        "Cluster": task.cluster_arn,
        "TaskARN": task.arn,
        "Family": launch.family,
        "Revision": launch.revision.to_string(),
        "ServiceName": task.service,
        "DesiredStatus": if task.wanted { "RUNNING" } else { "STOPPED" },
        "KnownStatus": task.last_status.as_str(),
        "LaunchType": "FARGATE",
        "PullStartedAt": task.pull_started_at.map(rfc3339),
        "Limits": {"CPU": launch.cpu_units / 1_024, "Memory": launch.memory_mib},
        "Containers": [container_document(task, &launch)],
    }))
    .into_response()
}

fn container_document(task: &Task, launch: &Launch) -> Value {
    json!({
        "DockerId": format!("{}-1", task.id),
        "Name": launch.container,
        "DockerName": launch.container,
        "Image": launch.image,
        "Labels": {
            "com.amazonaws.ecs.cluster": task.cluster_arn,
            "com.amazonaws.ecs.container-name": launch.container,
            "com.amazonaws.ecs.task-arn": task.arn,
            "com.amazonaws.ecs.task-definition-family": launch.family,
            "com.amazonaws.ecs.task-definition-version": launch.revision.to_string(),
        },
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Type": "NORMAL",
    })
}

async fn credentials<A: AwsSide>(State(state): State<Arc<Answering<A>>>, Path(secret): Path<String>) -> Response {
    let Some(door) = state.endpoints.doors().get(&secret).cloned() else { return StatusCode::NOT_FOUND.into_response() };
    let Some(role_arn) = &door.role_arn else { return StatusCode::NOT_FOUND.into_response() };
    let mut held = door.held.lock().await;
    let fresh = held.as_ref().filter(|(at, _)| at.elapsed() < CREDENTIALS_FOR).map(|(_, credentials)| credentials.clone());
    let credentials = match fresh {
        Some(credentials) => credentials,
        None => match state.shared.aws.task_credentials(role_arn, &door.task_id).await {
            Ok(credentials) => {
                *held = Some((Instant::now(), credentials.clone()));
                credentials
            }
            Err(error) => {
                state.shared.config.problem(format!("no credentials for the task {}: {error}", door.task_id));
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        },
    };
    Json(json!({
        "RoleArn": role_arn,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.expose_secret(),
        "Token": credentials.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
        "Expiration": credentials.expiration,
    }))
    .into_response()
}

/// A path that nobody guesses, from the system's own randomness.
fn secret() -> io::Result<String> {
    use std::fmt::Write;
    use std::io::Read;
    let mut bytes = [0_u8; SECRET_BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        _ = write!(text, "{byte:02x}");
        text
    }))
}
