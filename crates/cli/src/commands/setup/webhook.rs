//! The webhook: its secret, its address, the proof that a delivery arrives, and how its secret is changed without losing one.
//!
//! `webhook` accepts every secret below its path, and reads them again before it refuses a delivery if what it knows is 30 seconds old. So a new secret is
//! stored first, GitHub is told of it when every process knows it or will ask, and the old one goes last.

use super::{Done, Setup};
use crate::error::CliError;
use crate::needs;
use crate::stack::Stack;
use fargate_runners_aws::SetupSecret;
use fargate_runners_github::{Access, Credential, Delivery, HookLogOf};
use fargate_runners_use_cases::webhook::DOUBT;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Bytes of randomness in a secret; HMAC-SHA-256 gains nothing by more.
const SECRET_BYTES: usize = 32;

/// Until every process of `webhook` accepts a secret that was stored: what it refuses, it has looked up at most this long ago. And a little for clocks.
const KNOWN_AFTER: Duration = DOUBT.saturating_add(Duration::from_secs(3));

/// GitHub waits 10 seconds for an answer: after this nothing that the old secret signed is on its way.
const UNDER_WAY: Duration = Duration::from_secs(15);

/// The longest that a delivery may take to arrive, with all its repeats: a secret is known within half a minute, and a first start takes seconds.
const ARRIVES_WITHIN: Duration = Duration::from_secs(120);

/// The longest that one attempt may take to stand in GitHub's log.
const LOGGED_WITHIN: Duration = Duration::from_secs(20);

/// Between two looks at GitHub's log.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Between a failed attempt and the next.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The event that proves a webhook.
const PING: &str = "ping";

/// A webhook, and by whom it is asked for.
pub struct Hook<'a> {
    pub setup: &'a Setup<'a>,
    pub access: Access,
    pub of: HookLogOf,
}

/// Points it here, signed with the stored secret. `fresh`: GitHub has only just made it, so that nothing can be lost by the change.
pub async fn lead_here(hook: &Hook<'_>, fresh: bool) -> Result<(), CliError> {
    let setup = hook.setup;
    let (secret, made) = secret(setup).await?;
    if made && !fresh {
        known(setup).await;
    }
    hook.set(&secret).await?;
    setup.screen.note(&format!("GitHub sends deliveries to {}, signed.", setup.webhook_url));
    Ok(())
}

/// The stored secret, or a new one. An interrupted rotation has another that GitHub may use already: then it is that one.
pub async fn secret(setup: &Setup<'_>) -> Result<(SecretString, bool), CliError> {
    let name = || setup.place.credential.clone();
    for stored in [SetupSecret::NextWebhook(name()), SetupSecret::Webhook(name())] {
        if let Some(secret) = setup.parameters.read(&stored).await? {
            return Ok((secret, false));
        }
    }
    let (secret, parameter) = (random()?, SetupSecret::Webhook(name()));
    setup.parameters.write(&parameter, &secret).await?;
    setup.screen.note(&format!("A webhook secret is in the parameter {}.", setup.parameters.name(&parameter)));
    Ok((secret, true))
}

/// Changes the secret: stored beside the old one, told to GitHub, shown to work, and only then alone.
pub async fn rotate(setup: &Setup<'_>) -> Result<Done, CliError> {
    let name = || setup.place.credential.clone();
    let Some(credential) = setup.stored().await? else {
        return Err(CliError::Unknown(format!("there is no credential in {}: run `fargate-runners setup` first", setup.credential_name())));
    };
    let hooks = hooks(setup, &credential).await?;
    let (next, parameter) = (SetupSecret::NextWebhook(name()), SetupSecret::Webhook(name()));
    let secret = if let Some(begun) = setup.parameters.read(&next).await? {
        begun
    } else {
        let secret = random()?;
        setup.parameters.write(&next, &secret).await?;
        secret
    };
    setup.screen.note(&format!("A new secret is valid beside the old one, in {}.", setup.parameters.name(&next)));
    known(setup).await;
    let mut done = Done::default();
    for hook in &hooks {
        hook.set(&secret).await?;
        setup.screen.note("GitHub signs with the new secret.");
        match hook.prove().await? {
            Arrived::Yes(sentence) => done.done.push(sentence),
            Arrived::NothingToRepeat => done.remarks.push(format!("{NOTHING_TO_REPEAT} Both secrets are valid until then.")),
        }
    }
    if !done.remarks.is_empty() {
        done.remarks.push(
            "Run `fargate-runners setup --rotate webhook-secret` once more when a job was queued: it then takes the old one away."
                .to_owned(),
        );
        return Ok(done);
    }
    {
        let _doing = setup.screen.doing("waiting for deliveries that the old secret signed");
        sleep(UNDER_WAY).await;
    }
    setup.parameters.write(&parameter, &secret).await?;
    setup.parameters.delete(&next).await?;
    Ok(done.says(format!("the new webhook secret is the only one in {}; the old one is gone", setup.parameters.name(&parameter))))
}

/// Whether a delivery arrived.
pub enum Arrived {
    /// It did; a sentence about it.
    Yes(String),
    /// GitHub has nothing in its log that could be sent once more.
    NothingToRepeat,
}

/// For a person.
pub const NOTHING_TO_REPEAT: &str = "GitHub's log holds no delivery that could be repeated, and of an App no ping can be asked for: queue a job, then see `fargate-runners doctor`.";

impl Arrived {
    /// Adds it to what was done.
    pub fn tell(self, done: &mut Done) {
        match self {
            Self::Yes(sentence) => done.done.push(sentence),
            Self::NothingToRepeat => done.remarks.push(NOTHING_TO_REPEAT.to_owned()),
        }
    }
}

/// The webhooks that a stored credential stands for.
async fn hooks<'a>(setup: &'a Setup<'a>, credential: &Credential) -> Result<Vec<Hook<'a>>, CliError> {
    if let Credential::App(_) = credential {
        return Ok(vec![Hook { setup, access: setup.access(credential), of: HookLogOf::App }]);
    }
    let mut hooks = Vec::new();
    for scope in &setup.place.scopes {
        let access = Access { scope: scope.clone(), ..setup.access(credential) };
        // Left out, its deliveries would be refused once the old secret is gone.
        let Some(id) = leads_here(setup, &access).await? else {
            return Err(CliError::Unknown(format!(
                "GitHub shows no webhook of {scope} that leads to {}, so that its secret cannot be changed with the others, and nothing was changed: run `fargate-runners setup --token` \
                 if there is none; those of an enterprise are changed by hand",
                setup.webhook_url
            )));
        };
        hooks.push(Hook { setup, access, of: HookLogOf::Hook(id) });
    }
    Ok(hooks)
}

/// The webhook of a scope that is sent here already.
pub async fn leads_here(setup: &Setup<'_>, access: &Access) -> Result<Option<u64>, CliError> {
    let found = setup
        .github
        .list_webhooks(access)
        .await
        .map_err(|error| CliError::github(format!("listing the webhooks of {}", access.scope), error))?;
    Ok(found.into_iter().find(|hook| hook.url == setup.webhook_url).and_then(|hook| hook.id))
}

impl<'a> Hook<'a> {
    /// Makes one for a scope.
    pub async fn make(setup: &'a Setup<'a>, access: Access, secret: &SecretString) -> Result<Self, CliError> {
        let made = setup.github.create_webhook(&access, &setup.webhook_url, secret, needs::EVENT).await;
        let id = made.map_err(|error| CliError::github(format!("making a webhook of {}", access.scope), error))?;
        Ok(Self { setup, access, of: HookLogOf::Hook(id) })
    }

    async fn set(&self, secret: &SecretString) -> Result<(), CliError> {
        let set = self.setup.github.set_webhook(&self.access, self.of, &self.setup.webhook_url, secret).await;
        set.map_err(|error| CliError::github("setting the webhook's address and secret", error))
    }

    /// Has GitHub send a ping (once more), and waits until one is answered with a success.
    pub async fn prove(&self) -> Result<Arrived, CliError> {
        let _doing = self.setup.screen.doing("waiting for a ping to arrive");
        let until = Instant::now() + ARRIVES_WITHIN;
        loop {
            let Some(delivery) = self.attempt().await? else { return Ok(Arrived::NothingToRepeat) };
            if delivery.ok {
                let ago = Stack::now().since(delivery.delivered_at).as_secs();
                return Ok(Arrived::Yes(format!(
                    "a {} arrived, {ago} s ago: {} {}",
                    delivery.event, delivery.status_code, delivery.status
                )));
            }
            if Instant::now() + AGAIN_AFTER > until {
                let said = self
                    .setup
                    .github
                    .get_delivery(&self.access, self.of, delivery.id)
                    .await
                    .map(|detail| detail.answer)
                    .unwrap_or_default();
                return Err(CliError::NotYet {
                    what: format!(
                        "no ping arrived within {} s: {} {} {said:?}",
                        ARRIVES_WITHIN.as_secs(),
                        delivery.status_code,
                        delivery.status
                    ),
                    next: "the logs of `webhook` say more; run the same command again when it is put right",
                });
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    /// One attempt, as GitHub's log has it afterwards; none if there is nothing that could be attempted.
    async fn attempt(&self) -> Result<Option<Delivery>, CliError> {
        let github = &self.setup.github;
        let failed = |error| CliError::github("asking GitHub for a ping", error);
        let before = self.log().await?;
        let known: BTreeSet<u64> = before.iter().map(|delivery| delivery.id).collect();
        // What is sent once more keeps its guid; a new ping is told by its event. Without either, GitHub's own first ping may still be on its way.
        let newest =
            |ping: bool| before.iter().filter(|delivery| !ping || delivery.event == PING).max_by_key(|delivery| delivery.delivered_at);
        let repeated = match self.of {
            HookLogOf::Hook(id) => {
                github.ping_webhook(&self.access, id).await.map_err(failed)?;
                None
            }
            HookLogOf::App => newest(true).or_else(|| newest(false)),
        };
        if let Some(last) = repeated {
            github.redeliver(&self.access, self.of, last.id).await.map_err(failed)?;
        }
        let asked_for = |delivery: &Delivery| match repeated {
            Some(last) => delivery.guid == last.guid,
            None => delivery.event == PING,
        };
        let until = Instant::now() + LOGGED_WITHIN;
        while Instant::now() < until {
            sleep(LOOK_EVERY).await;
            let fresh = self.log().await?.into_iter().filter(|delivery| !known.contains(&delivery.id) && asked_for(delivery));
            if let Some(found) = fresh.max_by_key(|delivery| delivery.id) {
                return Ok(Some(found));
            }
        }
        if repeated.is_none() && self.of == HookLogOf::App {
            return Ok(None);
        }
        Err(CliError::NotYet {
            what: format!("GitHub has not sent what it was asked for within {} s", LOGGED_WITHIN.as_secs()),
            next: "see githubstatus.com, and run the same command again",
        })
    }

    async fn log(&self) -> Result<Vec<Delivery>, CliError> {
        let read = self.setup.github.list_deliveries(&self.access, self.of, None).await;
        read.map(|(deliveries, _)| deliveries).map_err(|error| CliError::github("reading the log of deliveries", error))
    }
}

async fn known(setup: &Setup<'_>) {
    let _doing = setup.screen.doing(format!("waiting {} s until every process accepts the new secret", KNOWN_AFTER.as_secs()));
    sleep(KNOWN_AFTER).await;
}

/// A new secret, in hexadecimal digits: GitHub and the parameter store take any text.
fn random() -> Result<SecretString, CliError> {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| CliError::call("drawing random numbers", error))?;
    Ok(hex::encode(bytes).into())
}
