//! What verifying content costs: the checksum inside the payload, and the MD5 that the server names.
//!
//! `cargo bench -p shakedown-watcher`

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use shakedown_model::payload::{self, Identity};
use shakedown_model::{ItemId, Seed, Version};
use shakedown_watcher::verify;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("verify");
    for size in [256, 1024, 64 * 1024] {
        let identity = Identity::new(7, ItemId(3), Version(2));
        let text = payload::encode(identity, size, Seed(1));
        let md5: String = payload::md5(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(size.to_string(), |bench| {
            bench.iter(|| verify(7, ItemId(3), black_box(&text), Some(&md5)).expect("it is intact"));
        });
    }
    group.finish();
    criterion.final_summary();
}
