//! When the jobs of a day come and how long they run: a working day of people in a few time zones. Realistic, not measured anywhere.

use crate::engine::Millis;

const HOUR: Millis = 3_600_000;

/// Of a thousand jobs of a day, how many come in each hour: little by night, two hills, the higher one in the afternoon.
pub const A_DAY: [u64; 24] = [15, 15, 15, 15, 15, 15, 15, 30, 50, 70, 80, 80, 65, 75, 85, 85, 80, 65, 40, 30, 20, 15, 13, 12];

/// The hour in which most come.
pub const BUSIEST: u64 = 14;

/// Half of all jobs are shorter than this.
const MEDIAN_MINUTES: f64 = 3.0;

/// The spread of the logarithm: the mean is about one and a half times the median, one job in a hundred takes some 25 minutes.
const SPREAD: f64 = 0.9;

/// No job is shorter or longer than this.
const BOUNDS: (Millis, Millis) = (15_000, 2 * HOUR);

/// How many of so many jobs a day come between two times of it.
#[must_use]
pub fn jobs_between(jobs_a_day: u64, from: Millis, until: Millis) -> u64 {
    let of_hour = |hour: usize| {
        let (begins, ends) = (hour as u64 * HOUR, (hour as u64 + 1) * HOUR);
        let within = until.min(ends).saturating_sub(from.max(begins));
        jobs_a_day * A_DAY[hour] * within / (1_000 * HOUR)
    };
    (0..A_DAY.len()).map(of_hour).sum()
}

/// When the jobs come that come between two times of a day, in order: each at any time of its hour.
pub fn arrivals(chance: &mut fastrand::Rng, jobs_a_day: u64, from: Millis, until: Millis) -> Vec<Millis> {
    let mut arrivals = Vec::new();
    let mut at = from;
    while at < until {
        let end = (at / HOUR * HOUR + HOUR).min(until);
        arrivals.extend((0..jobs_between(jobs_a_day, at, end)).map(|_| chance.u64(at..end)));
        at = end;
    }
    arrivals.sort_unstable();
    arrivals
}

/// How long a job runs.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes, and bounded")]
pub fn duration(chance: &mut fastrand::Rng) -> Millis {
    // Box and Muller's way to a normal number.
    let normal = (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos();
    let minutes = MEDIAN_MINUTES * (normal * SPREAD).exp();
    ((minutes * 60_000.0) as Millis).clamp(BOUNDS.0, BOUNDS.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_all_its_jobs_and_its_busiest_hour_the_most() {
        assert_eq!(A_DAY.iter().sum::<u64>(), 1_000);
        assert_eq!(jobs_between(1_000_000, 0, 24 * HOUR), 1_000_000);
        assert_eq!(A_DAY.iter().max(), Some(&A_DAY[usize::try_from(BUSIEST).unwrap()]));
        let arrivals = arrivals(&mut fastrand::Rng::with_seed(1), 1_000_000, BUSIEST * HOUR, BUSIEST * HOUR + HOUR / 2);
        assert_eq!(arrivals.len(), 42_500);
        assert!(arrivals.is_sorted());
    }

    #[test]
    fn half_of_the_jobs_are_shorter_than_the_median() {
        let mut chance = fastrand::Rng::with_seed(1);
        let shorter = (0..10_000).filter(|_| duration(&mut chance) < 180_000).count();
        assert!((4_800..5_200).contains(&shorter), "{shorter}");
    }
}
