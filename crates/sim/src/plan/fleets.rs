//! The fleets of a story: few or many runners, both launch modes, labels of which one fleet's are a part of another's.

use crate::book::FleetPlan;
use crate::plan::{GROUP_CHOSEN, GROUP_DEFAULT, GROUP_PUBLIC};

/// A label that fleets may bear and that no job asks for: it can be taken away.
pub const UNASKED: &str = "blue";

/// Names and labels. The second and the third can do all that the first can, so jobs of the first may be taken by their runners.
const KINDS: [(&str, &[&str]); 4] = [
    ("linux", &["self-hosted", "linux", "x64"]),
    ("linux-large", &["self-hosted", "linux", "x64", "large"]),
    ("gpu", &["self-hosted", "linux", "x64", "large", "gpu"]),
    ("arm", &["self-hosted", "linux", "arm64"]),
];

/// One to four fleets, and one more for somebody to add if there is a kind left.
pub fn draw(chance: &mut fastrand::Rng) -> (Vec<FleetPlan>, Option<FleetPlan>) {
    let mut kinds = KINDS;
    chance.shuffle(&mut kinds);
    if chance.u32(0..10) < 7 {
        kinds.sort_by_key(|(name, _)| *name != "linux");
    }
    let count = [1, 1, 1, 2, 2, 2, 2, 3, 3, 4][chance.usize(0..10)];
    let mut fleets: Vec<FleetPlan> = kinds.iter().map(|(name, labels)| fleet(name, labels, chance)).collect();
    // The first is an organisation's: its jobs are many, and other fleets' runners may take them.
    fleets[0].scope = "org/octo-org";
    let spare = (count < fleets.len()).then(|| fleets[count].clone());
    fleets.truncate(count);
    (fleets, spare)
}

fn fleet(name: &'static str, labels: &[&'static str], chance: &mut fastrand::Rng) -> FleetPlan {
    let mut labels = labels.to_vec();
    if chance.u32(0..10) < 3 {
        labels.push(UNASKED);
    }
    let scope = match chance.u32(0..10) {
        0..=5 => "org/octo-org",
        6 | 7 => "repo/octo-org/site",
        _ => "org/hexo-org",
    };
    let of_organisation = scope.starts_with("org/");
    let allow_public = of_organisation && chance.u32(0..10) < 3;
    let chosen_only = of_organisation && !allow_public && chance.u32(0..20) == 0;
    let maximum = match chance.u32(0..20) {
        0..=4 => chance.u32(1..=3),
        5..=11 => chance.u32(4..=12),
        _ => chance.u32(13..=60),
    };
    let warm = [0, 0, 0, 0, 0, 0, 1, 1, 2, 3][chance.usize(0..10)].min(maximum);
    // An idle runner asks at every lease, all day long where it is warm.
    let leases: &[u32] = if warm == 0 { &[30, 30, 60, 120, 300] } else { &[60, 120, 120, 300] };
    FleetPlan {
        name,
        scope,
        credential: if chance.u32(0..4) == 0 { "other" } else { "default" },
        labels,
        runner_group: match (allow_public, chosen_only) {
            (true, _) => GROUP_PUBLIC,
            (_, true) => GROUP_CHOSEN,
            _ => GROUP_DEFAULT,
        },
        allow_public,
        service: chance.u32(0..10) < 6,
        maximum,
        warm,
        spot_percent: [0, 0, 50, 100][chance.usize(0..4)],
        lease_seconds: leases[chance.usize(0..leases.len())],
        revision: 1,
    }
}
