//! A story that breaks a rule, made smaller: with as few kinds of faults and as few jobs as still break the same rule.

use crate::faults::Fault;
use crate::story::{Settings, tell};

/// Stories told at most: each takes some milliseconds to a second.
const TRIES: u32 = 150;

/// The smallest settings found under which the seed still breaks the same rule.
#[must_use]
pub fn shrink(seed: u64, settings: &Settings) -> Settings {
    let rule = |settings: &Settings| tell(seed, settings).violation.map(|violation| violation.rule);
    let Some(broken) = rule(settings) else { return settings.clone() };
    let mut best = settings.clone();
    let mut tries = TRIES;
    let mut holds = |smaller: &Settings| {
        tries = tries.saturating_sub(1);
        tries > 0 && rule(smaller) == Some(broken)
    };
    // Halves of the faults, then smaller and smaller parts.
    let mut size = Fault::ALL.len() / 2;
    while size > 0 {
        for part in Fault::ALL.chunks(size) {
            let new: Vec<Fault> = part.iter().filter(|fault| !best.without.contains(fault)).copied().collect();
            if new.is_empty() {
                continue;
            }
            let mut smaller = best.clone();
            smaller.without.extend(new);
            if holds(&smaller) {
                best = smaller;
            }
        }
        size /= 2;
    }
    while best.jobs > 1 {
        let smaller = Settings { jobs: best.jobs / 2, ..best.clone() };
        if !holds(&smaller) {
            break;
        }
        best = smaller;
    }
    best
}
