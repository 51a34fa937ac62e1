//! The installation token as something that the processes of the functions share, and the place where they share it.

use crate::credential::AppCredential;
use crate::error::Failure;
use crate::limits::{TOKEN_EXPIRY_MARGIN, TOKEN_RENEWAL_MARGIN};
use crate::scope;
use fargate_runners_core::fleet::Scope;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::time::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The name under which a token is shared: the credential, and the account too when the installation is looked up by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenKey(String);

impl TokenKey {
    pub(crate) fn of(credential: &CredentialName, app: &AppCredential, scope: &Scope) -> Self {
        let [of_credential, of_account] = Self::possible(credential, scope);
        if app.installation_id.is_some() { of_credential } else { of_account }
    }

    /// The keys that it can be, before the credential is known: it says whether the installation is given.
    #[must_use]
    pub fn possible(credential: &CredentialName, scope: &Scope) -> [Self; 2] {
        [Self(credential.to_string()), Self(format!("{credential}.{}", scope::account(scope)))]
    }

    /// As text: letters, digits, `-`, `_` and `.` only.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An installation token and what it was made for. A debug print does not show the token.
#[derive(Clone, Debug)]
pub struct StoredToken {
    /// The token.
    pub token: SecretString,
    /// When GitHub stops accepting it.
    pub expires_at: Timestamp,
    /// The App that it was made for: a token outlives a replaced credential.
    pub app_id: String,
    /// The installation that it was made for.
    pub installation_id: u64,
    /// The API that made it.
    pub api_url: String,
}

#[derive(Deserialize)]
struct Written {
    token: String,
    expires_at: Timestamp,
    app_id: String,
    installation_id: u64,
    api_url: String,
}

impl StoredToken {
    /// As text to be stored; a secret.
    #[must_use]
    pub fn to_json(&self) -> SecretString {
        let json = json!({
            "token": self.token.expose_secret(), "expires_at": self.expires_at, "app_id": self.app_id,
            "installation_id": self.installation_id, "api_url": self.api_url,
        });
        SecretString::from(json.to_string())
    }

    /// From stored text; none if it is of another form, such as an older version's.
    #[must_use]
    pub fn from_json(json: &SecretString) -> Option<Self> {
        let Written { token, expires_at, app_id, installation_id, api_url } = serde_json::from_str(json.expose_secret()).ok()?;
        Some(Self { token: SecretString::from(token), expires_at, app_id, installation_id, api_url })
    }

    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        now + TOKEN_RENEWAL_MARGIN < self.expires_at
    }

    pub(crate) fn is_usable(&self, now: Timestamp) -> bool {
        now + TOKEN_EXPIRY_MARGIN < self.expires_at
    }

    pub(crate) fn is_same(&self, token: &SecretString) -> bool {
        self.token.expose_secret() == token.expose_secret()
    }
}

/// What went wrong in a store. It must not hold a token.
pub type StoreFailure = Failure;

/// Where the processes of the functions share installation tokens. What it holds is secret at rest and in its errors.
///
/// One process at a time exchanges: the one whose `begin_exchange` says `true`. The others look into the store until it is done.
pub trait TokenStore {
    /// The newest token under this key, expired or not.
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreFailure>;

    /// Takes the right to exchange until `until`, by one conditional write: it succeeds if nobody has the right at `now`.
    async fn begin_exchange(&self, key: &TokenKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreFailure>;

    /// Keeps the token, replacing any other, and then gives the right to exchange back.
    async fn store(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreFailure>;
}

impl<T: TokenStore> TokenStore for &T {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreFailure> {
        (**self).load(key).await
    }
    async fn begin_exchange(&self, key: &TokenKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreFailure> {
        (**self).begin_exchange(key, now, until).await
    }
    async fn store(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreFailure> {
        (**self).store(key, token).await
    }
}

/// A store within one process: for command lines and tests. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryTokenStore {
    places: Arc<Mutex<HashMap<TokenKey, Place>>>,
}

#[derive(Debug, Default)]
struct Place {
    token: Option<StoredToken>,
    exchange_until: Option<Timestamp>,
}

impl MemoryTokenStore {
    fn place<R>(&self, key: &TokenKey, act: impl FnOnce(&mut Place) -> R) -> R {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        act(places.entry(key.clone()).or_default())
    }
}

impl TokenStore for MemoryTokenStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreFailure> {
        Ok(self.place(key, |place| place.token.clone()))
    }

    async fn begin_exchange(&self, key: &TokenKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreFailure> {
        Ok(self.place(key, |place| {
            let free = place.exchange_until.is_none_or(|taken| taken <= now);
            if free {
                place.exchange_until = Some(until);
            }
            free
        }))
    }

    async fn store(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreFailure> {
        self.place(key, |place| *place = Place { token: Some(token.clone()), exchange_until: None });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(expires_at: u64) -> StoredToken {
        StoredToken {
            token: SecretString::from("sesame"),
            expires_at: Timestamp::from_secs(expires_at),
            app_id: "1".to_owned(),
            installation_id: 2,
            api_url: "https://api.github.com".to_owned(),
        }
    }

    #[test]
    fn a_stored_token_comes_back_and_is_not_printed() {
        let back = StoredToken::from_json(&token(10_000).to_json());
        let shown = format!("{back:?}");
        assert!(shown.contains("api.github.com") && !shown.contains("sesame"), "{shown}");
        assert!(back.is_some_and(|back| back.is_same(&token(0).token) && back.expires_at == Timestamp::from_secs(10_000)));
        assert!(StoredToken::from_json(&SecretString::from("{}")).is_none());
    }

    #[test]
    fn a_token_is_renewed_before_it_is_unusable() {
        let token = token(10_000);
        let at = Timestamp::from_secs;
        assert!(token.is_fresh(at(9_699)) && !token.is_fresh(at(9_700)));
        assert!(token.is_usable(at(9_939)) && !token.is_usable(at(9_940)));
    }
}
