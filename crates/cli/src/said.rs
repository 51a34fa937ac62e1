//! What the functions themselves have complained of lately, from their logs: the one place that knows of troubles that nobody has thought of.

use crate::stack::Stack;
use fargate_runners_core::time::Timestamp;
use fargate_runners_use_cases::ports::chain;
use serde_json::Value;
use std::time::Duration;

/// So far back is "lately": a trouble that lasts is told of again within it.
pub const LATELY: Duration = Duration::from_secs(15 * 60);

/// Warnings and errors only; the functions log JSON.
const PATTERN: &str = r#"{ ($.level = "ERROR") || ($.level = "WARN") }"#;

/// As many as CloudWatch Logs gives at once is more than anybody reads.
const AT_ONCE: i32 = 1_000;

/// Pages that are read of one stretch of time, of which most may be empty.
const PAGES: usize = 10;

/// Stretches of time, each half as long as the one before: the last one is of seven seconds.
const STRETCHES: usize = 8;

/// A complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// When.
    pub at: Timestamp,
    /// Whether it is more than a warning.
    pub is_error: bool,
    /// What.
    pub what: String,
    /// The fleet that it is about, where it is about one.
    fleet: Option<String>,
    /// All of the line, to look for a task in.
    line: String,
}

impl Complaint {
    /// A line of a function's log; `None` if it is no complaint.
    pub fn parse(line: &str) -> Option<Self> {
        let read: Value = serde_json::from_str(line).ok()?;
        let is_error = read["level"] == "ERROR";
        if !is_error && read["level"] != "WARN" {
            return None;
        }
        let at = Timestamp::parse_rfc3339(read["timestamp"].as_str()?)?;
        let mut what = read["message"].as_str().unwrap_or_default().to_owned();
        for field in ["why", "reason", "error"] {
            if let Some(more) = read[field].as_str().filter(|more| !more.is_empty()) {
                what = format!("{what}: {more}");
            }
        }
        Some(Self { at, is_error, what, fleet: read["fleet"].as_str().map(str::to_owned), line: line.to_owned() })
    }

    /// Whether it is about this fleet, and not about another or about none: by its field, or, where it has none, by its words.
    pub fn is_of(&self, fleet: &str) -> bool {
        match &self.fleet {
            Some(of) => of == fleet,
            None => self.names(&format!("fleet {fleet}")),
        }
    }

    /// Whether it names this, as a word of its own.
    pub fn names(&self, what: &str) -> bool {
        let of_a_name = |character: char| character.is_ascii_alphanumeric() || character == '-';
        let whole = |at: usize| {
            let (before, after) = (&self.line[..at], &self.line[at + what.len()..]);
            !before.ends_with(of_a_name) && !after.starts_with(of_a_name)
        };
        self.line.match_indices(what).any(|(at, _)| whole(at))
    }
}

/// What a function has complained of lately, the oldest first.
pub async fn lately(stack: &Stack, function: &str) -> Result<Vec<Complaint>, String> {
    let group = format!("/fargate-runners/{}/functions/{function}", stack.name);
    let client = aws_sdk_cloudwatchlogs::Client::new(&stack.config);
    newest(Stack::now(), async |since: Timestamp, from: Option<String>| {
        let since = i64::try_from(since.as_millis()).unwrap_or_default();
        let call = client.filter_log_events().log_group_name(&group).start_time(since).filter_pattern(PATTERN).limit(AT_ONCE);
        let page = call.set_next_token(from).send().await.map_err(|error| chain(&error))?;
        Ok((page.events().iter().filter_map(|event| Complaint::parse(event.message()?)).collect(), page.next_token))
    })
    .await
}

/// A page of complaints, and how the next one is asked for.
type Page = (Vec<Complaint>, Option<String>);

/// CloudWatch Logs begins with the oldest. Where there is more than is read, the newest counts: then half as far is looked back, until all of that is read.
async fn newest(now: Timestamp, page: impl AsyncFn(Timestamp, Option<String>) -> Result<Page, String>) -> Result<Vec<Complaint>, String> {
    let (mut back, mut complaints) = (LATELY, Vec::new());
    for _ in 0..STRETCHES {
        complaints.clear();
        let mut from = None;
        for _ in 0..PAGES {
            let (some, next) = page(now - back, from).await?;
            complaints.extend(some);
            from = next;
            if from.is_none() {
                break;
            }
        }
        if from.is_none() {
            break;
        }
        back /= 2;
    }
    complaints.sort_by_key(|complaint| complaint.at);
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_told_with_its_reason_and_nothing_else_is_one() {
        let line = r#"{"timestamp":"2026-11-27T12:32:47.991Z","level":"WARN","message":"ECS refused scale-in protection; the task asks again","fleet":"default","task_id":"0a","reason":"DEPLOYMENT_BLOCKED"}"#;
        let complaint = Complaint::parse(line).unwrap();
        assert_eq!(complaint.what, "ECS refused scale-in protection; the task asks again: DEPLOYMENT_BLOCKED");
        assert!(!complaint.is_error && complaint.names("0a") && !complaint.names("0"));
        assert!(complaint.is_of("default") && !complaint.is_of("big"));
        let without = r#"{"timestamp":"2026-11-27T12:32:47.991Z","level":"ERROR","message":"a request failed; the task asks again","error":"protecting task 0a of fleet default failed: AccessDeniedException"}"#;
        let without = Complaint::parse(without).unwrap();
        assert!(without.is_of("default") && !without.is_of("def") && !without.is_of("big"));
        assert_eq!(Complaint::parse(&line.replace("WARN", "INFO")), None);
        assert_eq!(Complaint::parse("START RequestId: 1"), None);
    }

    /// A log of so many complaints, one a second until now, of which a page holds ten, the oldest first.
    async fn of_log(complaints: u64) -> Vec<Complaint> {
        const PAGE: u64 = 10;
        let now = Timestamp::from_secs(100_000);
        let complaint = |ago: u64| Complaint {
            at: now - Duration::from_secs(ago),
            is_error: true,
            what: format!("{ago} s ago"),
            fleet: None,
            line: String::new(),
        };
        newest(now, async |since: Timestamp, from: Option<String>| {
            let oldest = complaints.min(now.since(since).as_secs());
            let oldest = from.map_or(oldest, |from| from.parse().unwrap());
            let next = oldest.saturating_sub(PAGE);
            Ok(((next..oldest).rev().map(complaint).collect(), (next > 0).then(|| next.to_string())))
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn of_more_complaints_than_are_read_the_newest_are_kept() {
        assert_eq!(of_log(3).await.len(), 3);
        let many = of_log(800).await;
        assert_eq!(many.last().map(|newest| newest.what.as_str()), Some("0 s ago"));
        assert!(many.len() > 50 && many.is_sorted_by_key(|complaint| complaint.at), "{}", many.len());
    }
}
