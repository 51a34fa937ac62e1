//! The operations under criterion: `cargo bench -p fargate-runners-core-bench`, with `-- plan` for one of them.
#![expect(missing_docs, reason = "criterion's macro makes a function that is documented nowhere")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fargate_runners_core_bench::operations::ALL;
use std::time::Duration;

/// Whole ledgers are made anew for each run, so that few runs must do.
const SAMPLES: usize = 10;

fn operations(criterion: &mut Criterion) {
    for operation in ALL {
        let mut group = criterion.benchmark_group(operation.name);
        group.sample_size(SAMPLES).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        for size in operation.sizes {
            let mut run = (operation.prepare)(*size);
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| run()).sum());
            });
        }
        group.finish();
    }
}

criterion_group!(core, operations);
criterion_main!(core);
