//! What the healer asked GitHub about and must not forget to ask: what became of runs, and which versions of runners GitHub is about to refuse.

use super::Oracle;
use crate::engine::Millis;
use crate::world::World;
use fargate_runners_core::names::RunnerName;
use fargate_runners_model_github::Presence;
use std::collections::BTreeMap;

/// A sweep asks about versions once an hour. So many sweeps over so long that saw a runner are too many, whatever failed meanwhile.
const UNASKED_SWEEPS: u32 = 30;
const UNASKED_FOR: Millis = 3 * 3_600_000;

/// What was asked, and when.
#[derive(Default)]
pub(super) struct Asked {
    runs: BTreeMap<u64, Millis>,
    /// For each scope, since when and in how many sweeps there was a runner whose version nobody asked about.
    versions: BTreeMap<String, (Millis, u32)>,
}

impl Oracle {
    /// Somebody asks what became of a run.
    pub fn asks_about_run(&self, world: &World, run: u64) {
        self.asked.borrow_mut().runs.insert(run, world.now());
    }

    /// Whether somebody has asked what became of a run, after this time.
    #[must_use]
    pub fn was_asked_about_run(&self, run: u64, after: Millis) -> bool {
        self.asked.borrow().runs.get(&run).is_some_and(|at| *at >= after)
    }

    /// Somebody asks about a version of the runners of a scope.
    pub fn asks_about_version(&self, scope: &str) {
        self.asked.borrow_mut().versions.remove(scope);
    }

    /// A sweep begins: who is online now is there for it to see.
    pub fn sweeps(&self, world: &World) {
        let (book, github, now) = (world.book.borrow(), world.github.borrow(), world.now());
        let online = github.runners().filter(|runner| runner.presence == Presence::Online);
        let ours = online.filter_map(|runner| RunnerName::parse(&runner.name).ok());
        let scopes = ours.filter_map(|name| book.fleet(name.fleet.as_str()).map(|fleet| fleet.scope.to_string()));
        let scopes: std::collections::BTreeSet<String> = scopes.collect();
        let mut asked = self.asked.borrow_mut();
        for scope in scopes {
            let (since, sweeps) = asked.versions.entry(scope.clone()).or_insert((now, 0));
            *sweeps += 1;
            if *sweeps >= UNASKED_SWEEPS && now >= *since + UNASKED_FOR {
                self.violation(
                    world,
                    "R6",
                    format!("GitHub is about to refuse the runners of {scope}, and nobody has asked whether it is"),
                );
            }
        }
    }
}
