//! The healers by name, in the order in which they go: what is cheap and what keeps jobs alive comes first.

use fargate_runners_core::mutant::Mutant;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// One kind of loss, and what heals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Healer {
    /// Fleets in which something may be due are looked at.
    Nudge,
    /// Scale-in protection is renewed.
    Protection,
    /// Tasks whose end nobody reported.
    StoppedTasks,
    /// Events and messages that ended in a dead-letter queue are replayed.
    DeadLetters,
    /// Desired counts that somebody changed.
    Drift,
    /// Tasks that never register are condemned, then stopped.
    Unregistered,
    /// GitHub is asked about jobs that are queued for long.
    QueuedJobs,
    /// Webhook deliveries that failed are redelivered.
    Deliveries,
    /// GitHub is asked about jobs that run for long.
    RunningJobs,
    /// Idle runners that GitHub no longer knows are told to leave.
    Ghosts,
    /// Runners whose tasks are gone are deleted.
    LeftRunners,
    /// Jobs that went down with their runners are run once more.
    InterruptedJobs,
    /// Empty services of replaced revisions are deleted.
    Services,
    /// Somebody is told before GitHub refuses a runner's version.
    RunnerVersion,
}

/// No healer has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no healer {0:?}")]
pub struct UnknownHealer(String);

impl Healer {
    /// All of them, in their order.
    pub const ALL: [Self; 14] = [
        Self::Nudge,
        Self::Protection,
        Self::StoppedTasks,
        Self::DeadLetters,
        Self::Drift,
        Self::Unregistered,
        Self::QueuedJobs,
        Self::Deliveries,
        Self::RunningJobs,
        Self::Ghosts,
        Self::LeftRunners,
        Self::InterruptedJobs,
        Self::Services,
        Self::RunnerVersion,
    ];

    /// Its name in logs, metrics, memory and requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nudge => "nudge",
            Self::Protection => "protection",
            Self::StoppedTasks => "stopped_tasks",
            Self::DeadLetters => "dead_letters",
            Self::Drift => "drift",
            Self::Unregistered => "unregistered",
            Self::QueuedJobs => "queued_jobs",
            Self::Deliveries => "deliveries",
            Self::RunningJobs => "running_jobs",
            Self::Ghosts => "ghosts",
            Self::LeftRunners => "left_runners",
            Self::InterruptedJobs => "interrupted_jobs",
            Self::Services => "services",
            Self::RunnerVersion => "runner_version",
        }
    }

    /// The mutant that forgets it.
    pub(super) const fn mutant(self) -> Mutant {
        match self {
            Self::Nudge => Mutant::ForgetNudge,
            Self::Protection => Mutant::ForgetProtection,
            Self::StoppedTasks => Mutant::ForgetStoppedTasks,
            Self::DeadLetters => Mutant::ForgetDeadLetters,
            Self::Drift => Mutant::ForgetDrift,
            Self::Unregistered => Mutant::ForgetUnregistered,
            Self::QueuedJobs => Mutant::ForgetQueuedJobs,
            Self::Deliveries => Mutant::ForgetDeliveries,
            Self::RunningJobs => Mutant::ForgetRunningJobs,
            Self::Ghosts => Mutant::ForgetGhosts,
            Self::LeftRunners => Mutant::ForgetLeftRunners,
            Self::InterruptedJobs => Mutant::ForgetInterrupted,
            Self::Services => Mutant::ForgetServices,
            Self::RunnerVersion => Mutant::ForgetRunnerVersion,
        }
    }
}

impl FromStr for Healer {
    type Err = UnknownHealer;

    /// Takes `dead_letters` and `dead-letters` alike.
    fn from_str(text: &str) -> Result<Self, UnknownHealer> {
        let name = text.replace('-', "_");
        Self::ALL.into_iter().find(|healer| healer.name() == name).ok_or_else(|| UnknownHealer(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healer_is_called_by_its_name_with_either_kind_of_dash() {
        for healer in Healer::ALL {
            assert_eq!(healer.name().parse(), Ok(healer));
            assert_eq!(healer.name().replace('_', "-").parse(), Ok(healer));
            assert_eq!(serde_json::to_value(healer).unwrap(), healer.name());
        }
        assert!("doctor".parse::<Healer>().is_err());
    }
}
