//! What bursts took, as tables; and what of it must not be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::counts::by_function;
use crate::problem::Problem;

use super::Burst;

/// What `scale` may ask of ECS for a fleet within a second.
const UPDATES_A_SECOND: usize = 1;

/// Two calls that are meant to be a second apart may begin a little closer: the first took longer on its way.
const EARLY_SECONDS: f64 = 0.1;

/// The function that takes the fleets' messages.
const SCALE: &str = "scale";

/// One burst by itself: each function's invocations and calls.
pub fn one(burst: &Burst) -> String {
    let mut text = format!("A burst of {}\n", burst.jobs);
    for (name, function) in burst.functions.without("sweep") {
        let _ = writeln!(text, "  invocations of {name:<31} {:>7} {:>9.2} a job", function.invocations, per(function.invocations, burst));
    }
    for ((by, name), count) in by_function(&burst.calls) {
        let _ = writeln!(text, "  {by:<11} {name:<34} {count:>7} {:>9.2} a job", per(count, burst));
    }
    text
}

/// All bursts side by side.
pub fn all(bursts: &[Burst]) -> String {
    let mut text = "| jobs at once | covered after | queue empty after | events a second | invocations of scale | AWS calls a job | mints | \
                    UpdateService in all / in the busiest second | RunTask | peak memory of scale |\n|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for burst in bursts {
        let calls = |name: &str| burst.calls.iter().filter(|call| call.name == name).count();
        let rate = per(1, burst).recip() / burst.drained_after.as_secs_f64();
        let _ = writeln!(
            text,
            "| {} | {:.1} s | {:.1} s | {rate:.1} | {} | {:.2} | {} | {} / {} | {} | {:.1} MiB |",
            burst.jobs,
            burst.covered_after.as_secs_f64(),
            burst.drained_after.as_secs_f64(),
            burst.functions.invocations(SCALE),
            per(burst.calls.len() as u64, burst),
            burst.mints,
            calls("ecs:UpdateService"),
            busiest_second(burst),
            calls("ecs:RunTask"),
            mebibytes(burst.scale_kib)
        );
    }
    text
}

/// ECS asked too often.
pub fn wrongs(bursts: &[Burst]) -> Option<Problem> {
    let worst = bursts.iter().max_by_key(|burst| busiest_second(burst))?;
    let calls = busiest_second(worst);
    (calls > UPDATES_A_SECOND)
        .then(|| Problem::new(format!("in a burst of {} a service was updated {calls} times in one second", worst.jobs)))
}

/// The most UpdateService calls about one service within any second.
fn busiest_second(burst: &Burst) -> usize {
    let mut by_service: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for call in burst.calls.iter().filter(|call| call.name == "ecs:UpdateService") {
        by_service.entry(call.service.as_deref().unwrap_or_default()).or_default().push(call.at);
    }
    let within = |times: &[f64], from: f64| times.iter().filter(|at| (from..from + 1.0 - EARLY_SECONDS).contains(*at)).count();
    by_service.values().flat_map(|times| times.iter().map(|from| within(times, *from))).max().unwrap_or_default()
}

fn per(count: u64, burst: &Burst) -> f64 {
    crate::counts::number(count) / crate::counts::number(burst.jobs as u64)
}

fn mebibytes(kib: u64) -> f64 {
    crate::counts::number(kib) / 1024.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::counts::Functions;
    use crate::stack::counted::Call;

    fn update(at: f64, service: &str) -> Call {
        let (name, by, service) = ("ecs:UpdateService".to_owned(), SCALE.to_owned(), Some(service.to_owned()));
        Call { name, by, at, read_units: 0.0, write_units: 0.0, kms: 0, service }
    }

    #[test]
    fn updates_are_counted_by_service_and_within_any_second() {
        let calls = vec![update(1.0, "a"), update(1.5, "b"), update(2.0, "a"), update(2.5, "a")];
        let time = Duration::from_secs(4);
        let functions = Functions::default();
        let mut burst = Burst { jobs: 2, covered_after: time, drained_after: time, mints: 0, calls, functions, scale_kib: 2048 };
        assert_eq!(busiest_second(&burst), 2);
        assert!(wrongs(std::slice::from_ref(&burst)).is_some());
        assert!(all(std::slice::from_ref(&burst)).contains("| 2 | 4.0 s | 4.0 s | 0.5 | 0 | 2.00 | 0 | 4 / 2 | 0 | 2.0 MiB |"));
        burst.calls.pop();
        assert!(wrongs(&[burst]).is_none());
    }
}
