//! Kinds of jobs: those that ask for the same in the same place fit the same runners. Hundreds of jobs in the queue are of a few kinds, so that a
//! runner that comes is held against each kind once and not against each job.

use std::collections::BTreeMap;

use crate::job::Job;

/// What tells one kind from another: owner, repository, labels in lower case, runner group.
type Asked = (String, String, Vec<String>, Option<String>);

/// A kind, by its number from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind(usize);

#[derive(Debug, Default)]
pub(crate) struct Kinds {
    known: BTreeMap<Asked, Kind>,
}

impl Kinds {
    pub(crate) fn of(&mut self, job: &Job) -> Kind {
        let asked = (job.owner.clone(), job.name.clone(), job.lower_labels.clone(), job.runner_group.clone());
        let next = Kind(self.known.len());
        *self.known.entry(asked).or_insert(next)
    }
}

/// Answers that are the same for all jobs of a kind, for as long as nothing else changes.
#[derive(Default)]
pub(crate) struct Answers {
    known: Vec<Option<bool>>,
}

impl Answers {
    pub(crate) fn get(&mut self, kind: Kind, find: impl FnOnce() -> bool) -> bool {
        if self.known.len() <= kind.0 {
            self.known.resize(kind.0 + 1, None);
        }
        *self.known[kind.0].get_or_insert_with(find)
    }
}
