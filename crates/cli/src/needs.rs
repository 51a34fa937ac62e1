//! What a credential must be allowed, in one list for all commands: `setup` asks GitHub for it and for no more, `doctor` says what is missing of it.

use fargate_runners_core::fleet::Scope;

/// The one event that the webhook lives on.
pub const EVENT: &str = "workflow_job";

/// What an App must be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its name in GitHub's API.
    pub name: &'static str,
    /// `read` or `write`.
    pub level: &'static str,
    /// Where it stands on the App's settings page.
    pub settings: &'static str,
}

/// What a scope needs of an App. To read an App's own deliveries and settings needs no permission.
pub fn permissions(scope: &Scope, retries_jobs: bool) -> Vec<Permission> {
    let runners = match scope {
        Scope::Repository(_) => {
            Permission { name: "administration", level: "write", settings: "Repository permissions, Administration: read and write" }
        }
        _ => Permission {
            name: "organization_self_hosted_runners",
            level: "write",
            settings: "Organization permissions, Self-hosted runners: read and write",
        },
    };
    let level = if retries_jobs { "write" } else { "read" };
    vec![runners, Permission { name: "actions", level, settings: "Repository permissions, Actions" }]
}

/// Levels in their order: a higher one holds the lower ones.
pub fn rank(level: Option<&str>) -> u8 {
    match level {
        Some("admin") => 3,
        Some("write") => 2,
        Some("read") => 1,
        _ => 0,
    }
}

/// The scope that a classic token lacks to make runners.
pub fn lacking_scope(scope: &Scope, scopes: &[String]) -> Option<&'static str> {
    let (needed, more) = match scope {
        Scope::Organisation(_) => ("admin:org", None),
        Scope::Repository(_) => ("repo", None),
        Scope::Enterprise(_) => ("manage_runners:enterprise", Some("admin:enterprise")),
    };
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    (!has(needed) && !more.is_some_and(has)).then_some(needed)
}

/// The scopes that a classic token lacks to look after jobs and webhooks, each with what for.
pub fn lacking_for_healing(scope: &Scope, scopes: &[String]) -> Vec<(&'static str, &'static str)> {
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    let mut lacking = Vec::new();
    if !has("repo") {
        lacking.push(("repo", "to look after jobs that wait"));
    }
    if matches!(scope, Scope::Organisation(_)) && !has("admin:org_hook") {
        lacking.push(("admin:org_hook", "to set the webhook up, and to have failed deliveries repeated"));
    }
    lacking
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_asks_for_two_permissions_and_writes_to_actions_only_where_jobs_are_run_again() {
        let names = |scope: &str, retries| {
            let needed = permissions(&Scope::parse(scope).unwrap(), retries);
            needed.iter().map(|need| format!("{}:{}", need.name, need.level)).collect::<Vec<_>>()
        };
        assert_eq!(names("org/octo-org", false), ["organization_self_hosted_runners:write", "actions:read"]);
        assert_eq!(names("repo/mona/app", true), ["administration:write", "actions:write"]);
    }

    #[test]
    fn a_classic_token_is_told_which_scope_it_lacks() {
        let scopes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let organisation = Scope::parse("org/octo-org").unwrap();
        assert_eq!(lacking_scope(&organisation, &scopes(&["repo"])), Some("admin:org"));
        assert_eq!(lacking_scope(&organisation, &scopes(&["admin:org"])), None);
        assert_eq!(lacking_for_healing(&organisation, &scopes(&["admin:org"])).len(), 2);
        let enterprise = Scope::parse("enterprise/big").unwrap();
        assert_eq!(lacking_scope(&enterprise, &scopes(&["admin:enterprise"])), None);
        assert_eq!(lacking_scope(&enterprise, &scopes(&["repo"])), Some("manage_runners:enterprise"));
    }
}
