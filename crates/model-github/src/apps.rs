//! Apps as they are set up: what they ask for, what they subscribe to, and what the owners of their installations have made of it.

use crate::auth::{Access, Permissions};
use crate::model::GithubModel;

/// The only event that this model makes besides `ping`.
const EVENT: &str = "workflow_job";

/// Who owns what nobody else does.
const OWNER: &str = "mona";

pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    /// The name that a person gave it, if one did.
    pub(crate) given_name: Option<String>,
    /// Whose it is.
    pub(crate) owner: String,
    /// Public keys (PEM), any of which may have signed its JWTs; those that a server was told otherwise are not among them.
    pub(crate) keys: Vec<String>,
    /// What it asks for. An installation has it once its owner has accepted.
    pub(crate) permissions: Permissions,
    /// What it subscribes to.
    pub(crate) events: Vec<String>,
}

impl App {
    pub(crate) fn slug(&self) -> String {
        let slug = |name: &String| name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        self.given_name.as_ref().map_or_else(|| format!("app-{}", self.id), slug)
    }

    pub(crate) fn name(&self) -> String {
        self.given_name.clone().unwrap_or_else(|| format!("App {}", self.id))
    }
}

impl GithubModel {
    /// An App that asks for what runners need and subscribes to `workflow_job`. Its JWTs are verified by whoever calls the model.
    pub fn add_app(&mut self, app_id: u64, client_id: &str) {
        let (permissions, events) = (Permissions::runners(), vec![EVENT.to_owned()]);
        let (client_id, owner) = (client_id.to_owned(), OWNER.to_owned());
        self.credentials.apps.push(App { id: app_id, client_id, given_name: None, owner, keys: Vec::new(), permissions, events });
    }

    /// The owner makes another private key for an App; it signs as well as the others.
    pub fn add_app_key(&mut self, app_id: u64, public_pem: &str) {
        if let Some(app) = self.credentials.apps.iter_mut().find(|app| app.id == app_id) {
            app.keys.push(public_pem.to_owned());
        }
    }

    /// The owner deletes the oldest private key of an App.
    pub fn delete_oldest_app_key(&mut self, app_id: u64) {
        if let Some(app) = self.credentials.apps.iter_mut().find(|app| app.id == app_id).filter(|app| !app.keys.is_empty()) {
            app.keys.remove(0);
        }
    }

    /// The public keys of the App of that id or client id, for whoever verifies its JWTs.
    #[must_use]
    pub fn app_keys(&self, issuer: &str) -> Vec<String> {
        let found = self.credentials.apps.iter().find(|app| app.client_id == issuer || app.id.to_string() == issuer);
        found.map(|app| app.keys.clone()).unwrap_or_default()
    }

    /// The ids of the Apps.
    pub fn app_ids(&self) -> impl Iterator<Item = u64> {
        self.credentials.apps.iter().map(|app| app.id)
    }

    /// Changes what an App asks for. Its installations keep what they have until somebody accepts.
    pub fn set_app_permissions(&mut self, app_id: u64, permissions: Permissions) {
        if let Some(app) = self.credentials.apps.iter_mut().find(|app| app.id == app_id) {
            app.permissions = permissions;
        }
    }

    /// Changes what an App subscribes to. From here on its webhook gets nothing else.
    pub fn set_app_events(&mut self, app_id: u64, events: &[&str]) {
        if let Some(app) = self.credentials.apps.iter_mut().find(|app| app.id == app_id) {
            app.events = events.iter().map(|event| (*event).to_owned()).collect();
        }
    }

    /// Changes what an installation may do: an owner has accepted, or granted less to begin with. Tokens that are out keep what they were made with.
    pub fn set_installation_permissions(&mut self, installation: u64, permissions: Permissions) {
        if let Some(installed) = self.credentials.installations.get_mut(&installation) {
            installed.permissions = permissions;
        }
    }

    /// An owner suspends an installation, or ends that: meanwhile it gets no token and no event.
    pub fn suspend_installation(&mut self, installation: u64, suspended: bool) {
        let now = self.now;
        if let Some(installed) = self.credentials.installations.get_mut(&installation) {
            installed.suspended_at = suspended.then_some(now);
        }
    }

    /// An owner removes an App.
    pub fn uninstall_app(&mut self, installation: u64) {
        self.credentials.installations.remove(&installation);
    }

    /// The events that are sent from an installation: what the App subscribes to and the installation may see.
    pub(crate) fn events_of(&self, installation: u64) -> Vec<String> {
        let Some(installed) = self.credentials.installations.get(&installation) else { return Vec::new() };
        let Some(app) = self.credentials.apps.iter().find(|app| app.id == installed.app) else { return Vec::new() };
        let may_see = |event: &&String| *event != EVENT || installed.permissions.allow("actions", Access::Read);
        app.events.iter().filter(may_see).cloned().collect()
    }

    /// Whether an App's webhook hears of a job where it is installed.
    pub(crate) fn hears_of_jobs(&self, installation: u64) -> bool {
        let Some(installed) = self.credentials.installations.get(&installation) else { return false };
        let subscribed = self.credentials.apps.iter().any(|app| app.id == installed.app && app.events.iter().any(|event| event == EVENT));
        installed.suspended_at.is_none() && subscribed && installed.permissions.allow("actions", Access::Read)
    }
}
