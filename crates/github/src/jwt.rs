//! The JSON Web Token by which an App proves itself, for one exchange. Pure: the time comes in.

use crate::credential::{AppCredential, CredentialError};
use crate::limits::{JWT_BACKDATE, JWT_LIFE};
use fargate_runners_core::time::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

#[derive(Serialize)]
struct Claims<'a> {
    iat: u64,
    exp: u64,
    iss: &'a str,
}

/// Signs a token that is good from a minute ago to nine minutes from now.
pub(crate) fn sign(app: &AppCredential, now: Timestamp) -> Result<SecretString, CredentialError> {
    let key = EncodingKey::from_rsa_pem(app.private_key.expose_secret().as_bytes()).map_err(|_| CredentialError::Key)?;
    let claims = Claims { iat: (now - JWT_BACKDATE).as_secs(), exp: (now + JWT_LIFE).as_secs(), iss: &app.app_id };
    let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).map_err(|_| CredentialError::Key)?;
    Ok(SecretString::from(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_refused_without_being_shown() {
        let private_key = SecretString::from("-----BEGIN RSA PRIVATE KEY-----\nc2VzYW1l\n-----END RSA PRIVATE KEY-----\n");
        let app = AppCredential { app_id: "1".to_owned(), private_key, installation_id: None };
        let error = sign(&app, Timestamp::from_secs(1_700_000_000)).err();
        assert_eq!(error, Some(CredentialError::Key));
    }
}
