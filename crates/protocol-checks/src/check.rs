//! Runs a check, and says what it has covered and what it has found.

use stateright::{Checker, Expectation, HasDiscoveries, Model};
use std::fmt::{self, Debug, Display};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// What came of a check.
#[derive(Debug)]
pub struct Outcome {
    /// What was checked, and within which bounds.
    pub name: String,
    /// Different states.
    pub unique: usize,
    /// Steps from one state to another.
    pub steps: usize,
    /// Steps from the beginning to the farthest state.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// Whether every state within the bounds was visited.
    pub complete: bool,
    /// Properties that hold, and scenes that happen.
    pub held: Vec<&'static str>,
    /// Rules that are broken, each with the steps that lead there.
    pub broken: Vec<(&'static str, Vec<String>)>,
    /// What should happen in some state, and does in none: the check would be empty.
    pub missing: Vec<&'static str>,
}

impl Outcome {
    /// Whether everything was visited and all is as it should be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.complete && self.broken.is_empty() && self.missing.is_empty()
    }

    /// Whether this property is broken.
    #[must_use]
    pub fn breaks(&self, rule: &str) -> bool {
        self.broken.iter().any(|(name, _)| name.starts_with(rule))
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.broken.is_empty(), self.complete, self.missing.is_empty()) {
            (false, ..) => "BROKEN",
            (true, true, false) => "EMPTY",
            (true, true, true) => "holds",
            (true, false, _) => "holds as far as it was visited",
        };
        writeln!(f, "{}: {verdict}", self.name)?;
        let (whole, seconds) = (if self.complete { "all" } else { "not all" }, self.took.as_secs_f64());
        writeln!(f, "  {} states ({whole} within the bounds), {} steps, depth {}, {seconds:.1} s", self.unique, self.steps, self.depth)?;
        self.held.iter().try_for_each(|name| writeln!(f, "  ok      {name}"))?;
        self.missing.iter().try_for_each(|name| writeln!(f, "  NEVER   {name}"))?;
        for (name, steps) in &self.broken {
            writeln!(f, "  BROKEN  {name}")?;
            steps.iter().try_for_each(|step| writeln!(f, "            {step}"))?;
        }
        Ok(())
    }
}

/// Visits every state, breadth first, until a rule is broken or the time is over.
///
/// # Panics
/// When a use case panics in a state: that is a finding too.
pub fn check<M>(name: String, model: M, threads: usize, most: Duration) -> Outcome
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Debug + Clone + PartialEq,
{
    let started = Instant::now();
    let checker = model.checker().threads(threads).timeout(most).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let took = started.elapsed();
    let (mut held, mut broken, mut missing) = (vec![], vec![], vec![]);
    for property in checker.model().properties() {
        let found = checker.discovery(property.name);
        match (property.expectation, found) {
            (Expectation::Sometimes, None) => missing.push(property.name),
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                broken.push((property.name, path.into_actions().iter().map(|action| format!("{action:?}")).collect()));
            }
            _ => held.push(property.name),
        }
    }
    Outcome {
        name,
        unique: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        took,
        complete: broken.is_empty() && took < most,
        held,
        broken,
        missing,
    }
}
