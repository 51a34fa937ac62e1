//! The two kinds of secrets as whoever sets a stack up reads and writes them: a GitHub credential, and what signs its webhook. No function does this.

use crate::config::Aws;
use crate::error::port_error;
use aws_sdk_ssm::operation::delete_parameter::DeleteParameterError;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::types::ParameterType;
use fargate_runners_core::ids::CredentialName;
use fargate_runners_use_cases::ports::PortError;
use secrecy::{ExposeSecret, SecretString};

/// Which secret is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupSecret {
    /// The credential itself, as JSON.
    Credential(CredentialName),
    /// What is to take its place, while that is not shown to work: no function reads it.
    NextCredential(CredentialName),
    /// What signs the deliveries of its webhook.
    Webhook(CredentialName),
    /// What will sign them next, while that is being changed: valid at the same time.
    NextWebhook(CredentialName),
}

/// The secrets of a stack, to be written.
#[derive(Clone, Debug)]
pub struct SetupParameters {
    aws: Aws,
    stack: String,
}

impl SetupParameters {
    /// The secrets of the stack of that name.
    #[must_use]
    pub fn new(aws: &Aws, stack_name: &str) -> Self {
        Self { aws: aws.clone(), stack: stack_name.to_owned() }
    }

    /// The parameter's name. What comes next lies below what it follows: no credential's name holds a slash, so that it is never another one's.
    #[must_use]
    pub fn name(&self, secret: &SetupSecret) -> String {
        match secret {
            SetupSecret::Credential(name) => format!("/{}/credentials/{name}", self.stack),
            SetupSecret::NextCredential(name) => format!("/{}/credentials/{name}/next", self.stack),
            SetupSecret::Webhook(name) => format!("/{}/webhook-secrets/{name}", self.stack),
            SetupSecret::NextWebhook(name) => format!("/{}/webhook-secrets/{name}/next", self.stack),
        }
    }

    /// What it holds, if it is there.
    pub async fn read(&self, secret: &SetupSecret) -> Result<Option<SecretString>, PortError> {
        let name = self.name(secret);
        match self.aws.ssm().get_parameter().name(&name).with_decryption(true).send().await {
            Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value).map(SecretString::from)),
            Err(error) => match error.as_service_error() {
                Some(GetParameterError::ParameterNotFound(_)) => Ok(None),
                _ => Err(port_error(format!("reading the parameter {name}"), error)),
            },
        }
    }

    /// Writes it, encrypted, over whatever was there.
    pub async fn write(&self, secret: &SetupSecret, value: &SecretString) -> Result<(), PortError> {
        let name = self.name(secret);
        let call = self.aws.ssm().put_parameter().name(&name).value(value.expose_secret()).overwrite(true);
        let sent = call.r#type(ParameterType::SecureString).send().await;
        sent.map(drop).map_err(|error| port_error(format!("writing the parameter {name}"), error))
    }

    /// Deletes it; one that is gone is well.
    pub async fn delete(&self, secret: &SetupSecret) -> Result<(), PortError> {
        let name = self.name(secret);
        match self.aws.ssm().delete_parameter().name(&name).send().await {
            Err(error) if !matches!(error.as_service_error(), Some(DeleteParameterError::ParameterNotFound(_))) => {
                Err(port_error(format!("deleting the parameter {name}"), error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use fargate_runners_use_cases::ports::chain;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[tokio::test]
    async fn a_secret_is_written_encrypted_and_told_by_its_name_only() {
        let (answers, aws) = Answers::of([(200, json!({})), (400, json!({"__type": "AccessDeniedException"}))]);
        let (parameters, name) = (SetupParameters::new(&aws, "runners"), CredentialName::parse("default").unwrap());
        let (secret, value) = (SetupSecret::NextWebhook(name), SecretString::from("sesame"));
        parameters.write(&secret, &value).await.unwrap();
        let request =
            json!({"Name": "/runners/webhook-secrets/default/next", "Value": "sesame", "Type": "SecureString", "Overwrite": true});
        assert_eq!(answers.requests(), [request]);
        let error = chain(&parameters.write(&secret, &value).await.unwrap_err());
        assert!(error.contains("/runners/webhook-secrets/default/next") && !error.contains("sesame"), "{error}");
    }

    #[test]
    fn what_comes_next_is_in_nobody_elses_parameter_whatever_credentials_are_called() {
        let (_, aws) = Answers::of([]);
        let parameters = SetupParameters::new(&aws, "runners");
        let kinds = [SetupSecret::Credential, SetupSecret::NextCredential, SetupSecret::Webhook, SetupSecret::NextWebhook];
        let called = ["a", "a.next", "next", "a.next.next", "a-next"].map(|name| CredentialName::parse(name).unwrap());
        let names = called.iter().flat_map(|name| kinds.map(|kind| parameters.name(&kind(name.clone()))));
        let names: Vec<String> = names.collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        // So that the slash keeps them apart.
        assert!(CredentialName::parse("a/next").is_err());
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_is_none_and_need_not_be_deleted() {
        let missing = || (400, json!({"__type": "ParameterNotFound"}));
        let (_, aws) = Answers::of([missing(), missing()]);
        let (parameters, name) = (SetupParameters::new(&aws, "runners"), CredentialName::parse("default").unwrap());
        assert!(parameters.read(&SetupSecret::Credential(name.clone())).await.unwrap().is_none());
        parameters.delete(&SetupSecret::Webhook(name)).await.unwrap();
    }
}
