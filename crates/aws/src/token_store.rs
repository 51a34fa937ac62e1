//! Where the functions share GitHub's installation tokens: the token in a secret parameter, the right to exchange in an item of the ledger's table.

mod brought;

pub(crate) use brought::Brought;

use crate::clock::SystemClock;
use crate::config::Aws;
use crate::dynamodb::{number, text};
use crate::error::{port_error, port_error_without_words};
use crate::ssm::named;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_ssm::types::ParameterType;
use brought::FirstAnswers;
use fargate_runners_core::time::Timestamp;
use fargate_runners_github::{StoreFailure, StoredToken, TokenKey, TokenStore};
use fargate_runners_use_cases::ports::Clock;
use secrecy::ExposeSecret;
use std::sync::Arc;

/// The tokens below `/{stack}/tokens`. Clones share the clients, and what was brought with a credential.
#[derive(Clone, Debug)]
pub struct SharedTokens {
    aws: Aws,
    path: String,
    table: String,
    first: Arc<FirstAnswers>,
}

impl SharedTokens {
    /// The tokens of the stack of that name, with the right to exchange in that table.
    #[must_use]
    pub fn new(aws: &Aws, stack_name: &str, table: impl Into<String>) -> Self {
        Self { aws: aws.clone(), path: format!("/{stack_name}/tokens"), table: table.into(), first: Arc::default() }
    }

    /// The parameter of that token.
    pub(crate) fn parameter(&self, key: &TokenKey) -> String {
        format!("{}/{key}", self.path)
    }

    /// Those tokens that this process has not read yet, so that they may be brought.
    pub(crate) fn not_yet_asked_for(&self, keys: impl IntoIterator<Item = TokenKey>) -> Vec<TokenKey> {
        self.first.unknown(keys)
    }

    /// Keeps what was read of a token together with its credential, for the first question about it.
    pub(crate) fn bring(&self, key: TokenKey, brought: Brought) {
        self.first.keep(key, brought);
    }
}

impl TokenStore for SharedTokens {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreFailure> {
        let json = if let Some(brought) = self.first.take(key, SystemClock.now()) {
            brought.json
        } else {
            let parameter = self.parameter(key);
            named::read(&self.aws, [&parameter], || format!("reading the shared token {key}")).await?.remove(&parameter)
        };
        Ok(json.as_ref().and_then(StoredToken::from_json))
    }

    async fn begin_exchange(&self, key: &TokenKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreFailure> {
        let call = self
            .aws
            .dynamodb()
            .put_item()
            .table_name(&self.table)
            .item("pk", text(format!("CREDENTIAL#{key}")))
            .item("sk", text("EXCHANGE"))
            .item("until", number(until.as_millis()))
            .item("expires", number(until.as_secs() + 1))
            .condition_expression("attribute_not_exists(#until) OR #until <= :now")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", number(now.as_millis()));
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(port_error(format!("taking the right to exchange the token {key}"), error).into()),
            },
        }
    }

    async fn store(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreFailure> {
        let call = self.aws.ssm().put_parameter().name(self.parameter(key)).r#type(ParameterType::SecureString);
        let call = call.value(token.to_json().expose_secret()).overwrite(true);
        call.send().await.map_err(|error| port_error_without_words(format!("sharing the token {key}"), &error))?;
        let call = self
            .aws
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key("pk", text(format!("CREDENTIAL#{key}")))
            .key("sk", text("EXCHANGE"))
            .update_expression("SET #until = :over")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":over", number(0));
        call.send().await.map_err(|error| port_error(format!("giving back the right to exchange the token {key}"), error))?;
        Ok(())
    }
}
