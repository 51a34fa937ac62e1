//! The simulation bites: each wrong change of the rules breaks the rule that it should within a few small stories, and the story in which it does is a good
//! one without it.

use fargate_runners_core::mutant::{self, Mutant};
use fargate_runners_sim::faults::{Fault, Rate};
use fargate_runners_sim::story::{Settings, tell};
use std::collections::BTreeSet;

/// How a wrong change is found.
struct Found {
    mutant: Mutant,
    /// What it breaks first.
    rule: &'static str,
    /// What it may break as well: at a story's end the rules are looked at one after the other, and some wrong changes leave more than one thing wrong.
    others: &'static [&'static str],
    jobs: u32,
    hours: u32,
    /// What goes wrong more often than usual, so that what depends on it is met in a small story.
    rates: &'static [Rate],
    /// The seeds from 1 to this one are enough.
    within: u64,
}

impl Found {
    fn settings(&self) -> Settings {
        Settings { jobs: self.jobs, hours: self.hours, rates: self.rates.to_vec(), ..Settings::default() }
    }

    fn is_found(&self) {
        let settings = self.settings();
        let broken = |seed: u64, mutant: Option<Mutant>| {
            mutant::set(mutant);
            let outcome = tell(seed, &settings);
            mutant::set(None);
            outcome.violation
        };
        let first = (1..=self.within).find_map(|seed| Some((seed, broken(seed, Some(self.mutant))?)));
        let (seed, violation) = first.unwrap_or_else(|| panic!("{:?} is not found within {} stories", self.mutant, self.within));
        let as_it_should = violation.rule == self.rule || self.others.contains(&violation.rule);
        assert!(as_it_should, "{:?} breaks {}, seed {seed}: {}", self.mutant, violation.rule, violation.text);
        assert_eq!(broken(seed, None), None, "seed {seed} without a wrong change");
    }
}

macro_rules! found {
    ($($test:ident: $mutant:ident breaks $rule:literal $(or $other:literal)* in $jobs:literal jobs, $hours:literal h, within $within:literal $(, $fault:ident = $rate:literal)*;)*) => {
        const FOUND: &[Found] = &[$(Found {
            mutant: Mutant::$mutant,
            rule: $rule,
            others: &[$($other),*],
            jobs: $jobs,
            hours: $hours,
            rates: &[$(Rate { fault: Fault::$fault, rate: $rate },)*],
            within: $within,
        },)*];

        $(
            #[test]
            fn $test() {
                FOUND.iter().filter(|found| found.mutant == Mutant::$mutant).for_each(Found::is_found);
            }
        )*
    };
}

found! {
    minting_before_protection_is_found: MintBeforeProtection breaks "R4" in 20 jobs, 1 h, within 8;
    serving_a_repeat_after_the_acknowledgement_is_found: RepeatAfterAck breaks "R5" in 20 jobs, 1 h, within 8, JobReplaysNonce = 0.3;
    trusting_busy_is_found: TrustBusy breaks "R1" in 40 jobs, 1 h, within 8;
    stopping_a_task_after_its_runner_is_deleted_is_found: StopAfterDelete breaks "R1" in 40 jobs, 1 h, within 8;
    incrementing_instead_of_computing_is_found: IncrementInsteadOfCompute breaks "R2" in 20 jobs, 1 h, within 8, DeliveryRepeated = 0.3;
    a_lease_that_takes_nothing_off_the_surplus_is_found: SurplusWithoutVersion breaks "R2" in 40 jobs, 1 h, within 8;
    lowering_while_something_boots_is_found: LowerWhileSomethingBoots breaks "R1" in 40 jobs, 1 h, within 12;
    handing_back_what_is_poisoned_is_found: HandBackPoisoned breaks "R6" or "R7" in 20 jobs, 1 h, within 8, MessagePoisoned = 0.1;
    a_late_event_that_opens_a_job_again_is_found: LateEventReopens breaks "R2" in 20 jobs, 1 h, within 8, DeliveryReordered = 0.2;
    forgetting_what_is_noted_is_found: ForgetNotes breaks "R7" or "R6" in 20 jobs, 1 h, within 8;
    looking_outside_of_the_group_is_found: ScaleOutsideTheGroup breaks "R3" in 20 jobs, 1 h, within 8;
    answering_before_publishing_is_found: AnswerBeforePublishing breaks "R6" in 20 jobs, 1 h, within 12, CallThrottled = 0.3;
    ignoring_the_maximum_is_found: IgnoreMaximum breaks "R8" in 40 jobs, 1 h, within 8;
    minting_beside_the_last_is_found: MintBesideTheLast breaks "R5" in 20 jobs, 1 h, within 8, TaskAnswerLost = 0.1;
    telling_a_leaver_to_stay_is_found: ForgetLeaver breaks "R7" in 20 jobs, 1 h, within 8, TaskAnswerLost = 0.1;
    stopping_before_condemning_is_found: StopBeforeCondemning breaks "R1" in 20 jobs, 1 h, within 8, BootHangs = 0.1;
    forgetting_failed_deliveries_is_found: ForgetDeliveries breaks "R6" in 20 jobs, 1 h, within 12, DeliveryLost = 0.5;
    forgetting_dead_letters_is_found: ForgetDeadLetters breaks "R7" or "R6" in 20 jobs, 1 h, within 8, EventDeadLettered = 0.05;
    forgetting_queued_jobs_is_found: ForgetQueuedJobs breaks "R7" in 40 jobs, 1 h, within 8, NoCompleted = 0.5;
    forgetting_running_jobs_is_found: ForgetRunningJobs breaks "R7" in 40 jobs, 1 h, within 8, NoCompleted = 0.5;
    forgetting_stopped_tasks_is_found: ForgetStoppedTasks breaks "R6" in 20 jobs, 1 h, within 8, EcsEventLost = 0.3;
    forgetting_runners_without_a_task_is_found: ForgetLeftRunners breaks "R7" in 40 jobs, 1 h, within 12, FleetRemoved = 1.0;
    forgetting_ghosts_is_found: ForgetGhosts breaks "R7" in 20 jobs, 1 h, within 8, GhostMade = 0.3;
    forgetting_tasks_that_never_register_is_found: ForgetUnregistered breaks "R7" or "R6" in 20 jobs, 1 h, within 8, BootHangs = 0.1;
    forgetting_protection_is_found: ForgetProtection breaks "R4" in 3 jobs, 1 h, within 8, JobOfDays = 1.0;
    taking_a_refused_renewal_for_granted_is_found: RenewalTakenForGranted breaks "R4" in 3 jobs, 1 h, within 8, JobOfDays = 1.0, RenewalRefused = 0.5;
    forgetting_drifted_counts_is_found: ForgetDrift breaks "R3" or "R7" or "R8" in 10 jobs, 1 h, within 32, DesiredChanged = 1.0;
    forgetting_replaced_services_is_found: ForgetServices breaks "R7" in 10 jobs, 1 h, within 8, RevisionDeployed = 1.0;
    forgetting_fleets_to_which_nothing_happens_is_found: ForgetNudge breaks "R3" in 3 jobs, 1 h, within 8;
    forgetting_interrupted_jobs_is_found: ForgetInterrupted breaks "R6" in 20 jobs, 1 h, within 8, RunnerDies = 0.2;
    forgetting_the_runners_version_is_found: ForgetRunnerVersion breaks "R6" in 20 jobs, 4 h, within 8;
}

#[test]
fn each_wrong_change_is_looked_for_once() {
    let looked_for: Vec<Mutant> = FOUND.iter().map(|found| found.mutant).collect();
    let distinct: BTreeSet<Mutant> = looked_for.iter().copied().collect();
    assert_eq!((looked_for.len(), distinct), (Mutant::ALL.len(), Mutant::ALL.into_iter().collect()));
}

#[test]
fn each_rule_is_broken_by_some_wrong_change() {
    let rules: BTreeSet<&str> = FOUND.iter().map(|found| found.rule).collect();
    assert_eq!(rules, ["R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8"].into());
}
