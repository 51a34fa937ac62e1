//! Two runs side by side.

use crate::results::{Results, Summary};

/// What is compared: its name, and where it stands.
type Number = (&'static str, fn(&Summary) -> f64);

const NUMBERS: [Number; 11] = [
    ("start to ready, ms", |function| function.ready_ms.median),
    ("start to answer, ms", |function| function.first_ms.median),
    ("… without calls, ms", |function| function.first_without_calls_ms.median),
    ("CPU to answer, ms", |function| function.first_cpu_ms.median),
    ("warm p50, ms", |function| function.warm_p50_ms),
    ("warm p99, ms", |function| function.warm_p99_ms),
    ("CPU a call, ms", |function| function.warm_cpu_ms.median),
    ("most memory, MiB", |function| function.peak_kib.median / 1024.0),
    ("zipped, kB", |function| function.zipped_bytes.map_or(0.0, kilobytes)),
    ("calls at first", |function| total(&function.first_calls)),
    ("calls warm", |function| total(&function.warm_calls)),
];

/// Prints what both have.
pub(crate) fn print(old: &Results, new: &Results) {
    if old.machine != new.machine {
        println!("Not the same machine: {} and {}", old.machine, new.machine);
    }
    if old.waiting != new.waiting {
        println!("Not the same fleet: {} and {} jobs waited in it", old.waiting, new.waiting);
    }
    println!("{:<14}{:<22}{:>12}{:>12}{:>9}", "function", "", "before", "after", "change");
    for line in lines(old, new) {
        println!("{line}");
    }
}

fn lines(old: &Results, new: &Results) -> Vec<String> {
    let both = new.functions.iter().filter_map(|after| Some((old.of(&after.name)?, after)));
    let told = both.flat_map(|(before, after)| {
        NUMBERS.iter().map(move |(what, number)| {
            let (before, now) = (number(before), number(after));
            format!("{:<14}{what:<22}{before:>12.3}{now:>12.3}{:>9}", after.name, change(before, now))
        })
    });
    told.collect()
}

/// In percent of what it was.
fn change(before: f64, after: f64) -> String {
    if before > 0.0 { format!("{:+.1} %", (after / before - 1.0) * 100.0) } else { "-".to_owned() }
}

#[expect(clippy::cast_precision_loss, reason = "shown in thousands")]
fn kilobytes(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "some dozens of calls")]
fn total(calls: &std::collections::BTreeMap<String, u64>) -> f64 {
    calls.values().sum::<u64>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Spread;
    use std::collections::BTreeMap;

    fn results(names: &[(&str, f64)]) -> Results {
        let functions = names.iter().map(|(name, ready)| {
            let spread = Spread::of(&[*ready]);
            Summary {
                name: (*name).to_owned(),
                ready_ms: spread,
                first_ms: spread,
                first_without_calls_ms: spread,
                first_cpu_ms: spread,
                warm_p50_ms: 0.0,
                warm_p99_ms: 1.0,
                warm_without_calls_p50_ms: 1.0,
                warm_cpu_ms: spread,
                peak_kib: spread,
                warm_log_bytes: 0.0,
                zipped_bytes: None,
                first_calls: BTreeMap::new(),
                warm_calls: BTreeMap::from([("DynamoDB.GetItem".to_owned(), 2)]),
            }
        });
        Results { machine: "this".to_owned(), runs: 1, calls: 1, waiting: 0, functions: functions.collect() }
    }

    #[test]
    fn what_both_have_stands_side_by_side() {
        let lines = lines(&results(&[("webhook", 10.0), ("gone", 1.0)]), &results(&[("new", 1.0), ("webhook", 8.0)]));
        assert_eq!(lines.len(), NUMBERS.len());
        assert!(lines[0].starts_with("webhook") && lines[0].ends_with("-20.0 %"), "{}", lines[0]);
        assert!(lines[4].ends_with('-'), "nothing is a part of nothing: {}", lines[4]);
        assert!(lines[10].contains("2.000"), "{}", lines[10]);
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let results = results(&[("webhook", 1.25)]);
        let text = serde_json::to_string(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
        assert!(!text.contains("zipped_bytes"), "nothing is not zero");
    }
}
