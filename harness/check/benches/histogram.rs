//! What the histograms of three digits cost, as `check` uses them: a sample, a merge, a quantile.
//!
//! `cargo bench -p shakedown-check`

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use hdrhistogram::Histogram;

fn fresh() -> Histogram<u32> {
    Histogram::new(3).expect("three digits are within the histogram's range")
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("histogram");
    let mut histogram = fresh();
    let mut value = 1_000_000_u64;
    group.throughput(Throughput::Elements(1)).bench_function("sample", |bench| {
        bench.iter(|| {
            // From 1 µs to 17 s, in no order.
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            histogram.record(1_000 + (value >> 30)).expect("the histogram grows");
        });
    });
    group.bench_function("merge", |bench| {
        let mut all = fresh();
        all.add(&histogram).expect("the histogram grows");
        bench.iter(|| all.add(black_box(&histogram)).expect("the histogram grows"));
    });
    group.bench_function("quantile", |bench| bench.iter(|| histogram.value_at_quantile(black_box(0.99))));
    group.finish();
    criterion.final_summary();
}
