//! Webhooks on their way, and the log of those that were sent. A failed delivery stays failed until somebody asks for it to be sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Millis;
use crate::ids::{DeliveryId, HookId, JobId};
use crate::model::GithubModel;
use crate::webhook::Payload;

/// Who configured a webhook: it is sent what happens there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookOwner {
    /// An App: what happens where it is installed.
    App(u64),
    /// An organisation.
    Organization(String),
    /// A repository.
    Repository(String, String),
}

impl HookOwner {
    /// Whether both are the same. Logins compare without regard to case, as at GitHub.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::App(one), Self::App(two)) => one == two,
            (Self::Organization(one), Self::Organization(two)) => one.eq_ignore_ascii_case(two),
            (Self::Repository(owner, name), Self::Repository(other_owner, other_name)) => {
                owner.eq_ignore_ascii_case(other_owner) && name.eq_ignore_ascii_case(other_name)
            }
            _ => false,
        }
    }
}

/// A webhook to be configured.
#[derive(Clone)]
pub struct NewHook {
    /// Whose it is.
    pub owner: HookOwner,
    /// Where it is sent.
    pub url: String,
    /// What it is signed with.
    pub secret: String,
}

/// How a delivery was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With this HTTP status. Only 2xx is a success.
    Status(u16),
    /// Not within ten seconds.
    TimedOut,
    /// Nobody was there.
    Unreachable,
}

impl Answer {
    /// Whether GitHub's log calls it `OK`.
    #[must_use]
    pub fn ok(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// One attempt to deliver, as the log keeps it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// The event's own number; attempts and repeats share it.
    pub guid: Arc<str>,
    /// To which webhook.
    pub hook: HookId,
    /// What.
    pub payload: Arc<Payload>,
    /// Whether somebody asked for it.
    pub redelivery: bool,
    /// When it was made.
    pub created_at: Millis,
    /// When it was sent; none as long as it is on its way.
    pub delivered_at: Option<Millis>,
    /// How it was answered.
    pub answer: Option<Answer>,
    /// The answer's body.
    pub answer_body: String,
    /// How long that took.
    pub duration_ms: Millis,
    pub(crate) installation: Option<u64>,
    pub(crate) lost: bool,
    pub(crate) answer_lost: bool,
}

/// A webhook to be sent now. Whoever sends it tells the answer through [`GithubModel::answered`].
pub struct Outgoing {
    /// The attempt.
    pub id: DeliveryId,
    /// The event's own number.
    pub guid: Arc<str>,
    /// Where to.
    pub url: String,
    /// What, for those who need no JSON.
    pub payload: Arc<Payload>,
    hook: HookId,
    owner: HookOwner,
    owner_id: u64,
    secret: String,
    form: bool,
    body: crate::wire::Envelope,
}

impl Outgoing {
    /// The JSON, byte by byte the same for each attempt.
    #[must_use]
    pub fn body(&self) -> String {
        let json = self.body.render(&self.payload);
        if self.form { format!("payload={}", crate::http::encode(&json)) } else { json }
    }

    /// The headers that GitHub sends with this body.
    #[must_use]
    pub fn headers(&self, body: &str) -> Vec<(&'static str, String)> {
        let kind = match self.owner {
            HookOwner::App(_) => "integration",
            HookOwner::Organization(_) => "organization",
            HookOwner::Repository(..) => "repository",
        };
        let content_type = if self.form { "application/x-www-form-urlencoded" } else { "application/json" };
        vec![
            ("accept", "*/*".to_owned()),
            ("content-type", content_type.to_owned()),
            ("user-agent", "GitHub-Hookshot/model".to_owned()),
            ("x-github-delivery", self.guid.to_string()),
            ("x-github-event", self.payload.event().to_owned()),
            ("x-github-hook-id", self.hook.to_string()),
            ("x-github-hook-installation-target-id", self.owner_id.to_string()),
            ("x-github-hook-installation-target-type", kind.to_owned()),
            ("x-hub-signature-256", signature(&self.secret, body.as_bytes())),
        ]
    }
}

/// `X-Hub-Signature-256` of a body.
#[must_use]
pub fn signature(secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length; there is no other way for this to fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// How a webhook is set up beyond where it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSettings {
    /// Whether it is switched on.
    pub active: bool,
    /// What it is sent. An App's is sent what the App subscribes to.
    pub events: Vec<String>,
    /// `json` or `form`.
    pub content_type: String,
    /// Whether the receiver's certificate is not checked.
    pub insecure_ssl: bool,
}

impl Default for HookSettings {
    fn default() -> Self {
        Self { active: true, events: vec!["workflow_job".to_owned()], content_type: "json".to_owned(), insecure_ssl: false }
    }
}

pub(crate) struct Hook {
    pub(crate) owner: HookOwner,
    pub(crate) url: String,
    pub(crate) settings: HookSettings,
    secret: String,
}

#[derive(Default)]
pub(crate) struct Post {
    pub(crate) hooks: BTreeMap<HookId, Hook>,
    pub(crate) log: BTreeMap<DeliveryId, Delivery>,
    pub(crate) due: BTreeSet<(Millis, DeliveryId)>,
    /// Deliveries that wait for their job's next one.
    pub(crate) held: BTreeMap<JobId, Vec<(Millis, DeliveryId)>>,
    /// Whether nothing is announced at the moment.
    pub(crate) muted: bool,
}

impl Post {
    pub(crate) fn next(&self) -> Option<Millis> {
        self.due.first().map(|(when, _)| *when)
    }
}

impl GithubModel {
    /// Configures a webhook.
    pub fn add_hook(&mut self, new: NewHook) -> HookId {
        let id = HookId(self.new_id());
        self.remember(&new.secret);
        self.post.hooks.insert(id, Hook { owner: new.owner, url: new.url, settings: HookSettings::default(), secret: new.secret });
        id
    }

    /// Changes where a webhook is sent.
    pub fn set_hook_url(&mut self, hook: HookId, url: &str) {
        if let Some(hook) = self.post.hooks.get_mut(&hook) {
            url.clone_into(&mut hook.url);
        }
    }

    /// Changes how a webhook is set up.
    pub fn set_hook(&mut self, hook: HookId, settings: HookSettings) {
        if let Some(hook) = self.post.hooks.get_mut(&hook) {
            hook.settings = settings;
        }
    }

    /// Changes what a webhook is signed with.
    pub fn set_hook_secret(&mut self, hook: HookId, secret: &str) {
        self.remember(secret);
        if let Some(hook) = self.post.hooks.get_mut(&hook) {
            secret.clone_into(&mut hook.secret);
        }
    }

    /// Sends a `ping`, as GitHub does when a webhook is configured.
    pub fn ping(&mut self, now: Millis, hook: HookId) {
        self.advance(now);
        let guid = self.random.uuid().into();
        self.dispatch(hook, Arc::new(Payload::Ping), guid, None, false, self.now);
    }

    /// What is to be sent now. Faults have been applied: what is lost is not among it.
    pub fn take_deliveries(&mut self, now: Millis) -> Vec<Outgoing> {
        self.advance(now);
        let mut outgoing = Vec::new();
        while let Some((when, id)) = self.post.due.first().copied().filter(|(when, _)| *when <= now) {
            self.post.due.remove(&(when, id));
            let Some(delivery) = self.post.log.get_mut(&id) else { continue };
            delivery.delivered_at = Some(self.now);
            if delivery.lost {
                delivery.answer = Some(Answer::TimedOut);
                continue;
            }
            let Some(hook) = self.post.hooks.get(&delivery.hook) else { continue };
            let owner_id = match &hook.owner {
                HookOwner::App(id) => *id,
                HookOwner::Organization(login) => self.world.organization(login).map_or(0, |found| found.id),
                HookOwner::Repository(owner, name) => self.world.repository(owner, name).map_or(0, |found| found.id),
            };
            outgoing.push(Outgoing {
                id,
                guid: Arc::clone(&delivery.guid),
                url: hook.url.clone(),
                payload: Arc::clone(&delivery.payload),
                hook: delivery.hook,
                owner: hook.owner.clone(),
                owner_id,
                secret: hook.secret.clone(),
                form: hook.settings.content_type == "form",
                body: crate::wire::Envelope {
                    api_url: self.config.api_url.clone(),
                    web_url: self.config.web_url.clone(),
                    installation: delivery.installation,
                    hook: delivery.hook,
                    url: hook.url.clone(),
                },
            });
        }
        outgoing
    }

    /// Records how a delivery was answered, with an empty body.
    pub fn answered(&mut self, now: Millis, id: DeliveryId, answer: Answer) {
        self.answered_with(now, id, answer, "");
    }

    /// Records how a delivery was answered, and with which body.
    pub fn answered_with(&mut self, now: Millis, id: DeliveryId, answer: Answer, body: &str) {
        self.advance(now);
        if let Some(delivery) = self.post.log.get_mut(&id) {
            delivery.answer = Some(if delivery.answer_lost { Answer::TimedOut } else { answer });
            if !delivery.answer_lost {
                body.clone_into(&mut delivery.answer_body);
            }
            delivery.duration_ms = self.now.saturating_sub(delivery.delivered_at.unwrap_or(self.now));
        }
    }

    /// The log, the oldest first, with what is still on its way.
    pub fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.post.log.values()
    }

    /// Sends a logged delivery once more, whoever asks: the same event under the same GUID, a new attempt. False when the log does not have it (any more).
    pub fn redeliver(&mut self, now: Millis, id: DeliveryId) -> bool {
        self.advance(now);
        self.prune_log();
        let Some(first) = self.post.log.get(&id).filter(|delivery| delivery.answer.is_some()).cloned() else { return false };
        let due = self.now + self.random.between(self.config.timing.delivery_ms);
        self.dispatch(first.hook, first.payload, first.guid, first.installation, true, due);
        true
    }

    pub(crate) fn prune_log(&mut self) {
        let oldest = self.now.saturating_sub(self.config.timing.delivery_kept_ms);
        while let Some(entry) = self.post.log.first_entry().filter(|entry| entry.get().created_at < oldest) {
            entry.remove();
        }
    }

    /// Whether a delivery is to a webhook of this owner, and to this very one if one is named.
    pub(crate) fn is_of(&self, delivery: &Delivery, hook: Option<HookId>, owner: &HookOwner) -> bool {
        let of_it = |found: &Hook| found.owner.same(owner);
        hook.is_none_or(|hook| delivery.hook == hook) && self.post.hooks.get(&delivery.hook).is_some_and(of_it)
    }
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn the_signature_is_the_documented_one() {
        let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(signature("It's a Secret to Everybody", b"Hello, World!"), expected);
    }
}
