use super::*;
use crate::faults::Fault;
use std::collections::BTreeSet;

const SEEDS: u64 = 400;

fn plan(seed: u64, settings: &Settings) -> StoryPlan {
    let faults = Faults::new(seed, settings.factor, BEGIN + u64::from(settings.hours) * HOUR);
    StoryPlan::new(seed, settings, &faults)
}

fn plans() -> impl Iterator<Item = StoryPlan> {
    (0..SEEDS).map(|seed| plan(seed, &Settings::default()))
}

#[test]
fn the_same_seed_makes_the_same_plan_and_another_seed_another() {
    let text = |seed| format!("{:?}", plan(seed, &Settings::default()));
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

#[test]
fn leaving_a_fault_out_leaves_the_fleets_and_the_arrivals_as_they_are() {
    for seed in 0..50 {
        let whole = plan(seed, &Settings::default());
        let faults = Faults::new(seed, 0.0, BEGIN + 6 * HOUR);
        let calm = StoryPlan::new(seed, &Settings::default(), &faults);
        assert!(calm.acts.is_empty());
        assert_eq!(calm.fleets.len(), whole.fleets.len());
        assert!(calm.jobs.iter().map(|job| job.at).eq(whole.jobs.iter().map(|job| job.at)));
    }
}

#[test]
fn a_plan_has_as_many_jobs_as_wanted_in_the_order_of_their_times_and_within_the_hours() {
    for (jobs, hours) in [(0, 1), (1, 1), (200, 6), (500, 2)] {
        let plan = plan(3, &Settings { jobs, hours, ..Settings::default() });
        assert_eq!(plan.jobs.len(), jobs as usize);
        assert!(plan.jobs.is_sorted_by_key(|job| job.at) && plan.acts.is_sorted_by_key(|(at, _)| *at));
        let within = BEGIN..BEGIN + u64::from(hours) * HOUR + MINUTE;
        assert!(plan.jobs.iter().map(|job| job.at).chain(plan.acts.iter().map(|(at, _)| *at)).all(|at| within.contains(&at)));
    }
}

#[test]
fn every_description_can_be_read() {
    for plan in plans() {
        assert!((1..=4).contains(&plan.fleets.len()));
        assert!(plan.all_fleets().all(|fleet| fleet.describe().is_some()), "{:?}", plan.fleets);
    }
}

#[test]
fn the_plans_of_many_seeds_hold_each_kind_of_fleet() {
    let fleets: Vec<FleetPlan> = plans().flat_map(|plan| plan.fleets).collect();
    let any = |kind: fn(&FleetPlan) -> bool| fleets.iter().any(kind);
    assert!(any(|fleet| fleet.service) && any(|fleet| !fleet.service));
    assert!(any(|fleet| fleet.maximum <= 3) && any(|fleet| fleet.maximum > 50) && fleets.iter().all(|fleet| fleet.warm <= fleet.maximum));
    assert!((0..=3).all(|warm| fleets.iter().any(|fleet| fleet.warm == warm)));
    assert!([30, 60, 120, 300].iter().all(|lease| fleets.iter().any(|fleet| fleet.lease_seconds == *lease)));
    assert!([0, 50, 100].iter().all(|percent| fleets.iter().any(|fleet| fleet.spot_percent == *percent)));
    let scopes: BTreeSet<&str> = fleets.iter().map(|fleet| fleet.scope).collect();
    assert_eq!(scopes, BTreeSet::from(["org/octo-org", "org/hexo-org", "repo/octo-org/site"]));
    assert!(any(|fleet| fleet.allow_public) && any(|fleet| fleet.runner_group == GROUP_CHOSEN) && any(|fleet| fleet.credential == "other"));
}

#[test]
fn the_plans_of_many_seeds_hold_each_kind_of_job() {
    let plans: Vec<StoryPlan> = plans().collect();
    let jobs = || plans.iter().flat_map(|plan| plan.jobs.iter().map(move |job| (plan, job)));
    let any = |kind: &dyn Fn(&StoryPlan, &JobPlan) -> bool| jobs().any(|(plan, job)| kind(plan, job));
    let fits = |plan: &StoryPlan, job: &JobPlan| plan.all_fleets().filter(|fleet| job.may_go_to(fleet)).count();
    assert!(any(&|_, job| job.labels == ["ubuntu-latest"]) && any(&|_, job| job.labels.contains(&"windows")));
    assert!(any(&|plan, job| fits(plan, job) > 1), "more than one fleet could take it");
    assert!(any(&|plan, job| fits(plan, job) == 1 && job.repository.public), "a public repository that a fleet admits");
    assert!(any(&|plan, job| fits(plan, job) == 0 && job.repository.public), "a public repository that none admits");
    assert!(any(&|_, job| job.in_capitals) && any(&|_, job| job.labels.contains(&acts::NEW_LABEL)));
    assert!(any(&|_, job| job.conclusion == Conclusion::Failure));
    assert!(
        any(&|_, job| matches!(job.gate, Some(GatePlan::Timer(_)))) && any(&|_, job| matches!(job.gate, Some(GatePlan::ApprovedAfter(_))))
    );
    assert!(any(&|_, job| matches!(job.cancel, Some(CancelPlan::AfterQueued(_)))));
    assert!(any(&|_, job| matches!(job.cancel, Some(CancelPlan::AfterStarted(_)))));
    let bursts = plans.iter().filter(|plan| plan.jobs.windows(50).any(|jobs| jobs[49].at - jobs[0].at < 20_000)).count();
    assert!(bursts > 20, "{bursts} bursts");
}

#[test]
fn jobs_run_from_seconds_to_hours_and_a_few_for_days() {
    let mut durations: Vec<Millis> = plans().flat_map(|plan| plan.jobs).map(|job| job.duration).collect();
    durations.sort_unstable();
    let at = |percent: usize| durations[durations.len() * percent / 100];
    assert!(at(1) < 15_000 && (30_000..5 * MINUTE).contains(&at(50)) && at(99) > 20 * MINUTE, "{} {} {}", at(1), at(50), at(99));
    assert_eq!(durations.last(), Some(&(5 * 24 * HOUR)));
}

#[test]
fn the_plans_of_many_seeds_hold_each_kind_of_act() {
    let acts: Vec<Act> = plans().flat_map(|plan| plan.acts).map(|(_, act)| act).collect();
    let any = |kind: fn(&Act) -> bool| assert!(acts.iter().any(kind));
    any(|act| matches!(act, Act::DeployFunctions));
    any(|act| matches!(act, Act::DeployRevision(_)));
    any(|act| matches!(act, Act::AddFleet(_)));
    any(|act| matches!(act, Act::RemoveFleet { drained: true, .. }));
    any(|act| matches!(act, Act::RemoveFleet { drained: false, .. }));
    any(|act| matches!(act, Act::SetMaximum(..)));
    any(|act| matches!(act, Act::LowerMaximum(..)));
    any(|act| matches!(act, Act::SetLabels(..)));
    any(|act| matches!(act, Act::SetDesired(..)));
    let again = |plan: &StoryPlan| {
        plan.acts.iter().any(|(_, act)| matches!(act, Act::AddFleet(added) if plan.fleets.iter().any(|fleet| fleet.name == added.name)))
    };
    assert!(plans().any(|plan| again(&plan)), "a fleet that was removed comes back");
}

#[test]
fn a_fault_that_is_left_out_makes_no_act() {
    for seed in 0..SEEDS {
        let faults = Faults::new(seed, 1.0, BEGIN + 6 * HOUR);
        faults.set(Fault::RevisionDeployed, 0.0);
        let plan = StoryPlan::new(seed, &Settings::default(), &faults);
        assert!(!plan.acts.iter().any(|(_, act)| matches!(act, Act::DeployRevision(_))));
    }
}

#[test]
fn each_fleet_can_come_to_an_end_with_its_jobs() {
    for plan in plans() {
        for fleet in plan.all_fleets() {
            let of_it = plan.jobs.iter().filter(|job| job.duration <= 2 * HOUR && job.may_go_to(fleet));
            let work: Millis = of_it.map(|job| job.duration + AROUND_A_JOB).sum();
            assert!(work / u64::from(plan.lowest_maximum(fleet)) <= 6 * HOUR, "{}: {work} ms", fleet.name);
        }
        let until = plan.jobs.iter().map(|job| job.at + job.duration).max().unwrap_or_default();
        assert!(plan.last_end() >= until);
    }
}

#[test]
fn somebody_cancels_what_a_runner_group_keeps_out() {
    for plan in plans() {
        let kept_out = plan.jobs.iter().filter(|job| {
            !is_chosen(job.repository) && plan.all_fleets().any(|fleet| fleet.runner_group == GROUP_CHOSEN && job.may_go_to(fleet))
        });
        assert!(kept_out.into_iter().all(|job| matches!(job.cancel, Some(CancelPlan::AfterQueued(_)))));
    }
}
