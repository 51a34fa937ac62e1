//! GitHub's credentials, each in a parameter of its own. What one holds is handed on unread.
//!
//! Whoever wants a credential wants the installation token next, whose name follows from what the credential says. It can be one of two, so that a process
//! that reads a credential for the first time asks for both as well, in the same call.

use super::cache::Cache;
use super::named::read;
use crate::clock::SystemClock;
use crate::config::Aws;
use crate::token_store::{Brought, SharedTokens};
use fargate_runners_core::fleet::Scope;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{Credentials, TokenKey};
use fargate_runners_use_cases::ports::{PortError, Retry};
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The credentials below `/{stack}/credentials`. Clones share what was read.
#[derive(Clone, Debug)]
pub struct CredentialParameters {
    aws: Aws,
    path: Arc<str>,
    tokens: SharedTokens,
    kept: Arc<Mutex<HashMap<CredentialName, Arc<Cache<SecretString>>>>>,
}

impl CredentialParameters {
    /// The credentials of the stack of that name, which bring along what they can of its tokens.
    #[must_use]
    pub fn new(aws: &Aws, stack_name: &str, tokens: &SharedTokens) -> Self {
        Self { aws: aws.clone(), path: format!("/{stack_name}/credentials").into(), tokens: tokens.clone(), kept: Arc::default() }
    }

    async fn read(&self, name: &CredentialName, scope: &Scope, now: Timestamp) -> Result<SecretString, PortError> {
        let what = || format!("reading the credential {name}");
        let parameter = format!("{}/{name}", self.path);
        let tokens = self.tokens.not_yet_asked_for(TokenKey::possible(name, scope));
        let token_parameters: Vec<String> = tokens.iter().map(|key| self.tokens.parameter(key)).collect();
        let found = match read(&self.aws, std::iter::once(&parameter).chain(&token_parameters), what).await {
            Ok(mut found) => {
                for (key, parameter) in tokens.into_iter().zip(&token_parameters) {
                    self.tokens.bring(key, Brought { at: now, json: found.remove(parameter) });
                }
                found.remove(&parameter)
            }
            // One that may not be read or cannot be decrypted spoils the whole call, and a token must not keep the credential away.
            Err(PortError { retry: Retry::Never, .. }) if !tokens.is_empty() => {
                read(&self.aws, [&parameter], what).await?.remove(&parameter)
            }
            Err(error) => return Err(error),
        };
        found.ok_or_else(|| PortError::new(what(), Retry::Never, format!("there is no parameter {parameter}")))
    }
}

impl Credentials for CredentialParameters {
    async fn credential(&self, name: &CredentialName, scope: &Scope, max_age: Duration) -> Result<SecretString, PortError> {
        let kept = Arc::clone(self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default());
        kept.get_or_read(max_age, &SystemClock, |now| self.read(name, scope, now)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use fargate_runners_github::{StoredToken, TokenStore};
    use fargate_runners_use_cases::ports::chain;
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    const CREDENTIAL: &str = "/runners/credentials/default";
    const OF_CREDENTIAL: &str = "/runners/tokens/default";
    const OF_ACCOUNT: &str = "/runners/tokens/default.octo-org";

    fn stack(answers: impl IntoIterator<Item = (u16, Value)>) -> (Answers, SharedTokens, CredentialParameters) {
        let (answers, aws) = Answers::of(answers);
        let tokens = SharedTokens::new(&aws, "runners", "table");
        let credentials = CredentialParameters::new(&aws, "runners", &tokens);
        (answers, tokens, credentials)
    }

    fn held(parameters: &[(&str, &str)]) -> (u16, Value) {
        let found: Vec<Value> = parameters.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        (200, json!({"Parameters": found}))
    }

    fn token(text: &str) -> String {
        json!({"token": text, "expires_at": 1, "app_id": "1", "installation_id": 2, "api_url": "https://api.github.com"}).to_string()
    }

    fn shown(token: Option<&StoredToken>) -> Option<&str> {
        token.map(|token| token.token.expose_secret())
    }

    fn asked(answers: &Answers) -> Vec<Value> {
        answers.requests().iter().map(|request| request["Names"].clone()).collect()
    }

    fn default() -> CredentialName {
        CredentialName::parse("default").unwrap()
    }

    fn keys() -> [TokenKey; 2] {
        TokenKey::possible(&default(), &scope())
    }

    fn scope() -> Scope {
        Scope::parse("org/Octo-Org").unwrap()
    }

    #[tokio::test]
    async fn a_credential_is_kept_for_as_long_as_the_caller_allows() {
        let (answers, _, credentials) = stack([held(&[(CREDENTIAL, "old")]), held(&[(CREDENTIAL, "new")])]);
        for (max_age, expected) in [(Duration::from_secs(300), "old"), (Duration::from_secs(300), "old"), (Duration::ZERO, "new")] {
            assert_eq!(credentials.credential(&default(), &scope(), max_age).await.unwrap().expose_secret(), expected);
        }
        // The tokens come along the first time only.
        assert_eq!(asked(&answers), [json!([CREDENTIAL, OF_CREDENTIAL, OF_ACCOUNT]), json!([CREDENTIAL])]);
        assert!(answers.requests().iter().all(|request| request["WithDecryption"] == true));
    }

    #[tokio::test]
    async fn a_missing_credential_is_named_by_its_parameter() {
        let (_, _, credentials) = stack([(200, json!({"Parameters": [], "InvalidParameters": [CREDENTIAL, OF_CREDENTIAL, OF_ACCOUNT]}))]);
        let error = credentials.credential(&default(), &scope(), Duration::ZERO).await.unwrap_err();
        assert_eq!(chain(&error), "reading the credential default failed: there is no parameter /runners/credentials/default");
    }

    #[tokio::test]
    async fn the_token_that_came_along_answers_the_first_question_about_it_and_no_other() {
        let both = held(&[(OF_ACCOUNT, &token("brought")), (CREDENTIAL, "sesame")]);
        let (answers, tokens, credentials) = stack([both, held(&[(OF_ACCOUNT, &token("renewed"))]), held(&[(CREDENTIAL, "sesame")])]);
        credentials.credential(&default(), &scope(), Duration::ZERO).await.unwrap();
        let [of_credential, of_account] = keys();
        assert_eq!(shown(tokens.load(&of_account).await.unwrap().as_ref()), Some("brought"));
        assert_eq!(shown(tokens.clone().load(&of_account).await.unwrap().as_ref()), Some("renewed"));
        // That there is none was brought too.
        assert!(tokens.load(&of_credential).await.unwrap().is_none());
        credentials.credential(&default(), &scope(), Duration::ZERO).await.unwrap();
        assert_eq!(asked(&answers), [json!([CREDENTIAL, OF_CREDENTIAL, OF_ACCOUNT]), json!([OF_ACCOUNT]), json!([CREDENTIAL])]);
        assert!(!format!("{tokens:?} {credentials:?}").contains("sesame"));
    }

    #[tokio::test]
    async fn a_token_that_cannot_be_read_does_not_keep_the_credential_away() {
        let denied = || (400, json!({"__type": "AccessDeniedException"}));
        let (answers, tokens, credentials) = stack([denied(), held(&[(CREDENTIAL, "sesame")]), denied()]);
        assert_eq!(credentials.credential(&default(), &scope(), Duration::ZERO).await.unwrap().expose_secret(), "sesame");
        let [of_credential, _] = keys();
        let error = tokens.load(&of_credential).await.unwrap_err();
        assert!(error.to_string().contains("reading the shared token default"), "{error}");
        assert_eq!(asked(&answers), [json!([CREDENTIAL, OF_CREDENTIAL, OF_ACCOUNT]), json!([CREDENTIAL]), json!([OF_CREDENTIAL])]);
    }
}
