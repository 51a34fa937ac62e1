//! Parameters by their names, several at once.

use crate::config::Aws;
use crate::error::port_error;
use fargate_runners_use_cases::ports::PortError;
use secrecy::SecretString;
use std::collections::HashMap;

/// Those of these parameters (ten at most) that are there, each of which may be a secret.
pub(crate) async fn read<'a>(
    aws: &Aws,
    names: impl IntoIterator<Item = &'a String>,
    what: impl FnOnce() -> String,
) -> Result<HashMap<String, SecretString>, PortError> {
    let names = names.into_iter().cloned().collect();
    let answer = aws.ssm().get_parameters().set_names(Some(names)).with_decryption(true).send().await;
    let found = answer.map_err(|error| port_error(what(), error))?.parameters.unwrap_or_default().into_iter();
    Ok(found.filter_map(|parameter| Some((parameter.name?, SecretString::from(parameter.value?)))).collect())
}
