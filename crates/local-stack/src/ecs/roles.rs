//! Assuming a task's role. On AWS the ECS service does it, and the role's trust policy admits nobody else; here nobody can be that service. So the trust
//! policy is checked here as it was deployed, and then, in the emulator only, the account itself is let in beside the service.

use serde_json::{Value, json};

use crate::aws::{Credentials, Emulator, Error};

/// Marks the statement that is added, so that it is added once.
const STATEMENT: &str = "LocalStackStandsInForEcs";
/// The only one that may assume a task's role.
const ECS_TASKS: &str = "ecs-tasks.amazonaws.com";

/// Assumes a role in a session named by the task, as the ECS service would.
pub(super) async fn assume_as_ecs(emulator: &Emulator, role_arn: &str, task_id: &str) -> Result<Credentials, Error> {
    match emulator.assume_role(role_arn, task_id).await {
        Err(error) if error.is_denial() => {
            let role = role_arn.rsplit('/').next().unwrap_or(role_arn);
            let account = role_arn.split(':').nth(4).unwrap_or_default();
            let admitting =
                admit_ecs(&emulator.trust_policy(role).await?, account).map_err(|reason| Error::Unexpected(format!("{role}: {reason}")))?;
            emulator.set_trust_policy(role, &admitting).await?;
            emulator.assume_role(role_arn, task_id).await
        }
        answer => answer,
    }
}

/// A deployed trust policy with the account let in, if it is what a task's role needs: it admits ECS tasks, and those of this account only.
pub fn admit_ecs(policy: &str, account: &str) -> Result<String, String> {
    let mut policy: Value = serde_json::from_str(policy).map_err(|error| format!("the trust policy cannot be read: {error}"))?;
    let Some(statements) = policy["Statement"].as_array_mut() else { return Err("the trust policy has no list of statements".to_owned()) };
    let admits = statements.iter().find(|statement| statement["Effect"] == "Allow" && names(&statement["Principal"]["Service"], ECS_TASKS));
    let Some(admits) = admits else { return Err(format!("the trust policy does not admit {ECS_TASKS}")) };
    let condition = &admits["Condition"];
    if !condition.is_null() && !condition.to_string().contains(account) {
        return Err(format!("the trust policy's condition is about another account than {account}: {condition}"));
    }
    if !statements.iter().any(|statement| statement["Sid"] == STATEMENT) {
        let principal = format!("arn:aws:iam::{account}:root");
        statements.push(json!({"Sid": STATEMENT, "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}));
    }
    Ok(policy.to_string())
}

fn names(value: &Value, wanted: &str) -> bool {
    value == wanted || value.as_array().is_some_and(|all| all.iter().any(|one| one == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_the_account_in_once_and_only_where_ecs_tasks_are_admitted() {
        let deployed = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ECS_TASKS}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}]});
        let once = admit_ecs(&deployed.to_string(), "1").unwrap();
        assert_eq!(once.matches(STATEMENT).count(), 1);
        assert_eq!(admit_ecs(&once, "1").unwrap(), once);
        assert!(admit_ecs(&deployed.to_string(), "2").is_err());
        let lambda = deployed.to_string().replace("ecs-tasks", "lambda");
        assert!(admit_ecs(&lambda, "1").is_err());
    }
}
