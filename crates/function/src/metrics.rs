//! Metrics: CloudWatch takes them out of lines in the log (embedded metric format), so that counting costs no call. Few dimensions: each set of them is a metric
//! that is paid for. So is each byte of the log: an invocation writes one line, unless two values of one name are to be told apart in it.
//!
//! Here a counter is written when it has counted. A histogram has each of its values written. A gauge is written only by the invocation that has set it, and
//! only if its value is another than this process wrote last, or another minute has begun: by then the maximum of each minute is the same as if all were
//! written. What has a name that begins with a small letter is no metric, but a field of the line for whoever searches the log.

mod line;

use line::Metric;
use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The charts' shortest period: in each, a gauge is written once at least.
const MINUTE_MILLIS: u64 = 60_000;

/// A name, and its labels in the order of their names.
type Name = (String, Vec<(String, String)>);

/// What was counted and not yet written, by name and labels.
#[derive(Default)]
struct Counted {
    counters: BTreeMap<Name, u64>,
    histograms: BTreeMap<Name, Vec<f64>>,
    gauges: BTreeMap<Name, f64>,
    /// What of the gauges was written, and when.
    written: BTreeMap<Name, (f64, u64)>,
}

/// What all invocations of a process count with.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    stack_name: String,
    counted: Arc<Mutex<Counted>>,
}

impl Collector {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was counted since the last time.
    fn flush(&self, now: u64, mut to: impl Write) -> io::Result<()> {
        let metrics = self.lock().take(now);
        for line in line::lines(&self.stack_name, now, metrics) {
            writeln!(to, "{line}")?;
        }
        Ok(())
    }
}

impl Counted {
    fn take(&mut self, now: u64) -> Vec<Metric> {
        let minute = now / MINUTE_MILLIS;
        let counters = std::mem::take(&mut self.counters).into_iter().filter(|(_, count)| *count > 0);
        #[expect(clippy::cast_precision_loss, reason = "nothing is counted so often between two lines")]
        let counters = counters.map(|(name, count)| (name, vec![count as f64]));
        let mut metrics: Vec<_> = counters.chain(std::mem::take(&mut self.histograms)).collect();
        for (name, value) in std::mem::take(&mut self.gauges) {
            let written = self.written.insert(name.clone(), (value, minute));
            if written != Some((value, minute)) {
                metrics.push((name, vec![value]));
            }
        }
        metrics.into_iter().map(|((name, labels), values)| Metric { name, labels, values }).collect()
    }
}

/// Starts counting.
pub(crate) fn start(stack_name: String) -> Result<Collector, String> {
    let collector = Collector { stack_name, counted: Arc::default() };
    metrics::set_global_recorder(collector.clone()).map_err(|error| error.to_string())?;
    Ok(collector)
}

/// Writes down what was counted when an invocation ends, however it ends.
pub(crate) struct FlushAtEnd<'a>(pub(crate) &'a Collector);

impl Drop for FlushAtEnd<'_> {
    fn drop(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if let Err(error) = self.0.flush(u64::try_from(now.as_millis()).unwrap_or_default(), io::stdout()) {
            tracing::warn!(%error, "the metrics of this invocation could not be written down");
        }
    }
}

/// One of them, as the code that counts holds it.
struct Handle {
    collector: Collector,
    name: Name,
}

impl CounterFn for Handle {
    fn increment(&self, value: u64) {
        *self.collector.lock().counters.entry(self.name.clone()).or_default() += value;
    }

    fn absolute(&self, value: u64) {
        self.collector.lock().counters.insert(self.name.clone(), value);
    }
}

impl HistogramFn for Handle {
    fn record(&self, value: f64) {
        self.collector.lock().histograms.entry(self.name.clone()).or_default().push(value);
    }
}

impl GaugeFn for Handle {
    fn increment(&self, value: f64) {
        *self.collector.lock().gauges.entry(self.name.clone()).or_default() += value;
    }

    fn decrement(&self, value: f64) {
        *self.collector.lock().gauges.entry(self.name.clone()).or_default() -= value;
    }

    fn set(&self, value: f64) {
        self.collector.lock().gauges.insert(self.name.clone(), value);
    }
}

impl Collector {
    fn handle(&self, key: &Key) -> Arc<Handle> {
        let mut labels: Vec<_> = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        labels.sort();
        Arc::new(Handle { collector: self.clone(), name: (key.name().to_owned(), labels) })
    }
}

impl Recorder for Collector {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.handle(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.handle(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.handle(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: u64 = 1_795_818_127_542;

    /// What an invocation writes that counts so.
    fn written(collector: &Collector, now: u64, invocation: impl FnOnce()) -> String {
        metrics::with_local_recorder(collector, invocation);
        let mut text = Vec::new();
        collector.flush(now, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn collector() -> Collector {
        Collector { stack_name: "fargate-runners".to_owned(), counted: Arc::default() }
    }

    #[test]
    fn a_mint_is_one_line_of_few_bytes() {
        let text = written(&collector(), NOW, || {
            metrics::counter!("Mints").increment(1);
            metrics::counter!("GithubCalls").increment(1);
            metrics::counter!("mint_jit_configuration").increment(1);
            metrics::histogram!("GithubRateLimitLeftPercent").record(99.0);
        });
        assert_eq!((text.lines().count(), text.len()), (1, 324), "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        let directive =
            |dimensions: Value, metrics: Value| json!({"Namespace": "FargateRunners", "Dimensions": [dimensions], "Metrics": metrics});
        let metrics = json!([{"Name": "GithubCalls"}, {"Name": "Mints"}, {"Name": "GithubRateLimitLeftPercent"}]);
        let of_stack = directive(json!(["StackName"]), metrics);
        assert_eq!(
            line,
            json!({
                "_aws": {"Timestamp": NOW, "CloudWatchMetrics": [of_stack]},
                "StackName": "fargate-runners", "mint_jit_configuration": 1, "GithubCalls": 1, "GithubRateLimitLeftPercent": 99, "Mints": 1
            })
        );
    }

    #[test]
    fn what_counted_nothing_writes_nothing_and_nothing_is_written_twice() {
        let collector = collector();
        assert_eq!(written(&collector, NOW, || metrics::counter!("Mints").increment(0)), "");
        assert_ne!(written(&collector, NOW, || metrics::histogram!("JobTakenSeconds").record(0.0)), "");
        assert_eq!(written(&collector, NOW, || {}), "");
    }

    #[test]
    fn a_gauge_is_written_when_it_has_changed_or_another_minute_has_begun() {
        let collector = collector();
        let minute = NOW / MINUTE_MILLIS * MINUTE_MILLIS;
        let mut seen = Vec::new();
        for (at, value) in [(0, 2.0), (1, 2.0), (2, 3.0), (59_999, 3.0), (60_000, 3.0), (60_001, 3.0), (200_000, 3.0)] {
            let text = written(&collector, minute + at, || metrics::gauge!("RunnersIdle", "Fleet" => "a").set(value));
            if !text.is_empty() {
                seen.push((at, serde_json::from_str::<Value>(&text).unwrap()["RunnersIdle"].as_f64().unwrap()));
            }
        }
        assert_eq!(seen, [(0, 2.0), (2, 3.0), (60_000, 3.0), (200_000, 3.0)]);
        assert_eq!(written(&collector, minute + 300_000, || {}), "", "only by who has set it");
    }

    #[test]
    fn a_gauge_with_a_small_letter_is_a_field_and_no_metric() {
        let text = written(&collector(), NOW, || {
            metrics::gauge!("RunnersIdle", "Fleet" => "a").set(1.0);
            metrics::gauge!("wanted", "Fleet" => "a").set(4.0);
        });
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["wanted"], &line["Fleet"]), (&json!(4), &json!("a")));
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Metrics"], json!([{"Name": "RunnersIdle"}]));
    }
}
