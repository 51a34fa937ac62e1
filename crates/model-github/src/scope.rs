//! Where a runner belongs: an organisation, a repository or an enterprise.

use std::fmt;

/// Whose runners are meant. Logins compare without regard to case, as at GitHub.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `/orgs/{org}`
    Organization(String),
    /// `/repos/{owner}/{repo}`
    Repository(String, String),
    /// `/enterprises/{enterprise}`
    Enterprise(String),
}

impl Scope {
    /// Whether both name the same place.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        // Mostly they are written the same, which is quicker to see.
        if self == other {
            return true;
        }
        match (self, other) {
            (Self::Organization(one), Self::Organization(two)) | (Self::Enterprise(one), Self::Enterprise(two)) => {
                one.eq_ignore_ascii_case(two)
            }
            (Self::Repository(owner, name), Self::Repository(other_owner, other_name)) => {
                owner.eq_ignore_ascii_case(other_owner) && name.eq_ignore_ascii_case(other_name)
            }
            _ => false,
        }
    }

    /// Who owns the runner groups of this scope; a repository has none.
    #[must_use]
    pub fn group_owner(&self) -> Option<&str> {
        match self {
            Self::Organization(login) | Self::Enterprise(login) => Some(login),
            Self::Repository(..) => None,
        }
    }
}

impl fmt::Display for Scope {
    /// The path under which the API and the website know it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(login) => formatter.write_str(login),
            Self::Repository(owner, name) => write!(formatter, "{owner}/{name}"),
            Self::Enterprise(slug) => write!(formatter, "enterprises/{slug}"),
        }
    }
}
