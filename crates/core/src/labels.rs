//! Labels, and the rule by which a job finds its fleet. GitHub compares labels without regard to case; so does everything here.

use crate::ids::InvalidName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// GitHub takes at most 100 labels in a JIT configuration.
pub const LABELS_MAX: usize = 100;

/// One label, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(Arc<str>);

impl Label {
    /// Takes a label as somebody wrote it.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        if text.is_empty() || text.len() > 256 || text.contains(',') || text.chars().any(char::is_control) {
            return Err(InvalidName::new("label", text, "it must hold 1 to 256 characters without commas"));
        }
        Ok(Self(text.to_lowercase().into()))
    }

    /// The label in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A set of labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(Arc<BTreeSet<Label>>);

impl Labels {
    /// Takes labels as somebody wrote them; repeats count once.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidName> {
        let labels = texts.into_iter().map(Label::parse).collect::<Result<BTreeSet<_>, _>>()?;
        if labels.len() > LABELS_MAX {
            return Err(InvalidName::new("labels", &labels.len().to_string(), "GitHub takes at most 100 labels"));
        }
        Ok(Self(Arc::new(labels)))
    }

    /// Whether there is no label at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many labels these are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The labels in order.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Whether a runner with these labels fits a job that asks for `job`: it must hold all of them, and a job without labels fits nothing.
    #[must_use]
    pub fn fit(&self, job: &Self) -> bool {
        !job.is_empty() && job.0.is_subset(&self.0)
    }

    /// All labels of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(Arc::new(self.0.union(&other.0).cloned().collect()))
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, label) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            f.write_str(label.as_str())?;
        }
        Ok(())
    }
}

/// The fleet of a job: among those that hold all its labels, the one with the fewest labels beyond the job's; ties go to the first name.
///
/// `candidates` are names with labels; the caller has already kept those whose scope admits the job's repository.
pub fn fleet_of<'a, N: Ord + Copy>(job: &Labels, candidates: impl IntoIterator<Item = (N, &'a Labels)>) -> Option<N> {
    candidates.into_iter().filter(|(_, labels)| labels.fit(job)).map(|(name, labels)| (labels.len(), name)).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        Labels::parse(text.split(',').filter(|label| !label.is_empty())).unwrap()
    }

    #[test]
    fn a_job_goes_to_the_fleet_with_the_fewest_labels_beyond_its_own() {
        let (small, large) = (labels("self-hosted,linux"), labels("self-hosted,linux,gpu"));
        let fleets = [("a-large", &large), ("small", &small)];
        assert_eq!(fleet_of(&labels("Self-Hosted,LINUX"), fleets), Some("small"));
        assert_eq!(fleet_of(&labels("self-hosted,gpu"), fleets), Some("a-large"));
        assert_eq!(fleet_of(&labels("ubuntu-latest"), fleets), None);
    }

    #[test]
    fn ties_go_by_name_and_a_job_without_labels_matches_none() {
        let same = labels("self-hosted");
        assert_eq!(fleet_of(&same, [("b", &same), ("a", &same)]), Some("a"));
        assert_eq!(fleet_of(&labels(""), [("a", &same)]), None);
    }
}
