//! Instructions and allocations of a warm call, counted by valgrind: they hardly differ from run to run, whatever else the machine does.
//!
//! Each function lives twice, with N and with 2 N warm calls. What the second life has more is N warm calls; the start is in both, and falls out.

use std::fs;
use std::path::Path;

use crate::life::{Plan, live};
use crate::problem::Problem;
use crate::run::log_folder;
use crate::subject::{Given, Subject};
use crate::world::{World, new_key};

/// N. The difference is then over as many, and the rare thing (a table that grows) weighs little.
const CALLS: usize = 100;

/// Counts, and prints.
pub(crate) async fn print(subjects: &[Subject], waiting: u32, given: &Given) -> Result<(), Problem> {
    let folder = log_folder(given)?;
    let key = new_key()?;
    println!(
        "{:<14}{:>16}{:>14}{:>16}   a warm call, as the difference of {} and {CALLS} calls",
        "function",
        "instructions",
        "allocations",
        "bytes",
        2 * CALLS
    );
    for subject in subjects.iter().filter(|subject| subject.zipped_bytes.is_some()) {
        let world = World::open(subject.before, waiting, &key, subject.answers.clone()).await?;
        let (once, twice) = (count(subject, &world, &folder, CALLS).await?, count(subject, &world, &folder, 2 * CALLS).await?);
        let each = |number: fn(&Counted) -> u64| number(&twice).saturating_sub(number(&once)) / CALLS as u64;
        let numbers = (each(|c| c.instructions), each(|c| c.allocations), each(|c| c.bytes));
        println!("{:<14}{:>16}{:>14}{:>16}", subject.name, numbers.0, numbers.1, numbers.2);
    }
    Ok(())
}

/// What a whole life took.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    instructions: u64,
    allocations: u64,
    bytes: u64,
}

async fn count(subject: &Subject, world: &World, folder: &Path, calls: usize) -> Result<Counted, Problem> {
    let out = folder.join(format!("{}.callgrind", subject.name));
    let counted =
        valgrind(subject, world, folder, calls, &["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())]).await?;
    let heap = valgrind(subject, world, folder, calls, &["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"]).await?;
    let profile = fs::read_to_string(&out).map_err(Problem::machine(format!("{}: {counted}", out.display())))?;
    let missing = |what: &str| Problem::Stage(format!("valgrind did not say how many {what} there were"));
    let (allocations, bytes) = heap_usage(&heap).ok_or_else(|| missing("allocations"))?;
    Ok(Counted { instructions: instructions(&profile).ok_or_else(|| missing("instructions"))?, allocations, bytes })
}

/// Lives under valgrind, and gives what that says.
async fn valgrind(subject: &Subject, world: &World, folder: &Path, calls: usize, arguments: &[&str]) -> Result<String, Problem> {
    let said = folder.join(format!("{}.valgrind", subject.name));
    let log = folder.join(format!("{}.log", subject.name));
    let mut instrument = vec!["valgrind".to_owned(), format!("--log-file={}", said.display())];
    instrument.extend(arguments.iter().map(|&argument| argument.to_owned()));
    live(subject, world, &Plan { calls, log, instrument }).await?;
    fs::read_to_string(&said).map_err(Problem::machine(said.display().to_string()))
}

/// From callgrind's file: all of them, whatever function they are of.
fn instructions(profile: &str) -> Option<u64> {
    profile.lines().find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")))?.trim().parse().ok()
}

/// From memcheck's words: `total heap usage: 1,234 allocs, 1,000 frees, 56,789 bytes allocated`.
fn heap_usage(said: &str) -> Option<(u64, u64)> {
    let line = said.lines().find_map(|line| line.split_once("total heap usage: "))?.1;
    let mut parts = line.split(", ").map(|part| part.split(' ').next().unwrap_or_default().replace(',', "").parse().ok());
    let allocations = parts.next()??;
    Some((allocations, parts.nth(1)??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_valgrind_says_is_read() {
        assert_eq!(instructions("version: 1\nevents: Ir\nsummary: 123456\n\nfn=(1)\n"), Some(123_456));
        assert_eq!(instructions("fn=(1)\n"), None);
        let said = "==7== HEAP SUMMARY:\n==7==   total heap usage: 1,234 allocs, 1,000 frees, 56,789 bytes allocated\n";
        assert_eq!(heap_usage(said), Some((1234, 56_789)));
        assert_eq!(heap_usage("==7== nothing"), None);
    }
}
