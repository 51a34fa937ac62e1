//! The page on this machine from which a browser takes the manifest to GitHub, and to which GitHub sends it back.
//!
//! It listens on the loopback interface only, below a path that nobody can guess; it answers to no other host's name, so that no site can read it by a name
//! of its own; and it takes a code only with the `state` that it gave out, so that nobody can slip another App in.

use crate::error::CliError;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, REFERRER_POLICY};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Bytes of randomness in the path and in the state.
const RANDOM_BYTES: usize = 32;

/// The longest that a person may take with GitHub's page; a code is good for an hour.
const CODE_WITHIN: Duration = Duration::from_secs(1800);

/// How long the last page is waited for; the page looks every second.
const LAST_LOOK_WITHIN: Duration = Duration::from_secs(5);

/// What stops anything but this page's own text from being shown or run.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// What GitHub's redirect carries.
#[derive(Deserialize)]
struct Returned {
    code: SecretString,
    state: String,
}

struct Shared {
    /// `127.0.0.1:PORT`
    host: String,
    /// The unguessable part of every path.
    path: String,
    state: String,
    form: Mutex<String>,
    /// The code that was taken. From then on there is an App, and no form for another.
    taken: Mutex<Option<SecretString>>,
    progress: Mutex<Progress>,
    seen_last: Notify,
    codes: mpsc::Sender<SecretString>,
}

/// What the page says at the moment.
#[derive(Clone, Debug, Default)]
struct Progress {
    done: Vec<String>,
    /// A link for the person to follow, with its words.
    next: Option<(String, String)>,
    /// Whether it is over, and how.
    over: Option<String>,
}

/// The page, as long as this lives.
pub struct Page {
    shared: Arc<Shared>,
    codes: mpsc::Receiver<SecretString>,
    serving: JoinHandle<()>,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Page {
    /// Begins to listen.
    pub async fn open() -> Result<Self, CliError> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let listener = listener.map_err(|error| CliError::call("listening on the loopback interface", error))?;
        let host = listener.local_addr()?.to_string();
        let (sender, codes) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            host,
            path: random()?,
            state: random()?,
            form: Mutex::default(),
            taken: Mutex::default(),
            progress: Mutex::default(),
            seen_last: Notify::new(),
            codes: sender,
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            // It ends with this program; an error ends it sooner, and the wait for the code runs out.
            drop(axum::serve(listener, router).await);
        });
        Ok(Self { shared, codes, serving })
    }

    /// Where GitHub sends the browser back to.
    pub fn redirect_url(&self) -> String {
        format!("http://{}/{}/created", self.shared.host, self.shared.path)
    }

    /// Offers the manifest. Gives the address of the page.
    pub fn offer(&self, apps_page: &str, manifest: &Value, owner: &str) -> String {
        let form = form(&format!("{apps_page}/new?state={}", self.shared.state), manifest, owner);
        *self.shared.form.lock().unwrap_or_else(PoisonError::into_inner) = form;
        format!("http://{}/{}/", self.shared.host, self.shared.path)
    }

    /// Waits until GitHub has sent the browser back.
    pub async fn code(&mut self) -> Result<SecretString, CliError> {
        match timeout(CODE_WITHIN, self.codes.recv()).await {
            Ok(Some(code)) => Ok(code),
            _ => Err(CliError::NotYet {
                what: format!("GitHub sent no browser back within {} minutes", CODE_WITHIN.as_secs() / 60),
                next: "run the same command again; if GitHub shows the App already, delete it there first, since its key is lost",
            }),
        }
    }

    /// Says what was done.
    pub fn done(&self, sentence: impl Into<String>) {
        self.change(|progress| progress.done.push(sentence.into()));
    }

    /// Says where to go on.
    pub fn next(&self, words: impl Into<String>, address: impl Into<String>) {
        self.change(|progress| progress.next = Some((words.into(), address.into())));
    }

    /// There is nowhere to go on any more.
    pub fn no_next(&self) {
        self.change(|progress| progress.next = None);
    }

    /// Says that it is over, and waits a moment until somebody has seen it.
    pub async fn over(self, sentence: impl Into<String>) {
        self.change(|progress| {
            progress.next = None;
            progress.over = Some(sentence.into());
        });
        // Whether anybody still looks does not matter.
        drop(timeout(LAST_LOOK_WITHIN, self.shared.seen_last.notified()).await);
    }

    fn change(&self, act: impl FnOnce(&mut Progress)) {
        act(&mut self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shared {
    /// Whether this is the one code; it is handed on once, however often its page is loaded.
    fn takes(&self, code: &SecretString) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = &*taken {
            return first.expose_secret() == code.expose_secret();
        }
        // It has room for one, and whoever waits for it holds the other end for as long as this page is served.
        let _ = self.codes.try_send(code.clone());
        *taken = Some(code.clone());
        true
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, uri: Uri) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let place = uri.path().strip_prefix('/').and_then(|path| path.strip_prefix(shared.path.as_str()));
    let (Some(place), true) = (place, host == Some(shared.host.as_str())) else {
        return html(StatusCode::NOT_FOUND, "There is nothing here.", "");
    };
    match place {
        "/" if shared.taken.lock().unwrap_or_else(PoisonError::into_inner).is_some() => html(StatusCode::OK, &made_already(&shared), ""),
        "/" => html(StatusCode::OK, &shared.form.lock().unwrap_or_else(PoisonError::into_inner), ""),
        "/created" => match Query::<Returned>::try_from_uri(&uri) {
            Ok(Query(returned)) if returned.state == shared.state && !returned.code.expose_secret().is_empty() => {
                if !shared.takes(&returned.code) {
                    return html(StatusCode::CONFLICT, SECOND_APP, "");
                }
                (StatusCode::SEE_OTHER, [(LOCATION, format!("/{}/progress", shared.path)), (CACHE_CONTROL, "no-store".to_owned())])
                    .into_response()
            }
            _ => html(StatusCode::BAD_REQUEST, "<p>This is not the answer to what was asked here. Begin again from the terminal.</p>", ""),
        },
        "/progress" => {
            let progress = shared.progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if progress.over.is_some() {
                shared.seen_last.notify_one();
            }
            let refresh = if progress.over.is_some() { "" } else { "<meta http-equiv=\"refresh\" content=\"1\">" };
            html(StatusCode::OK, &told(&progress), refresh)
        }
        _ => html(StatusCode::NOT_FOUND, "There is nothing here.", ""),
    }
}

/// In the place of the form.
fn made_already(shared: &Shared) -> String {
    format!(
        "<p id=\"made\">The App is already made; this page makes no second one. Go back to the terminal, or to <a href=\"/{}/progress\">how far it is</a>.</p>",
        shared.path
    )
}

/// Its form was sent from two tabs: GitHub has made what nobody holds the key of.
const SECOND_APP: &str = "<p id=\"second\">An App was already made by this page, and the terminal goes on with that one. GitHub has now made a second one, whose key nobody \
    has taken: delete it in GitHub's settings, and go back to the terminal.</p>";

fn form(action: &str, manifest: &Value, owner: &str) -> String {
    format!(
        "<p>GitHub will show a GitHub App for <b>{}</b> with what runners need: registering runners, reading jobs, and the event workflow_job. Nothing is made before you confirm it there.</p>\
         <form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"manifest\" value=\"{}\"><button id=\"create\">Go on to GitHub</button></form>",
        escaped(owner),
        escaped(action),
        escaped(&manifest.to_string())
    )
}

fn told(progress: &Progress) -> String {
    let mut text = String::new();
    for sentence in &progress.done {
        text.push_str(&format!("<p>✓ {}</p>", escaped(sentence)));
    }
    match (&progress.over, &progress.next) {
        (Some(sentence), _) => text.push_str(&format!("<p id=\"over\"><b>{}</b></p>", escaped(sentence))),
        (None, Some((words, address))) => {
            text.push_str(&format!(
                "<p><a id=\"next\" href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a></p>",
                escaped(address),
                escaped(words)
            ));
        }
        (None, None) => text.push_str("<p>One moment …</p>"),
    }
    text
}

fn html(status: StatusCode, body: &str, head: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>fargate-runners setup</title>{head}\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}button{{font:inherit;padding:.5rem 1rem}}</style>\
         </head><body><h1>fargate-runners</h1>{body}</body></html>"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, page).into_response()
}

/// Text as it may stand in an element or in an attribute's quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn random() -> Result<String, CliError> {
    let mut bytes = [0_u8; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| CliError::call("drawing random numbers", error))?;
    Ok(hex::encode(bytes))
}
