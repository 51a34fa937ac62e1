//! Signature version 4, by the SDK's own signer.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_request};
use aws_sigv4::sign::v4;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use super::{Credentials, Error};

/// Adds what a signature of this call needs to its headers.
pub(super) fn sign(
    method: &str,
    url: &str,
    service: &str,
    region: &str,
    credentials: &Credentials,
    headers: &mut HeaderMap,
    body: &[u8],
) -> Result<(), Error> {
    let token = credentials.session_token.as_ref().map(|token| token.expose_secret().to_owned());
    let key = credentials.access_key_id.clone();
    let identity =
        aws_credential_types::Credentials::new(key, credentials.secret_access_key.expose_secret(), token, None, "local-stack").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(unsigned)?
        .into();
    let known = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let request = SignableRequest::new(method, url, known, SignableBody::Bytes(body)).map_err(unsigned)?;
    let (instructions, _) = sign_request(request, &parameters).map_err(unsigned)?.into_parts();
    for (name, value) in instructions.headers() {
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(unsigned)?, HeaderValue::from_str(value).map_err(unsigned)?);
    }
    Ok(())
}

fn unsigned(error: impl std::fmt::Display) -> Error {
    Error::Unsigned(error.to_string())
}
