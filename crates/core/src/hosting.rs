//! What Fargate gives a task, and what it bills for it. For people and their metrics: no decision rests on it.

use crate::time::{Timestamp, earliest};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Fargate bills a task for a minute at least.
pub const BILLED_AT_LEAST: Duration = Duration::from_secs(60);

/// A task asks for its registration within minutes of its start; what it says of longer ago, or of the future, is a mistake.
const TOLD_WITHIN: Duration = Duration::from_secs(60 * 60);

/// CPU units of one vCPU.
const UNITS_OF_A_VCPU: f64 = 1024.0;

/// MiB of one of Fargate's GB.
const MIB_OF_A_GB: f64 = 1024.0;

/// What is known of it. Facts only grow; records and events from before it was noted have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hosting {
    /// When Fargate began to pull the image. From here on it bills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_started_at: Option<Timestamp>,
    /// CPU units, 1024 to a vCPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_units: Option<u32>,
    /// Memory in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
}

/// What a task is billed for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Billed {
    /// vCPUs times seconds.
    pub vcpu_seconds: f64,
    /// GB of memory times seconds.
    pub gb_seconds: f64,
}

impl Hosting {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { pull_started_at: None, cpu_units: None, memory_mib: None };

    /// What a task says of itself, from ECS's task metadata (`PullStartedAt`), as far as that can be.
    #[must_use]
    pub fn told(pull_started_at: Option<Timestamp>, now: Timestamp) -> Self {
        Self { pull_started_at: pull_started_at.filter(|at| *at <= now && now.since(*at) <= TOLD_WITHIN), ..Self::UNKNOWN }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::UNKNOWN
    }

    /// Everything that either account knows. Commutative, associative and idempotent.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self {
            pull_started_at: earliest(self.pull_started_at, other.pull_started_at),
            cpu_units: self.cpu_units.max(other.cpu_units),
            memory_mib: self.memory_mib.max(other.memory_mib),
        }
    }

    /// What Fargate bills for a task that ended then; `None` for one that never began to pull its image, or of which too little is known.
    #[must_use]
    pub fn billed(&self, ended_at: Timestamp) -> Option<Billed> {
        let seconds = ended_at.since(self.pull_started_at?).max(BILLED_AT_LEAST).as_secs_f64();
        let vcpus = f64::from(self.cpu_units?) / UNITS_OF_A_VCPU;
        let gb = f64::from(self.memory_mib?) / MIB_OF_A_GB;
        Some(Billed { vcpu_seconds: vcpus * seconds, gb_seconds: gb * seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_billed_from_the_pull_of_its_image_and_for_a_minute_at_least() {
        let hosting = Hosting { pull_started_at: Some(Timestamp::from_secs(100)), cpu_units: Some(512), memory_mib: Some(2048) };
        assert_eq!(hosting.billed(Timestamp::from_secs(220)), Some(Billed { vcpu_seconds: 60.0, gb_seconds: 240.0 }));
        assert_eq!(hosting.billed(Timestamp::from_secs(110)), Some(Billed { vcpu_seconds: 30.0, gb_seconds: 120.0 }));
        assert_eq!(Hosting { pull_started_at: None, ..hosting }.billed(Timestamp::from_secs(220)), None);
    }

    #[test]
    fn what_a_task_says_of_its_pull_counts_if_it_can_be() {
        let now = Timestamp::from_secs(100_000);
        let told = |secs| Hosting::told(Some(Timestamp::from_secs(secs)), now).pull_started_at.map(Timestamp::as_secs);
        assert_eq!((told(99_950), told(100_000)), (Some(99_950), Some(100_000)));
        assert_eq!((told(100_001), told(5)), (None, None));
    }

    #[test]
    fn two_accounts_join_in_any_order() {
        let early = Hosting { pull_started_at: Some(Timestamp::from_secs(1)), ..Hosting::UNKNOWN };
        let sized = Hosting { pull_started_at: Some(Timestamp::from_secs(2)), cpu_units: Some(256), memory_mib: None };
        assert_eq!(early.join(&sized), sized.join(&early));
        assert_eq!(early.join(&early), early);
        assert_eq!(early.join(&sized), Hosting { cpu_units: Some(256), ..early });
    }
}
