//! `setup`: GitHub's side of the stack, made from here: an App by the manifest flow or a token, its webhook, and the proof that a delivery arrives. And the
//! two rotations. It may be run again at any time: what is there is used, what is missing is made.
//!
//! This is the one command that holds GitHub's credential on the operator's machine, for as long as it runs. What it must never do: print a secret, write one
//! to a file, or pass one in an argument or an address.

mod app;
mod key;
mod manifest;
mod page;
mod place;
mod token;
mod webhook;

#[cfg(test)]
mod tests;

use crate::arguments::{Rotate, Setup as Options};
use crate::error::CliError;
use crate::screen::{Answer, Screen};
use crate::stack::Stack;
use fargate_runners_aws::{SetupParameters, SetupSecret};
use fargate_runners_github::{Access, AppCredential, Credential, CredentialError, GithubClient, Http, MemoryTokenStore, System};
use place::Place;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// The client, which shares its tokens with nobody.
type Github = GithubClient<MemoryTokenStore, System>;

/// What every part of it needs.
struct Setup<'a> {
    screen: &'a Screen,
    parameters: SetupParameters,
    github: Github,
    place: Place,
    /// Where GitHub is to send deliveries.
    webhook_url: String,
    /// Whether pages are opened, or only named.
    opens_browser: bool,
}

/// Does what was asked.
pub async fn run(stack: &Stack, options: &Options, screen: &Screen) -> Result<bool, CliError> {
    let place = Place::of(&stack.fleets().await?.fleets, &options.credential)?;
    let setup = Setup {
        screen,
        parameters: SetupParameters::new(&stack.aws, &stack.name),
        github: GithubClient::new(Http::new(), MemoryTokenStore::default(), System),
        place,
        webhook_url: stack.output("WebhookUrl")?.to_owned(),
        opens_browser: !options.no_browser,
    };
    let done = match (options.rotate, options.token) {
        (Some(Rotate::WebhookSecret), _) => webhook::rotate(&setup).await?,
        (Some(Rotate::Key), _) => key::rotate(&setup, options.key.as_deref()).await?,
        (None, true) => token::run(&setup, options.token_file.as_deref()).await?,
        (None, false) => app::run(&setup, stack, options).await?,
    };
    screen.answer(&done)?;
    Ok(true)
}

impl Setup<'_> {
    /// One of the scopes by a credential.
    fn access(&self, credential: &Credential) -> Access {
        let (api, scope) = (self.place.api.clone(), self.place.scopes[0].clone());
        Access { api, scope, credential_name: self.place.credential.clone(), credential: credential.clone() }
    }

    /// The credential that is stored, if one is.
    async fn stored(&self) -> Result<Option<Credential>, CliError> {
        let json = self.parameters.read(&SetupSecret::Credential(self.place.credential.clone())).await?;
        let parameter = || self.credential_name();
        json.map(|json| Credential::parse(&json)).transpose().map_err(|error| CliError::call(format!("reading {}", parameter()), error))
    }

    /// Stores an App's id and key where the functions read them.
    async fn store_app(&self, app: &AppCredential) -> Result<(), CliError> {
        self.write_app(SetupSecret::Credential(self.place.credential.clone()), app).await
    }

    /// Keeps the id and key of an App that is not in use yet.
    async fn keep_next(&self, app: &AppCredential) -> Result<(), CliError> {
        self.write_app(SetupSecret::NextCredential(self.place.credential.clone()), app).await
    }

    /// Puts an App that was kept apart into the place of whatever was stored. Broken off in between, it is put there once more.
    async fn take_into_use(&self, app: &AppCredential) -> Result<(), CliError> {
        self.store_app(app).await?;
        Ok(self.parameters.delete(&SetupSecret::NextCredential(self.place.credential.clone())).await?)
    }

    async fn write_app(&self, secret: SetupSecret, app: &AppCredential) -> Result<(), CliError> {
        self.parameters.write(&secret, &app_json(app)).await?;
        self.screen.note(&format!("The App's id and private key are in the parameter {}.", self.parameters.name(&secret)));
        Ok(())
    }

    /// The name of the credential's parameter.
    fn credential_name(&self) -> String {
        self.parameters.name(&SetupSecret::Credential(self.place.credential.clone()))
    }

    /// Shows a page to the person: in the browser if there is one, and in any case by its address.
    fn show(&self, what: &str, address: &str) {
        self.screen.note(&format!("{what}:\n  {address}"));
        if self.opens_browser
            && let Err(error) = open::that_detached(address)
        {
            self.screen.note(&format!("(no browser could be opened: {error}; open the address yourself)"));
        }
    }
}

/// An App's credential as the functions read it.
fn app_json(app: &AppCredential) -> SecretString {
    use secrecy::ExposeSecret as _;
    let mut json = json!({ "kind": "app", "app_id": app.app_id, "private_key": app.private_key.expose_secret() });
    if let Some(installation) = app.installation_id {
        json["installation_id"] = installation.into();
    }
    json.to_string().into()
}

/// A private key as GitHub gives it, checked to be one.
fn app_credential(app_id: &str, pem: &SecretString, installation_id: Option<u64>) -> Result<AppCredential, CredentialError> {
    let app = AppCredential { app_id: app_id.to_owned(), private_key: pem.clone(), installation_id };
    match Credential::parse(&app_json(&app))? {
        Credential::App(app) => Ok(app),
        Credential::Pat(_) => Err(CredentialError::NotAnApp),
    }
}

/// A file's content, which is a secret.
fn secret_file(path: &Path) -> Result<SecretString, CliError> {
    std::fs::read_to_string(path).map(SecretString::from).map_err(|error| CliError::File(path.to_owned(), error))
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// What is set up now, a sentence each.
    done: Vec<String>,
    /// What a person should know or do.
    remarks: Vec<String>,
}

impl Done {
    fn says(mut self, sentence: impl Into<String>) -> Self {
        self.done.push(sentence.into());
        self
    }
}

impl Answer for Done {
    fn tell(&self) -> String {
        let mut text = String::new();
        for sentence in &self.done {
            text.push_str(&format!("✓ {sentence}\n"));
        }
        for remark in &self.remarks {
            text.push_str(&format!("! {remark}\n"));
        }
        text
    }
}
