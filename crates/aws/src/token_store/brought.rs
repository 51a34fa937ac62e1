//! What was read of the tokens together with their credential, for the first question about each.

use crate::limits::OPERATION;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::TokenKey;
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A parameter as it was read for somebody else; none if it was not there.
#[derive(Debug)]
pub(crate) struct Brought {
    /// When it was asked for.
    pub(crate) at: Timestamp,
    /// What it held.
    pub(crate) json: Option<SecretString>,
}

/// What was brought, and about what was asked. Only the first question about a token in the life of a process may be answered from here, since whoever asks
/// again wants to know what others have done in the meantime.
#[derive(Debug, Default)]
pub(super) struct FirstAnswers(Mutex<HashMap<TokenKey, Option<Brought>>>);

impl FirstAnswers {
    /// Those of the keys about which nobody has asked and nothing was brought.
    pub(super) fn unknown(&self, keys: impl IntoIterator<Item = TokenKey>) -> Vec<TokenKey> {
        let known = self.known();
        keys.into_iter().filter(|key| !known.contains_key(key)).collect()
    }

    /// Keeps what was brought, unless somebody has asked in the meantime.
    pub(super) fn keep(&self, key: TokenKey, brought: Brought) {
        self.known().entry(key).or_insert(Some(brought));
    }

    /// Takes what was brought, for the first who asks. What is older than an answer to the question itself could be, is of no use.
    pub(super) fn take(&self, key: &TokenKey, now: Timestamp) -> Option<Brought> {
        let brought = self.known().insert(key.clone(), None).flatten();
        brought.filter(|brought| brought.at <= now && now.since(brought.at) < OPERATION)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<TokenKey, Option<Brought>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_core::fleet::Scope;
    use fargate_runners_core::ids::CredentialName;
    use secrecy::ExposeSecret;
    use std::time::Duration;

    const AT: Timestamp = Timestamp::from_secs(100);

    fn keys() -> [TokenKey; 2] {
        TokenKey::possible(&CredentialName::parse("default").unwrap(), &Scope::parse("org/octo-org").unwrap())
    }

    fn brought(text: &str) -> Brought {
        Brought { at: AT, json: Some(SecretString::from(text)) }
    }

    #[test]
    fn only_the_first_question_is_answered_by_what_was_brought() {
        let (answers, [key, other]) = (FirstAnswers::default(), keys());
        assert_eq!(answers.unknown(keys()), keys());
        answers.keep(key.clone(), brought("sesame"));
        assert_eq!(answers.unknown(keys()), [other]);
        let taken = answers.take(&key, AT).and_then(|brought| brought.json);
        assert_eq!(taken.as_ref().map(ExposeSecret::expose_secret), Some("sesame"));
        assert!(answers.take(&key, AT).is_none());
    }

    /// Two read the credential at once: while the second's answer is on its way, the first may have taken the right to exchange.
    #[test]
    fn what_is_brought_after_the_first_question_is_of_no_use() {
        let (answers, [key, _]) = (FirstAnswers::default(), keys());
        assert!(answers.take(&key, AT).is_none());
        answers.keep(key.clone(), brought("sesame"));
        assert!(answers.take(&key, AT).is_none());
    }

    #[test]
    fn what_was_brought_long_ago_or_in_the_future_is_of_no_use() {
        for (now, useful) in [
            (AT, true),
            (AT + OPERATION.saturating_sub(Duration::from_millis(1)), true),
            (AT + OPERATION, false),
            (Timestamp::from_secs(99), false),
        ] {
            let (answers, [key, _]) = (FirstAnswers::default(), keys());
            answers.keep(key.clone(), brought("sesame"));
            assert_eq!(answers.take(&key, now).is_some(), useful, "{now:?}");
        }
    }
}
