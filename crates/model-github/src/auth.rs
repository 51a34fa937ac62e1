//! Who calls: Apps by a JWT, installations by a token of an hour, people by a PAT.

use std::collections::{BTreeMap, BTreeSet};

use crate::Millis;
use crate::apps::App;
use crate::error::ApiError;
use crate::ids::RunnerId;
use crate::model::GithubModel;
use crate::pats::Pat;
use crate::scope::Scope;

/// GitHub's words for an installation that its owner has suspended.
const SUSPENDED: &str = "This installation has been suspended";

/// What a permission allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Looking.
    Read,
    /// Looking and changing.
    Write,
}

/// What an installation may do, by the names of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(pub BTreeMap<String, Access>);

impl Permissions {
    /// What this project asks for, for runners of an organisation and of repositories.
    #[must_use]
    pub fn runners() -> Self {
        let granted = [
            ("organization_self_hosted_runners", Access::Write),
            ("administration", Access::Write),
            ("actions", Access::Read),
            ("metadata", Access::Read),
        ];
        Self(granted.into_iter().map(|(name, access)| (name.to_owned(), access)).collect())
    }

    pub(crate) fn allow(&self, name: &str, access: Access) -> bool {
        self.0.get(name).is_some_and(|granted| *granted >= access)
    }
}

/// Who makes a typed call.
#[derive(Clone, PartialEq, Eq)]
pub enum Caller {
    /// An App whose JWT was verified by whoever is asking the model; the value is its `iss`, the App's id or client id.
    App(String),
    /// The bearer of an installation token or a PAT.
    Token(String),
    /// No credential, or one that was found wrong before.
    Nobody,
}

/// A token of an installation.
#[derive(Clone, PartialEq, Eq)]
pub struct InstallationToken {
    /// The secret.
    pub token: String,
    /// From when on it is refused.
    pub expires_at: Millis,
    /// What it allows.
    pub permissions: Permissions,
}

/// A token with which runners are registered (or removed), as often as one likes while it lives.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistrationToken {
    /// The secret.
    pub token: String,
    /// From when on it is refused.
    pub expires_at: Millis,
}

/// What a call is about; each needs a permission of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    Runners,
    Jobs,
    Hooks,
    Repository,
}

/// Whose limits a call counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Principal {
    App(u64),
    Installation(u64),
    Pat(usize),
}

pub(crate) struct Installation {
    pub(crate) app: u64,
    pub(crate) organization: String,
    pub(crate) permissions: Permissions,
    pub(crate) suspended_at: Option<Millis>,
}

struct Issued {
    installation: u64,
    permissions: Permissions,
    expires_at: Millis,
}

#[derive(Default)]
pub(crate) struct Credentials {
    pub(crate) apps: Vec<App>,
    pub(crate) installations: BTreeMap<u64, Installation>,
    pub(crate) pats: Vec<Pat>,
    issued: BTreeMap<String, Issued>,
    registrations: BTreeMap<String, (Scope, Millis)>,
    /// Owners that no credential may see at the moment, in lower case.
    hidden: BTreeSet<String>,
    /// The `ClientId` of a runner's credentials, which only its listener knows.
    pub(crate) listeners: BTreeMap<String, RunnerId>,
}

impl GithubModel {
    /// Installs an App in an organisation; the installation's number is the answer.
    pub fn install_app(&mut self, app_id: u64, organization: &str, permissions: Permissions) -> u64 {
        let id = self.new_id();
        let installed = Installation { app: app_id, organization: organization.to_owned(), permissions, suspended_at: None };
        self.credentials.installations.insert(id, installed);
        id
    }

    /// From here on no credential sees anything of this owner, as after an App was suspended there or lost its repositories: everything is not found.
    /// Runners and webhooks go on.
    pub fn hide_owner(&mut self, owner: &str) {
        self.credentials.hidden.insert(owner.to_lowercase());
    }

    /// From here on nothing is hidden any more.
    pub fn show_owners(&mut self) {
        self.credentials.hidden.clear();
    }

    /// Every secret that was handed out, where the configuration says to keep them.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    pub(crate) fn remember(&mut self, secret: &str) {
        if self.config.remember_secrets {
            self.secrets.push(secret.to_owned());
        }
    }

    pub(crate) fn authenticate(&self, caller: &Caller) -> Result<Principal, ApiError> {
        let bad = || ApiError::new(401, "Bad credentials");
        match caller {
            Caller::Nobody => Err(bad()),
            Caller::App(issuer) => self
                .credentials
                .apps
                .iter()
                .find(|app| app.client_id == *issuer || app.id.to_string() == *issuer)
                .map(|app| Principal::App(app.id))
                .ok_or_else(|| ApiError::new(401, "A JSON web token could not be decoded")),
            Caller::Token(token) => match self.credentials.issued.get(token) {
                Some(issued) if issued.expires_at > self.now => Ok(Principal::Installation(issued.installation)),
                Some(_) => Err(bad()),
                None => self.credentials.pats.iter().position(|pat| pat.token == *token).map(Principal::Pat).ok_or_else(bad),
            },
        }
    }

    /// Whether this caller may do that there. What an installation cannot see does not exist for it.
    pub(crate) fn authorize(&self, caller: &Caller, scope: &Scope, access: Access, area: Area) -> Result<(), ApiError> {
        let hidden = match scope {
            Scope::Organization(owner) | Scope::Repository(owner, _) => self.credentials.hidden.contains(&owner.to_lowercase()),
            Scope::Enterprise(_) => false,
        };
        if hidden || !self.world.exists(scope) {
            return Err(ApiError::not_found());
        }
        let Caller::Token(token) = caller else {
            return Err(ApiError::new(401, "A JSON web token could not be decoded"));
        };
        let Some(issued) = self.credentials.issued.get(token) else { return self.allowed_by_pat(token, scope, access, area) };
        let owner = match scope {
            Scope::Organization(owner) | Scope::Repository(owner, _) => owner,
            Scope::Enterprise(_) => return Err(ApiError::new(403, "Resource not accessible by integration")),
        };
        let installed = self.credentials.installations.get(&issued.installation);
        let Some(installed) = installed.filter(|own| own.organization.eq_ignore_ascii_case(owner)) else {
            return Err(ApiError::not_found());
        };
        if installed.suspended_at.is_some() {
            return Err(ApiError::new(403, SUSPENDED));
        }
        let needed = match (area, scope) {
            (Area::Jobs, _) => "actions",
            (Area::Repository, _) => "metadata",
            (Area::Hooks, Scope::Repository(..)) => "repository_hooks",
            (Area::Hooks, _) => "organization_hooks",
            (Area::Runners, Scope::Repository(..)) => "administration",
            (Area::Runners, _) => "organization_self_hosted_runners",
        };
        if issued.permissions.allow(needed, access) { Ok(()) } else { Err(ApiError::new(403, "Resource not accessible by integration")) }
    }

    /// A token for an installation; `wanted` can only narrow what it may do.
    pub(crate) fn issue(&mut self, app: u64, installation: u64, wanted: Option<&Permissions>) -> Result<InstallationToken, ApiError> {
        let of_it = self.credentials.installations.get(&installation).filter(|found| found.app == app).ok_or_else(ApiError::not_found)?;
        if of_it.suspended_at.is_some() {
            return Err(ApiError::new(403, SUSPENDED));
        }
        let permissions = match wanted {
            None => of_it.permissions.clone(),
            Some(wanted) if wanted.0.iter().all(|(name, access)| of_it.permissions.allow(name, *access)) => wanted.clone(),
            Some(_) => return Err(ApiError::new(422, "The permissions requested are not granted to this installation.")),
        };
        // Long on purpose: nothing may take a token's length for known.
        let token = format!("ghs_{}", self.random.text(516));
        let expires_at = self.now + self.config.timing.installation_token_ms;
        let now = self.now;
        self.credentials.issued.retain(|_, issued| issued.expires_at > now);
        self.credentials.issued.insert(token.clone(), Issued { installation, permissions: permissions.clone(), expires_at });
        self.remember(&token);
        Ok(InstallationToken { token, expires_at, permissions })
    }

    pub(crate) fn issue_registration(&mut self, scope: &Scope) -> RegistrationToken {
        let token = format!("A{}", self.random.text(28).to_uppercase());
        let expires_at = self.now + self.config.timing.registration_token_ms;
        let now = self.now;
        self.credentials.registrations.retain(|_, (_, expires)| *expires > now);
        self.credentials.registrations.insert(token.clone(), (scope.clone(), expires_at));
        self.remember(&token);
        RegistrationToken { token, expires_at }
    }

    /// What a registration token opens, while it lives.
    pub(crate) fn opened_by(&self, token: &str) -> Option<Scope> {
        self.credentials.registrations.get(token).filter(|(_, expires)| *expires > self.now).map(|(scope, _)| scope.clone())
    }

    /// Which installation of an App sees an organisation.
    pub(crate) fn installation_of(&self, app: u64, organization: &str) -> Option<u64> {
        self.credentials
            .installations
            .iter()
            .find(|(_, found)| found.app == app && found.organization.eq_ignore_ascii_case(organization))
            .map(|(id, _)| *id)
    }
}
