//! Connections: HTTP in, the model's answer out, or the line cut where the model says so.

use std::io;
use std::sync::Arc;

use fargate_runners_model_github::{Reply, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Observation;
use super::listeners;
use super::shared::{Shared, lock};

/// More than any request has.
const BODY_LIMIT: usize = 1024 * 1024;

pub(super) type Answer = hyper::Response<Full<Bytes>>;

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut stop = shared.stop.subscribe();
    // Dropping the set at the end breaks what is still open, long polls among it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                    // An error here is a connection cut on purpose, or a client that went away: neither is news.
                    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            },
            Some(_) = connections.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// An error makes hyper cut the connection without an answer, which is what a lost answer looks like.
async fn answer(shared: Arc<Shared>, request: hyper::Request<Incoming>) -> Result<Answer, io::Error> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(respond(413, &[], String::new())),
    };
    let path_and_query = head.uri.path_and_query().map_or("/", |found| found.as_str()).to_owned();
    if let Some(rest) = path_and_query.strip_prefix("/_runner/") {
        return Ok(listeners::answer(&shared, head.method.as_str(), rest, &body).await);
    }
    let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = authorization.as_deref().and_then(|value| value.split_once(' ')).map(|(_, credential)| credential.trim());
    let verified = bearer
        .filter(|credential| credential.matches('.').count() == 2)
        .and_then(|jwt| shared.keys.verify(jwt, |issuer| lock(&shared.model).app_keys(issuer)));
    let (app, jwt) = verified.unzip();
    let request = Request { method: head.method.to_string(), path_and_query, authorization, app, jwt, body: body.to_vec() };
    let reply = shared.with(|model, now| model.http(now, &request));
    shared.observe(|| Observation::Called {
        method: request.method.clone(),
        path: shown(request.path_and_query.split('?').next().unwrap_or_default()),
        status: if let Reply::Answer(response) = &reply { Some(response.status) } else { None },
    });
    match reply {
        Reply::Answer(response) => Ok(respond(response.status, &response.headers, response.body)),
        Reply::Drop => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut on purpose")),
    }
}

/// A path without the code that stands in one of them: it is worth a private key until it is spent.
fn shown(path: &str) -> String {
    if path.contains("/app-manifests/") { "/app-manifests/…/conversions".to_owned() } else { path.to_owned() }
}

pub(super) fn respond(status: u16, headers: &[(&'static str, String)], body: String) -> Answer {
    let mut builder = hyper::Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, value);
    }
    builder.body(Full::new(Bytes::from(body))).unwrap_or_else(|_| hyper::Response::new(Full::default()))
}
