//! Apps that are made from a manifest: a person confirms it on GitHub's page, GitHub sends the browser back with a code, and the code is worth the App, its
//! private key and its secrets, once and for an hour.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Millis;
use crate::apps::App;
use crate::auth::{Access, Permissions};
use crate::deliveries::{HookOwner, NewHook};
use crate::error::ApiError;
use crate::model::GithubModel;

/// A code is good for so long.
const CODE_MS: Millis = 60 * 60 * 1000;

/// The longest name that GitHub takes.
const NAME_MAX: usize = 34;

/// The permissions that this model knows.
const PERMISSIONS: [&str; 6] =
    ["actions", "administration", "metadata", "organization_hooks", "organization_self_hosted_runners", "repository_hooks"];

/// A private key in PEM, and its public half. Making one is no work for a pure model: whoever serves it brings some.
#[derive(Clone)]
pub struct KeyPair {
    /// What an App's owner is given.
    pub private_pem: String,
    /// What GitHub keeps.
    pub public_pem: String,
}

/// What a code is worth.
pub(crate) struct Made {
    pub(crate) app: u64,
    pub(crate) private_pem: String,
    pub(crate) webhook_secret: String,
    pub(crate) client_secret: String,
    until: Millis,
}

#[derive(Default)]
pub(crate) struct Manifests {
    codes: BTreeMap<String, Made>,
    keys: Vec<KeyPair>,
}

impl GithubModel {
    /// Brings a key pair for the next App that is made from a manifest.
    pub fn add_key_pair(&mut self, pair: KeyPair) {
        self.manifests.keys.push(pair);
    }

    /// Makes what the manifest says, under this name, for this owner. Gives the address that the browser is sent to.
    pub(crate) fn make_app(&mut self, owner: &str, name: &str, manifest: &Value, state: &str) -> Result<String, ApiError> {
        let refused = |why: &str| ApiError::new(422, why);
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_MAX {
            return Err(refused("Name is missing, or longer than 34 characters"));
        }
        if self.credentials.apps.iter().any(|app| app.name().eq_ignore_ascii_case(name)) {
            return Err(refused("Name is already taken"));
        }
        let text = |value: &Value| value.as_str().filter(|text| text.starts_with("http")).map(str::to_owned);
        let hook = text(&manifest["hook_attributes"]["url"]).ok_or_else(|| refused("Hook url is not a URL"))?;
        let redirect = text(&manifest["redirect_url"]).ok_or_else(|| refused("redirect_url is not a URL"))?;
        text(&manifest["url"]).ok_or_else(|| refused("Url is not a URL"))?;
        let permissions = permissions(&manifest["default_permissions"])?;
        let events: Vec<String> =
            manifest["default_events"].as_array().into_iter().flatten().filter_map(|event| event.as_str().map(str::to_owned)).collect();
        if events.iter().any(|event| event == "workflow_job") && !permissions.allow("actions", Access::Read) {
            return Err(refused("Default events unsupported: workflow_job"));
        }
        let keys = self.manifests.keys.pop().ok_or_else(|| ApiError::new(500, "the model was brought no key for another App"))?;
        let (id, client_id) = (self.new_id(), format!("Iv23li{}", self.random.text(14)));
        let (webhook_secret, client_secret) = (self.random.text(40), self.random.text(40));
        // The lines of a key are secrets one by one: that is how one would find them in a log.
        let lines =
            keys.private_pem.lines().filter(|line| !line.starts_with('-') && line.len() > 32).map(str::to_owned).collect::<Vec<_>>();
        for secret in lines.iter().chain([&client_secret]) {
            self.remember(secret);
        }
        let (given_name, owner) = (Some(name.to_owned()), owner.to_owned());
        self.credentials.apps.push(App { id, client_id, given_name, owner, keys: vec![keys.public_pem], permissions, events });
        let hook = self.add_hook(NewHook { owner: HookOwner::App(id), url: hook, secret: webhook_secret.clone() });
        self.ping(self.now, hook);
        let code = self.random.text(40);
        self.remember(&code);
        let until = self.now + CODE_MS;
        self.manifests.codes.insert(code.clone(), Made { app: id, private_pem: keys.private_pem, webhook_secret, client_secret, until });
        let joint = if redirect.contains('?') { '&' } else { '?' };
        Ok(format!("{redirect}{joint}code={code}&state={}", crate::http::encode(state)))
    }

    /// Spends a code.
    pub(crate) fn spend(&mut self, code: &str) -> Result<Made, ApiError> {
        let now = self.now;
        self.manifests.codes.remove(code).filter(|made| made.until > now).ok_or_else(ApiError::not_found)
    }
}

fn permissions(asked: &Value) -> Result<Permissions, ApiError> {
    let mut permissions = Permissions([("metadata".to_owned(), Access::Read)].into());
    for (name, level) in asked.as_object().into_iter().flatten() {
        let access = match level.as_str() {
            Some("read") => Access::Read,
            Some("write") => Access::Write,
            _ => return Err(ApiError::new(422, "Default permission records access is not included in the list")),
        };
        if !PERMISSIONS.contains(&name.as_str()) {
            return Err(ApiError::new(422, "Default permission records resource is not included in the list"));
        }
        permissions.0.insert(name.clone(), access);
    }
    Ok(permissions)
}
