//! What a person reads after many stories, or of one.

use crate::faults::Fault;
use crate::story::{BEGIN, OF_ITSELF, Outcome, Settings};
use fargate_runners_core::mutant::Mutant;
use std::collections::BTreeMap;

/// What came of all stories.
pub fn summary(told: &[Outcome], seconds: f64, quiet: bool) {
    let steps: u64 = told.iter().map(|outcome| outcome.steps).sum();
    let broken: Vec<&Outcome> = told.iter().filter(|outcome| outcome.violation.is_some()).collect();
    #[expect(clippy::cast_precision_loss, reason = "rates for people")]
    let (stories_a_second, steps_a_second) = (told.len() as f64 / seconds, steps as f64 / seconds);
    println!("{} stories, {steps} steps, {seconds:.1} s: {stories_a_second:.1} stories and {steps_a_second:.0} steps a second", told.len());
    if !quiet {
        faults(told);
        healers(told);
    }
    if broken.is_empty() {
        println!("no rule was broken");
        return;
    }
    println!("{} stories broke a rule:", broken.len());
    for outcome in broken {
        if let Some(violation) = &outcome.violation {
            println!("  seed {}: {} at {}: {}", outcome.seed, violation.rule, clock(violation.at), violation.text);
        }
    }
}

fn faults(told: &[Outcome]) {
    println!("how often each fault struck:");
    let faults = Fault::ALL.iter().enumerate().map(|(position, fault)| (sum(told, |outcome| outcome.struck[position]), fault.text()));
    let of_itself = OF_ITSELF.iter().enumerate().map(|(position, text)| (sum(told, |outcome| outcome.of_itself[position]), *text));
    let mut never = Vec::new();
    for (struck, text) in faults.chain(of_itself) {
        if struck == 0 {
            never.push(text);
        } else {
            println!("  {struck:>10}  {text}");
        }
    }
    for text in never {
        println!("  {:>10}  {text}", "NEVER");
    }
}

fn sum(told: &[Outcome], count: impl Fn(&Outcome) -> u64) -> u64 {
    told.iter().map(count).sum()
}

fn healers(told: &[Outcome]) {
    let mut healed: BTreeMap<&str, u64> = BTreeMap::new();
    for (healer, count) in told.iter().flat_map(|outcome| &outcome.healed) {
        *healed.entry(healer).or_default() += count;
    }
    println!("how much each healer healed:");
    for (healer, count) in healed {
        println!("  {count:>10}  {healer}");
    }
}

/// The story, line by line: its last `lines` lines.
pub fn story(outcome: &Outcome, lines: usize) {
    println!("\nthe story of seed {}:", outcome.seed);
    let hidden = outcome.lines.len().saturating_sub(lines);
    if hidden > 0 {
        println!("  ({hidden} earlier lines left out)");
    }
    for line in &outcome.lines[hidden..] {
        println!("  {}  {:<14} {}", clock(line.at), line.who, line.what);
    }
}

/// The command that tells the same story again.
pub fn how_to_repeat(seed: u64, settings: &Settings, mutant: Option<Mutant>) {
    let rates: Vec<String> = settings.rates.iter().map(|rate| format!(" --rate {rate}")).collect();
    let factor = if (settings.factor - 1.0).abs() < f64::EPSILON { String::new() } else { format!(" --faults {}", settings.factor) };
    let without: Vec<String> = settings.without.iter().map(|fault| format!(" --without {fault:?}")).collect();
    let mutant = mutant.map(|mutant| format!(" --mutant {mutant:?}")).unwrap_or_default();
    let left: Vec<String> = Fault::ALL.iter().filter(|fault| !settings.without.contains(fault)).map(|fault| format!("{fault:?}")).collect();
    println!("\nfaults that it needs: {}", if left.is_empty() { "none".to_owned() } else { left.join(", ") });
    println!(
        "again: cargo xtask sim --seeds 1 --seed {seed} --jobs {} --hours {}{factor}{}{mutant}{}",
        settings.jobs,
        settings.hours,
        rates.concat(),
        without.concat()
    );
}

/// A time since the story's beginning.
pub(crate) fn clock(at: u64) -> String {
    let millis = at.saturating_sub(BEGIN);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!("{:>3}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
