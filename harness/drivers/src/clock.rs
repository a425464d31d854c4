//! The clock that all processes of one host share.

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// So often both clocks are read side by side; the closest pair counts.
const READINGS: u32 = 16;

/// `CLOCK_MONOTONIC` in nanoseconds.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let whole = u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000);
    whole.saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// One instant on both clocks: nanoseconds of `CLOCK_MONOTONIC`, and the runtime's.
///
/// The runtime's instants follow the same clock on Linux, but do not show its count: so both are paired once.
#[derive(Debug, Clone, Copy)]
pub struct ClockPair {
    ns: u64,
    instant: Instant,
}

impl ClockPair {
    /// Reads both clocks side by side, a few times, and keeps the pair between whose readings the least time passed.
    #[must_use]
    pub fn now() -> Self {
        let readings = (0..READINGS).map(|_| {
            let before = monotonic_ns();
            let instant = Instant::now();
            let after = monotonic_ns();
            (after - before, Self { ns: before + (after - before) / 2, instant })
        });
        readings
            .min_by_key(|(width, _)| *width)
            .map(|(_, pair)| pair)
            .expect("there is more than one reading")
    }

    /// The runtime's instant of a count of nanoseconds.
    #[must_use]
    pub fn instant(&self, ns: u64) -> Instant {
        let apart = std::time::Duration::from_nanos(ns.abs_diff(self.ns));
        if ns >= self.ns {
            self.instant + apart
        } else {
            self.instant.checked_sub(apart).unwrap_or(self.instant)
        }
    }

    /// The count of nanoseconds at one of the runtime's instants; 0 for one before the machine's start.
    #[must_use]
    pub fn ns(&self, instant: Instant) -> u64 {
        let nanos = |apart: std::time::Duration| u64::try_from(apart.as_nanos()).unwrap_or(u64::MAX);
        match instant.checked_duration_since(self.instant) {
            Some(later) => self.ns.saturating_add(nanos(later)),
            None => self.ns.saturating_sub(nanos(self.instant.duration_since(instant))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_clocks_run_alike() {
        let pair = ClockPair::now();
        let (ns, instant) = (monotonic_ns(), Instant::now());
        let converted = pair.instant(ns);
        // The readings above lie apart by what the scheduler likes; nothing else may.
        assert!(converted <= instant, "the count was read first");
        assert!(instant.duration_since(converted) < Duration::from_secs(10));
        let earlier = pair.instant(ns - 3_000_000_000);
        assert_eq!(converted.duration_since(earlier), Duration::from_secs(3));
        assert_eq!([pair.ns(converted), pair.ns(earlier)], [ns, ns - 3_000_000_000]);
    }
}
