//! What GitHub says of the webhooks: where they lead, and how the newest deliveries were answered.

use super::part::Part;
use fargate_runners_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The webhooks of an App, an organisation or a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Webhooks {
    /// The API's address.
    pub api_url: String,
    /// Whose they are: `app` for the App of the credential, otherwise the scope.
    pub of: String,
    /// The credential that asked.
    pub credential: String,
    /// They, also those that lead elsewhere. An App has one at most; a scope without any has an empty list.
    pub webhooks: Part<Vec<Webhook>>,
}

/// A webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Webhook {
    /// GitHub's id; an App's own has none.
    pub id: Option<u64>,
    /// How it is set up.
    pub config: Part<WebhookConfig>,
    /// The newest deliveries, the newest first; none where they were not asked for, since the webhook leads elsewhere.
    pub deliveries: Option<Part<Vec<Delivery>>>,
}

/// How a webhook is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookConfig {
    /// Where it leads; empty if it is not set up.
    pub url: String,
    /// Whether that is this stack's webhook.
    pub leads_here: bool,
    /// `json` or `form`; only `json` is understood here.
    pub content_type: String,
    /// Whether GitHub does not check the certificate.
    pub insecure_ssl: bool,
    /// Whether a secret is set. GitHub never tells which.
    pub has_secret: bool,
    /// Whether it is switched on; none for an App's, of which GitHub does not tell.
    pub active: Option<bool>,
    /// The events that it is sent; none for an App's, whose events are those of the App.
    pub events: Option<Vec<String>>,
}

/// One attempt to deliver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// Of this attempt.
    pub id: u64,
    /// The same for each attempt of a delivery; `X-GitHub-Delivery`.
    pub guid: String,
    /// When, by GitHub's clock, in milliseconds since 1970.
    pub delivered_at: Timestamp,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The body's `action`.
    pub action: Option<String>,
    /// GitHub's word for how it went: `OK`, `Invalid HTTP Response: 500`, `timed out` and others.
    pub status: String,
    /// The HTTP status of the answer; 0 if GitHub tells none.
    pub status_code: u16,
    /// Whether it is counted as delivered.
    pub ok: bool,
    /// Whether somebody asked for it to be sent again.
    pub redelivery: bool,
    /// How long the answer took, in milliseconds.
    pub duration_millis: u64,
    /// The start of the answer's body, which is our webhook's own sentence; none where it was not asked for.
    pub answer: Option<Part<String>>,
}
