//! A server on loopback: a request with all of its body in, an answer out, connections kept. The clock is read when the last byte of a request is here.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::problem::Problem;

/// A request.
#[derive(Debug)]
pub(crate) struct Asked {
    /// When all of it was here.
    pub(crate) at: Instant,
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// A header's value; empty if there is none that can be read.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A server that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Binds a free port and answers by `handler`.
pub(crate) async fn serve<H, F>(handler: H) -> Result<Server, Problem>
where
    H: Fn(Asked) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Problem::machine("a port on loopback"))?;
    let address = listener.local_addr().map_err(Problem::machine("a port on loopback"))?;
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A late answer would be counted as the function's.
            let _ = stream.set_nodelay(true);
            let handler = handler.clone();
            let service = service_fn(move |request| answer(request, handler.clone()));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(Server { address, accepting })
}

async fn answer<H, F>(request: Request<Incoming>, handler: H) -> Result<Response<Full<Bytes>>, Infallible>
where
    H: Fn(Asked) -> F,
    F: Future<Output = Reply>,
{
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Ok(Reply::new(400, "a body that ends early").into_response()) };
    let body = body.to_bytes();
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let asked = Asked { at: Instant::now(), method: head.method.to_string(), path, headers: head.headers, body };
    Ok(handler(asked).await.into_response())
}
