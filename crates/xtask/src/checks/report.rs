//! The table at the end of `cargo xtask test`, and its last line, which other programs read.

use std::fmt;
use std::time::Duration;

use super::check::Check;

/// How a check went.
#[derive(Debug)]
pub enum Verdict {
    /// It passed, and took so long.
    Passed(Duration),
    /// It failed after so long, and why.
    Failed(Duration, String),
    /// It did not run, and why.
    NotRun(String),
}

impl Verdict {
    fn time(&self) -> Option<Duration> {
        match self {
            Self::Passed(time) | Self::Failed(time, _) => Some(*time),
            Self::NotRun(_) => None,
        }
    }
}

/// All checks and how they went, in order.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<(Check, Verdict)>,
}

impl Report {
    /// Adds the next check.
    pub fn add(&mut self, check: Check, verdict: Verdict) {
        self.rows.push((check, verdict));
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Failed(..))).count()
    }

    fn passed(&self) -> usize {
        self.rows.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Passed(_))).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (check, verdict) in &self.rows {
            let (word, time, why) = match verdict {
                Verdict::Passed(time) => ("passed", seconds(*time), ""),
                Verdict::Failed(time, why) => ("FAILED", seconds(*time), why.lines().next().unwrap_or_default()),
                Verdict::NotRun(why) => ("not run", String::new(), why.as_str()),
            };
            writeln!(formatter, "{word:<8} {time:>8}  {:<10} {}", check.name(), if why.is_empty() { check.purpose() } else { why })?;
        }
        let not_run = self.rows.len() - self.passed() - self.failed();
        let total = self.rows.iter().filter_map(|(_, verdict)| verdict.time()).sum();
        writeln!(formatter, "{} checks ran, {not_run} did not, in {}", self.passed() + self.failed(), seconds(total))?;
        write!(formatter, "{} passed, {} failed", self.passed(), self.failed())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_what_ran() {
        let mut report = Report::default();
        report.add(Check::Format, Verdict::Passed(Duration::from_millis(1500)));
        report.add(Check::Lints, Verdict::Failed(Duration::ZERO, "two warnings\nhere and there".into()));
        report.add(Check::Tests, Verdict::NotRun("left out".into()));
        let text = report.to_string();
        assert!(text.contains("FAILED      0.0 s  lints      two warnings\n"), "{text}");
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed"));
    }
}
