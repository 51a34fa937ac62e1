//! Identity policies, evaluated for one access at a time: as much of IAM as the roles of this project use. What it does not understand allows nothing.

use serde_json::Value;

/// One permission that a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// For example `ecs:RunTask`.
    pub action: String,
    /// The ARN, or `*` for actions without resources.
    pub resource: String,
    /// Condition keys and their values, for example `ecs:cluster`.
    pub context: Vec<(String, String)>,
}

/// Whether these policies together permit it: something allows it, and nothing denies it.
pub(super) fn permit(policies: &[Value], need: &Need) -> bool {
    let statements = || policies.iter().flat_map(|policy| list(&policy["Statement"])).filter(|statement| covers(statement, need));
    statements().any(|statement| statement["Effect"] == "Allow") && !statements().any(|statement| statement["Effect"] == "Deny")
}

fn covers(statement: &Value, need: &Need) -> bool {
    let action = &need.action.to_ascii_lowercase();
    let acts = if statement["NotAction"].is_null() {
        list(&statement["Action"]).any(|pattern| like(&text(pattern).to_ascii_lowercase(), action))
    } else {
        !list(&statement["NotAction"]).any(|pattern| like(&text(pattern).to_ascii_lowercase(), action))
    };
    acts && list(&statement["Resource"]).any(|pattern| like(text(pattern), &need.resource)) && conditions(&statement["Condition"], need)
}

/// All operators and all keys must agree; one of a key's values is enough.
fn conditions(condition: &Value, need: &Need) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    operators.flat_map(|(operator, keys)| keys.as_object().into_iter().flatten().map(move |(key, values)| (operator, key, values))).all(
        |(operator, key, values)| {
            let found = need.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str());
            let (operator, if_exists) = operator.strip_suffix("IfExists").map_or((operator.as_str(), false), |operator| (operator, true));
            let Some(found) = found else { return if_exists };
            match operator {
                "StringEquals" => list(values).any(|value| text(value) == found),
                "StringLike" | "ArnLike" | "ArnEquals" => list(values).any(|value| like(text(value), found)),
                _ => false,
            }
        },
    )
}

/// A value, or each of a list.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    let single = Some(value).filter(|value| !value.is_array() && !value.is_null());
    value.as_array().into_iter().flatten().chain(single)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// IAM's wildcards: `*` is any text, `?` any character.
fn like(pattern: &str, found: &str) -> bool {
    let (pattern, found) = (pattern.as_bytes(), found.as_bytes());
    let (mut p, mut f, mut retry) = (0, 0, None);
    while f < found.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, f));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == found[f] => {
                p += 1;
                f += 1;
            }
            _ => {
                // The last star takes one more.
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                p = star + 1;
                f = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn need(action: &str, resource: &str, cluster: &str) -> Need {
        Need { action: action.to_owned(), resource: resource.to_owned(), context: vec![("ecs:cluster".to_owned(), cluster.to_owned())] }
    }

    #[test]
    fn allows_what_a_statement_names_and_nothing_else() {
        let policy = [json!({"Statement": [
            {"Effect": "Allow", "Action": "ecs:UpdateService", "Resource": "arn:aws:ecs:*:*:service/c/*"},
            {"Effect": "Allow", "Action": ["ecs:Run*"], "Resource": ["*"], "Condition": {"ArnEquals": {"ecs:cluster": "arn:c"}}},
            {"Effect": "Deny", "Action": "ecs:UpdateService", "Resource": "*secret"}]})];
        assert!(permit(&policy, &need("ecs:UpdateService", "arn:aws:ecs:r:1:service/c/s", "x")));
        assert!(!permit(&policy, &need("ecs:UpdateService", "arn:aws:ecs:r:1:service/c/secret", "x")));
        assert!(!permit(&policy, &need("ecs:UpdateService", "arn:aws:ecs:r:1:cluster/c", "x")));
        assert!(permit(&policy, &need("ecs:RunTask", "anything", "arn:c")));
        assert!(!permit(&policy, &need("ecs:RunTask", "anything", "arn:d")));
    }

    #[test]
    fn a_condition_that_it_does_not_know_allows_nothing() {
        let policy =
            [json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"ecs:cluster": "x"}}}})];
        assert!(!permit(&policy, &need("ecs:RunTask", "r", "x")));
    }
}
