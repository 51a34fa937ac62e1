//! Follows the planned jobs through GitHub, and judges each at the end: as it should be, excused by what was done to its task, or wrong.

use std::collections::BTreeMap;
use std::fmt;

use fargate_runners_model_github::{Conclusion, Fate, Status};

use crate::jobs::{Seen, fleet_of, task_of};

use super::load::Kind;
use super::striker::Cause;

/// A job of the plan, followed through GitHub.
pub type Followed = crate::jobs::Followed<Kind>;

/// What there is to say of a job in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be; in a few words, how.
    Fine(&'static str),
    /// It is not, and this is why: nothing of ours.
    Excused(&'static str),
    /// It is not, and nothing explains it.
    Wrong(String),
}

impl Followed {
    /// Whether nothing more is to happen to it.
    pub fn is_settled(&self) -> bool {
        let Some(seen) = &self.seen else { return false };
        seen.status == Status::Completed || matches!(self.planned.kind, Kind::Public | Kind::Foreign)
    }

    /// What to say of it, given why tasks did not end by themselves.
    pub fn verdict(&self, causes: &BTreeMap<String, Cause>) -> Verdict {
        let Some(seen) = &self.seen else { return Verdict::Wrong("was never queued".into()) };
        let fleet = seen.runner.as_deref().and_then(fleet_of);
        let wrong = |should: &str| Verdict::Wrong(format!("should have {should}, but {self}"));
        match self.planned.kind {
            Kind::Public | Kind::Foreign if seen.status == Status::Queued && seen.runner.is_none() => {
                Verdict::Fine("not ours, still queued")
            }
            Kind::Public | Kind::Foreign => wrong("stayed in the queue"),
            Kind::Hosted if self.ended_by_itself(seen) && fleet.is_none() => Verdict::Fine("ran on GitHub's own runner"),
            Kind::Hosted => wrong("run on GitHub's own runner"),
            Kind::Cancelled if self.cancelled && seen.conclusion == Some(Conclusion::Cancelled) => {
                Verdict::Fine(if seen.runner.is_none() { "cancelled before it ran" } else { "cancelled while it ran" })
            }
            Kind::Ours | Kind::Cancelled if self.ended_by_itself(seen) && self.fits(fleet) => Verdict::Fine("ran to its end"),
            Kind::Ours | Kind::Cancelled => match excuse(seen, causes) {
                Some(excuse) => Verdict::Excused(excuse),
                None => wrong("run on its fleet to its end"),
            },
        }
    }

    fn ended_by_itself(&self, seen: &Seen) -> bool {
        seen.conclusion == Some(self.planned.job.conclusion) && seen.fate == Some(Fate::Ran)
    }

    fn fits(&self, fleet: Option<&str>) -> bool {
        fleet.is_some() && fleet == self.planned.fleet.map(|fleet| fleet.name)
    }
}

/// What was done to the task that had this job, where that explains the end that the job came to.
fn excuse(seen: &Seen, causes: &BTreeMap<String, Cause>) -> Option<&'static str> {
    let cause = seen.runner.as_deref().and_then(task_of).and_then(|task| causes.get(task))?;
    match (cause, seen.fate?) {
        (Cause::Killed, Fate::LostCommunication) => Some("its task was killed"),
        (Cause::Interrupted, Fate::LostCommunication | Fate::CancelledRunning) => Some("Spot took its task"),
        _ => None,
    }
}

/// How it stands, for a person.
impl fmt::Display for Followed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(seen) = &self.seen else { return formatter.write_str("GitHub does not know it") };
        let status = seen.conclusion.map_or(seen.status.as_str(), Conclusion::as_str).replace('_', " ");
        write!(formatter, "GitHub says {status}")?;
        if let Some(fate) = seen.fate {
            write!(formatter, " ({fate:?})")?;
        }
        match seen.runner.as_deref() {
            Some(runner) => write!(formatter, " on {runner}"),
            None => formatter.write_str(" without a runner"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chaos::load::{self, Planned};

    const RUNNER: &str = "0a1b2c3d-default-0123456789abcdef0123456789abcdef-1";

    fn job(kind: Kind, conclusion: Conclusion, fate: Fate, runner: Option<&str>) -> Followed {
        let plan = load::draw(1, Duration::from_secs(180));
        let fitting = |planned: &Planned| planned.kind == kind && planned.fleet.is_none_or(|fleet| fleet.name == "default");
        let planned = plan.into_iter().find(fitting).expect("one of each kind");
        let runner = runner.map(str::to_owned);
        let seen = Seen { status: Status::Completed, conclusion: Some(conclusion), fate: Some(fate), runner, waited: None };
        Followed { seen: Some(seen), ..Followed::new(0, planned) }
    }

    #[test]
    fn a_lost_job_is_excused_only_by_what_was_done_to_its_own_task() {
        let lost = job(Kind::Ours, Conclusion::Failure, Fate::LostCommunication, Some(RUNNER));
        let causes = |task: &str| BTreeMap::from([(task.to_owned(), Cause::Killed)]);
        assert_eq!(lost.verdict(&causes("0123456789abcdef0123456789abcdef")), Verdict::Excused("its task was killed"));
        assert!(matches!(lost.verdict(&causes("another")), Verdict::Wrong(_)));
        let deleted = job(Kind::Ours, Conclusion::Failure, Fate::KilledByDelete, Some(RUNNER));
        assert!(matches!(deleted.verdict(&causes("0123456789abcdef0123456789abcdef")), Verdict::Wrong(_)), "that is ours to answer for");
    }

    #[test]
    fn a_cancelled_job_is_fine_only_if_somebody_asked_for_it() {
        let mut job = job(Kind::Cancelled, Conclusion::Cancelled, Fate::CancelledInQueue, None);
        assert!(matches!(job.verdict(&BTreeMap::new()), Verdict::Wrong(_)));
        job.cancelled = true;
        assert_eq!(job.verdict(&BTreeMap::new()), Verdict::Fine("cancelled before it ran"));
    }
}
