//! Has the healer sweep much more often than its schedule does, and adds up what its answers say it healed.

use std::collections::BTreeMap;
use std::time::Duration;

use fargate_runners_local_stack::aws;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::stack::CONTROL_PLANE;

/// From the end of one sweep to the next, unless somebody says otherwise: as on AWS.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// What the healers did in all sweeps.
#[derive(Debug, Default)]
pub struct Healed {
    /// By healer: what it healed, and how often it could not get through.
    pub healers: BTreeMap<String, (u64, u64)>,
    /// Sweeps that answered.
    pub answered: u64,
    /// Sweeps that did not: killed, or cut off.
    pub failed: u64,
}

/// The sweeps of a run, one after the other.
pub struct Sweeps {
    aws: aws::Emulator,
    every: Duration,
    under_way: JoinSet<Result<Value, aws::Error>>,
    ended: Instant,
    /// What came of them.
    pub healed: Healed,
}

impl Sweeps {
    /// The first comes after a while.
    pub fn new(aws: &aws::Emulator) -> Self {
        Self { aws: aws.clone(), every: EVERY, under_way: JoinSet::new(), ended: Instant::now(), healed: Healed::default() }
    }

    /// With so long a pause between them.
    #[must_use]
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// Begins the next one when it is due, and takes in what the last one says.
    pub fn go_on(&mut self) {
        while let Some(answer) = self.under_way.try_join_next() {
            self.ended = Instant::now();
            match answer {
                Ok(Ok(report)) => self.healed.add(&report),
                Ok(Err(_)) | Err(_) => self.healed.failed += 1,
            }
        }
        if self.under_way.is_empty() && self.ended.elapsed() > self.every {
            let aws = self.aws.clone();
            self.under_way.spawn(async move { aws.invoke(&format!("{CONTROL_PLANE}-sweep"), &json!({})).await });
        }
    }
}

impl Healed {
    /// Adds the report of a sweep.
    fn add(&mut self, report: &Value) {
        self.answered += 1;
        for (healer, outcome) in report["healers"].as_object().into_iter().flatten() {
            let failures = outcome["failures"].as_array().map_or(0, Vec::len) as u64;
            let (healed, failed) = self.healers.entry(healer.replace('_', " ")).or_default();
            *healed += outcome["healed"].as_u64().unwrap_or_default();
            *failed += failures;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_add_up_by_healer() {
        let mut healed = Healed::default();
        let report =
            json!({ "healers": { "dead_letters": { "healed": 2, "failures": [] }, "nudge": { "healed": 0, "failures": ["no"] } } });
        healed.add(&report);
        healed.add(&report);
        assert_eq!(healed.answered, 2);
        assert_eq!(healed.healers, BTreeMap::from([("dead letters".to_owned(), (4, 0)), ("nudge".to_owned(), (0, 2))]));
    }
}
