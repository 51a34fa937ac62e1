//! GitHub on this machine: a server around the pure model, in real time.
//!
//! It adds what the model must not have: sockets, a clock, signatures that are checked, webhooks that are really sent. Whatever decides
//! anything stays in the model.

mod clock;
mod connection;
mod handle;
mod jwt;
mod key;
mod listeners;
mod pump;
mod shared;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use fargate_runners_model_github::GithubModel;
use tokio::net::TcpListener;

pub use clock::now_ms;
pub use handle::GithubHandle;
pub use key::{AppKey, AppKeyError};

use clock::Clock;
use shared::Shared;

/// What somebody who watches is told.
#[derive(Clone, Debug)]
pub enum Observation {
    /// A webhook was sent.
    Delivered {
        /// The event's number.
        guid: String,
        /// `X-GitHub-Event`
        event: &'static str,
        /// The body's `action`.
        action: Option<&'static str>,
        /// The answer's status, if there was an answer.
        status: Option<u16>,
    },
    /// The REST interface was called.
    Called {
        /// The method.
        method: String,
        /// The path, without its query.
        path: String,
        /// The answer's status; none where the connection was broken on purpose.
        status: Option<u16>,
    },
}

/// Who is told.
pub type Observer = Arc<dyn Fn(Observation) + Send + Sync>;

/// How the server is set up.
#[derive(Clone)]
pub struct GithubConfig {
    /// The public keys (PEM) of the Apps, by what stands in a JWT's `iss`: the App's id or its client id.
    pub apps: BTreeMap<String, String>,
    /// How many of the model's milliseconds pass in one. JWTs are always held against the real time.
    pub time_scale: f64,
    /// Who is told what happens.
    pub observer: Option<Observer>,
}

impl Default for GithubConfig {
    fn default() -> Self {
        Self { apps: BTreeMap::new(), time_scale: 1.0, observer: None }
    }
}

/// Serves the model until the handle is shut down or dropped. The listener must be bound to loopback.
#[expect(clippy::unused_async, reason = "it spawns, so it must be called within a runtime; this makes sure")]
pub async fn serve(listener: TcpListener, model: Arc<Mutex<GithubModel>>, config: GithubConfig) -> io::Result<GithubHandle> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the model of GitHub is served on loopback only"));
    }
    let endpoint = format!("http://{address}");
    let keys = jwt::Keys::read(&config.apps).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let shared = Arc::new(Shared::new(model, Clock::new(config.time_scale), keys, config.observer));
    shared.with(|model, _| {
        model.config_mut().api_url.clone_from(&endpoint);
        model.config_mut().web_url.clone_from(&endpoint);
    });
    let accepting = tokio::spawn(connection::accept(listener, Arc::clone(&shared)));
    let pumping = tokio::spawn(pump::run(Arc::clone(&shared)));
    Ok(GithubHandle::new(address, shared, vec![accepting, pumping]))
}
