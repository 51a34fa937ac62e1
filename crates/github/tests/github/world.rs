//! What the tests need besides a server: a clock that moves when told to, an App with a key made on the spot, and shorthands.

use crate::server::Server;
use fargate_runners_core::fleet::Scope;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{Access, ApiUrl, Credential, GithubClient, Http, MemoryTokenStore, Surroundings};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey, LineEnding};
use rsa::pkcs8::EncodePublicKey;
use secrecy::SecretString;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::Notify;

pub const START: Timestamp = Timestamp::from_secs(1_750_000_000);
/// `START` in GitHub's writing, an hour later.
pub const IN_AN_HOUR: &str = "2025-06-15T16:06:40Z";
pub const PAT: &str = "ghp_patSecret";

/// Time passes only by pauses and by `pass`.
#[derive(Clone, Debug, Default)]
pub struct World {
    passed_millis: Arc<AtomicU64>,
    pauses: Arc<AtomicU64>,
    /// If set, a pause takes this long, whatever was asked for.
    pauses_take: Option<Duration>,
    /// If set, a pause lasts until it is notified.
    pause_ends: Option<Arc<Notify>>,
}

impl World {
    pub fn whose_pauses_last_until(end: &Arc<Notify>) -> Self {
        Self { pause_ends: Some(end.clone()), ..Self::default() }
    }

    pub fn whose_pauses_take(world: &Self, duration: Duration) -> Self {
        Self { pauses_take: Some(duration), ..world.clone() }
    }

    pub fn pass(&self, duration: Duration) {
        self.passed_millis.fetch_add(u64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn pauses(&self) -> u64 {
        self.pauses.load(Ordering::SeqCst)
    }
}

impl Surroundings for World {
    fn now(&self) -> Timestamp {
        START + Duration::from_millis(self.passed_millis.load(Ordering::SeqCst))
    }

    fn random(&self) -> u64 {
        7
    }

    async fn pause(&self, duration: Duration) {
        self.pauses.fetch_add(1, Ordering::SeqCst);
        self.pass(self.pauses_take.unwrap_or(duration));
        if let Some(end) = &self.pause_ends {
            end.notified().await;
        }
    }
}

static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| RsaPrivateKey::new(&mut rand_core::OsRng, 2048).expect("a key"));

pub fn private_pem() -> String {
    KEY.to_pkcs1_pem(LineEnding::LF).expect("PEM").to_string()
}

pub fn public_pem() -> String {
    KEY.to_public_key().to_public_key_pem(LineEnding::LF).expect("PEM")
}

pub fn pat(server: &Server, scope: &str) -> Access {
    access(server, scope, &json!({"kind": "pat", "token": PAT}))
}

pub fn app(server: &Server, scope: &str, installation_id: Option<u64>) -> Access {
    access(server, scope, &json!({"kind": "app", "app_id": "123", "private_key": private_pem(), "installation_id": installation_id}))
}

fn access(server: &Server, scope: &str, credential: &serde_json::Value) -> Access {
    Access {
        api: ApiUrl::parse(&server.url).expect("an address"),
        scope: Scope::parse(scope).expect("a scope"),
        credential_name: CredentialName::parse("default").expect("a name"),
        credential: Credential::parse(&SecretString::from(credential.to_string())).expect("a credential"),
    }
}

pub type Client = GithubClient<MemoryTokenStore, World>;

pub fn client(world: &World) -> Client {
    client_over(&MemoryTokenStore::default(), world)
}

pub fn client_over(store: &MemoryTokenStore, world: &World) -> Client {
    GithubClient::new(Http::new(), store.clone(), world.clone())
}

/// Everything that an error shows: its message, its sources, and its debug print.
pub fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    let chain: Vec<String> = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    format!("{} / {error:?}", chain.join(": "))
}
