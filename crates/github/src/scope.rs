//! Where runners live, and the address of the API that knows them.

use fargate_runners_core::fleet::Scope;
use reqwest::Url;

/// The path below the API's base under which a scope's `actions/runners` are.
pub(crate) fn segments(scope: &Scope) -> Vec<&str> {
    match scope {
        Scope::Organisation(organization) => vec!["orgs", organization],
        Scope::Repository(repository) => std::iter::once("repos").chain(repository.as_str().split('/')).collect(),
        Scope::Enterprise(enterprise) => vec!["enterprises", enterprise],
    }
}

/// The account at which an App is installed to reach a scope: an App has one installation per account, so it tells tokens apart.
pub(crate) fn account(scope: &Scope) -> String {
    match scope {
        Scope::Organisation(owner) => owner.to_ascii_lowercase(),
        Scope::Repository(repository) => repository.owner().to_ascii_lowercase(),
        Scope::Enterprise(enterprise) => format!("enterprise.{}", enterprise.to_ascii_lowercase()),
    }
}

/// The web address that belongs to an API's. github.com has its API at `api.github.com`, ghe.com at `api.HOST`, a GitHub Enterprise Server at
/// `HOST/api/v3`.
#[must_use]
pub fn web_address(api_url: &str) -> String {
    api_url.strip_suffix("/api/v3").map_or_else(|| api_url.replacen("//api.", "//", 1), str::to_owned)
}

/// Why an API address cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiUrlError {
    /// Not an address at all.
    #[error("the API URL cannot be read: write it like https://api.github.com or https://github.example.com/api/v3")]
    Unreadable,
    /// Credentials would travel in clear.
    #[error("the API URL must begin with https:// (http:// is for this machine's own addresses only), since credentials are sent to it")]
    NotEncrypted,
    /// It carries more than an address.
    #[error("the API URL must hold a host and a path only, without user, password, query or fragment")]
    MoreThanAnAddress,
}

/// The base address of GitHub's REST API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiUrl(Url);

impl ApiUrl {
    /// Reads `https://api.github.com`, `https://api.TENANT.ghe.com` or `https://HOST/api/v3`, with or without a slash at the end.
    pub fn parse(text: &str) -> Result<Self, ApiUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| ApiUrlError::Unreadable)?;
        let loopback = match url.host_str() {
            None => return Err(ApiUrlError::Unreadable),
            Some(host) => matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost"),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(ApiUrlError::NotEncrypted),
            _ => return Err(ApiUrlError::Unreadable),
        }
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if bare { Ok(Self(url)) } else { Err(ApiUrlError::MoreThanAnAddress) }
    }

    /// The address of what these path segments name, each escaped.
    pub(crate) fn join(&self, segments: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The address as text, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_server_has_its_base() {
        for (base, expected) in [
            ("https://api.github.com", "https://api.github.com/orgs/octo/actions/runners"),
            ("https://api.github.com/", "https://api.github.com/orgs/octo/actions/runners"),
            ("https://api.octocorp.ghe.com", "https://api.octocorp.ghe.com/orgs/octo/actions/runners"),
            ("https://github.example.com/api/v3", "https://github.example.com/api/v3/orgs/octo/actions/runners"),
            ("https://github.example.com/api/v3/", "https://github.example.com/api/v3/orgs/octo/actions/runners"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/orgs/octo/actions/runners"),
        ] {
            let url = ApiUrl::parse(base).map(|api| api.join(&["orgs", "octo", "actions", "runners"], &[]).to_string());
            assert_eq!(url.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_base_that_would_give_credentials_away_is_refused() {
        assert_eq!(ApiUrl::parse("http://github.example.com/api/v3"), Err(ApiUrlError::NotEncrypted));
        assert_eq!(ApiUrl::parse("https://user:pw@api.github.com"), Err(ApiUrlError::MoreThanAnAddress));
        assert_eq!(ApiUrl::parse("api.github.com"), Err(ApiUrlError::Unreadable));
        assert_eq!(ApiUrl::parse("file:///etc/passwd"), Err(ApiUrlError::Unreadable));
    }

    #[test]
    fn names_cannot_leave_their_place_in_the_path() {
        let api = ApiUrl::parse("https://api.github.com").ok();
        let url = api.map(|api| api.join(&["orgs", "a/../b?x#y"], &[("name", "a&b=c".to_owned())]).to_string());
        assert_eq!(url.as_deref(), Some("https://api.github.com/orgs/a%2F..%2Fb%3Fx%23y?name=a%26b%3Dc"));
    }
}
