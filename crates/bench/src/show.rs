//! The numbers as tables, and which targets hold.

use std::collections::BTreeMap;

use crate::results::{Results, Summary};
use crate::subject::{FUNCTIONS, HELLO};

/// Start to first answer without calls, as a multiple of the floor's.
const FIRST_TIMES_FLOOR: f64 = 2.5;

/// The most memory that a function may hold, in KiB.
const PEAK_KIB: f64 = 16.0 * 1024.0;

/// The processor time of a warm call of `webhook`, in milliseconds.
const WEBHOOK_CPU_MS: f64 = 0.3;

/// The largest package, zipped: start-up time grows with it.
const PACKAGE_BYTES: u64 = 3_000_000;

/// Prints everything.
pub(crate) fn print(results: &Results) {
    println!("{}; medians of {} lives with {} warm calls each", results.machine, results.runs, results.calls);
    if results.waiting > 0 {
        println!("{} jobs wait in the fleet: the targets are those of a small one", results.waiting);
    }
    println!();
    println!(
        "{:<14}{:>9}{:>9}{:>9}{:>10}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}{:>10}",
        "", "start to", "start to", "without", "CPU to", "warm", "warm", "without", "CPU a", "most", "logged", "package"
    );
    println!(
        "{:<14}{:>9}{:>9}{:>9}{:>10}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}{:>10}",
        "function", "ready", "answer", "calls", "answer", "p50", "p99", "calls", "call", "memory", "a call", "zipped"
    );
    println!(
        "{:<14}{:>9}{:>9}{:>9}{:>10}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}{:>10}",
        "", "ms", "ms", "ms", "ms", "ms", "ms", "ms", "ms", "MiB", "bytes", "bytes"
    );
    for function in &results.functions {
        println!("{}", line(function));
    }
    println!();
    for function in results.functions.iter().filter(|function| !function.first_calls.is_empty()) {
        println!("{} calls", function.name);
        println!("  at first  {}", calls(&function.first_calls));
        println!("  warm      {}", calls(&function.warm_calls));
    }
    println!();
    for (holds, what) in targets(results) {
        println!("{:<14}{what}", if holds { "holds" } else { "DOES NOT HOLD" });
    }
}

fn line(function: &Summary) -> String {
    format!(
        "{:<14}{:>9.2}{:>9.2}{:>9.2}{:>10.2}{:>9.3}{:>9.3}{:>9.3}{:>9.3}{:>10.2}{:>9.0}{:>10}",
        function.name,
        function.ready_ms.median,
        function.first_ms.median,
        function.first_without_calls_ms.median,
        function.first_cpu_ms.median,
        function.warm_p50_ms,
        function.warm_p99_ms,
        function.warm_without_calls_p50_ms,
        function.warm_cpu_ms.median,
        function.peak_kib.median / 1024.0,
        function.warm_log_bytes,
        function.zipped_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
    )
}

fn calls(calls: &BTreeMap<String, u64>) -> String {
    let total: u64 = calls.values().sum();
    let named = calls.iter().map(|(name, count)| if *count == 1 { name.clone() } else { format!("{count} x {name}") });
    format!("{total}: {}", named.collect::<Vec<_>>().join(", "))
}

/// Each target with whether it holds.
fn targets(results: &Results) -> Vec<(bool, String)> {
    let mut told = Vec::new();
    let floor = results.of(HELLO).map(|floor| floor.first_without_calls_ms.median);
    for function in results.functions.iter().filter(|function| FUNCTIONS.contains(&function.name.as_str())) {
        let name = &function.name;
        if let Some(floor) = floor.filter(|floor| *floor > 0.0) {
            let times = function.first_without_calls_ms.median / floor;
            told.push((
                times <= FIRST_TIMES_FLOOR,
                format!("{name}: start to first answer without calls is {times:.2} x {HELLO} (at most {FIRST_TIMES_FLOOR})"),
            ));
        }
        let peak = function.peak_kib.median;
        told.push((peak <= PEAK_KIB, format!("{name}: {:.2} MiB of memory (at most {:.0})", peak / 1024.0, PEAK_KIB / 1024.0)));
        if let Some(bytes) = function.zipped_bytes {
            told.push((bytes <= PACKAGE_BYTES, format!("{name}: {bytes} bytes zipped (at most {PACKAGE_BYTES})")));
        }
        if name == "webhook" {
            let cpu = function.warm_cpu_ms.median;
            told.push((cpu <= WEBHOOK_CPU_MS, format!("{name}: {cpu:.3} ms of processor a warm call (at most {WEBHOOK_CPU_MS})")));
        }
    }
    told
}
