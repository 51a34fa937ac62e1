//! Apps as they are set up: what they ask for, what they subscribe to, and what the owners of their installations have made of it.

use crate::auth::{Access, Permissions};
use crate::model::GithubModel;

/// The only event that this model makes besides `ping`.
const EVENT: &str = "workflow_job";

pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    /// What it asks for. An installation has it once its owner has accepted.
    pub(crate) permissions: Permissions,
    /// What it subscribes to.
    pub(crate) events: Vec<String>,
}

impl App {
    pub(crate) fn slug(&self) -> String {
        format!("app-{}", self.id)
    }

    pub(crate) fn name(&self) -> String {
        format!("App {}", self.id)
    }
}

impl GithubModel {
    /// An App that asks for what runners need and subscribes to `workflow_job`. Its JWTs are verified by whoever calls the model.
    pub fn add_app(&mut self, app_id: u64, client_id: &str) {
        let (permissions, events) = (Permissions::runners(), vec![EVENT.to_owned()]);
        self.credentials.apps.push(App { id: app_id, client_id: client_id.to_owned(), permissions, events });
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
