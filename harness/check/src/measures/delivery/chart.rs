//! Latency of one group over time.

use shakedown_model::{GroupId, Offset};

use super::{CENSORED, at_share};
use crate::result::{LatencyBucket, LatencySeries};

/// The chart of latency has about this many buckets at most.
const BUCKETS: u64 = 240;
/// And none narrower than this.
const BUCKET_MIN_NS: u64 = 250_000_000;

/// Latency of one group over time, filled in the order of intended times.
#[derive(Debug)]
pub(super) struct Chart {
    series: LatencySeries,
    width: u64,
    timeout_ns: u64,
    bucket: u64,
    latencies: Vec<u64>,
}

impl Chart {
    pub(super) fn new(group: GroupId, run_end: Offset, timeout_ns: u64) -> Self {
        let width = (run_end.0 / BUCKETS).max(BUCKET_MIN_NS);
        let series = LatencySeries { group, buckets: Vec::new() };
        Self { series, width, timeout_ns, bucket: 0, latencies: Vec::new() }
    }

    pub(super) fn add(&mut self, intended: Offset, latencies: &[u64]) {
        let bucket = intended.0 / self.width;
        if bucket != self.bucket {
            self.close();
            self.bucket = bucket;
        }
        self.latencies.extend_from_slice(latencies);
    }

    fn close(&mut self) {
        if self.latencies.is_empty() {
            return;
        }
        self.latencies.sort_unstable();
        let at = |share| at_share(&self.latencies, share).unwrap_or(self.timeout_ns);
        let count = self.latencies.len() as u64;
        let known = self.latencies.partition_point(|latency| *latency != CENSORED) as u64;
        self.series.buckets.push(LatencyBucket {
            at: Offset(self.bucket * self.width + self.width / 2),
            count,
            censored: count - known,
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        });
        self.latencies.clear();
    }

    pub(super) fn finish(mut self) -> LatencySeries {
        self.close();
        self.series
    }
}
