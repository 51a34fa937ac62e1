//! Who calls: API Gateway has checked the signature and says which role's session it was. For an ECS task role the session's name is the task's id,
//! so that a call is bound to one task; nothing of it is ever taken from a body.

use fargate_runners_core::ids::TaskId;

/// A task, as API Gateway's `requestContext.authorizer.iam.userArn` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of its role.
    pub role: String,
    /// The task.
    pub task: TaskId,
}

impl Caller {
    /// Reads `arn:aws:sts::ACCOUNT:assumed-role/ROLE/TASKID`; anything else (a user, another service's session) is no task.
    #[must_use]
    pub fn parse(user_arn: &str) -> Option<Self> {
        let mut parts = user_arn.splitn(6, ':');
        let (arn, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (_region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let mut resource = resource.split('/');
        let (kind, role, session) = (resource.next()?, resource.next()?, resource.next()?);
        if arn != "arn" || service != "sts" || kind != "assumed-role" || resource.next().is_some() {
            return None;
        }
        Some(Self { role: role.to_owned(), task: TaskId::parse(session).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_known_by_its_roles_session() {
        let caller = Caller::parse("arn:aws:sts::111122223333:assumed-role/runners-default-task/0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(caller.role, "runners-default-task");
        assert_eq!(caller.task.as_str(), "0123456789abcdef0123456789abcdef");
    }

    #[test]
    fn anybody_else_is_no_task() {
        for arn in [
            "arn:aws:iam::111122223333:user/somebody",
            "arn:aws:sts::111122223333:assumed-role/runners-default-task/botocore-session-1",
            "arn:aws:sts::111122223333:assumed-role/path/runners-default-task/0123456789abcdef0123456789abcdef",
            "arn:aws:iam::111122223333:assumed-role/role/0123456789abcdef0123456789abcdef",
            "",
        ] {
            assert_eq!(Caller::parse(arn), None, "{arn}");
        }
    }
}
