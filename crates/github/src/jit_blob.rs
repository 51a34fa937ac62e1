//! The JIT configuration from within: base64 of a JSON map from file names to base64 of the files' content. Pure.
//!
//! GitHub sets `DisableUpdate` in it today without promising to. A runner that updates itself inside its container loses the update with the
//! container, so it is set here in any case. Nothing else is touched.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// Reads base64 with and without padding; writes it with padding.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&ALPHABET, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// The file of the runner's settings.
const SETTINGS_FILE: &str = ".runner";

/// Why a configuration is not of the known form. Never what it holds: it is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JitBlobError {
    /// The outer base64 or JSON.
    #[error("the JIT configuration is not base64 of a JSON object")]
    Outer,
    /// No settings in it.
    #[error("the JIT configuration holds no file .runner")]
    NoSettings,
    /// The settings' base64 or JSON.
    #[error("the JIT configuration's file .runner is not base64 of a JSON object")]
    Settings,
}

/// The same configuration with the runner's self-update switched off.
pub fn disable_update(encoded: &SecretString) -> Result<SecretString, JitBlobError> {
    let mut files = object(encoded.expose_secret()).ok_or(JitBlobError::Outer)?;
    let settings = files.get_mut(SETTINGS_FILE).ok_or(JitBlobError::NoSettings)?;
    let mut values = settings.as_str().and_then(object).ok_or(JitBlobError::Settings)?;
    // The runner's settings hold strings only, .NET's "True" included. A key in another case would be a second, competing one.
    values.retain(|key, _| !key.eq_ignore_ascii_case("DisableUpdate"));
    values.insert("DisableUpdate".to_owned(), Value::from("True"));
    *settings = Value::from(BASE64.encode(Value::Object(values).to_string()));
    Ok(SecretString::from(BASE64.encode(Value::Object(files).to_string())))
}

fn object(encoded: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64.decode(encoded.trim()).ok()?;
    // .NET likes to begin a file with a byte order mark.
    let json = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    match serde_json::from_slice(json) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn blob(settings: &str) -> SecretString {
        let files = json!({".runner": BASE64.encode(settings), ".credentials": "Y3JlZA==", ".credentials_rsaparams": "cnNh"});
        SecretString::from(BASE64.encode(files.to_string()))
    }

    fn opened(blob: &SecretString) -> (Value, Value) {
        let files = object(blob.expose_secret()).unwrap();
        let settings = object(files[SETTINGS_FILE].as_str().unwrap()).unwrap();
        (Value::Object(files), Value::Object(settings))
    }

    #[test]
    fn the_update_is_off_whatever_was_there() {
        for before in
            [json!({"AgentId": "7"}), json!({"AgentId": "7", "DisableUpdate": "False"}), json!({"AgentId": "7", "disableUpdate": false})]
        {
            let (files, settings) = opened(&disable_update(&blob(&before.to_string())).unwrap());
            assert_eq!(settings, json!({"AgentId": "7", "DisableUpdate": "True"}));
            assert_eq!((&files[".credentials"], &files[".credentials_rsaparams"]), (&json!("Y3JlZA=="), &json!("cnNh")));
        }
    }

    #[test]
    fn a_byte_order_mark_and_missing_padding_are_read() {
        let with_mark = blob("\u{feff}{\"AgentId\":\"7\"}");
        let unpadded = SecretString::from(with_mark.expose_secret().trim_end_matches('='));
        assert_eq!(opened(&disable_update(&unpadded).unwrap()).1["DisableUpdate"], "True");
    }

    #[test]
    fn another_form_is_an_error_that_shows_nothing() {
        let refused = |text: &str| disable_update(&SecretString::from(text)).err();
        assert_eq!(refused("se*same"), Some(JitBlobError::Outer));
        assert_eq!(refused(&BASE64.encode("[1]")), Some(JitBlobError::Outer));
        assert_eq!(refused(&BASE64.encode("{}")), Some(JitBlobError::NoSettings));
        assert_eq!(refused(&BASE64.encode("{\".runner\":5}")), Some(JitBlobError::Settings));
        assert_eq!(refused(blob("sesame").expose_secret()), Some(JitBlobError::Settings));
    }

    proptest! {
        #[test]
        fn any_settings_keep_their_other_values(values in proptest::collection::btree_map("[A-Za-z]{1,12}", ".{0,40}", 0..8)) {
            let (_, after) = opened(&disable_update(&blob(&json!(values).to_string())).unwrap());
            prop_assert_eq!(&after["DisableUpdate"], "True");
            for (key, value) in values.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("DisableUpdate")) {
                prop_assert_eq!(&after[key], value);
            }
        }

        #[test]
        fn no_input_panics(text in ".{0,200}") {
            let _ = disable_update(&SecretString::from(text));
        }
    }
}
