//! GitHub: the project's model, with one organisation in which an App is installed, and perhaps the task's runner.

use fargate_runners_model_github::{
    Caller, Config, GithubModel, HookOwner, JitRequest, NewHook, Permissions, Reply as Said, Request, Scope, Visibility,
};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::LineEnding;
use serde_json::json;

use super::parameters::{ORGANISATION, WEBHOOK_SECRET, WEBHOOK_URL};
use crate::http::{Asked, Reply};
use crate::problem::Problem;

/// The App.
pub(super) const APP: u64 = 123_456;

/// What GitHub's own keys have.
const KEY_BITS: usize = 2048;

/// The model's chance: always the same, so that tokens and ids are too.
const SEED: u64 = 1;

pub(super) struct Github {
    model: GithubModel,
    /// The installation of the App.
    pub(super) installation: u64,
    /// The token that the functions share, and when it ends.
    pub(super) token: (String, u64),
    /// The task's runner.
    pub(super) runner_id: Option<u64>,
}

impl Github {
    pub(super) fn new(now: u64, url: &str, runner: Option<&str>) -> Self {
        let config = Config { api_url: url.to_owned(), web_url: url.to_owned(), ..Config::default() };
        let mut model = GithubModel::new(config, SEED);
        model.advance(now);
        model.add_organization(ORGANISATION);
        model.add_repository(ORGANISATION, "octo-repo", Visibility::Private);
        model.add_app(APP, "Iv1.bench");
        model.add_hook(NewHook { owner: HookOwner::App(APP), url: WEBHOOK_URL.to_owned(), secret: WEBHOOK_SECRET.to_owned() });
        let installation = model.install_app(APP, ORGANISATION, Permissions::runners());
        let token = model.exchange_token(now, &Caller::App(APP.to_string()), installation, None);
        let token = token.map(|token| (token.token, token.expires_at)).unwrap_or_default();
        let runner_id = runner.and_then(|name| {
            let labels = ["self-hosted", "linux", "x64"].map(str::to_owned).to_vec();
            let request = JitRequest { name: name.to_owned(), runner_group_id: 1, labels, work_folder: None };
            let scope = Scope::Organization(ORGANISATION.to_owned());
            let minted = model.generate_jit(now, &Caller::Token(token.0.clone()), &scope, &request).ok()?;
            model.open_session(now, &minted.credentials).ok()?;
            Some(minted.credentials.runner_id)
        });
        Self { model, installation, token, runner_id }
    }

    pub(super) fn answer(&mut self, now: u64, asked: &Asked) -> Reply {
        let authorization = asked.header("authorization").to_owned();
        // Whoever has signed a token is believed: the signature's price is the function's, its check is not.
        let app = authorization.starts_with("Bearer eyJ").then(|| APP.to_string());
        let request = Request {
            method: asked.method.clone(),
            path_and_query: asked.path.clone(),
            authorization: Some(authorization),
            app,
            jwt: None,
            body: asked.body.to_vec(),
        };
        match self.model.http(now, &request) {
            Said::Answer(said) => Reply { status: said.status, headers: said.headers, body: said.body.into() },
            Said::Drop => Reply::new(500, json!({"message": "dropped"}).to_string()),
        }
    }
}

/// `GitHub POST orgs/*/actions/runners/generate-jitconfig`: without names and numbers, so that equal calls have equal names.
pub(super) fn call_name(asked: &Asked) -> String {
    let path = asked.path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let named = |place: usize| match segments[place] {
        _ if place == 1 && segments[0] == "orgs" => "*",
        _ if (1..=2).contains(&place) && segments[0] == "repos" => "*",
        segment if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) => "*",
        segment => segment,
    };
    format!("GitHub {} {}", asked.method, (0..segments.len()).map(named).collect::<Vec<_>>().join("/"))
}

pub(super) fn new_key() -> Result<String, Problem> {
    let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, KEY_BITS).map_err(|error| Problem::Stage(format!("no RSA key: {error}")))?;
    let pem = key.to_pkcs1_pem(LineEnding::LF).map_err(|error| Problem::Stage(format!("no RSA key: {error}")))?;
    Ok(pem.to_string())
}
