//! Lines in embedded metric format: as few as can hold what was counted. A line has one value for each of its members, so that one dimension can have one
//! value in it; what contradicts that stands in a line of its own.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The namespace of all metrics.
const NAMESPACE: &str = "FargateRunners";

/// The dimension of all metrics: two stacks in one account are told apart by it.
const STACK: &str = "StackName";

/// The format's limit for the values of one metric in a line.
const VALUES_MAX: usize = 100;

/// Something that was counted.
pub(super) struct Metric {
    pub(super) name: String,
    /// By their names.
    pub(super) labels: Vec<(String, String)>,
    /// What was counted or measured.
    pub(super) values: Vec<f64>,
}

/// A line in the making.
#[derive(Default)]
struct Line {
    members: BTreeMap<String, Value>,
    /// The metrics by their dimensions, the stack's left out.
    metrics: BTreeMap<Vec<String>, Vec<String>>,
}

impl Line {
    fn has_room_for(&self, name: &str, labels: &[(String, String)]) -> bool {
        !self.members.contains_key(name) && labels.iter().all(|(label, value)| self.members.get(label).is_none_or(|known| known == value))
    }

    fn take(&mut self, name: String, labels: Vec<(String, String)>, values: &[f64]) {
        let value = if let [value] = values { number(*value) } else { values.iter().copied().map(number).collect() };
        self.members.insert(name.clone(), value);
        let dimensions: Vec<String> = labels.iter().map(|(label, _)| label.clone()).collect();
        self.members.extend(labels.into_iter().map(|(label, value)| (label, Value::String(value))));
        // What begins with a small letter is a field alone.
        if !name.starts_with(char::is_lowercase) {
            self.metrics.entry(dimensions).or_default().push(name);
        }
    }

    fn text(self, stack_name: &str, now: u64) -> String {
        let directives = self.metrics.into_iter().map(|(dimensions, names)| {
            let dimensions: Vec<String> = std::iter::once(STACK.to_owned()).chain(dimensions).collect();
            let metrics: Vec<Value> = names.into_iter().map(|name| json!({ "Name": name })).collect();
            json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics })
        });
        let mut line = Map::new();
        line.insert("_aws".to_owned(), json!({ "Timestamp": now, "CloudWatchMetrics": directives.collect::<Vec<_>>() }));
        line.insert(STACK.to_owned(), json!(stack_name));
        line.extend(self.members);
        Value::Object(line).to_string()
    }
}

/// The lines that hold all of it.
pub(super) fn lines(stack_name: &str, now: u64, metrics: Vec<Metric>) -> Vec<String> {
    let mut lines: Vec<Line> = Vec::new();
    for Metric { name, labels, values } in metrics {
        for values in values.chunks(VALUES_MAX) {
            let with_room = lines.iter().position(|line| line.has_room_for(&name, &labels));
            let at = with_room.unwrap_or_else(|| {
                lines.push(Line::default());
                lines.len() - 1
            });
            lines[at].take(name.clone(), labels.clone(), values);
        }
    }
    lines.into_iter().map(|line| line.text(stack_name, now)).collect()
}

/// Without `.0` where there is no fraction.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and within what a double counts exactly")]
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, labels: &[(&str, &str)], values: &[f64]) -> Metric {
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        Metric { name: name.to_owned(), labels, values: values.to_vec() }
    }

    fn parsed(metrics: Vec<Metric>) -> Vec<Value> {
        lines("s", 1, metrics).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn two_values_of_one_dimension_stand_in_two_lines_and_all_else_in_the_first() {
        let lines = parsed(vec![
            metric("Healed", &[("healer", "deliveries")], &[1.0]),
            metric("Healed", &[("healer", "ghosts")], &[2.0]),
            metric("Mints", &[], &[1.0]),
            metric("JobsWaiting", &[("Fleet", "a")], &[0.5]),
        ]);
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["healer"], &lines[0]["Mints"], &lines[0]["JobsWaiting"]), (&json!("deliveries"), &json!(1), &json!(0.5)));
        assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"].as_array().map(Vec::len), Some(3), "by stack, by healer, by fleet");
        assert_eq!((&lines[1]["healer"], &lines[1]["Healed"], lines[1].get("Mints")), (&json!("ghosts"), &json!(2), None));
    }

    #[test]
    fn more_values_than_a_line_may_have_go_on_in_the_next() {
        let lines = parsed(vec![metric("QueueWaitSeconds", &[], &[1.5; 101])]);
        assert_eq!(lines[0]["QueueWaitSeconds"].as_array().map(Vec::len), Some(100));
        assert_eq!(lines[1]["QueueWaitSeconds"], json!(1.5));
    }
}
