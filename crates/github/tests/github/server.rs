//! A server on loopback that plays the answers it was given, in order for each call, and remembers what it was asked.

use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Play {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// Reads the request and closes the connection.
    HangUp,
    /// Reads the request and never answers.
    Stall,
}

#[derive(Clone, Debug)]
pub struct Seen {
    /// `METHOD /path?query`
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn bearer(&self) -> &str {
        self.headers["authorization"].strip_prefix("Bearer ").expect("a bearer token")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

/// Answers whatever it is asked.
type Mind = dyn Fn(&Seen) -> Play + Send + Sync;

#[derive(Clone)]
pub struct Server {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    /// Answers what no play was given for.
    otherwise: Option<Arc<Mind>>,
    /// Told of each request that will never be answered.
    pub stalled: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    plays: HashMap<String, VecDeque<Play>>,
    seen: Vec<Seen>,
}

pub fn json(status: u16, body: &Value) -> Play {
    Play::Answer { status, headers: Vec::new(), body: body.to_string() }
}

pub fn empty(status: u16) -> Play {
    Play::Answer { status, headers: Vec::new(), body: String::new() }
}

/// An error in GitHub's form.
pub fn refusal(status: u16, message: &str) -> Play {
    json(status, &serde_json::json!({"message": message, "documentation_url": "https://docs.github.com"}))
}

impl Play {
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), format!("{value}")));
        }
        self
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// A server with a mind of its own.
    pub async fn minded(answer: impl Fn(&Seen) -> Play + Send + Sync + 'static) -> Self {
        Self::listen(Some(Arc::new(answer))).await
    }

    async fn listen(otherwise: Option<Arc<Mind>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { url, inner: Arc::default(), otherwise, stalled: Arc::default() };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        server
    }

    /// The next answers for `METHOD /path`, whatever its query.
    pub fn on(&self, call: &str, plays: impl IntoIterator<Item = Play>) -> &Self {
        self.inner.lock().unwrap().plays.entry(call.to_owned()).or_default().extend(plays);
        self
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.inner.lock().unwrap().seen.clone()
    }

    /// How often `METHOD /path` was called.
    pub fn count(&self, call: &str) -> usize {
        self.seen().iter().filter(|seen| seen.line.split('?').next() == Some(call)).count()
    }

    /// Fails unless every answer was asked for.
    pub fn finished(&self) {
        let left: Vec<_> =
            self.inner.lock().unwrap().plays.iter().filter(|(_, plays)| !plays.is_empty()).map(|(call, _)| call.clone()).collect();
        assert!(left.is_empty(), "never asked for: {left:?}");
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(seen) = read(&mut stream).await else { return };
        let call = seen.line.split('?').next().unwrap_or_default().to_owned();
        let play = {
            let mut inner = self.inner.lock().unwrap();
            inner.seen.push(seen.clone());
            inner.plays.get_mut(&call).and_then(VecDeque::pop_front)
        };
        let play = play.or_else(|| self.otherwise.as_ref().map(|answer| answer(&seen)));
        let play = play.unwrap_or_else(|| refusal(418, &format!("the test has no answer for {call}")));
        if matches!(play, Play::Stall) {
            self.stalled.notify_one();
            std::future::pending::<()>().await;
        }
        if let Play::Answer { status, headers, body } = play {
            let mut answer = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                let _ = write!(answer, "{name}: {value}\r\n");
            }
            let _ = stream.write_all(format!("{answer}\r\n{body}").as_bytes()).await;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        // A TLS handshake begins with this byte; it gets no answer here.
        if stream.read_buf(&mut bytes).await.ok()? == 0 || bytes.starts_with(&[0x16]) {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: HashMap<_, _> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length: usize = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { line, headers, body: String::from_utf8(bytes[head_end + 4..].to_vec()).ok()? })
}
