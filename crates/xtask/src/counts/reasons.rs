//! Why the functions call AWS: every call that one of them makes, with its reason, and whether each job pays for it. A call that stands in no row fails the
//! demo.

/// Who pays for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paid {
    /// Each job, or each event about one.
    ByJobs,
    /// Whatever comes first in a process, in some minutes or in an hour: a thousand jobs pay for it no more than ten do.
    Once,
}

use Paid::{ByJobs, Once};

/// Function, call, who pays for it, why.
const REASONS: [(&str, &str, Paid, &str); 61] = [
    ("webhook", "events:PutEvents", ByJobs, "a delivery becomes an event"),
    ("webhook", "dynamodb:UpdateItem JOB", ByJobs, "progress that needs no look is noted with its job"),
    ("webhook", "ssm:GetParametersByPath fleets", Once, "a process and 5 minutes, or a doubt and 30 s"),
    ("webhook", "ssm:GetParametersByPath webhook-secrets", Once, "a process and 5 minutes, or a doubt and 30 s"),
    ("scale", "ssm:GetParametersByPath fleets", Once, "a process and 30 s: launches are of the newest revision"),
    ("scale", "dynamodb:Query", ByJobs, "a look reads what counts of its fleet"),
    ("scale", "dynamodb:GetItem JOB", ByJobs, "a job that is not listed, and an event is about"),
    ("scale", "dynamodb:GetItem TASK", ByJobs, "a task that is not listed, and an event is about"),
    ("scale", "dynamodb:GetItem STATE", ByJobs, "can a look be put off? or a launch's answer met another write"),
    ("scale", "dynamodb:BatchGetItem", ByJobs, "several of these"),
    ("scale", "dynamodb:TransactWriteItems", ByJobs, "what a look has learned and decided; tasks were launched; an end moves a record"),
    ("scale", "dynamodb:PutItem STATE", ByJobs, "the same, when it is one record"),
    ("scale", "dynamodb:PutItem JOB", ByJobs, "the same, when it is one record"),
    ("scale", "dynamodb:PutItem TASK", ByJobs, "a task was launched; or the same, when it is one record"),
    ("scale", "ecs:RunTask", ByJobs, "up to ten tasks"),
    ("scale", "ecs:UpdateService", ByJobs, "a desired count"),
    ("scale", "ecs:UpdateTaskProtection", ByJobs, "up to ten ready tasks lose their protection before a count falls"),
    ("scale", "events:PutEvents", ByJobs, "a runner was lost"),
    ("scale", "sqs:SendMessage wake-up", ByJobs, "a look in N seconds is asked for"),
    ("scale", "sqs:SendMessage fleets.fifo", ByJobs, "its time has come"),
    ("register", "ssm:GetParametersByPath fleets", Once, "a process and 30 s: registrations are of the newest labels"),
    ("register", "ssm:GetParameters credentials", Once, "a process and hour: the credential, at first with the token that is shared"),
    ("register", "ssm:GetParameters tokens", Once, "an hour: the token that is shared, when it is to be renewed"),
    ("register", "ssm:PutParameter tokens", Once, "an hour: a new token is shared"),
    ("register", "dynamodb:PutItem EXCHANGE", Once, "an hour: one process exchanges, the others wait"),
    ("register", "dynamodb:UpdateItem EXCHANGE", Once, "an hour: it is done"),
    ("register", "dynamodb:GetItem TASK", ByJobs, "what the task has claimed, got and done"),
    ("register", "dynamodb:BatchGetItem", ByJobs, "a lease needs task and fleet"),
    ("register", "dynamodb:PutItem TASK", ByJobs, "it claims, a mint begins, it acknowledges, is done"),
    ("register", "dynamodb:UpdateItem PACE", ByJobs, "a mint slot"),
    ("register", "dynamodb:TransactWriteItems", ByJobs, "a leave changes task and fleet together; a record is made, and has not ended"),
    ("register", "ecs:DescribeTasks", ByJobs, "who asks must be a running task of the fleet"),
    ("register", "ecs:UpdateTaskProtection", ByJobs, "a service's task is protected before it registers"),
    ("register", "ecs:GetTaskProtection", ByJobs, "ECS refused: is it protected already?"),
    ("register", "events:PutEvents", ByJobs, "a service's task is done"),
    ("deregister", "events:PutEvents", ByJobs, "a task has stopped"),
    ("deregister", "dynamodb:GetItem TASK", ByJobs, "what a task that failed may have left"),
    ("deregister", "dynamodb:PutItem EXCHANGE", Once, "an hour: one process exchanges, the others wait"),
    ("deregister", "dynamodb:UpdateItem EXCHANGE", Once, "an hour: it is done"),
    ("deregister", "ssm:GetParametersByPath fleets", Once, "a process and 5 minutes, when a task has failed"),
    ("deregister", "ssm:GetParameters credentials", Once, "a process and hour: the credential, at first with the token that is shared"),
    ("deregister", "ssm:GetParameters tokens", Once, "an hour: the token that is shared, when it is to be renewed"),
    ("deregister", "ssm:PutParameter tokens", Once, "an hour: a new token is shared"),
    ("deregister", "sqs:SendMessage deregister-retry", ByJobs, "GitHub holds a runner for busy: later again"),
    ("sweep", "ssm:GetParametersByPath fleets", Once, "all fleets"),
    ("sweep", "ssm:GetParameters credentials", Once, "a process and hour: the credential, at first with the token that is shared"),
    ("sweep", "ssm:GetParameters tokens", Once, "an hour: the token that is shared, when it is to be renewed"),
    ("sweep", "ssm:PutParameter tokens", Once, "an hour: a new token is shared"),
    ("sweep", "dynamodb:PutItem EXCHANGE", Once, "an hour: one process exchanges, the others wait"),
    ("sweep", "dynamodb:UpdateItem EXCHANGE", Once, "an hour: it is done"),
    ("sweep", "dynamodb:Query", Once, "what counts of each fleet"),
    ("sweep", "dynamodb:Query memo", Once, "what the healers keep in mind"),
    ("sweep", "dynamodb:PutItem memo", Once, "the same"),
    ("sweep", "dynamodb:GetItem TASK", Once, "a task in doubt"),
    ("sweep", "dynamodb:PutItem TASK", Once, "a task is condemned, protected anew, or known to be a ghost"),
    ("sweep", "dynamodb:GetItem STATE", Once, "a fleet in doubt"),
    ("sweep", "dynamodb:GetItem JOB", Once, "a job in doubt"),
    ("sweep", "dynamodb:BatchGetItem", Once, "records in doubt"),
    ("sweep", "dynamodb:TransactWriteItems", Once, "the record of a task that nobody has told of"),
    ("sweep", "ecs:ListTasks", Once, "tasks that nobody has told of"),
    ("sweep", "ecs:ListServices", Once, "services that were replaced"),
];

/// The rest of what the healer does, when there is something to heal.
const HEALING: [(&str, &str); 14] = [
    ("ecs:DescribeTasks", "tasks in doubt"),
    ("ecs:DescribeServices", "counts that somebody changed; empty services"),
    ("ecs:UpdateTaskProtection", "protection that runs out"),
    ("ecs:StopTask", "a task that was condemned"),
    ("ecs:DeleteService", "a service that is empty and replaced"),
    ("events:PutEvents", "what was lost is told again"),
    ("sqs:ReceiveMessage events-dead", "dead letters"),
    ("sqs:ReceiveMessage fleets-dead.fifo", "dead letters"),
    ("sqs:ReceiveMessage wake-up-dead", "dead letters"),
    ("sqs:ReceiveMessage deregister-retry-dead", "dead letters"),
    ("sqs:DeleteMessage", "a dead letter was replayed"),
    ("sqs:SendMessage fleets.fifo", "a dead letter is replayed; a fleet is to be looked at"),
    ("sqs:SendMessage deregister-retry", "a dead letter is replayed"),
    ("sqs:DeleteMessageBatch", "dead letters were replayed"),
];

/// Why the function makes this call, and who pays for it.
pub fn of(function: &str, call: &str) -> Option<(Paid, &'static str)> {
    let healing =
        HEALING.iter().filter(|_| function == super::HEALER).find(|(name, _)| call.starts_with(name)).map(|(_, why)| (Once, *why));
    REASONS.iter().find(|(by, name, ..)| *by == function && *name == call).map(|(_, _, paid, why)| (*paid, *why)).or(healing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_stands_once_and_with_a_reason() {
        for (index, (by, name, _, why)) in REASONS.iter().enumerate() {
            assert!(name.contains(':') && !why.is_empty(), "{by} {name}");
            assert!(REASONS[..index].iter().all(|(other, call, ..)| (other, call) != (by, name)), "{by} {name} stands twice");
        }
        assert_eq!(of("webhook", "ecs:RunTask"), None);
        assert_eq!(of("scale", "ecs:StopTask"), None, "only the healer stops tasks");
        assert_eq!(of("sweep", "ecs:StopTask"), Some((Once, "a task that was condemned")));
        assert_eq!(of("sweep", "ecs:UpdateService"), None, "only `scale` sets counts");
    }
}
