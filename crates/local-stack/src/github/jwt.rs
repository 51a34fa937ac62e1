//! Verifying who signed an App's JWT. Whether its times are to be believed is for the model to say, in GitHub's words.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fargate_runners_model_github::JwtTimes;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::clock::now_ms;

#[derive(Deserialize)]
struct Claims {
    #[serde(deserialize_with = "text_or_number")]
    iss: String,
    iat: u64,
    exp: u64,
}

/// The public keys of the Apps, by issuer.
pub(super) struct Keys(BTreeMap<String, DecodingKey>);

impl Keys {
    pub(super) fn read(pems: &BTreeMap<String, String>) -> Result<Self, jsonwebtoken::errors::Error> {
        pems.iter()
            .map(|(issuer, pem)| Ok((issuer.clone(), DecodingKey::from_rsa_pem(pem.as_bytes())?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The issuer of a JWT that is signed as it should be, and its times. `made` gives the public keys of Apps that were not known from the start.
    pub(super) fn verify(&self, jwt: &str, made: impl Fn(&str) -> Vec<String>) -> Option<(String, JwtTimes)> {
        let issuer = issuer(jwt)?;
        let made: Vec<DecodingKey> = made(&issuer).iter().filter_map(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).ok()).collect();
        self.0.get(&issuer).into_iter().chain(&made).find_map(|key| {
            let claims = jsonwebtoken::decode::<Claims>(jwt, key, &validation()).ok()?.claims;
            let times = JwtTimes { issued_at: claims.iat, expires_at: claims.exp, now: now_ms() / 1000 };
            Some((claims.iss, times))
        })
    }
}

/// Whose JWT it claims to be.
fn issuer(jwt: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&payload).ok().map(|claims| claims.iss)
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    validation
}

/// An App's id is written as a number by some clients.
fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u64),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Text(text) => text,
        Either::Number(number) => number.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    use super::{Keys, now_ms};
    use crate::github::AppKey;

    #[test]
    fn only_the_jwt_of_a_known_app_is_accepted_and_its_times_are_told() {
        let key = AppKey::generate().expect("a key");
        let other = AppKey::generate().expect("another key");
        let keys = Keys::read(&BTreeMap::from([("123".to_owned(), key.public_pem().to_owned())])).expect("readable");
        let sign = |key: &AppKey, claims: &Value| {
            let key = EncodingKey::from_rsa_pem(key.private_pem().expose_secret().as_bytes()).expect("a PEM");
            jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).expect("signed")
        };
        let none = |_: &str| Vec::new();
        let now = now_ms() / 1000;
        let good = json!({ "iss": "123", "iat": now - 60, "exp": now + 540 });
        let verified =
            |claims: &Value| keys.verify(&sign(&key, claims), none).map(|(issuer, times)| (issuer, times.issued_at, times.expires_at));
        assert_eq!(verified(&good), Some(("123".to_owned(), now - 60, now + 540)));
        assert_eq!(verified(&json!({ "iss": 123, "iat": now, "exp": now + 60 })), Some(("123".to_owned(), now, now + 60)));
        assert_eq!(keys.verify(&sign(&other, &good), none), None);
        assert_eq!(verified(&json!({ "iss": "124", "iat": now, "exp": now + 60 })), None);
        assert_eq!(keys.verify("a.b.c", none), None);
        let later = |issuer: &str| if issuer == "124" { vec![other.public_pem().to_owned()] } else { Vec::new() };
        let made = json!({ "iss": "124", "iat": now, "exp": now + 60 });
        assert!(keys.verify(&sign(&other, &made), later).is_some());
        assert_eq!(keys.verify(&sign(&key, &made), later), None);
    }
}
