//! The ECS protocol: AWS JSON 1.1 over POST, the action in a header.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fargate_runners_model_ecs::AwsError;
use http_body::Frame;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::callers::access_key;
use super::config::Observation;
use super::side::AwsSide;
use super::{Shared, access, mirror, now_ms};

const TARGET_PREFIX: &str = "AmazonEC2ContainerServiceV20141113.";

pub(super) async fn serve<A: AwsSide>(listener: TcpListener, shared: Arc<Shared<A>>) {
    let problems = Arc::clone(&shared);
    let router = Router::new().fallback(answer::<A>).with_state(shared);
    if let Err(error) = axum::serve(listener, router).await {
        problems.config.problem(format!("the ECS server ended: {error}"));
    }
}

async fn answer<A: AwsSide>(State(shared): State<Arc<Shared<A>>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let Some(action) = target.strip_prefix(TARGET_PREFIX) else {
        return refusal(&AwsError { kind: "UnknownOperationException".to_owned(), message: target.to_owned(), status: 400 });
    };
    let Ok(request) = serde_json::from_slice::<Value>(if body.is_empty() { b"{}" } else { &body }) else {
        return refusal(&AwsError { kind: "SerializationException".to_owned(), message: "not JSON".to_owned(), status: 400 });
    };
    mirror::copy_for(&shared, action, &request).await;
    let outcome = if let Some(denial) = access::denied(&shared, &headers, &body, action, &request).await {
        Err(AwsError { kind: denial.kind, message: denial.message, status: denial.status })
    } else {
        let outcome = shared.model().handle(now_ms(), action, &request);
        shared.changed.notify_one();
        outcome
    };
    let error = outcome.as_ref().err().map(|error| error.kind.clone());
    let service = request["service"].as_str().map(str::to_owned);
    shared.config.observe(Observation::Call { action: action.to_owned(), access_key: access_key(&headers), service, error });
    match outcome {
        Ok(answer) => amazon_json(StatusCode::OK, &answer),
        Err(error) if error.is_silence() => broken(),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &AwsError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = amazon_json(status, &json!({"__type": error.kind, "message": error.message}));
    if let Ok(kind) = HeaderValue::from_str(&error.kind) {
        response.headers_mut().insert("x-amzn-errortype", kind);
    }
    response
}

/// An answer whose body breaks off, and the connection with it.
fn broken() -> Response {
    Response::new(Body::new(BrokenBody))
}

struct BrokenBody;

impl HttpBody for BrokenBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionReset))))
    }
}

fn amazon_json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}
