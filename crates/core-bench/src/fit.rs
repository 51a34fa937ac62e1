//! How something grows: the exponent `b` of `time = a · size^b`, by least squares of log time over log size.

/// The exponent of the points, each a size and what it took; `None` where there are fewer than two different sizes.
#[must_use]
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(size, taken)| (size.ln(), taken.ln())).collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful of points")]
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    let together: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    (spread > 0.0).then(|| together / spread)
}

#[cfg(test)]
mod tests {
    use super::exponent;

    #[test]
    fn a_power_is_found_again() {
        for power in [0.0, 0.5, 1.0, 2.0] {
            let points: Vec<(f64, f64)> = [10.0, 100.0, 1_000.0_f64].iter().map(|size| (*size, 3.0 * size.powf(power))).collect();
            assert!((exponent(&points).unwrap() - power).abs() < 1e-9);
        }
    }

    #[test]
    fn one_size_says_nothing_of_growth() {
        assert_eq!(exponent(&[(10.0, 1.0), (10.0, 2.0)]), None);
        assert_eq!(exponent(&[]), None);
    }
}
