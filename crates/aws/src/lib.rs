//! The adapters to AWS: the ledger, the pace of mints and the healers' memory over DynamoDB, capacity and a survey over ECS, events over EventBridge and
//! SQS, descriptions and secrets over the parameter store.
//!
//! Each turns what its service says into what the ports mean: "already gone" is success, a failed condition is a conflict, a throttled call is told
//! from one whose effect nobody knows. What it must never do: decide anything, wait longer than the limits in [`limits`], look for credentials or
//! settings anywhere but in the environment, or let a secret into an error.
//!
//! Each service is behind a cargo feature of its own, so that no function carries a client that it does not use.

mod clock;
mod config;
mod http;
pub mod limits;

#[cfg(any(feature = "dynamodb", feature = "ecs", feature = "eventbridge", feature = "sqs", feature = "ssm"))]
mod error;

#[cfg(feature = "dynamodb")]
mod dynamodb;
#[cfg(feature = "ecs")]
mod ecs;
#[cfg(feature = "eventbridge")]
mod eventbridge;
#[cfg(feature = "sqs")]
mod sqs;
#[cfg(feature = "ssm")]
mod ssm;
#[cfg(feature = "token-store")]
mod token_store;

#[cfg(test)]
mod testing;

pub use clock::SystemClock;
pub use config::{Aws, ConfigError};
pub use http::Pool;

#[cfg(feature = "dynamodb")]
pub use dynamodb::{DynamoLedger, DynamoMemory, DynamoPace, History, Kind};
#[cfg(feature = "ecs")]
pub use ecs::Ecs;
#[cfg(feature = "eventbridge")]
pub use eventbridge::EventBus;
#[cfg(feature = "sqs")]
pub use sqs::{DeadLetterQueue, DeadLetterReader, DeadLetterUrls, FleetFifo, RetryLater, WakeUpQueue};
#[cfg(feature = "token-store")]
pub use ssm::CredentialParameters;
#[cfg(feature = "ssm")]
pub use ssm::{FleetParameters, SecretParameters, SetupParameters, SetupSecret};
#[cfg(feature = "token-store")]
pub use token_store::SharedTokens;
