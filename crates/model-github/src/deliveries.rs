//! Webhooks on their way, and the log of those that were sent. A failed delivery stays failed until somebody asks for it to be sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Millis;
use crate::ids::{DeliveryId, HookId, JobId};
use crate::job::{Action, Fault, Job};
use crate::model::GithubModel;
use crate::webhook::{JobEvent, Payload};

/// For how long a delivery that shall come after the job's next one waits for it.
const HELD_LIMIT_MS: Millis = 120_000;
/// By how much it then comes later, so that it overtakes nothing even on a busy machine.
const HELD_GAP_MS: Millis = 500;

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
    /// How long that took.
    pub duration_ms: Millis,
    pub(crate) installation: Option<u64>,
    lost: bool,
    answer_lost: bool,
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
    body: crate::wire::Envelope,
}

impl Outgoing {
    /// The JSON, byte by byte the same for each attempt.
    #[must_use]
    pub fn body(&self) -> String {
        self.body.render(&self.payload)
    }

    /// The headers that GitHub sends with this body.
    #[must_use]
    pub fn headers(&self, body: &str) -> Vec<(&'static str, String)> {
        let kind = match self.owner {
            HookOwner::App(_) => "integration",
            HookOwner::Organization(_) => "organization",
            HookOwner::Repository(..) => "repository",
        };
        vec![
            ("accept", "*/*".to_owned()),
            ("content-type", "application/json".to_owned()),
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

struct Hook {
    owner: HookOwner,
    url: String,
    secret: String,
}

#[derive(Default)]
pub(crate) struct Post {
    hooks: BTreeMap<HookId, Hook>,
    pub(crate) log: BTreeMap<DeliveryId, Delivery>,
    due: BTreeSet<(Millis, DeliveryId)>,
    /// Deliveries that wait for their job's next one.
    held: BTreeMap<JobId, Vec<(Millis, DeliveryId)>>,
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
        self.post.hooks.insert(id, Hook { owner: new.owner, url: new.url, secret: new.secret });
        id
    }

    /// Changes where a webhook is sent.
    pub fn set_hook_url(&mut self, hook: HookId, url: &str) {
        if let Some(hook) = self.post.hooks.get_mut(&hook) {
            url.clone_into(&mut hook.url);
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

    /// Records how a delivery was answered.
    pub fn answered(&mut self, now: Millis, id: DeliveryId, answer: Answer) {
        self.advance(now);
        if let Some(delivery) = self.post.log.get_mut(&id) {
            delivery.answer = Some(if delivery.answer_lost { Answer::TimedOut } else { answer });
            delivery.duration_ms = self.now.saturating_sub(delivery.delivered_at.unwrap_or(self.now));
        }
    }

    /// The log, the oldest first, with what is still on its way.
    pub fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.post.log.values()
    }

    /// Sends a logged delivery once more: the same event under the same GUID, a new attempt. False when the log does not have it (any more).
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

    /// Whose deliveries an App may see.
    pub(crate) fn is_of_app(&self, delivery: &Delivery, app: u64) -> bool {
        self.post.hooks.get(&delivery.hook).is_some_and(|hook| hook.owner == HookOwner::App(app))
    }

    /// Tells the webhooks concerned what has become of a job.
    pub(crate) fn announce(&mut self, id: JobId, action: Action) {
        if self.post.muted {
            return;
        }
        self.prune_log();
        let Some(job) = self.jobs.get(&id) else { return };
        let faults = job.tampers.iter().filter(|tamper| tamper.action == action).map(|tamper| tamper.fault).collect::<Vec<_>>();
        let stale = action == Action::Queued && self.random.chance(self.config.faults.stale_runner);
        let Some(job) = self.jobs.get(&id) else { return };
        let concerned = self.concerned(job);
        if concerned.is_empty() {
            return;
        }
        let Some(repository) = self.world.repository(&job.owner, &job.name).cloned() else { return };
        let organization = self.world.organization(&job.owner).map(|found| (found.id, found.login.clone()));
        let event = JobEvent { action, job: job.clone(), repository, organization, stale_runner: stale };
        let payload = Arc::new(Payload::Job(Box::new(event)));
        for (hook, installation) in concerned {
            self.send_with_faults(hook, installation, &payload, id, &faults);
        }
    }

    fn concerned(&self, job: &Job) -> Vec<(HookId, Option<u64>)> {
        let of = |hook: &Hook| match &hook.owner {
            HookOwner::App(app) => self.installation_of(*app, &job.owner).map(Some),
            HookOwner::Organization(login) => login.eq_ignore_ascii_case(&job.owner).then_some(None),
            HookOwner::Repository(owner, name) => {
                (owner.eq_ignore_ascii_case(&job.owner) && name.eq_ignore_ascii_case(&job.name)).then_some(None)
            }
        };
        self.post.hooks.iter().filter_map(|(id, hook)| of(hook).map(|installation| (*id, installation))).collect()
    }

    fn send_with_faults(&mut self, hook: HookId, installation: Option<u64>, payload: &Arc<Payload>, job: JobId, asked: &[Fault]) {
        let guid: Arc<str> = self.random.uuid().into();
        let rates = self.config.faults.clone();
        let mut due = self.now + self.random.between(self.config.timing.delivery_ms);
        if self.random.chance(rates.delay) {
            due += self.random.between(rates.late_ms);
        }
        due += asked.iter().map(|fault| if let Fault::Delay(late) = fault { *late } else { 0 }).sum::<Millis>();
        let held = asked.contains(&Fault::AfterNext) || self.random.chance(rates.reorder);
        for (when, earlier) in self.post.held.remove(&job).unwrap_or_default() {
            if self.post.due.remove(&(when, earlier)) {
                self.post.due.insert((due + HELD_GAP_MS, earlier));
            }
        }
        let sent_at = if held { self.now + HELD_LIMIT_MS } else { due };
        let id = self.dispatch(hook, Arc::clone(payload), Arc::clone(&guid), installation, false, sent_at);
        if held {
            self.post.held.entry(job).or_default().push((sent_at, id));
        }
        if asked.contains(&Fault::Lose)
            && let Some(delivery) = self.post.log.get_mut(&id)
        {
            delivery.lost = true;
        }
        if asked.contains(&Fault::Repeat) || self.random.chance(rates.repeat) {
            let again = due + self.random.between(self.config.timing.delivery_ms);
            self.dispatch(hook, Arc::clone(payload), guid, installation, false, again);
        }
    }

    fn dispatch(
        &mut self,
        hook: HookId,
        payload: Arc<Payload>,
        guid: Arc<str>,
        installation: Option<u64>,
        redelivery: bool,
        due: Millis,
    ) -> DeliveryId {
        let id = DeliveryId(self.new_id());
        let delivery = Delivery {
            id,
            guid,
            hook,
            payload,
            redelivery,
            created_at: self.now,
            delivered_at: None,
            answer: None,
            duration_ms: 0,
            installation,
            lost: self.random.chance(self.config.faults.lose),
            answer_lost: self.random.chance(self.config.faults.lose_answer),
        };
        self.post.log.insert(id, delivery);
        self.post.due.insert((due, id));
        id
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
