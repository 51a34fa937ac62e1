//! The secrets that sign webhook deliveries. All below the path are valid, however far, so that one can follow another without a gap: `setup` keeps the next
//! one below the one that it follows.

use super::cache::Cache;
use super::path::{Reach, below};
use crate::clock::SystemClock;
use crate::config::Aws;
use fargate_runners_use_cases::ports::{PortError, WebhookSecrets};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// The secrets below `/{stack}/webhook-secrets`. Clones share what was read.
#[derive(Clone, Debug)]
pub struct SecretParameters {
    aws: Aws,
    path: Arc<str>,
    kept: Arc<Cache<Arc<Vec<SecretString>>>>,
}

impl SecretParameters {
    /// The secrets of the stack of that name.
    #[must_use]
    pub fn new(aws: &Aws, stack_name: &str) -> Self {
        Self { aws: aws.clone(), path: format!("/{stack_name}/webhook-secrets").into(), kept: Arc::default() }
    }
}

impl WebhookSecrets for SecretParameters {
    async fn webhook_secrets(&self, max_age: Duration) -> Result<Arc<Vec<SecretString>>, PortError> {
        let read = async |_| {
            let found = below(&self.aws, &self.path, Reach::All).await?.into_iter().map(|(_, secret)| secret);
            // An empty secret would let anybody sign.
            Ok(Arc::new(found.filter(|secret| !secret.expose_secret().is_empty()).collect::<Vec<_>>()))
        };
        self.kept.get_or_read(max_age, &SystemClock, read).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Answers;
    use serde_json::json;

    #[tokio::test]
    async fn every_secret_but_an_empty_one_is_valid_and_none_is_printed() {
        let found = json!([{"Name": "/runners/webhook-secrets/a", "Value": "sesame"}, {"Name": "/runners/webhook-secrets/b", "Value": ""}]);
        let (answers, aws) = Answers::of([(200, json!({"Parameters": found}))]);
        let secrets = SecretParameters::new(&aws, "runners");
        let read = secrets.webhook_secrets(Duration::from_secs(60)).await.unwrap();
        assert_eq!(read.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>(), ["sesame"]);
        let request = &answers.requests()[0];
        assert!(request["WithDecryption"] == true && request["Recursive"] == true, "{request}");
        assert!(!format!("{read:?} {secrets:?}").contains("sesame"));
    }
}
