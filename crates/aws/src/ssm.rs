//! What stands in the parameter store: the fleets' descriptions, the secrets that sign webhooks, and GitHub's credentials. Each is kept in the process
//! with the time at which it was read, and read again when it is older than asked for.

mod cache;
mod credentials;
mod fleets;
mod path;
mod secrets;
mod setup;

pub use credentials::CredentialParameters;
#[cfg(feature = "token-store")]
pub(crate) use credentials::read;
pub use fleets::FleetParameters;
pub use secrets::SecretParameters;
pub use setup::{SetupParameters, SetupSecret};
