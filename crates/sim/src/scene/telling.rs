//! Tells a scene in every way, and says what came of it: how it went wrong, or that it went well although it should not have.

use super::Scene;
use super::ending::Ending;
use super::stage::{Broken, Stage, Telling};
use crate::report::clock;
use crate::tale::Line;
use fargate_runners_core::mutant::{self, Mutant};

/// From so many seeds a scene is told, in each launch mode. Six show each of AWS's habits.
const SEEDS: u64 = 6;

/// Lines of a broken scene that are shown: its end is where it broke.
const LINES: usize = 120;

/// A scene that ended as it must.
#[derive(Debug)]
pub struct Told {
    scene: Scene,
    ending: Ending,
}

impl Scene {
    /// The scene ends this way, in whatever way it is told.
    ///
    /// # Panics
    /// If it does not: with what is wrong, and what had happened.
    #[expect(clippy::must_use_candidate, reason = "it is an assertion; what it returns is there for those who say more")]
    #[track_caller]
    pub fn ends_with(self, ending: Ending) -> Told {
        for telling in tellings() {
            if let Err(broken) = self.tell(telling, ending).0 {
                let lines = self.tell(Telling { told: true, ..telling }, ending).1;
                panic!("{}: {} ({telling:?})\n{}", broken.rule, broken.text, read(&lines));
            }
        }
        Told { scene: self, ending }
    }

    fn tell(&self, telling: Telling, ending: Ending) -> (Result<(), Broken>, Vec<Line>) {
        let mut stage = Stage::new(self, telling);
        let told = self.steps.iter().try_for_each(|step| stage.carry_out(step)).and_then(|()| stage.comes_to(ending));
        (told, stage.world.tale.lines())
    }
}

impl Told {
    /// With this wrong change in the product the same scene would be found to break this rule.
    ///
    /// # Panics
    /// If it would not.
    #[track_caller]
    pub fn and_breaks(self, rule: &str, with: Mutant) {
        mutant::set(Some(with));
        let broken: Vec<Broken> = tellings().filter_map(|telling| self.scene.tell(telling, self.ending).0.err()).collect();
        mutant::set(None);
        assert!(
            broken.iter().any(|broken| broken.rule == rule),
            "although {}, the scene does not break {rule}, but only {broken:?}",
            with.wrong()
        );
    }
}

fn tellings() -> impl Iterator<Item = Telling> {
    (1..=SEEDS).flat_map(|seed| [true, false].map(|service| Telling { seed, service, told: false }))
}

fn read(lines: &[Line]) -> String {
    let hidden = lines.len().saturating_sub(LINES);
    let read = lines[hidden..].iter().map(|line| format!("  {}  {:<14} {}", clock(line.at), line.who, line.what));
    read.collect::<Vec<_>>().join("\n")
}
