//! What invokes the function: the schedule, for all healers; a person who names some; or a person who asks about GitHub.

use fargate_runners_function::Failure;
use fargate_runners_use_cases::inquiry::{Inquiry, InquiryError};
use fargate_runners_use_cases::sweep::{Healer, UnknownHealer};
use serde::Deserialize;

/// The schedule's payload, `{"healers": ["dead_letters"]}`, or `{"inquiry": "github"}`.
#[derive(Debug, Default, Deserialize)]
pub struct Trigger {
    #[serde(default)]
    healers: Vec<String>,
    /// What is asked; nothing is swept then.
    #[serde(default)]
    pub inquiry: Option<Inquiry>,
}

/// Why nothing was swept or asked.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// Somebody named a healer that there is not.
    #[error(transparent)]
    Healer(#[from] UnknownHealer),
    /// Nothing could be asked at all.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
}

impl Failure for TriggerError {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Healer(_) => "UnknownHealer",
            Self::Inquiry(InquiryError::Repository(_)) => "UnknownRepository",
            Self::Inquiry(InquiryError::Fleets(error)) => error.error_type(),
        }
    }
}

impl Trigger {
    /// The healers that are wanted, all if none is named. Whatever the order in which they are named, they go in their own.
    pub fn healers(&self) -> Result<Vec<Healer>, TriggerError> {
        if self.healers.is_empty() {
            return Ok(Healer::ALL.to_vec());
        }
        let named = self.healers.iter().map(|name| name.parse()).collect::<Result<Vec<Healer>, _>>()?;
        Ok(Healer::ALL.into_iter().filter(|healer| named.contains(healer)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(json: &str) -> Result<Vec<Healer>, TriggerError> {
        serde_json::from_str::<Option<Trigger>>(json).unwrap().unwrap_or_default().healers()
    }

    #[test]
    fn whoever_names_no_healer_gets_all_of_them() {
        for payload in ["null", "{}", r#"{"healers":[]}"#, r#"{"source":"aws.scheduler","detail":"{}"}"#] {
            assert_eq!(wanted(payload).unwrap(), Healer::ALL, "{payload}");
        }
    }

    #[test]
    fn healers_that_are_named_go_in_their_own_order_and_each_once() {
        let named = wanted(r#"{"healers":["drift","dead-letters","drift"]}"#).unwrap();
        assert_eq!(named, [Healer::DeadLetters, Healer::Drift]);
    }

    #[test]
    fn a_healer_that_there_is_not_is_an_error_that_names_it() {
        let error = wanted(r#"{"healers":["doctor"]}"#).unwrap_err();
        assert_eq!(error.to_string(), "there is no healer \"doctor\"");
        assert_eq!(error.error_type(), "UnknownHealer");
    }

    #[test]
    fn every_sample_is_understood() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
        let sample = |name: &str| wanted(&std::fs::read_to_string(format!("{folder}/sweep-{name}.json")).unwrap()).unwrap();
        assert_eq!(sample("schedule"), Healer::ALL);
        assert_eq!(sample("dead-letters"), [Healer::DeadLetters]);
    }

    #[test]
    fn every_sample_of_a_question_is_understood_and_written_as_it_is_asked() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
        for (name, inquiry) in [
            ("inquiry-github", Inquiry::Github),
            ("inquiry-job", Inquiry::Job { repository: "octo-org/octo-repo".to_owned(), job_id: 41_234_567_890 }),
        ] {
            let sample = std::fs::read_to_string(format!("{folder}/sweep-{name}.json")).unwrap();
            assert_eq!(serde_json::from_str::<Trigger>(&sample).unwrap().inquiry.as_ref(), Some(&inquiry), "{name}");
            let asked = serde_json::json!({ "inquiry": inquiry });
            assert_eq!(serde_json::from_str::<serde_json::Value>(&sample).unwrap(), asked, "{name}");
        }
        assert!(serde_json::from_str::<Option<Trigger>>("{}").unwrap().unwrap().inquiry.is_none());
        let unknown = serde_json::from_str::<Trigger>(r#"{"inquiry":"planets"}"#).unwrap_err().to_string();
        assert!(unknown.contains("planets") && unknown.contains("github"), "{unknown}");
    }
}
