//! Lambda's Runtime API, as far as a function needs it: the next event, the answer, and what failed. It only tells when something came; who drives the
//! function decides when the next event is given.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::http::{Asked, Reply, Server, serve};
use crate::problem::Problem;

const PREFIX: &str = "/2018-06-01/runtime/";

/// What the function is told to have for an invocation; more than any needs here.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the function did.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It asks for the next event.
    Next {
        /// When it asked.
        at: Instant,
        /// Takes the event.
        give: oneshot::Sender<Event>,
    },
    /// It has answered.
    Answer {
        /// When the answer was here.
        at: Instant,
        /// The answer.
        body: Bytes,
    },
    /// It says that it failed.
    Failed(String),
}

/// An invocation.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) body: Bytes,
}

/// The Runtime API of one function.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    server: Server,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Result<Self, Problem> {
        let (tell, heard) = mpsc::unbounded_channel();
        let server = serve(move |asked| answer(asked, tell.clone())).await?;
        Ok(Self { server, heard })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What comes next; none if nothing comes in time.
    pub(crate) async fn hear(&mut self, within: Duration) -> Option<Heard> {
        tokio::time::timeout(within, self.heard.recv()).await.ok().flatten()
    }
}

async fn answer(asked: Asked, tell: mpsc::UnboundedSender<Heard>) -> Reply {
    let path = asked.path.strip_prefix(PREFIX).unwrap_or_default().to_owned();
    if path == "invocation/next" {
        let (give, given) = oneshot::channel();
        let _ = tell.send(Heard::Next { at: asked.at, give });
        return match given.await {
            Ok(event) => invocation(event),
            Err(_) => Reply::new(500, "there is nothing more to do"),
        };
    }
    let heard = if path.ends_with("/response") {
        Heard::Answer { at: asked.at, body: asked.body }
    } else {
        Heard::Failed(format!("{path}: {}", String::from_utf8_lossy(&asked.body)))
    };
    let _ = tell.send(heard);
    Reply::new(202, "")
}

fn invocation(event: Event) -> Reply {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + DEADLINE;
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", event.id),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:bench".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned()),
    ];
    Reply { status: 200, headers, body: event.body }
}
