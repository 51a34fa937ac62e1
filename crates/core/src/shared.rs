//! Equal texts of many records, held once. Thousands of jobs that wait bear the same few names of a fleet, a repository and a workflow and the same few labels,
//! and each comes from the ledger with copies of its own. What a job alone has, such as its name, is left to it. No value changes here.

use crate::labels::Labels;
use crate::record::{Record, Versioned};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The texts that were met, while records are read.
#[derive(Debug, Default)]
pub struct Shared {
    texts: BTreeSet<Arc<str>>,
    labels: BTreeSet<Labels>,
}

impl Shared {
    /// The same record, with the texts of those before it where they are equal.
    #[must_use]
    pub fn by(&mut self, mut found: Versioned) -> Versioned {
        match &mut found.record {
            Record::Fleet(_) => {}
            Record::Job(job) => {
                self.text(job.fleet.shared());
                self.text(job.repository.shared());
                job.workflow_name.iter_mut().for_each(|text| self.text(text));
                self.labels(&mut job.labels);
            }
            Record::Task(task) => {
                self.text(task.fleet.shared());
                task.task_definition.iter_mut().for_each(|name| self.text(name.shared()));
                task.service.iter_mut().for_each(|name| self.text(name.shared()));
            }
        }
        found
    }

    fn text(&mut self, text: &mut Arc<str>) {
        match self.texts.get(text) {
            Some(known) => *text = Arc::clone(known),
            None => drop(self.texts.insert(Arc::clone(text))),
        }
    }

    fn labels(&mut self, labels: &mut Labels) {
        match self.labels.get(labels) {
            Some(known) => *labels = known.clone(),
            None => drop(self.labels.insert(labels.clone())),
        }
    }
}
