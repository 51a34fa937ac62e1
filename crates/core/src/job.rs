//! A job in the ledger. What is known of a job only grows: facts from deliveries are joined, so that any order with any repeats of the
//! same deliveries gives the same record. Nothing here pairs a job with a runner ahead of time; GitHub does that.

use crate::ids::{FleetName, JobId, RepositoryName, RunId};
use crate::labels::Labels;
use crate::time::{Timestamp, earliest};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long a closed record is kept. GitHub keeps deliveries for 3 days, so that a repeat may arrive that late; a day of margin.
pub const TOMBSTONE: Duration = Duration::from_secs(4 * 24 * 3600);

/// How far a job has come, in the order in which it gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobPhase {
    /// An environment's gate holds it; nothing may start for it yet.
    Waiting,
    /// It waits for a runner.
    Queued,
    /// A runner has it.
    InProgress,
    /// It is over.
    Completed,
}

/// One fact about a job, as the webhook passes it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEvent {
    /// The fleet that this event is for.
    pub fleet: FleetName,
    /// Whether the job's labels lead to this fleet; false where only the runner is of this fleet, or nobody knows.
    pub home: bool,
    /// The job.
    pub job_id: JobId,
    /// Its run.
    pub run_id: RunId,
    /// Which attempt of the run; 1 where GitHub does not say.
    pub run_attempt: u32,
    /// Where it belongs.
    pub repository: RepositoryName,
    /// The workflow's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_name: Option<String>,
    /// The job's name.
    pub name: String,
    /// What it asks of a runner.
    pub labels: Labels,
    /// How far it has come.
    pub phase: JobPhase,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<String>,
    /// The runner that has or had it, whoever's that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_name: Option<String>,
    /// When GitHub says that this phase began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When the webhook saw it.
    pub seen_at: Timestamp,
    /// GitHub's id of the delivery; a repeat bears the same.
    pub delivery: String,
    /// Whether `webhook` has noted it with the job's record, so that no look is needed for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub noted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(it: &bool) -> bool {
    !*it
}

impl JobEvent {
    /// What is noted of it with the job's record.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            phase: self.phase,
            conclusion: self.conclusion.clone(),
            runner_name: self.runner_name.clone(),
            at: self.at,
            seen_at: self.seen_at,
            delivery: self.delivery.clone(),
        }
    }
}

/// What `webhook` has noted with a job's record: a delivery about a job whose labels lead to the fleet, without what the record says anyway. Whoever reads the
/// record takes it in like the event; the next write of the record is without it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Progress {
    /// How far the job has come.
    pub phase: JobPhase,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<String>,
    /// The runner that has or had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_name: Option<String>,
    /// When GitHub says that this phase began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When the webhook saw it.
    pub seen_at: Timestamp,
    /// GitHub's id of the delivery.
    pub delivery: String,
}

/// A job in the ledger of one fleet. A look holds one of these for each job that counts: whatever it has more, thousands have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobRecord {
    /// The job.
    pub job_id: JobId,
    /// The fleet in whose items this stands.
    pub fleet: FleetName,
    /// Whether the job's labels lead to this fleet. Only such a job counts as this fleet's demand.
    pub home: bool,
    /// Its run.
    pub run_id: RunId,
    /// Which attempt of the run.
    pub run_attempt: u32,
    /// Where it belongs.
    pub repository: RepositoryName,
    /// The workflow's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_name: Option<Arc<str>>,
    /// The job's name.
    pub name: Box<str>,
    /// What it asks of a runner.
    pub labels: Labels,
    /// The farthest that it is known to have come.
    pub phase: JobPhase,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<Box<str>>,
    /// The runner that has or had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_name: Option<Box<str>>,
    /// Milestone: the first delivery about it.
    pub seen_at: Timestamp,
    /// Milestone: queued, by GitHub's clock (by ours, where GitHub does not say).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_at: Option<Timestamp>,
    /// Milestone: the wanted number covered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_at: Option<Timestamp>,
    /// Milestone: a runner took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// Milestone: it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Its runner's task stopped before any word of its end. Dropped once GitHub has said how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_stopped_at: Option<Timestamp>,
}

impl JobRecord {
    /// The record that one event alone makes.
    #[must_use]
    pub fn from_event(event: &JobEvent) -> Self {
        let at = Some(event.at.unwrap_or(event.seen_at));
        let of = |phase| if event.phase == phase { at } else { None };
        let had_runner = event.phase >= JobPhase::InProgress;
        Self {
            job_id: event.job_id,
            fleet: event.fleet.clone(),
            home: event.home,
            run_id: event.run_id,
            run_attempt: event.run_attempt,
            repository: event.repository.clone(),
            workflow_name: event.workflow_name.as_deref().map(Into::into),
            name: event.name.as_str().into(),
            labels: event.labels.clone(),
            phase: event.phase,
            conclusion: event.conclusion.as_deref().filter(|_| event.phase == JobPhase::Completed).map(Into::into),
            // GitHub has been seen to send `queued` with the fields of a runner already set: only later phases are believed.
            runner_name: event.runner_name.as_deref().filter(|_| had_runner).map(Into::into),
            seen_at: event.seen_at,
            queued_at: of(JobPhase::Queued),
            raised_at: None,
            taken_at: of(JobPhase::InProgress),
            ended_at: of(JobPhase::Completed),
            runner_stopped_at: None,
        }
    }

    /// Everything that either record knows. Commutative, associative and idempotent.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let phase = self.phase.max(other.phase);
        // Of two texts the greater stands: any rule does, as long as order plays no part.
        Self {
            job_id: self.job_id,
            fleet: self.fleet.clone(),
            home: self.home || other.home,
            run_id: self.run_id.max(other.run_id),
            run_attempt: self.run_attempt.max(other.run_attempt),
            repository: self.repository.clone().max(other.repository.clone()),
            workflow_name: self.workflow_name.clone().max(other.workflow_name.clone()),
            name: self.name.clone().max(other.name.clone()),
            labels: self.labels.union(&other.labels),
            phase,
            conclusion: self.conclusion.clone().max(other.conclusion.clone()),
            runner_name: self.runner_name.clone().max(other.runner_name.clone()),
            seen_at: self.seen_at.min(other.seen_at),
            queued_at: earliest(self.queued_at, other.queued_at),
            raised_at: earliest(self.raised_at, other.raised_at),
            taken_at: earliest(self.taken_at, other.taken_at),
            ended_at: earliest(self.ended_at, other.ended_at),
            runner_stopped_at: earliest(self.runner_stopped_at, other.runner_stopped_at).filter(|_| phase < JobPhase::Completed),
        }
    }

    /// The event of which this was noted with the record.
    #[must_use]
    pub fn event_of(&self, noted: &Progress) -> JobEvent {
        JobEvent {
            fleet: self.fleet.clone(),
            home: true,
            job_id: self.job_id,
            run_id: self.run_id,
            run_attempt: self.run_attempt,
            repository: self.repository.clone(),
            workflow_name: self.workflow_name.as_deref().map(str::to_owned),
            name: self.name.to_string(),
            labels: self.labels.clone(),
            phase: noted.phase,
            conclusion: noted.conclusion.clone(),
            runner_name: noted.runner_name.clone(),
            at: noted.at,
            seen_at: noted.seen_at,
            delivery: noted.delivery.clone(),
            noted: true,
        }
    }

    /// The record with what was noted with it.
    #[must_use]
    pub fn after(&self, noted: &[Progress]) -> Self {
        noted.iter().fold(self.clone(), |job, noted| job.join(&Self::from_event(&self.event_of(noted))))
    }

    /// Whether it is not over, as far as anybody knows.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase < JobPhase::Completed && self.runner_stopped_at.is_none()
    }

    /// Whether it is open and no runner has had it yet.
    #[must_use]
    pub fn has_had_no_runner(&self) -> bool {
        self.phase < JobPhase::InProgress && self.is_open()
    }

    /// Whether it waits for a runner of this fleet.
    #[must_use]
    pub fn is_queued_here(&self) -> bool {
        self.home && self.phase == JobPhase::Queued && self.is_open()
    }

    /// Since when it has waited: by GitHub's clock, or, where GitHub does not say, since it was seen.
    #[must_use]
    pub fn waiting_since(&self) -> Timestamp {
        self.queued_at.unwrap_or(self.seen_at)
    }

    /// When the record may be forgotten; `None` while it is open.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        if self.is_open() {
            return None;
        }
        Some(self.seen_at.max(self.ended_at.or(self.runner_stopped_at).unwrap_or(self.seen_at)) + TOMBSTONE)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn event(job: u64, phase: JobPhase) -> JobEvent {
        JobEvent {
            fleet: FleetName::parse("default").unwrap(),
            home: true,
            job_id: JobId(job),
            run_id: RunId(job),
            run_attempt: 1,
            repository: RepositoryName::parse("octo-org/hello").unwrap(),
            workflow_name: Some("ci".to_owned()),
            name: "build".to_owned(),
            labels: Labels::parse(["self-hosted"]).unwrap(),
            phase,
            conclusion: (phase == JobPhase::Completed).then(|| "success".to_owned()),
            runner_name: None,
            at: None,
            seen_at: Timestamp::from_secs(1_000),
            delivery: "d".to_owned(),
            noted: false,
        }
    }

    fn any_record() -> impl Strategy<Value = JobRecord> {
        let phase = prop_oneof![Just(JobPhase::Waiting), Just(JobPhase::Queued), Just(JobPhase::InProgress), Just(JobPhase::Completed)];
        let text = proptest::option::of(prop_oneof![Just("a".to_owned()), Just("b".to_owned())]);
        (phase, text.clone(), text, any::<bool>(), 0u64..5, proptest::option::of(0u64..5), proptest::option::of(0u64..5)).prop_map(
            |(phase, conclusion, runner_name, home, seen, at, stopped)| {
                let event = JobEvent {
                    home,
                    conclusion,
                    runner_name,
                    at: at.map(Timestamp::from_secs),
                    seen_at: Timestamp::from_secs(seen),
                    ..event(1, phase)
                };
                let stopped = stopped.filter(|_| phase < JobPhase::Completed).map(Timestamp::from_secs);
                JobRecord { runner_stopped_at: stopped, ..JobRecord::from_event(&event) }
            },
        )
    }

    proptest! {
        #[test]
        fn joining_knows_no_order_and_no_repeats(a in any_record(), b in any_record(), c in any_record()) {
            prop_assert_eq!(a.join(&a), a.clone());
            prop_assert_eq!(a.join(&b), b.join(&a));
            prop_assert_eq!(a.join(&b).join(&c), a.join(&b.join(&c)));
        }
    }

    #[test]
    fn a_late_queued_does_not_open_a_job_that_is_over() {
        let completed = JobRecord::from_event(&event(1, JobPhase::Completed));
        let job = completed.join(&JobRecord::from_event(&event(1, JobPhase::Queued)));
        assert!(!job.is_open());
        assert_eq!(job.conclusion.as_deref(), Some("success"));
        assert!(job.queued_at.is_some() && job.ended_at.is_some());
    }

    #[test]
    fn a_runner_named_in_a_queued_delivery_is_not_believed() {
        let queued = JobEvent { runner_name: Some("GitHub Actions 5".to_owned()), ..event(1, JobPhase::Queued) };
        assert_eq!(JobRecord::from_event(&queued).runner_name, None);
    }
}
