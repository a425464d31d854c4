//! When the Rust SDK dials while it is cut off (nacos-facts.md §3.1; `NacosGrpcConnection` of nacos-sdk 0.8.3).
//!
//! One attempt of the SDK is a round of up to five dials: its channel dials for each request that it is given, and the
//! handshake makes five of them. The first opens the stream and carries the first health check; three more health checks
//! and the server check follow, each after a pause that doubles. Between rounds lies the SDK's own backoff.
//!
//! And the SDK moves only while somebody waits for it. That is the health check: three tries of 3 s, up to 0.5 s apart, then
//! 5 s of nothing. What becomes due meanwhile is done when the next try begins.

use std::time::Duration;

use crate::Seed;
use crate::time::nanos;

/// Dials of a round that comes to nothing.
pub(super) const DIALS: u32 = 5;

/// The pause after the first health check of a round; it doubles.
const STEP: Duration = Duration::from_millis(300);

/// `sleep_time`: 2 s before the first round, doubling, up to this.
pub(super) const CAP: Duration = Duration::from_secs(64);

/// A try of the health check.
const TRY: Duration = Duration::from_secs(3);
/// How many there are in a row.
const TRIES: u64 = 3;
/// The longest pause between two tries.
const JITTER: Duration = Duration::from_millis(500);

/// The pause before dial `attempt` (from 1), of which the health check may make more.
pub(super) fn pause(attempt: u32) -> Duration {
    let dial = attempt.saturating_sub(1);
    match (dial / DIALS, dial % DIALS) {
        (round, 0) => Duration::from_secs(2).saturating_mul(1 << round.min(5)).min(CAP),
        (_, step) => STEP * (1 << (step - 1)),
    }
}

/// The pause before dial `attempt` that begins `since_lost` after the loss was noticed, by the health check at `probe`.
pub(super) fn delay(attempt: u32, since_lost: Duration, probe: Duration, draws: Seed) -> Duration {
    awake(since_lost + pause(attempt), probe, draws).saturating_sub(since_lost)
}

/// The first instant from `due` on at which the SDK moves.
fn awake(due: Duration, probe: Duration, draws: Seed) -> Duration {
    let (mut begin, mut nth) = (Duration::ZERO, 0_u64);
    loop {
        if due <= begin + TRY {
            return due.max(begin);
        }
        nth += 1;
        let rest = if nth.is_multiple_of(TRIES) {
            probe
        } else {
            Duration::from_nanos(draws.below(nth, nanos(JITTER)))
        };
        begin += TRY + rest;
    }
}

/// The longest pause before dial `attempt`, as seen from without: the health check may be asleep when a pause is over, and a
/// dial more or less than five, as when two requests share one or find none, shifts the rounds by one.
pub(super) fn longest(attempt: u32, probe: Duration) -> Duration {
    let rounds = (1..=DIALS).map(|more| pause(attempt.saturating_add(more)));
    // Before the first dial the loss has to be noticed: a check is skipped where there was traffic.
    rounds.max().unwrap_or(CAP) + probe * 2
}
