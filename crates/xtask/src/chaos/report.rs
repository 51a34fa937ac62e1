//! The tables at the end: the faults, and what became of the jobs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::stack::FLEETS;

use super::fault::Fault;
use super::jobs::{Followed, Verdict};
use super::striker::{Cause, Tally};
use super::sweeps::Healed;

/// How often each fault struck, and what it hit.
pub fn faults(tallies: &BTreeMap<Fault, Tally>) -> String {
    let mut text = format!("  {:<40} {:>6} {:>7} {:>6}\n", "fault", "tried", "struck", "hit");
    for (fault, tally) in tallies {
        let _ = writeln!(text, "  {:<40} {:>6} {:>7} {:>6} {}", fault.to_string(), tally.tried, tally.struck, tally.hits, fault.hits());
    }
    text
}

/// The faults that never struck.
pub fn never_struck(tallies: &BTreeMap<Fault, Tally>) -> Vec<String> {
    tallies.iter().filter(|(_, tally)| tally.struck == 0).map(|(fault, _)| fault.to_string()).collect()
}

/// How many tasks each fleet was meant to have at once.
pub fn most_tasks(most: &[usize; FLEETS.len()], maximum: usize) -> String {
    FLEETS.iter().zip(most).map(|(fleet, most)| format!("{} {most} of {maximum}", fleet.name)).collect::<Vec<_>>().join(", ")
}

/// What each healer healed.
pub fn healed(healed: &Healed) -> String {
    let mut text = format!("  {:<40} {:>6} {:>17}\n", "healer", "healed", "not got through");
    for (healer, (healed, failed)) in &healed.healers {
        let _ = writeln!(text, "  {healer:<40} {healed:>6} {failed:>17}");
    }
    text
}

/// How many jobs ended how, and each that did not end as it should.
pub fn jobs(jobs: &[Followed], causes: &BTreeMap<String, Cause>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut listed = String::new();
    for job in jobs {
        let (what, why) = match job.verdict(causes) {
            Verdict::Fine(how) => (how.to_owned(), None),
            Verdict::Excused(why) => (format!("lost: {why}"), Some(why.to_owned())),
            Verdict::Wrong(what) => ("WRONG".to_owned(), Some(what)),
        };
        *counts.entry(what).or_default() += 1;
        if let Some(why) = why {
            let _ = writeln!(listed, "  #{:<4} {} ({job}): {why}", job.number, job.planned.kind.name());
        }
    }
    let mut text = String::new();
    for (what, count) in counts {
        let _ = writeln!(text, "  {count:>5}  {what}");
    }
    if !listed.is_empty() {
        let _ = write!(text, "Jobs that did not end as they should\n{listed}");
    }
    text
}
