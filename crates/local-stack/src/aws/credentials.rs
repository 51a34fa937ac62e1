//! Who calls. The secret parts cannot be printed by accident.

use secrecy::SecretString;

/// An access key, with a session token where it is temporary.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The part that stands in every signature.
    pub access_key_id: String,
    /// The part that signs.
    pub secret_access_key: SecretString,
    /// The part that temporary credentials send along.
    pub session_token: Option<SecretString>,
    /// Until when they are good, in ISO 8601.
    pub expiration: Option<String>,
}

impl Credentials {
    /// The emulator's administrator, whose key everybody knows.
    #[must_use]
    pub fn test() -> Self {
        Self { access_key_id: "test".to_owned(), secret_access_key: SecretString::from("test"), session_token: None, expiration: None }
    }
}
