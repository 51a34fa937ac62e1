//! The settings of the SDK's clients, from the environment and nothing else: no profile, no instance metadata, no single sign-on. A function has its
//! region and its role's credentials in its environment; whatever else the SDK could ask would only cost time in a cold start.

use crate::http::Pool;
use crate::limits::{ATTEMPT, ATTEMPTS, BACKOFF, CONNECT, OPERATION};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::HttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::StalledStreamProtectionConfig;
use std::fmt;
use std::sync::Arc;
#[cfg(any(feature = "dynamodb", feature = "ecs", feature = "eventbridge", feature = "sqs", feature = "ssm"))]
use std::sync::OnceLock;

/// Why there can be no clients.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
}

/// The way to AWS: one pool of connections, and a client for each service, made when it is first used. Clones share both.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

struct Inner {
    config: SdkConfig,
    endpoints: Endpoints,
    #[cfg(feature = "dynamodb")]
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    #[cfg(feature = "ecs")]
    ecs: OnceLock<aws_sdk_ecs::Client>,
    #[cfg(feature = "eventbridge")]
    eventbridge: OnceLock<aws_sdk_eventbridge::Client>,
    #[cfg(feature = "sqs")]
    sqs: OnceLock<aws_sdk_sqs::Client>,
    #[cfg(feature = "ssm")]
    ssm: OnceLock<aws_sdk_ssm::Client>,
}

impl Aws {
    /// Takes region, credentials and endpoints (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_ECS`, …) from the environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same, from variables given otherwise.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::with_http(variable, Pool::new()?)
    }

    pub(crate) fn with_http(variable: impl Fn(&str) -> Option<String>, http: impl HttpClient + 'static) -> Result<Self, ConfigError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let needed = |name: &'static str| variable(name).ok_or(ConfigError::Missing(name));
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).ok_or(ConfigError::Missing("AWS_REGION"))?;
        let credentials = Credentials::new(
            needed("AWS_ACCESS_KEY_ID")?,
            needed("AWS_SECRET_ACCESS_KEY")?,
            variable("AWS_SESSION_TOKEN"),
            None,
            "Environment",
        );
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION).build();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(BACKOFF))
            // It watches downloads; answers here are short, and an attempt has a time limit.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Ok(Self::from_config(config, variable))
    }

    /// The same over settings that somebody else has found, such as a person's profile; endpoints still come from the environment.
    pub fn from_config(config: SdkConfig, variable: impl Fn(&str) -> Option<String>) -> Self {
        let inner = Inner {
            config,
            endpoints: Endpoints::new(|name| variable(name).filter(|value| !value.is_empty())),
            #[cfg(feature = "dynamodb")]
            dynamodb: OnceLock::new(),
            #[cfg(feature = "ecs")]
            ecs: OnceLock::new(),
            #[cfg(feature = "eventbridge")]
            eventbridge: OnceLock::new(),
            #[cfg(feature = "sqs")]
            sqs: OnceLock::new(),
            #[cfg(feature = "ssm")]
            ssm: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }
}

macro_rules! client {
    ($feature:literal, $name:ident, $sdk:ident) => {
        #[cfg(feature = $feature)]
        impl Aws {
            pub(crate) fn $name(&self) -> &$sdk::Client {
                self.inner.$name.get_or_init(|| {
                    let mut builder = $sdk::config::Builder::from(&self.inner.config);
                    builder.set_endpoint_url(self.inner.endpoints.$name.clone());
                    $sdk::Client::from_conf(builder.build())
                })
            }
        }
    };
}

client!("dynamodb", dynamodb, aws_sdk_dynamodb);
client!("ecs", ecs, aws_sdk_ecs);
client!("eventbridge", eventbridge, aws_sdk_eventbridge);
client!("sqs", sqs, aws_sdk_sqs);
client!("ssm", ssm, aws_sdk_ssm);

/// Where the services are, if not where the SDK knows them to be. The names are the SDKs' own: one for all, and one for each that goes before it.
#[derive(Debug)]
struct Endpoints {
    #[cfg(feature = "dynamodb")]
    dynamodb: Option<String>,
    #[cfg(feature = "ecs")]
    ecs: Option<String>,
    #[cfg(feature = "eventbridge")]
    eventbridge: Option<String>,
    #[cfg(feature = "sqs")]
    sqs: Option<String>,
    #[cfg(feature = "ssm")]
    ssm: Option<String>,
}

impl Endpoints {
    fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        #[cfg_attr(
            not(any(feature = "dynamodb", feature = "ecs", feature = "eventbridge", feature = "sqs", feature = "ssm")),
            expect(unused_variables, reason = "no service, no endpoint")
        )]
        let of = |name: &str| variable(name).or_else(|| variable("AWS_ENDPOINT_URL"));
        Self {
            #[cfg(feature = "dynamodb")]
            dynamodb: of("AWS_ENDPOINT_URL_DYNAMODB"),
            #[cfg(feature = "ecs")]
            ecs: of("AWS_ENDPOINT_URL_ECS"),
            #[cfg(feature = "eventbridge")]
            eventbridge: of("AWS_ENDPOINT_URL_EVENTBRIDGE"),
            #[cfg(feature = "sqs")]
            sqs: of("AWS_ENDPOINT_URL_SQS"),
            #[cfg(feature = "ssm")]
            ssm: of("AWS_ENDPOINT_URL_SSM"),
        }
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.inner.config.region()).field("endpoints", &self.inner.endpoints).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(variables: &[(&str, &str)]) -> Result<Aws, ConfigError> {
        Aws::from_variables(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    const CREDENTIALS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "sesame")];

    #[test]
    fn a_variable_that_is_missing_is_named() {
        for (variables, says) in [
            (vec![], "AWS_REGION is not set"),
            (vec![("AWS_REGION", "eu-west-1")], "AWS_ACCESS_KEY_ID is not set"),
            (vec![("AWS_REGION", ""), CREDENTIALS[0], CREDENTIALS[1]], "AWS_REGION is not set"),
        ] {
            let error = aws(&variables).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[cfg(all(feature = "ecs", feature = "sqs"))]
    #[test]
    fn a_services_own_endpoint_goes_before_the_one_for_all_and_no_secret_is_printed() {
        let endpoints = [("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_ECS", "http://ecs"), ("AWS_REGION", "eu-west-1")];
        let aws = aws(&[&endpoints[..], &CREDENTIALS[..]].concat()).unwrap();
        assert_eq!(aws.inner.endpoints.ecs.as_deref(), Some("http://ecs"));
        assert_eq!(aws.inner.endpoints.sqs.as_deref(), Some("http://all"));
        assert!(!format!("{aws:?}").contains("sesame"));
    }
}
