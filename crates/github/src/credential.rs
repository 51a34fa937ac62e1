//! How this installation proves to GitHub who it is. Parsing is strict and its errors never repeat what was given: it is a secret.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// An App, or a personal access token.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A GitHub App.
    App(AppCredential),
    /// A personal access token.
    Pat(SecretString),
}

/// What signs as an App. A debug print shows the ids only.
#[derive(Clone, Debug)]
pub struct AppCredential {
    /// The App's id or client id.
    pub app_id: String,
    /// The private key, PEM.
    pub private_key: SecretString,
    /// The installation, when it need not be looked up.
    pub installation_id: Option<u64>,
}

/// What is wrong with a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not JSON.
    #[error("the credential is not a JSON object (line {line}, column {column}); write {{\"kind\":\"app\",…}} or {{\"kind\":\"pat\",…}}")]
    NotJson {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// A field is absent or has another form.
    #[error("the credential's field {field:?} {problem}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The private key cannot sign.
    #[error("the App's private key cannot sign; store the .pem file that GitHub gave for this App, whole and unencrypted")]
    Key,
    /// No installation can be found for an enterprise.
    #[error("an App cannot be looked up at an enterprise; use a classic PAT with the scope manage_runners:enterprise")]
    AppAtEnterprise,
    /// Only an App has a log of its own.
    #[error(
        "only an App has a delivery log of its own, and the credential is a PAT; read the logs of the organisation's or repository's webhooks"
    )]
    NotAnApp,
    /// GitHub tells of an enterprise's webhooks by no call that this client knows.
    #[error("an enterprise's webhooks cannot be read; redeliver by hand in the enterprise's settings")]
    NoEnterpriseHooks,
}

impl Credential {
    /// Reads `{"kind":"app","app_id":…,"private_key":…,"installation_id":…}` or `{"kind":"pat","token":…}`.
    pub fn parse(json: &SecretString) -> Result<Self, CredentialError> {
        let value: Value = serde_json::from_str(json.expose_secret().trim())
            .map_err(|error| CredentialError::NotJson { line: error.line(), column: error.column() })?;
        let Value::Object(fields) = value else { return Err(CredentialError::NotJson { line: 1, column: 1 }) };
        match text(&fields, "kind")? {
            "app" => Ok(Self::App(AppCredential {
                app_id: app_id(&fields)?,
                private_key: private_key(&fields)?,
                installation_id: installation_id(&fields)?,
            })),
            "pat" => Ok(Self::Pat(token(&fields)?)),
            _ => Err(CredentialError::Field { field: "kind", problem: "must be \"app\" or \"pat\"" }),
        }
    }
}

fn text<'a>(fields: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, CredentialError> {
    match fields.get(field) {
        None | Some(Value::Null) => Err(CredentialError::Field { field, problem: "is missing" }),
        Some(Value::String(text)) if text.trim().is_empty() => Err(CredentialError::Field { field, problem: "is empty" }),
        Some(Value::String(text)) => Ok(text.trim()),
        Some(_) => Err(CredentialError::Field { field, problem: "must be a string" }),
    }
}

fn app_id(fields: &Map<String, Value>) -> Result<String, CredentialError> {
    const PROBLEM: &str = "must be the App's id (a number) or its client id";
    let id = match fields.get("app_id") {
        Some(Value::Number(number)) => number.to_string(),
        _ => text(fields, "app_id")?.to_owned(),
    };
    if id.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
        Ok(id)
    } else {
        Err(CredentialError::Field { field: "app_id", problem: PROBLEM })
    }
}

fn installation_id(fields: &Map<String, Value>) -> Result<Option<u64>, CredentialError> {
    let number = match fields.get("installation_id") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    number.map(Some).ok_or(CredentialError::Field { field: "installation_id", problem: "must be a number" })
}

/// The key as PEM. A shell often turns its line ends into the two characters `\n`; those are taken for what was meant.
fn private_key(fields: &Map<String, Value>) -> Result<SecretString, CredentialError> {
    let problem = |problem| CredentialError::Field { field: "private_key", problem };
    let given = text(fields, "private_key")?;
    let pem = if given.contains('\n') { given.replace('\r', "") } else { given.replace("\\r", "").replace("\\n", "\n") };
    if !pem.starts_with("-----BEGIN ") || !pem.contains("PRIVATE KEY-----") {
        return Err(problem("must be a PEM file: it begins with -----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----"));
    }
    if !pem.contains("-----END ") {
        return Err(problem("has no -----END line: the PEM file is cut off"));
    }
    if pem.contains("ENCRYPTED") {
        return Err(problem("is encrypted with a passphrase; store it decrypted"));
    }
    if pem.lines().count() < 3 {
        return Err(problem("has lost its line ends; store the PEM file as it is"));
    }
    Ok(SecretString::from(pem + "\n"))
}

fn token(fields: &Map<String, Value>) -> Result<SecretString, CredentialError> {
    let token = text(fields, "token")?;
    if token.chars().all(|c| c.is_ascii_graphic()) {
        Ok(SecretString::from(token))
    } else {
        Err(CredentialError::Field { field: "token", problem: "holds spaces or other characters that no token has" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PEM: &str = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n";

    fn parse(value: &Value) -> Result<Credential, CredentialError> {
        Credential::parse(&SecretString::from(value.to_string()))
    }

    #[test]
    fn an_app_is_read_in_every_way_people_write_it() {
        for (key, app_id, installation) in [
            (PEM.to_owned(), json!("123"), json!(42)),
            (PEM.replace('\n', "\r\n"), json!(123), json!("42")),
            (PEM.trim().replace('\n', "\\n"), json!("123"), json!(42)),
        ] {
            let value = json!({"kind": "app", "app_id": app_id, "private_key": key, "installation_id": installation});
            let Ok(Credential::App(app)) = parse(&value) else { panic!("not read: {value}") };
            assert_eq!((app.app_id.as_str(), app.installation_id), ("123", Some(42)));
            assert_eq!(app.private_key.expose_secret(), PEM);
        }
    }

    #[test]
    fn the_installation_may_be_left_to_be_looked_up() {
        for installation in [Value::Null, json!("")] {
            let value = json!({"kind": "app", "app_id": "Iv23abc", "private_key": PEM, "installation_id": installation});
            assert!(matches!(parse(&value), Ok(Credential::App(AppCredential { installation_id: None, .. }))));
        }
    }

    #[test]
    fn a_pat_is_read() {
        let Ok(Credential::Pat(token)) = parse(&json!({"kind": "pat", "token": " ghp_x\n"})) else { panic!("not read") };
        assert_eq!(token.expose_secret(), "ghp_x");
    }

    #[test]
    fn errors_name_the_field_and_never_the_value() {
        let broken_pem = PEM.replace("-----END", "");
        for (value, field) in [
            (json!({"token": "sesame"}), "kind"),
            (json!({"kind": "sesame"}), "kind"),
            (json!({"kind": "pat", "token": 5}), "token"),
            (json!({"kind": "pat", "token": "sesame open"}), "token"),
            (json!({"kind": "app", "app_id": "sesame/1", "private_key": PEM}), "app_id"),
            (json!({"kind": "app", "app_id": "1", "private_key": "sesame"}), "private_key"),
            (json!({"kind": "app", "app_id": "1", "private_key": broken_pem}), "private_key"),
            (json!({"kind": "app", "app_id": "1", "private_key": PEM.replace('\n', " ")}), "private_key"),
            (json!({"kind": "app", "app_id": "1", "private_key": PEM.replace("RSA", "ENCRYPTED")}), "private_key"),
            (json!({"kind": "app", "app_id": "1", "private_key": PEM, "installation_id": "sesame"}), "installation_id"),
        ] {
            let Err(error) = parse(&value) else { panic!("accepted: {value}") };
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(field) && !shown.contains("sesame") && !shown.contains("c2VjcmV0"), "{shown}");
        }
        let Err(error) = Credential::parse(&SecretString::from("{\"kind\":\"pat\",\"token\":sesame}")) else { panic!("accepted") };
        assert!(matches!(error, CredentialError::NotJson { line: 1, .. }) && !error.to_string().contains("sesame"));
    }

    #[test]
    fn a_debug_print_shows_no_secret() {
        let app = parse(&json!({"kind": "app", "app_id": "1", "private_key": PEM}));
        let pat = parse(&json!({"kind": "pat", "token": "sesame"}));
        let shown = format!("{app:?} {pat:?}");
        assert!(!shown.contains("sesame") && !shown.contains("c2VjcmV0"), "{shown}");
    }
}
