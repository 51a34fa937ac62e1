//! The same seed tells the same story, and a calm world breaks no rule.

use fargate_runners_sim::faults::Fault;
use fargate_runners_sim::story::{Settings, tell};

#[test]
fn the_same_seed_tells_the_same_story() {
    let settings = Settings { jobs: 30, hours: 1, told: true, ..Settings::default() };
    let (one, two) = (tell(11, &settings), tell(11, &settings));
    assert_eq!(one.steps, two.steps);
    assert_eq!(one.lines, two.lines);
    assert!(one.lines.len() > 100, "a story has something to tell");
}

#[test]
fn in_a_calm_world_every_job_runs_and_nothing_is_left() {
    for seed in 1..=10 {
        let outcome = tell(seed, &Settings { jobs: 40, hours: 2, factor: 0.0, ..Settings::default() });
        assert_eq!(outcome.violation, None, "seed {seed}");
    }
}

#[test]
fn a_fault_that_is_left_out_never_strikes() {
    let outcome = tell(3, &Settings { jobs: 30, hours: 1, without: vec![Fault::FunctionDies], ..Settings::default() });
    assert_eq!(outcome.struck[Fault::FunctionDies as usize], 0);
    assert!(outcome.struck.iter().sum::<u64>() > 0);
}
