//! The JIT configuration: a base64 text of a JSON map from file names to base64 contents, in GitHub's shape.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::random::Random;
use crate::runner::Runner;

/// What a listener finds in its configuration and shows when it connects.
#[derive(Clone)]
pub struct ListenerCredentials {
    /// The runner's number (`AgentId`).
    pub runner_id: u64,
    /// The secret that only its listener has (`ClientId`).
    pub client_id: String,
    /// Its version.
    pub version: String,
}

/// The contents of the files, by name.
pub(crate) fn files(
    runner: &Runner,
    pool_name: &str,
    work_folder: &str,
    without_disable_update: bool,
    api_url: &str,
    web_url: &str,
) -> Value {
    let mut settings = json!({
        "AgentId": runner.id.0.to_string(),
        "AgentName": runner.name,
        "DisableUpdate": "True",
        "Ephemeral": if runner.ephemeral { "True" } else { "False" },
        "GitHubUrl": format!("{web_url}/{}", runner.scope),
        "PoolId": runner.group_id.to_string(),
        "PoolName": pool_name,
        "ServerUrl": format!("{api_url}/_runner/"),
        "ServerUrlV2": format!("{api_url}/_runner/"),
        "UseV2Flow": "True",
        "WorkFolder": work_folder,
    });
    if without_disable_update && let Some(settings) = settings.as_object_mut() {
        settings.remove("DisableUpdate");
    }
    let credentials = json!({
        "Data": {
            "AuthorizationUrl": format!("{api_url}/_runner/oauth2/token"),
            "AuthorizationUrlV2": format!("{api_url}/_runner/oauth2/token"),
            "ClientId": runner.client_id,
            "RequireFipsCryptography": "True",
        },
        "Scheme": "OAuth",
    });
    json!({ ".runner": settings, ".credentials": credentials })
}

/// The text that `run.sh` takes. The key in it is noise of the right length.
pub(crate) fn encode(files: &Value, random: &mut Random) -> String {
    const KEY_BYTES: usize = 256;
    let mut number = |bytes: usize| STANDARD.encode(random.bytes(bytes));
    let parameters = json!({
        "d": number(KEY_BYTES),
        "dp": number(KEY_BYTES / 2),
        "dq": number(KEY_BYTES / 2),
        "exponent": "AQAB",
        "inverseQ": number(KEY_BYTES / 2),
        "modulus": number(KEY_BYTES),
        "p": number(KEY_BYTES / 2),
        "q": number(KEY_BYTES / 2),
    });
    let wrap = |value: &Value| STANDARD.encode(value.to_string());
    let map = json!({
        ".runner": wrap(&files[".runner"]),
        ".credentials": wrap(&files[".credentials"]),
        ".credentials_rsaparams": wrap(&parameters),
    });
    STANDARD.encode(map.to_string())
}
