//! Verifying an App's JWT, as strictly as GitHub does: RS256, ten minutes at most, not from the future.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::clock::now_ms;

/// GitHub's limit for `exp`, from now.
const LONGEST_S: u64 = 600;
/// The two clocks are the same, but each rounds for itself.
const DRIFT_S: u64 = 5;

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

    /// The issuer of a JWT that is signed and dated as it should be.
    pub(super) fn verify(&self, jwt: &str) -> Option<String> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let now = now_ms() / 1000;
        self.0.iter().find_map(|(issuer, key)| {
            let claims = jsonwebtoken::decode::<Claims>(jwt, key, &validation).ok()?.claims;
            let dated = claims.iat <= now + DRIFT_S && claims.exp > now && claims.exp <= now + LONGEST_S + DRIFT_S;
            (claims.iss == *issuer && dated).then_some(claims.iss)
        })
    }
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
    fn only_a_fresh_jwt_of_a_known_app_is_accepted() {
        let key = AppKey::generate().expect("a key");
        let other = AppKey::generate().expect("another key");
        let keys = Keys::read(&BTreeMap::from([("123".to_owned(), key.public_pem().to_owned())])).expect("readable");
        let sign = |key: &AppKey, claims: &Value| {
            let key = EncodingKey::from_rsa_pem(key.private_pem().expose_secret().as_bytes()).expect("a PEM");
            jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).expect("signed")
        };
        let now = now_ms() / 1000;
        let good = json!({ "iss": "123", "iat": now - 60, "exp": now + 540 });
        assert_eq!(keys.verify(&sign(&key, &good)).as_deref(), Some("123"));
        assert_eq!(keys.verify(&sign(&key, &json!({ "iss": 123, "iat": now, "exp": now + 60 }))).as_deref(), Some("123"));
        for (key, claims) in [
            (&other, good.clone()),
            (&key, json!({ "iss": "124", "iat": now, "exp": now + 60 })),
            (&key, json!({ "iss": "123", "iat": now - 700, "exp": now - 1 })),
            (&key, json!({ "iss": "123", "iat": now, "exp": now + 900 })),
            (&key, json!({ "iss": "123", "iat": now + 300, "exp": now + 500 })),
        ] {
            assert_eq!(keys.verify(&sign(key, &claims)), None, "{claims}");
        }
        assert_eq!(keys.verify("a.b.c"), None);
    }
}
