//! The jobs of a story: when they come, what they ask for, how long they run, and what becomes of them. Each job has chances of its own, so that a change
//! to one changes no other.

use crate::book::{FleetPlan, KNOWN_AFTER};
use crate::engine::Millis;
use crate::faults::{Fault, Faults};
use crate::plan::acts::NEW_LABEL;
use crate::plan::fleets::UNASKED;
use crate::plan::{
    AROUND_A_JOB, Act, CancelPlan, GROUP_CHOSEN, GatePlan, HOUR, JobPlan, MINUTE, REPOSITORIES, RepositoryPlan, StoryPlan, chance_of,
    is_chosen,
};
use crate::story::BEGIN;
use fargate_runners_model_github::Conclusion;

/// The fault `JobOfDays`.
const DAYS: Millis = 5 * 24 * HOUR;

/// The longest of all other jobs.
const LONGEST: Millis = 2 * HOUR;

/// A stack needs some minutes from the beginning of its deployment until its description is written.
const DEPLOYED_AFTER: Millis = 4 * MINUTE;

/// Of this share of a story the jobs may keep a fleet busy without a pause, in percent: what is queued must come to its end.
const BUSY_PERCENT: Millis = 60;

/// Purposes of chances: arrivals, and each job.
const ARRIVALS: u64 = 2;
const JOBS: u64 = 1_000;

/// Which fleet has which labels when, as people know it who write workflows.
pub struct Offers {
    offers: Vec<Offer>,
}

struct Offer {
    fleet: FleetPlan,
    from: Millis,
    until: Millis,
    /// From when on it has the new label.
    new_label: Option<Millis>,
}

impl Offers {
    /// What the acts make of the fleets.
    pub fn new(fleets: &[FleetPlan], acts: &[(Millis, Act)]) -> Self {
        let offer = |fleet: &FleetPlan, from| Offer { fleet: fleet.clone(), from, until: Millis::MAX, new_label: None };
        let mut offers: Vec<Offer> = fleets.iter().map(|fleet| offer(fleet, 0)).collect();
        for (at, act) in acts {
            match act {
                Act::AddFleet(fleet) => offers.push(offer(fleet, at + DEPLOYED_AFTER + KNOWN_AFTER)),
                Act::RemoveFleet { name, .. } => {
                    offers
                        .iter_mut()
                        .filter(|offer| offer.fleet.name == *name && offer.until == Millis::MAX)
                        .for_each(|offer| offer.until = *at);
                }
                Act::SetLabels(name, _) => {
                    let known = at + DEPLOYED_AFTER + KNOWN_AFTER;
                    offers.iter_mut().filter(|offer| offer.fleet.name == *name).for_each(|offer| offer.new_label = Some(known));
                }
                _ => {}
            }
        }
        Self { offers }
    }

    fn at(&self, at: Millis, chance: &mut fastrand::Rng) -> Option<&Offer> {
        let there: Vec<&Offer> = self.offers.iter().filter(|offer| (offer.from..offer.until).contains(&at)).collect();
        // Somebody always writes for a fleet that is gone.
        let any = chance.u32(0..50) == 0 || there.is_empty();
        if any { chance.choice(&self.offers) } else { chance.choice(there) }
    }
}

/// The jobs, by time.
pub fn draw(seed: u64, count: usize, length: Millis, offers: &Offers, faults: &Faults) -> Vec<JobPlan> {
    let arrivals = arrivals(&mut chance_of(seed, ARRIVALS), count, length);
    let numbered = arrivals.into_iter().zip(JOBS..);
    numbered.map(|(at, number)| job(BEGIN + at, offers, faults, &mut chance_of(seed, number))).collect()
}

/// A mix of patterns: bursts, a steady stream, a trickle, and everything in the first minutes.
fn arrivals(chance: &mut fastrand::Rng, count: usize, length: Millis) -> Vec<Millis> {
    let mut arrivals = Vec::with_capacity(count);
    while arrivals.len() < count {
        let left = count - arrivals.len();
        let many = chance.usize(1..=count.div_ceil(2)).min(left);
        match chance.u32(0..10) {
            0..=3 => {
                let (at, within) = (chance.u64(0..length), chance.u64(1..=20_000));
                let many = chance.usize(5..=100).min(left);
                arrivals.extend((0..many).map(|_| at + chance.u64(0..within)));
            }
            4 | 5 => {
                let (from, gap) = (chance.u64(0..length / 2), length / 2 / many as u64);
                arrivals.extend((0..many as u64).map(|number| from + number * gap + chance.u64(0..=gap)));
            }
            6..=8 => arrivals.extend((0..many.min(20)).map(|_| chance.u64(0..length))),
            _ => arrivals.extend((0..many).map(|_| chance.u64(0..3 * MINUTE))),
        }
    }
    arrivals.sort_unstable();
    arrivals
}

fn job(at: Millis, offers: &Offers, faults: &Faults, chance: &mut fastrand::Rng) -> JobPlan {
    let offer = offers.at(at, chance);
    let repository = repository(offer.map(|offer| &offer.fleet), chance);
    let labels = labels(offer, at, chance);
    let duration = if faults.strikes(Fault::JobOfDays, BEGIN) { DAYS } else { duration(chance) };
    let gate = match chance.u32(0..50) {
        0 => Some(GatePlan::Timer(chance.u64(MINUTE..=40 * MINUTE))),
        1 => Some(GatePlan::ApprovedAfter(chance.u64(5_000..=60 * MINUTE))),
        _ => None,
    };
    let cancel = match chance.u32(0..100) {
        0..=2 => Some(CancelPlan::AfterQueued(chance.u64(500..=90_000))),
        3 => Some(CancelPlan::AfterQueued(chance.u64(MINUTE..=30 * MINUTE))),
        4..=6 => Some(CancelPlan::AfterStarted(chance.u64(1_000..=10 * MINUTE))),
        _ => None,
    };
    let conclusion = [Conclusion::Success, Conclusion::Failure, Conclusion::TimedOut][[0, 0, 0, 0, 0, 0, 0, 0, 1, 2][chance.usize(0..10)]];
    let patience = CancelPlan::AfterQueued(chance.u64(10 * MINUTE..=60 * MINUTE));
    let mut plan = JobPlan { at, repository, labels, in_capitals: chance.u32(0..50) == 0, duration, conclusion, gate, cancel };
    if offers.offers.iter().any(|offer| is_kept_out(&plan, offer)) {
        // A runner group keeps it from its fleet: somebody loses patience.
        plan.cancel = Some(patience);
    }
    plan
}

fn is_kept_out(job: &JobPlan, offer: &Offer) -> bool {
    let fits = || {
        let mut fleet = offer.fleet.clone();
        fleet.labels.extend(offer.new_label.map(|_| NEW_LABEL));
        job.may_go_to(&offer.fleet) || job.may_go_to(&fleet)
    };
    offer.fleet.runner_group == GROUP_CHOSEN && !is_chosen(job.repository) && fits()
}

/// A repository that the fleet serves; now and then a public one, whether it serves that or not.
fn repository(fleet: Option<&FleetPlan>, chance: &mut fastrand::Rng) -> &'static RepositoryPlan {
    let scope = fleet.map_or("org/octo-org", |fleet| fleet.scope);
    let public = chance.u32(0..100) < if fleet.is_some_and(|fleet| fleet.allow_public) { 20 } else { 3 };
    let (draw, chosen_only) = (chance.usize(0..20), fleet.is_some_and(|fleet| fleet.runner_group == GROUP_CHOSEN));
    let other = if chosen_only { draw == 0 } else { draw < 8 };
    match (scope, public, other) {
        ("repo/octo-org/site", ..) | ("org/octo-org", false, true) => &REPOSITORIES[1],
        ("org/hexo-org", true, _) => &REPOSITORIES[5],
        ("org/hexo-org", _, true) => &REPOSITORIES[4],
        ("org/hexo-org", ..) => &REPOSITORIES[3],
        (_, true, _) => &REPOSITORIES[2],
        _ => &REPOSITORIES[0],
    }
}

fn labels(offer: Option<&Offer>, at: Millis, chance: &mut fastrand::Rng) -> Vec<&'static str> {
    let kind = chance.u32(0..100);
    let (keep, at_least) = (chance.u32(..), chance.usize(..));
    match (kind, offer) {
        (0..=3, _) | (_, None) => vec!["ubuntu-latest"],
        (4 | 5, _) => vec!["self-hosted", "windows"],
        (6..=15, Some(offer)) => {
            let asked: Vec<&str> = offer.fleet.labels.iter().copied().filter(|label| *label != UNASKED).collect();
            let certain = at_least % asked.len();
            let kept = asked.iter().enumerate().filter(|(position, _)| *position == certain || keep >> position & 1 == 1);
            kept.map(|(_, label)| *label).collect()
        }
        (_, Some(offer)) => {
            let new = offer.new_label.is_some_and(|from| at >= from) && kind < 50;
            let asked = offer.fleet.labels.iter().copied().filter(|label| *label != UNASKED);
            asked.chain(new.then_some(NEW_LABEL)).collect()
        }
    }
}

/// From seconds to two hours, half of them within minutes: each step of the logarithm is as likely as its neighbours, the ends less.
fn duration(chance: &mut fastrand::Rng) -> Millis {
    let normal = (0..6).map(|_| chance.f64()).sum::<f64>() - 3.0;
    let millis = (120_000_f64.ln() + 1.9 * normal).exp();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number, far below the limits")]
    let millis = millis as Millis;
    millis.clamp(3_000, LONGEST)
}

/// Shortens jobs, and raises maxima, where a fleet could not come to an end with its jobs: a story is about hours.
pub fn fit(plan: &mut StoryPlan, length: Millis) {
    let mut fleets: Vec<FleetPlan> = plan.all_fleets().cloned().collect();
    fleets.dedup_by_key(|fleet| fleet.name);
    for fleet in fleets {
        let of_it = |job: &&mut JobPlan| job.duration <= LONGEST && job.may_go_to(&fleet);
        let (count, work) = plan.jobs.iter_mut().filter(of_it).fold((0, 0), |(count, work), job| (count + 1, work + job.duration));
        let room = length * BUSY_PERCENT / 100;
        // Half of the time may go into what is around the jobs.
        let least = u32::try_from((count * AROUND_A_JOB).div_ceil((room / 2).max(1))).unwrap_or(u32::MAX).max(1);
        raise(plan, fleet.name, least);
        let most = u64::from(plan.lowest_maximum(plan.all_fleets().find(|known| known.name == fleet.name).unwrap_or(&fleet))) * room;
        let most = most.saturating_sub(count * AROUND_A_JOB);
        if work > most {
            for job in plan.jobs.iter_mut().filter(of_it) {
                job.duration = (job.duration * most / work).max(3_000);
            }
        }
    }
}

fn raise(plan: &mut StoryPlan, name: &str, least: u32) {
    let added = plan.acts.iter_mut().filter_map(|(_, act)| match act {
        Act::AddFleet(fleet) if fleet.name == name => Some(&mut fleet.maximum),
        Act::SetMaximum(of, maximum) | Act::LowerMaximum(of, maximum) if *of == name => Some(maximum),
        _ => None,
    });
    let first = plan.fleets.iter_mut().filter(|fleet| fleet.name == name).map(|fleet| &mut fleet.maximum);
    first.chain(added).for_each(|maximum| *maximum = least.max(*maximum));
}
