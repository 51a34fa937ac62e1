//! What the functions' logs say: how often each was invoked, for how long AWS would bill it, and how many bytes it wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::problem::{Outcome, Problem};

/// How the names of the functions' log files end, after the stack's and `functions`.
const SUFFIX: &str = ".log";
const FOLDER: &str = ".functions.";

/// The emulator's own lines about an invocation.
const START: &str = "START RequestId: ";
const END: &str = "END RequestId: ";
const REPORT: &str = "REPORT RequestId: ";

/// In a report.
const BILLED: &str = "Billed Duration: ";

/// A function's invocations.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Function {
    /// How many.
    pub invocations: u64,
    /// Together, in milliseconds, as the emulator measured them.
    pub billed_ms: u64,
    /// What it wrote itself, line ends included; the platform's lines are left out.
    pub bytes: u64,
    /// The metrics that it wrote down, with their dimensions: each is billed by itself.
    pub metrics: BTreeSet<String>,
}

/// All functions, by name.
#[derive(Debug, Default)]
pub struct Functions(BTreeMap<String, Function>);

impl Functions {
    /// All but one.
    pub fn without<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a Function)> {
        self.0.iter().map(|(name, function)| (name.as_str(), function)).filter(move |(known, _)| *known != name)
    }

    /// How often a function was invoked.
    pub fn invocations(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |function| function.invocations)
    }
}

/// Reads every function's log in the folder.
pub fn read(folder: &Path) -> Outcome<Functions> {
    let mut functions = BTreeMap::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if let Some((_, name)) = file.strip_suffix(SUFFIX).and_then(|file| file.split_once(FOLDER)) {
            functions.insert(name.to_owned(), function(&fs::read_to_string(entry.path())?));
        }
    }
    if functions.is_empty() { Err(Problem::new("no function has written a log")) } else { Ok(Functions(functions)) }
}

/// The last invocation of a function; nothing when it was never invoked.
pub fn last_invocation(folder: &Path, name: &str) -> Outcome<Function> {
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_string_lossy().ends_with(&format!("{FOLDER}{name}{SUFFIX}")) {
            let text = fs::read_to_string(entry.path())?;
            return Ok(text.rfind(START).map_or_else(Function::default, |last| function(&text[last..])));
        }
    }
    Err(Problem::new(format!("{name} has written no log")))
}

fn function(log: &str) -> Function {
    let mut function = Function::default();
    for line in log.lines() {
        if line.starts_with(START) {
            function.invocations += 1;
        } else if line.starts_with(REPORT) {
            let billed = line.split_once(BILLED).and_then(|(_, rest)| rest.split(' ').next()).and_then(|text| text.parse::<u64>().ok());
            function.billed_ms += billed.unwrap_or_default();
        } else if !line.starts_with(END) {
            function.bytes += line.len() as u64 + 1;
            function.metrics.extend(metrics(line));
        }
    }
    function
}

/// The metrics of a line in embedded metric format.
fn metrics(line: &str) -> Vec<String> {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for directive in list(&line["_aws"]["CloudWatchMetrics"]) {
        for dimensions in list(&directive["Dimensions"]) {
            let values: Vec<String> =
                list(&dimensions).iter().filter_map(Value::as_str).map(|name| format!("{name}={}", line[name])).collect();
            found.extend(
                list(&directive["Metrics"])
                    .iter()
                    .filter_map(|metric| metric["Name"].as_str())
                    .map(|name| format!("{name} {}", values.join(" "))),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"START RequestId: 1 Version: $LATEST
{"message":"one"}
{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["StackName","healer"]],"Metrics":[{"Name":"Healed"}]}]},"StackName":"s","healer":"jobs","Healed":1}
END RequestId: 1
REPORT RequestId: 1	Duration: 12 ms	Billed Duration: 12 ms	Memory Size: 128 MB	Max Memory Used: 0 MB
START RequestId: 2 Version: $LATEST
END RequestId: 2
REPORT RequestId: 2	Duration: 30 ms	Billed Duration: 30 ms	Memory Size: 128 MB	Max Memory Used: 0 MB
"#;

    #[test]
    fn a_log_is_counted_without_the_platforms_lines() {
        let found = function(LOG);
        let metric = r#"Healed StackName="s" healer="jobs""#.to_owned();
        assert_eq!((found.invocations, found.billed_ms, found.bytes), (2, 42, 18 + 162));
        assert_eq!(found.metrics, BTreeSet::from([metric]));
    }
}
