//! What happened in a story, for a person to read: when, who, what. Nothing is kept, nor even put into words, unless somebody wants to read it.

use crate::engine::Millis;
use std::cell::{Cell, RefCell};

/// One line of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Millis,
    /// Who did it.
    pub who: String,
    /// What was done.
    pub what: String,
}

/// The lines of a story so far.
#[derive(Default)]
pub struct Tale {
    wanted: Cell<bool>,
    lines: RefCell<Vec<Line>>,
}

impl Tale {
    /// A tale that somebody reads, or nobody.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self { wanted: Cell::new(wanted), lines: RefCell::default() }
    }

    /// Adds a line.
    pub fn tell(&self, at: Millis, who: &str, what: impl FnOnce() -> String) {
        if self.wanted.get() {
            self.lines.borrow_mut().push(Line { at, who: who.to_owned(), what: what() });
        }
    }

    /// All lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.lines.borrow().clone()
    }
}
