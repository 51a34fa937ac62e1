//! The names and numbers that things are known by, each of its own type, checked once where they enter.
//! An id says nothing about what it names: no state lives here. Names are shared, not copied: a view holds the same few of them in hundreds of records.

use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// What was wrong with a name that came from outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not valid: {rule}")]
pub struct InvalidName {
    /// Which kind of name was expected.
    pub what: &'static str,
    /// What was given, cut to 80 characters.
    pub given: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl InvalidName {
    pub(crate) fn new(what: &'static str, given: &str, rule: &'static str) -> Self {
        Self { what, given: given.chars().take(80).collect(), rule }
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// GitHub's id of a workflow job; a re-run job has a new one.
    JobId
);
number_id!(
    /// GitHub's id of a workflow run.
    RunId
);
number_id!(
    /// GitHub's id of a runner.
    RunnerId
);

macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the name.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(InvalidName::new($what, text, $rule)) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// The longest fleet name: with stack id, task id and attempt a runner name stays within GitHub's 64 characters.
pub const FLEET_NAME_MAX: usize = 18;

checked_name!(
    /// The name of a fleet, unique within a stack.
    FleetName,
    "fleet name",
    "it must start with a-z and hold up to 18 of a-z, 0-9 and -",
    |text| {
        text.len() <= FLEET_NAME_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    }
);
checked_name!(
    /// The first eight hexadecimal digits of the CloudFormation stack's id: tells one installation's runners from another's.
    StackId,
    "stack id",
    "it must be eight hexadecimal digits",
    |text| text.len() == 8 && text.chars().all(is_lower_hex)
);
checked_name!(
    /// The id of an ECS task: the last part of its ARN.
    TaskId,
    "task id",
    "it must be 32 hexadecimal digits",
    |text| text.len() == 32 && text.chars().all(is_lower_hex)
);
checked_name!(
    /// The name of a set of GitHub credentials (an App or a PAT) in the parameter store.
    CredentialName,
    "credential name",
    "it must hold 1 to 64 of A-Z, a-z, 0-9, -, _ and .",
    |text| !text.is_empty() && text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
);
checked_name!(
    /// The name of an ECS service.
    ServiceName,
    "service name",
    "it must hold 1 to 255 of A-Z, a-z, 0-9, - and _",
    |text| !text.is_empty() && text.len() <= 255 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
);
checked_name!(
    /// The ARN of a task definition with its revision; tasks of two revisions differ in it.
    TaskDefinition,
    "task definition",
    "it must be a task definition's ARN that ends in :REVISION",
    |text| {
        text.starts_with("arn:")
            && text.contains(":task-definition/")
            && text.rsplit(':').next().is_some_and(|revision| !revision.is_empty() && revision.chars().all(|c| c.is_ascii_digit()))
    }
);

impl TaskId {
    /// The id within a task's ARN (`arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID`, or the old form without the cluster).
    pub fn from_arn(arn: &str) -> Result<Self, InvalidName> {
        if !arn.contains(":task/") {
            return Err(InvalidName::new("task ARN", arn, "it must hold :task/"));
        }
        Self::parse(arn.rsplit('/').next().unwrap_or_default())
    }
}

impl TaskDefinition {
    /// The family, which is the name without the revision.
    #[must_use]
    pub fn family(&self) -> &str {
        let name = self.0.rsplit('/').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default()
    }

    /// The name of the service that the fleet's stack makes for it: each revision has one of its own.
    #[must_use]
    pub fn service(&self) -> String {
        self.0.rsplit('/').next().unwrap_or_default().replace(':', "-")
    }
}

fn is_lower_hex(c: char) -> bool {
    c.is_ascii_digit() || ('a'..='f').contains(&c)
}

/// A repository's `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub struct RepositoryName(Arc<str>);

// As text that this project has written itself: checked when it came in.
impl From<String> for RepositoryName {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Serialize for RepositoryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl RepositoryName {
    /// Takes GitHub's `full_name`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        match text.split_once('/') {
            Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => Ok(Self(text.into())),
            _ => Err(InvalidName::new("repository", text, "it must be OWNER/NAME")),
        }
    }

    /// `owner/name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The organisation or user that owns the repository.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names of which many records bear the same few: `crate::shared` holds each of them once.
macro_rules! shared_name {
    ($($name:ident),+) => {
        $(impl $name {
            pub(crate) const fn shared(&mut self) -> &mut Arc<str> {
                &mut self.0
            }
        })+
    };
}

shared_name!(FleetName, RepositoryName, ServiceName, TaskDefinition);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_is_read_from_both_forms_of_arn() {
        let id = "0123456789abcdef0123456789abcdef";
        for arn in
            [format!("arn:aws:ecs:eu-west-1:111122223333:task/cluster/{id}"), format!("arn:aws:ecs:eu-west-1:111122223333:task/{id}")]
        {
            assert_eq!(TaskId::from_arn(&arn).map(|id| id.to_string()), Ok(id.to_owned()));
        }
        assert!(TaskId::from_arn("arn:aws:ecs:eu-west-1:111122223333:service/x").is_err());
    }

    #[test]
    fn a_fleet_name_that_would_make_a_runner_name_too_long_is_refused() {
        assert!(FleetName::parse("linux-x64").is_ok());
        for bad in ["", "Linux", "1st", "a-name-that-is-too-long", "under_score"] {
            assert!(FleetName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_family_is_read_from_a_task_definition() {
        let definition = TaskDefinition::parse("arn:aws:ecs:eu-west-1:1:task-definition/runners-default:7").map(|d| d.family().to_owned());
        assert_eq!(definition.as_deref(), Ok("runners-default"));
    }
}
