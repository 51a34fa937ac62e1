//! The tables at the end of a demo: the jobs, and what the healer did.

use std::fmt::Write as _;
use std::time::Duration;

use crate::chaos::sweeps::Healed;
use crate::problem::Problem;

use super::jobs::Followed;
use crate::jobs::task_of;

/// The characters of a task's id that tell it from the others.
const TASK_ID_SHOWN: usize = 8;

/// What the healer did.
pub fn sweeps(healed: &Healed, every: Duration) -> String {
    let found: Vec<String> =
        healed.healers.iter().filter(|(_, (healed, _))| *healed > 0).map(|(healer, (healed, _))| format!("{healer} {healed}")).collect();
    let found =
        if found.is_empty() { "nothing was lost, and nothing was healed".to_owned() } else { format!("healed: {}", found.join(", ")) };
    let every = every.as_secs();
    format!("The healer was invoked {} times, every {every} s instead of every 5 minutes; {found}\n", healed.answered)
}

/// What is wrong with the sweeps, a sentence each. Nothing here keeps a healer from getting through. Whether there must have been some is for the caller to say.
pub fn wrongs_of_sweeps(healed: &Healed, expected: bool) -> Vec<Problem> {
    let stuck = healed.healers.iter().filter(|(_, (_, failed))| *failed > 0);
    let mut wrongs: Vec<Problem> =
        stuck.map(|(healer, (_, failed))| Problem::new(format!("the healer {healer:?} did not get through, {failed} times"))).collect();
    if healed.failed > 0 {
        wrongs.push(Problem::new(format!("{} sweeps had no answer", healed.failed)));
    }
    if expected && healed.answered == 0 {
        wrongs.push(Problem::new("no sweep was answered"));
    }
    wrongs
}

/// The table of the jobs.
pub fn jobs(jobs: &[Followed]) -> String {
    let mut text = format!("  {:<5}{:<20}{:<15}{:>8}  {:<22}{:<26}{}\n", "job", "title", "fleet", "waited", "ran on", "result", "");
    for job in jobs {
        let seen = job.seen.as_ref();
        let waited = seen.and_then(|seen| seen.waited).map_or_else(|| "-".into(), |waited| format!("{:.1} s", waited.as_secs_f64()));
        let fleet = job.planned.fleet.map_or("-", |fleet| fleet.name);
        let remark = job.planned.kind.remark();
        let mark = if job.wrong().is_some() { "✗" } else { "✓" };
        let _ = writeln!(
            text,
            "{mark} #{:<4}{:<20}{fleet:<15}{waited:>8}  {:<22}{:<26}{remark}",
            job.number,
            job.planned.job.title,
            place(job),
            job.result()
        );
    }
    text
}

fn place(job: &Followed) -> String {
    let Some(runner) = job.seen.as_ref().and_then(|seen| seen.runner.as_deref()) else { return "-".into() };
    match job.fleet_of_runner() {
        Some(fleet) => format!("{fleet} {}", task_of(runner).and_then(|task| task.get(..TASK_ID_SHOWN)).unwrap_or(runner)),
        None => "GitHub".into(),
    }
}
