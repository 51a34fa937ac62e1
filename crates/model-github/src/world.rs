//! Who exists: organisations, repositories, runner groups.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::GithubModel;
use crate::scope::Scope;

/// The group that every organisation and enterprise has.
pub(crate) const DEFAULT_GROUP: u64 = 1;

/// Who may see a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Members.
    Private,
    /// Members of the enterprise.
    Internal,
}

impl Visibility {
    /// As the wire says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Internal => "internal",
        }
    }
}

/// A repository.
#[derive(Clone, Debug)]
pub struct Repository {
    /// GitHub's number.
    pub id: u64,
    /// Login of the owner.
    pub owner: String,
    /// Name without the owner.
    pub name: String,
    /// Who may see it.
    pub visibility: Visibility,
}

/// Which repositories a group's runners serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupVisibility {
    /// All of the owner's.
    All,
    /// Those that are not public.
    Private,
    /// These, by name; of an enterprise, these organisations.
    Selected(Vec<String>),
}

/// A runner group.
#[derive(Clone, Debug)]
pub struct RunnerGroup {
    /// Its name, by which a workflow may ask for it.
    pub name: String,
    /// Which repositories it serves.
    pub visibility: GroupVisibility,
    /// Whether public repositories are among them.
    pub allows_public_repositories: bool,
}

impl RunnerGroup {
    /// Of an enterprise, organisations are selected; of an organisation, repositories.
    pub(crate) fn admits(&self, repository: &Repository, of_enterprise: bool) -> bool {
        let public = repository.visibility == Visibility::Public;
        if public && !self.allows_public_repositories {
            return false;
        }
        match &self.visibility {
            GroupVisibility::All => true,
            GroupVisibility::Private => !public,
            GroupVisibility::Selected(names) => {
                let asked = if of_enterprise { &repository.owner } else { &repository.name };
                names.iter().any(|name| name.eq_ignore_ascii_case(asked))
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Organization {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) enterprise: Option<String>,
}

/// Keys are lower case, and each level has a map of its own: a name is then looked up as it is, without being copied.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) organizations: BTreeMap<String, Organization>,
    /// By owner and name.
    pub(crate) repositories: BTreeMap<String, BTreeMap<String, Repository>>,
    /// By owner (an organisation or an enterprise) and number.
    pub(crate) groups: BTreeMap<String, BTreeMap<u64, RunnerGroup>>,
}

impl World {
    pub(crate) fn organization(&self, login: &str) -> Option<&Organization> {
        self.organizations.get(&*lower(login))
    }

    pub(crate) fn repository(&self, owner: &str, name: &str) -> Option<&Repository> {
        self.repositories.get(&*lower(owner))?.get(&*lower(name))
    }

    pub(crate) fn group(&self, owner: &str, id: u64) -> Option<&RunnerGroup> {
        self.groups_of(owner)?.get(&id)
    }

    pub(crate) fn groups_of(&self, owner: &str) -> Option<&BTreeMap<u64, RunnerGroup>> {
        self.groups.get(&*lower(owner))
    }

    pub(crate) fn exists(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Organization(login) => self.organization(login).is_some(),
            Scope::Repository(owner, name) => self.repository(owner, name).is_some(),
            Scope::Enterprise(slug) => self.group(slug, DEFAULT_GROUP).is_some(),
        }
    }

    /// Whether a runner of this scope and group may serve the repository at all.
    pub(crate) fn admits(&self, scope: &Scope, group: u64, asked: Option<&str>, repository: &Repository) -> bool {
        let of_its_own = match scope {
            Scope::Repository(owner, name) => {
                return asked.is_none() && owner.eq_ignore_ascii_case(&repository.owner) && name.eq_ignore_ascii_case(&repository.name);
            }
            Scope::Organization(login) => login.eq_ignore_ascii_case(&repository.owner),
            Scope::Enterprise(slug) => self
                .organization(&repository.owner)
                .and_then(|owner| owner.enterprise.as_deref())
                .is_some_and(|enterprise| enterprise.eq_ignore_ascii_case(slug)),
        };
        let Some(group) = scope.group_owner().and_then(|owner| self.group(owner, group)) else { return false };
        of_its_own
            && asked.is_none_or(|name| name.eq_ignore_ascii_case(&group.name))
            && group.admits(repository, matches!(scope, Scope::Enterprise(_)))
    }
}

impl GithubModel {
    /// An organisation, with the group "Default" that serves all its repositories but no public ones.
    pub fn add_organization(&mut self, login: &str) {
        let id = self.new_id();
        self.world.organizations.insert(login.to_lowercase(), Organization { id, login: login.to_owned(), enterprise: None });
        self.world.groups.entry(login.to_lowercase()).or_default().insert(DEFAULT_GROUP, default_group());
    }

    /// An enterprise with some of the organisations that exist already.
    pub fn add_enterprise(&mut self, slug: &str, organizations: &[&str]) {
        self.world.groups.entry(slug.to_lowercase()).or_default().insert(DEFAULT_GROUP, default_group());
        for login in organizations {
            if let Some(organization) = self.world.organizations.get_mut(&login.to_lowercase()) {
                organization.enterprise = Some(slug.to_owned());
            }
        }
    }

    /// A repository. Its owner need not be an organisation that was added.
    pub fn add_repository(&mut self, owner: &str, name: &str, visibility: Visibility) {
        let id = self.new_id();
        let repository = Repository { id, owner: owner.to_owned(), name: name.to_owned(), visibility };
        self.world.repositories.entry(owner.to_lowercase()).or_default().insert(name.to_lowercase(), repository);
    }

    /// A runner group of an organisation or enterprise; its number is the answer.
    pub fn add_runner_group(&mut self, owner: &str, group: RunnerGroup) -> u64 {
        let groups = self.world.groups.entry(owner.to_lowercase()).or_default();
        let id = groups.keys().next_back().map_or(DEFAULT_GROUP, |id| id + 1);
        groups.insert(id, group);
        id
    }

    /// Somebody deletes a runner group. GitHub moves its runners to the default group; here they stay as they are, and get no jobs.
    pub fn remove_runner_group(&mut self, owner: &str, id: u64) {
        if let Some(groups) = self.world.groups.get_mut(&*lower(owner)) {
            groups.remove(&id);
        }
    }

    /// A runner group, to be changed. What waits is not looked at again by that alone.
    pub fn group_mut(&mut self, owner: &str, id: u64) -> Option<&mut RunnerGroup> {
        self.world.groups.get_mut(&*lower(owner))?.get_mut(&id)
    }
}

/// The text in lower case, copied only if it is not so already.
fn lower(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

fn default_group() -> RunnerGroup {
    RunnerGroup { name: "Default".to_owned(), visibility: GroupVisibility::All, allows_public_repositories: false }
}
