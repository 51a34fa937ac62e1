//! Where GitHub's side is to be set up: what the fleets of one credential say of it. Pure.

use crate::error::CliError;
use fargate_runners_core::fleet::{Fleet, Scope};
use fargate_runners_core::ids::CredentialName;
use fargate_runners_github::{AccountKind, ApiUrl, web_address};

/// A credential's place at GitHub.
#[derive(Clone, Debug)]
pub struct Place {
    /// The credential's name.
    pub credential: CredentialName,
    /// GitHub's API.
    pub api: ApiUrl,
    /// GitHub's pages.
    pub web: String,
    /// What the credential must reach, at least one.
    pub scopes: Vec<Scope>,
}

impl Place {
    /// What the fleets with this credential agree on.
    pub fn of(fleets: &[Fleet], credential: &CredentialName) -> Result<Self, CliError> {
        let users: Vec<&Fleet> = fleets.iter().filter(|fleet| fleet.credential == *credential).collect();
        let Some(first) = users.first() else {
            let mut names: Vec<&str> = fleets.iter().map(|fleet| fleet.credential.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            return Err(CliError::Unknown(format!("no fleet uses the credential {credential}; there are: {}", names.join(", "))));
        };
        if let Some(other) = users.iter().find(|fleet| fleet.api_url != first.api_url) {
            return Err(CliError::Wrong(format!(
                "the fleets {} and {} use the credential {credential} at different servers: give one of them another Credential",
                first.name, other.name
            )));
        }
        let api =
            ApiUrl::parse(&first.api_url).map_err(|error| CliError::call(format!("reading ApiUrl of fleet {}", first.name), error))?;
        let mut scopes: Vec<Scope> = Vec::new();
        for fleet in users {
            if !scopes.contains(&fleet.scope) {
                scopes.push(fleet.scope.clone());
            }
        }
        Ok(Self { credential: credential.clone(), web: web_address(api.as_str()), api, scopes })
    }

    /// The one account that an App would belong to and be installed on.
    pub fn owner(&self) -> Result<&str, CliError> {
        let mut owners = self.scopes.iter().map(|scope| match scope {
            Scope::Organisation(name) => Ok(name.as_str()),
            Scope::Repository(name) => Ok(name.owner()),
            Scope::Enterprise(name) => Err(CliError::Given(format!(
                "no App can manage the runners of an enterprise ({name}): use `setup --token` with a classic token that has manage_runners:enterprise"
            ))),
        });
        let first = owners.next().unwrap_or(Ok(""))?;
        for other in owners {
            let other = other?;
            if !other.eq_ignore_ascii_case(first) {
                return Err(CliError::Wrong(format!(
                    "the fleets of credential {} belong to {first} and to {other}, and an App of one account's own is installed on that account only: give one of them another Credential",
                    self.credential
                )));
            }
        }
        Ok(first)
    }

    /// Whether it is known without asking that the owner is an organisation.
    pub fn is_organisation(&self) -> bool {
        self.scopes.iter().any(|scope| matches!(scope, Scope::Organisation(_)))
    }

    /// Where the owner's Apps are set up.
    pub fn apps_page(&self, owner: &str, kind: AccountKind) -> String {
        match kind {
            AccountKind::Organisation => format!("{}/organizations/{owner}/settings/apps", self.web),
            AccountKind::User => format!("{}/settings/apps", self.web),
        }
    }
}
