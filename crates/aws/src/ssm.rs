//! What stands in the parameter store: the fleets' descriptions, the secrets that sign webhooks, and GitHub's credentials. Each is kept in the process
//! with the time at which it was read, and read again when it is older than asked for.

mod cache;
#[cfg(feature = "token-store")]
mod credentials;
mod fleets;
#[cfg(feature = "token-store")]
pub(crate) mod named;
mod path;
mod secrets;
mod setup;

#[cfg(feature = "token-store")]
pub use credentials::CredentialParameters;
pub use fleets::FleetParameters;
pub use secrets::SecretParameters;
pub use setup::{SetupParameters, SetupSecret};
