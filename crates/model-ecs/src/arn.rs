//! Names and ARNs: the API takes either nearly everywhere.

/// What stands behind the last slash: the task id of a task's ARN, the name of a service's or a cluster's.
pub(crate) fn short(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// `arn:aws:ecs:REGION:ACCOUNT` of any ARN.
pub(crate) fn prefix(arn: &str) -> &str {
    arn.match_indices(':').nth(4).map_or(arn, |(at, _)| &arn[..at])
}

/// The fifth field.
pub(crate) fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// `family` and, where it is given, `revision` of `family`, `family:revision` or the ARN.
pub(crate) fn family(name_or_arn: &str) -> (&str, Option<u64>) {
    let short = short(name_or_arn);
    match short.rsplit_once(':') {
        Some((family, revision)) => (family, revision.parse().ok()),
        None => (short, None),
    }
}
