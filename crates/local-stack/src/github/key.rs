//! A key pair for an App that exists for one run.

use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use secrecy::SecretString;

/// What GitHub's own keys have.
const BITS: usize = 2048;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum AppKeyError {
    /// The machine gave no randomness, or no primes were found.
    #[error("no RSA key could be made")]
    Generate(#[from] rsa::Error),
    /// The key could not be written down.
    #[error("the private key could not be encoded")]
    Private(#[from] rsa::pkcs1::Error),
    /// The key could not be written down.
    #[error("the public key could not be encoded")]
    Public(#[from] rsa::pkcs8::spki::Error),
}

/// The two halves of an App's key.
pub struct AppKey {
    private_pem: SecretString,
    public_pem: String,
}

impl AppKey {
    /// Makes one. It takes up to a second or two.
    pub fn generate() -> Result<Self, AppKeyError> {
        let private = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, BITS)?;
        let private_pem = private.to_pkcs1_pem(LineEnding::LF)?.to_string();
        Ok(Self { private_pem: private_pem.into(), public_pem: private.to_public_key().to_public_key_pem(LineEnding::LF)? })
    }

    /// What an App's owner downloads from GitHub.
    #[must_use]
    pub fn private_pem(&self) -> &SecretString {
        &self.private_pem
    }

    /// What GitHub keeps.
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }
}
