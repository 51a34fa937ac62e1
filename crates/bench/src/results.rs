//! The numbers of a run, as they are kept in a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::calls::{counted, waited};
use crate::life::{Invocation, Life};
use crate::problem::Problem;
use crate::statistics::quantile;
use crate::subject::Subject;

/// A run: everything that was measured in it, on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The processor and the kernel.
    pub machine: String,
    /// Lives of each function.
    pub runs: usize,
    /// Warm calls in each life.
    pub calls: usize,
    /// Jobs that waited in the fleet.
    #[serde(default)]
    pub waiting: u32,
    /// One for each function, in the order of the table.
    pub functions: Vec<Summary>,
}

/// A number over all lives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// A quarter of all lives had less.
    pub lower: f64,
    /// Half of them had less.
    pub median: f64,
    /// A quarter had more.
    pub upper: f64,
}

/// What a function costs. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// Start of the process to asking for the first event.
    pub ready_ms: Spread,
    /// Start of the process to the first answer.
    pub first_ms: Spread,
    /// The same without waiting for the endpoints.
    pub first_without_calls_ms: Spread,
    /// Processor time until it came to rest after the first answer.
    pub first_cpu_ms: Spread,
    /// Warm calls: half were answered within this time.
    pub warm_p50_ms: f64,
    /// Warm calls: 99 of 100 were answered within this time.
    pub warm_p99_ms: f64,
    /// The median without waiting for the endpoints.
    pub warm_without_calls_p50_ms: f64,
    /// Processor time of a warm call.
    pub warm_cpu_ms: Spread,
    /// The most memory held, in KiB.
    pub peak_kib: Spread,
    /// What a warm call logs, in bytes.
    pub warm_log_bytes: f64,
    /// The package as it is uploaded, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zipped_bytes: Option<u64>,
    /// The calls of the first invocation, by name.
    pub first_calls: BTreeMap<String, u64>,
    /// The calls of a warm invocation, by name.
    pub warm_calls: BTreeMap<String, u64>,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        Self { lower: quantile(values, 0.25), median: quantile(values, 0.5), upper: quantile(values, 0.75) }
    }
}

impl Summary {
    /// Of all lives of a function; none if it was never alive.
    #[must_use]
    pub fn of(subject: &Subject, lives: &[Life]) -> Option<Self> {
        let last = lives.last()?;
        let spread = |value: fn(&Life) -> f64| Spread::of(&lives.iter().map(value).collect::<Vec<_>>());
        let warm = |value: fn(&Invocation) -> f64| lives.iter().flat_map(|life| &life.warm).map(value).collect::<Vec<_>>();
        let (took, without) = (warm(|call| millis(call.took)), warm(without_calls));
        Some(Self {
            name: subject.name.clone(),
            ready_ms: spread(|life| millis(life.ready)),
            first_ms: spread(|life| millis(life.first.took)),
            first_without_calls_ms: spread(|life| without_calls(&life.first)),
            first_cpu_ms: spread(|life| millis(life.first_cpu)),
            warm_p50_ms: quantile(&took, 0.5),
            warm_p99_ms: quantile(&took, 0.99),
            warm_without_calls_p50_ms: quantile(&without, 0.5),
            warm_cpu_ms: spread(|life| millis(life.warm_cpu) / count(life.warm.len())),
            peak_kib: spread(|life| number(life.peak_kib)),
            warm_log_bytes: number(last.warm_log_bytes) / count(last.warm.len()),
            zipped_bytes: subject.zipped_bytes,
            first_calls: counted(&last.first.calls),
            warm_calls: last.warm.last().map(|call| counted(&call.calls)).unwrap_or_default(),
        })
    }
}

impl Results {
    /// Reads what was kept.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let text = fs::read_to_string(path).map_err(Problem::machine(path.display().to_string()))?;
        serde_json::from_str(&text).map_err(Problem::json(path.display().to_string()))
    }

    /// Keeps them.
    pub fn write(&self, path: &Path) -> Result<(), Problem> {
        let text = serde_json::to_string_pretty(self).map_err(Problem::json(path.display().to_string()))?;
        fs::write(path, text + "\n").map_err(Problem::machine(path.display().to_string()))
    }

    /// The numbers of one function.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Summary> {
        self.functions.iter().find(|function| function.name == name)
    }
}

/// This machine, in a line.
pub(crate) fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([':', '\t', ' ']);
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = if model.is_empty() { std::env::consts::ARCH } else { model };
    format!("{count} x {model}, Linux {}", kernel.trim())
}

fn without_calls(invocation: &Invocation) -> f64 {
    millis(invocation.took.saturating_sub(waited(&invocation.calls)))
}

fn millis(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn number(number: u64) -> f64 {
    number as f64
}

/// At least one, to be divided by.
fn count(count: usize) -> f64 {
    number(u64::try_from(count).unwrap_or(u64::MAX).max(1))
}
