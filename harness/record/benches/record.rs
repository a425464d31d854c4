//! What a record costs: a delivery recorded, blocks closed and handed to the history's thread.
//!
//! `cargo bench -p shakedown-record`

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput};
use shakedown_model::event::{Delivery, Event, Path};
use shakedown_model::{ItemId, Offset, Version, WatcherId};
use shakedown_record::{Block, BlockSink, HistoryWriter};

/// A disk that costs nothing.
struct Nowhere;

impl BlockSink for Nowhere {
    fn block(&mut self, block: &Block) -> io::Result<()> {
        black_box(block.header());
        Ok(())
    }

    fn end(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("record");
    let history = HistoryWriter::into_sink(Nowhere).expect("the machine gives a thread");
    let recorder = history.recorder();
    let mut nth = 0;
    group.throughput(Throughput::Elements(1)).bench_function("delivery", |bench| {
        bench.iter(|| {
            nth += 1;
            recorder.record(Event::Delivery(Delivery {
                at: Offset(3_000_000_000 + u64::from(nth)),
                watcher: WatcherId(nth % 10_000),
                item: ItemId(nth % 20),
                version: Version(nth / 10_000),
                signal: Some(Offset(3_000_000_000)),
                path: Path::Push,
            }));
        });
    });
    group.finish();
    criterion.final_summary();
}
