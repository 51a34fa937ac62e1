//! Runner names: which stack, fleet, task and attempt a runner is, readable from both sides.
//! A name is the only thing that ties a runner in GitHub to a task in ECS; nothing else may make or take one apart.

use crate::ids::{FleetName, InvalidName, StackId, TaskId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// GitHub's longest runner name.
pub const RUNNER_NAME_MAX: usize = 64;

/// How often a task may ask for a registration anew: two digits in the name, far beyond what a boot time of minutes needs.
pub const ATTEMPT_MAX: u8 = 99;

/// `{stack id}-{fleet}-{task id}-{attempt}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunnerName {
    /// The installation that made the runner.
    pub stack: StackId,
    /// The fleet that it belongs to.
    pub fleet: FleetName,
    /// The task that it runs in.
    pub task: TaskId,
    /// 1 for a task's first registration; a repeated one counts up, so that no two registrations share a name.
    pub attempt: u8,
}

impl RunnerName {
    /// Takes a name apart; an error means that the runner is not one of ours.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let error = || InvalidName::new("runner name", text, "it must be STACK-FLEET-TASK-ATTEMPT");
        let (rest, attempt) = text.rsplit_once('-').ok_or_else(error)?;
        let (rest, task) = rest.rsplit_once('-').ok_or_else(error)?;
        let (stack, fleet) = rest.split_once('-').ok_or_else(error)?;
        let attempt_number = attempt.parse::<u8>().map_err(|_| error())?;
        if attempt_number == 0 || attempt_number > ATTEMPT_MAX || attempt != attempt_number.to_string() {
            return Err(error());
        }
        Ok(Self { stack: StackId::parse(stack)?, fleet: FleetName::parse(fleet)?, task: TaskId::parse(task)?, attempt: attempt_number })
    }
}

impl fmt::Display for RunnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.stack, self.fleet, self.task, self.attempt)
    }
}

impl TryFrom<String> for RunnerName {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<RunnerName> for String {
    fn from(name: RunnerName) -> String {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_reversible_and_short_enough(stack in "[0-9a-f]{8}", fleet in "[a-z][a-z0-9-]{0,17}", task in "[0-9a-f]{32}", attempt in 1u8..=99) {
            let name = RunnerName {
                stack: StackId::parse(&stack).unwrap(),
                fleet: FleetName::parse(&fleet).unwrap(),
                task: TaskId::parse(&task).unwrap(),
                attempt,
            };
            let text = name.to_string();
            prop_assert!(text.len() <= RUNNER_NAME_MAX);
            prop_assert_eq!(RunnerName::parse(&text).unwrap(), name);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let _ = RunnerName::parse(&text);
        }
    }

    #[test]
    fn a_name_that_somebody_else_made_is_refused() {
        for name in [
            "GitHub Actions 5",
            "my-runner",
            "",
            "0123abcd-x-0123456789abcdef0123456789abcdef-0",
            "0123abcd-x-0123456789abcdef0123456789abcdef-01",
        ] {
            assert!(RunnerName::parse(name).is_err(), "{name}");
        }
    }
}
