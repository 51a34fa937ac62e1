//! A personal access token in the place of an App: checked before it is stored, with the webhook that it does not bring along.

use super::webhook::{self, Hook};
use super::{Done, Setup, secret_file};
use crate::error::CliError;
use crate::needs;
use crate::prompt::Asked;
use fargate_runners_aws::SetupSecret;
use fargate_runners_core::fleet::Scope;
use fargate_runners_github::{Access, Credential, GithubError, HookLogOf};
use fargate_runners_use_cases::ports::chain;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use std::path::Path;

/// What a person is asked for.
const TOKEN: Asked = Asked { what: "the token", instead: "name a file that holds it with --token-file FILE" };

/// Reads the token, checks it against every scope, stores it, and sets the webhooks up.
pub async fn run(setup: &Setup<'_>, file: Option<&Path>) -> Result<Done, CliError> {
    let json = json!({ "kind": "pat", "token": read(setup, file).await?.expose_secret().trim() }).to_string().into();
    let credential = Credential::parse(&json).map_err(|error| CliError::Given(format!("what was given is no token: {}", chain(&error))))?;
    let mut done = Done::default();
    for scope in &setup.place.scopes {
        let access = Access { scope: scope.clone(), ..setup.access(&credential) };
        done = check(setup, &access, done).await?;
    }
    setup.parameters.write(&SetupSecret::Credential(setup.place.credential.clone()), &json).await?;
    done = done.says(format!("the token is in the parameter {}", setup.credential_name()));
    if let Some(file) = file {
        // At once: what follows may fail, and the file is of no use any more.
        setup.screen.note(&format!("The token is stored. Delete the file {}: whoever reads it has the token.", file.display()));
    }
    done.remarks.extend(unfinished_app(setup).await?);
    for scope in &setup.place.scopes {
        let access = Access { scope: scope.clone(), ..setup.access(&credential) };
        hook(setup, access, &mut done).await?;
    }
    Ok(done)
}

/// What the token may do there: by its scopes where GitHub tells them, and in any case by doing it. A registration token that nobody uses makes nothing.
async fn check(setup: &Setup<'_>, access: &Access, mut done: Done) -> Result<Done, CliError> {
    let _doing = setup.screen.doing(format!("asking GitHub what the token may do for {}", access.scope));
    let failed = |error: GithubError| CliError::github(format!("using the token for {}", access.scope), error);
    let token = setup.github.get_token(access).await.map_err(failed)?;
    if let Some(scopes) = &token.scopes {
        if let Some(lacks) = needs::lacking_scope(&access.scope, scopes) {
            return Err(CliError::Given(format!(
                "the token of {} lacks the scope {lacks}, which {} needs; nothing was stored",
                token.login, access.scope
            )));
        }
        let lacking = needs::lacking_for_healing(&access.scope, scopes);
        done.remarks.extend(lacking.iter().map(|(scope, what)| format!("The token lacks the scope {scope}, which is needed {what}.")));
    }
    setup.github.mint_registration_token(access).await.map_err(failed)?;
    if let Some(expires) = &token.expires {
        done.remarks.push(format!("The token expires: {expires}. Run this again with a new one before that."));
    }
    Ok(done.says(format!("the token of {} may make runners for {}", token.login, access.scope)))
}

/// The scope's webhook: the one that leads here already, or a new one.
async fn hook(setup: &Setup<'_>, access: Access, done: &mut Done) -> Result<(), CliError> {
    let scope = access.scope.clone();
    if matches!(scope, Scope::Enterprise(_)) {
        done.remarks.push(format!(
            "GitHub lets no program make an enterprise's webhook: add one to {scope} by hand, Payload URL {}, content type application/json, event Workflow jobs, and its secret as the README says.",
            setup.webhook_url
        ));
        return Ok(());
    }
    let arrived = match webhook::leads_here(setup, &access).await {
        Ok(Some(id)) => {
            let hook = Hook { setup, access, of: HookLogOf::Hook(id) };
            webhook::lead_here(&hook, false).await?;
            hook.prove().await?
        }
        Ok(None) => {
            let (secret, _) = webhook::secret(setup).await?;
            Hook::make(setup, access, &secret).await?.prove().await?
        }
        Err(CliError::Github { what, source }) => {
            let (GithubError::PermissionMissing { needed, .. } | GithubError::NotFound { needed, .. }) = *source else {
                return Err(CliError::Github { what, source });
            };
            done.remarks.push(format!(
                "The token may not set up the webhook of {scope}: give it {needed} and run this again, or add the webhook by hand."
            ));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    arrived.tell(done);
    Ok(())
}

/// What is to be known of an App that an earlier run has made and not brought to its end.
async fn unfinished_app(setup: &Setup<'_>) -> Result<Option<String>, CliError> {
    let kept = SetupSecret::NextCredential(setup.place.credential.clone());
    let is_there = setup.parameters.read(&kept).await?.is_some();
    Ok(is_there.then(|| {
        format!(
            "An App that an earlier run has made waits in {}: `fargate-runners setup` would put it into the token's place. If you do not want it, delete it at GitHub.",
            setup.parameters.name(&kept)
        )
    }))
}

/// From the file, else from standard input: asked for without an echo on a terminal. Never from an argument, which every process of the machine can read.
async fn read(setup: &Setup<'_>, file: Option<&Path>) -> Result<SecretString, CliError> {
    match file {
        Some(file) => secret_file(file),
        None => TOKEN.secret(setup.screen, "Enter the token; it is not shown:").await,
    }
}
