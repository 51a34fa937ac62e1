//! GitHub's credentials, each in a parameter of its own. What one holds is handed on unread.

use super::cache::Cache;
use crate::clock::SystemClock;
use crate::config::Aws;
use crate::error::port_error;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_use_cases::ports::{Clock, PortError, Retry};
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The credentials below `/{stack}/credentials`. Clones share what was read.
#[derive(Clone, Debug)]
pub struct CredentialParameters {
    aws: Aws,
    path: Arc<str>,
    kept: Arc<Mutex<HashMap<CredentialName, Arc<Cache<SecretString>>>>>,
}

impl CredentialParameters {
    /// The credentials of the stack of that name.
    #[must_use]
    pub fn new(aws: &Aws, stack_name: &str) -> Self {
        Self { aws: aws.clone(), path: format!("/{stack_name}/credentials").into(), kept: Arc::default() }
    }

    /// The credential's JSON as it was at most `max_age` ago.
    pub async fn load(&self, name: &CredentialName, max_age: Duration) -> Result<SecretString, PortError> {
        let now = SystemClock.now();
        let kept = Arc::clone(self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default());
        if let Some(json) = kept.get(max_age, now) {
            return Ok(json);
        }
        let parameter = format!("{}/{name}", self.path);
        let what = || format!("reading the credential {name}");
        let json = read(&self.aws, &parameter, what).await?;
        let json = json.ok_or_else(|| PortError::new(what(), Retry::Never, format!("there is no parameter {parameter}")))?;
        kept.keep(now, json.clone());
        Ok(json)
    }
}

#[cfg(feature = "token-store")]
impl fargate_runners_github::Credentials for CredentialParameters {
    async fn credential(&self, name: &CredentialName, max_age: Duration) -> Result<SecretString, PortError> {
        self.load(name, max_age).await
    }
}

/// A secret parameter, if it is there.
pub(crate) async fn read(aws: &Aws, parameter: &str, what: impl FnOnce() -> String) -> Result<Option<SecretString>, PortError> {
    match aws.ssm().get_parameter().name(parameter).with_decryption(true).send().await {
        Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value).map(SecretString::from)),
        Err(error) => match error.as_service_error() {
            Some(GetParameterError::ParameterNotFound(_)) => Ok(None),
            _ => Err(port_error(what(), error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use fargate_runners_use_cases::ports::chain;
    use secrecy::ExposeSecret;
    use serde_json::json;

    #[tokio::test]
    async fn a_credential_is_kept_for_as_long_as_the_caller_allows() {
        let held = |value: &str| (200, json!({"Parameter": {"Value": value}}));
        let (answers, aws) = Answers::of([held("old"), held("new")]);
        let (credentials, name) = (CredentialParameters::new(&aws, "runners"), CredentialName::parse("default").unwrap());
        for (max_age, expected) in [(Duration::from_secs(300), "old"), (Duration::from_secs(300), "old"), (Duration::ZERO, "new")] {
            assert_eq!(credentials.load(&name, max_age).await.unwrap().expose_secret(), expected);
        }
        let request = json!({"Name": "/runners/credentials/default", "WithDecryption": true});
        assert_eq!(answers.requests(), [request.clone(), request]);
    }

    #[tokio::test]
    async fn a_missing_credential_is_named_by_its_parameter() {
        let (_, aws) = Answers::of([(400, json!({"__type": "ParameterNotFound"}))]);
        let credentials = CredentialParameters::new(&aws, "runners");
        let error = credentials.load(&CredentialName::parse("default").unwrap(), Duration::ZERO).await.unwrap_err();
        assert_eq!(chain(&error), "reading the credential default failed: there is no parameter /runners/credentials/default");
    }
}
