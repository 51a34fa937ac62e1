//! The proof bites: each small wrong change to the rules is found within a bounded number of stories, and by the rule that it breaks.

use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_sim::story::{Settings, tell};

/// Stories that may be told before a wrong change must have been found.
const STORIES: u64 = 60;

/// The first rule that a mutant breaks, and in which story.
fn found(mutant: Mutant, settings: &Settings, rules: &[&str]) -> (&'static str, u64) {
    mutant::set(Some(mutant));
    let broken = (1..=STORIES).find_map(|seed| {
        let violation = tell(seed, settings).violation?;
        rules.contains(&violation.rule).then_some((violation.rule, seed))
    });
    mutant::set(None);
    broken.unwrap_or_else(|| panic!("{mutant:?} ({}) was not found in {STORIES} stories", mutant.wrong()))
}

fn small() -> Settings {
    Settings { jobs: 60, hours: 2, ..Settings::default() }
}

macro_rules! mutants {
    ($($name:ident: $mutant:ident breaks $($rule:literal)|+;)*) => {
        $(
            #[test]
            fn $name() {
                let (rule, seed) = found(Mutant::$mutant, &small(), &[$($rule),+]);
                println!("{:?} breaks {rule} in story {seed}", Mutant::$mutant);
            }
        )*
    };
}

mutants! {
    registering_without_protection_is_found: MintBeforeProtection breaks "R4" | "R1";
    answering_a_repeat_after_the_acknowledgement_is_found: RepeatAfterAck breaks "R5";
    minting_beside_the_last_registration_is_found: MintBesideTheLast breaks "R5";
    counting_by_increments_is_found: IncrementInsteadOfCompute breaks "R2" | "R6" | "R7";
    a_surplus_that_is_not_written_is_found: SurplusWithoutVersion breaks "R2";
    lowering_while_a_needed_task_boots_is_found: LowerWhileSomethingBoots breaks "R1" | "R8";
    handing_back_what_nobody_can_read_is_found: HandBackPoisoned breaks "R6" | "R7";
    a_late_delivery_that_wins_is_found: LateEventReopens breaks "R2" | "R6" | "R7";
    a_look_outside_of_the_message_group_is_found: ScaleOutsideTheGroup breaks "R3";
    ignoring_the_maximum_is_found: IgnoreMaximum breaks "R8";
}
