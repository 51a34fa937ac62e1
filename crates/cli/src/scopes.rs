//! Which scope holds which, for whoever asks whether one fleet's place is also another's.

use fargate_runners_core::fleet::Scope;

/// Whether all jobs of the one scope are jobs of the other too, as far as their names say. Whose enterprise an organisation is they do not.
pub fn holds(outer: &Scope, inner: &Scope) -> bool {
    match (outer, inner) {
        (_, Scope::Repository(name)) => outer.admits(name, None),
        (Scope::Organisation(outer), Scope::Organisation(inner)) | (Scope::Enterprise(outer), Scope::Enterprise(inner)) => {
            outer.eq_ignore_ascii_case(inner)
        }
        _ => false,
    }
}

/// Whether the one may hold the other: an enterprise may hold whatever is none.
pub fn may_hold(outer: &Scope, inner: &Scope) -> bool {
    holds(outer, inner) || matches!(outer, Scope::Enterprise(_)) && !matches!(inner, Scope::Enterprise(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_holds_its_repositories_and_an_enterprise_may_hold_anything() {
        let scope = |text| Scope::parse(text).unwrap();
        for (outer, inner, is_held) in [
            ("org/octo-org", "org/Octo-Org", true),
            ("org/octo-org", "repo/octo-org/app", true),
            ("org/octo-org", "repo/mona/app", false),
            ("repo/octo-org/app", "org/octo-org", false),
            ("repo/octo-org/app", "repo/octo-org/app", true),
            ("enterprise/big", "org/octo-org", false),
            ("enterprise/big", "enterprise/big", true),
        ] {
            assert_eq!(holds(&scope(outer), &scope(inner)), is_held, "{outer} {inner}");
        }
        assert!(may_hold(&scope("enterprise/big"), &scope("repo/mona/app")) && !may_hold(&scope("org/octo-org"), &scope("org/other")));
    }
}
