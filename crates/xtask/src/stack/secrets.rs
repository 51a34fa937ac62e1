//! The secrets of one run: made when it starts, known to nobody else, and looked for in every output when it ends.

use std::fs::File;
use std::io::Read as _;

use fargate_runners_local_stack::github::AppKey;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::problem::{Outcome, Problem};

/// Bytes of randomness in a webhook secret.
const SECRET_BYTES: usize = 32;

/// The App's number at the GitHub model.
pub const APP_ID: u64 = 123_456;

/// What the control plane and GitHub share in this run.
pub struct Secrets {
    key: AppKey,
    webhook: SecretString,
}

impl Secrets {
    /// Makes new ones.
    pub fn generate() -> Outcome<Self> {
        let mut random = [0_u8; SECRET_BYTES];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let key = AppKey::generate().map_err(|error| Problem::new(format!("no key for the GitHub App: {error}")))?;
        Ok(Self { key, webhook: hex::encode(random).into() })
    }

    /// The secret that deliveries are signed with.
    pub fn webhook(&self) -> &SecretString {
        &self.webhook
    }

    /// The App's public half, for the GitHub model.
    pub fn public_key(&self) -> &str {
        self.key.public_pem()
    }

    /// The App's private half, for the GitHub model to give to whoever makes the App.
    pub fn private_key(&self) -> &SecretString {
        self.key.private_pem()
    }

    /// The credential as the control plane reads it from its parameter.
    pub fn credential(&self) -> SecretString {
        let credential = json!({ "kind": "app", "app_id": APP_ID.to_string(), "private_key": self.key.private_pem().expose_secret() });
        credential.to_string().into()
    }

    /// Pieces that must not be found in any output: a key is broken over lines, so each of its lines counts.
    pub fn to_look_for(&self) -> Vec<SecretString> {
        let key = self.key.private_pem().expose_secret();
        let lines = key.lines().filter(|line| !line.starts_with('-') && line.len() > SECRET_BYTES).map(SecretString::from);
        lines.chain([self.webhook.clone()]).collect()
    }
}
