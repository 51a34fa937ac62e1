//! The signature of a webhook delivery: `X-Hub-Signature-256`, HMAC-SHA-256 over the raw body, compared in constant time.
//! Source: GitHub's "Validating webhook deliveries". A secret never leaves this module.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether the header signs the body with one of the secrets. Two may be valid while a secret is being changed.
#[must_use]
pub fn is_signed<'a>(body: &[u8], header: &str, secrets: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let Some(given) = header.strip_prefix("sha256=").and_then(|hex| hex::decode(hex).ok()) else { return false };
    // An empty secret would let anybody sign.
    secrets.into_iter().filter(|secret| !secret.is_empty()).any(|secret| {
        Hmac::<Sha256>::new_from_slice(secret).is_ok_and(|mut mac| {
            mac.update(body);
            mac.verify_slice(&given).is_ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn githubs_own_example_is_accepted_under_any_of_two_secrets() {
        assert!(is_signed(b"Hello, World!", SIGNATURE, [SECRET]));
        assert!(is_signed(b"Hello, World!", SIGNATURE, [b"new".as_slice(), SECRET]));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(!is_signed(b"Hello, World?", SIGNATURE, [SECRET]));
        assert!(!is_signed(b"Hello, World!", SIGNATURE, [b"other".as_slice()]));
        assert!(!is_signed(b"Hello, World!", &SIGNATURE[7..], [SECRET]));
        assert!(!is_signed(b"Hello, World!", "sha256=", [SECRET]));
        assert!(!is_signed(b"", "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", [b"".as_slice()]));
    }
}
