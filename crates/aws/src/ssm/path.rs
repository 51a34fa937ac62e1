//! All parameters below a path.

use crate::config::Aws;
use crate::error::port_error;
use crate::limits::PARAMETER_PAGES;
use fargate_runners_use_cases::ports::{PortError, Retry};
use secrecy::SecretString;

/// A parameter's name and what it holds, which may be a secret.
pub(super) type Parameter = (String, SecretString);

/// How far below a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    /// Directly below it.
    Children,
    /// Below what is below it as well.
    All,
}

/// The parameters below the path.
pub(super) async fn below(aws: &Aws, path: &str, reach: Reach) -> Result<Vec<Parameter>, PortError> {
    let what = || format!("reading the parameters below {path}");
    let mut parameters = Vec::new();
    let mut from = None;
    for _ in 0..PARAMETER_PAGES {
        let call = aws.ssm().get_parameters_by_path().path(path).with_decryption(true).set_next_token(from);
        let call = match reach {
            Reach::Children => call,
            Reach::All => call.recursive(true),
        };
        let answer = call.send().await.map_err(|error| port_error(what(), error))?;
        let found = answer.parameters.unwrap_or_default().into_iter();
        parameters.extend(found.filter_map(|parameter| Some((parameter.name?, SecretString::from(parameter.value?)))));
        from = answer.next_token.filter(|token| !token.is_empty());
        if from.is_none() {
            return Ok(parameters);
        }
    }
    Err(PortError::new(what(), Retry::Never, format!("there are more than {PARAMETER_PAGES} pages of them")))
}
