//! When the Python SDK 3 dials while it is cut off (nacos-facts.md §3.1).
//!
//! One attempt of the SDK is a channel of gRPC, which it waits 3 s for; the channel itself dials again and again
//! meanwhile. And two loops of attempts run side by side: one begins with the loss, one with the health check that
//! fails. What is seen from outside is the dials of both. Where the check is what noticed, its loop is alone.

use std::time::Duration;

use crate::Seed;
use crate::time::nanos;

/// `channel_ready` is awaited for `grpc_timeout`.
const WINDOW: Duration = Duration::from_secs(3);

/// gRPC's own backoff of a channel: 1 s, then 1.6 times as long each time, spread by ±20 %.
const REDIAL: Duration = Duration::from_secs(1);

/// `min((retry_turns + 1) / 10, 5)` s between attempts.
const STEP: Duration = Duration::from_millis(100);

/// The longest pause between attempts.
pub(super) const CAP: Duration = Duration::from_secs(5);

/// The pause before the first dial that comes later than `since_lost` after the loss.
pub(super) fn delay(since_lost: Duration, probe: Duration, nodes: u16, draws: Seed) -> Duration {
    // A check is skipped when there was traffic within its period.
    let check = Duration::from_nanos(draws.below(0, nanos(probe)));
    let traffic = Duration::from_nanos(draws.below(1, nanos(probe)));
    let probed = if check + traffic >= probe { check } else { check + probe };
    let next = |start, draws| next_dial(start, since_lost, nodes, draws);
    let dial = next(Duration::ZERO, draws.child("loss")).min(next(probed, draws.child("check")));
    dial.saturating_sub(since_lost)
}

/// The same where only the loop of the health check runs: nothing else has noticed.
pub(super) fn delay_alone(since_lost: Duration, nodes: u16, draws: Seed) -> Duration {
    next_dial(Duration::ZERO, since_lost, nodes, draws.child("check")).saturating_sub(since_lost)
}

/// The longest pause before dial `attempt`: a second redial that fell behind the attempt's end, and the pause there.
pub(super) fn longest(attempt: u32) -> Duration {
    REDIAL * 8 / 5 * 6 / 5 + STEP.saturating_mul(attempt).min(CAP)
}

/// The first dial later than `after` of the loop that begins at `start`.
fn next_dial(start: Duration, after: Duration, nodes: u16, draws: Seed) -> Duration {
    let (mut begun, mut attempts, mut drawn) = (start, 0, 0);
    loop {
        let (mut dial, mut redial) = (begun, REDIAL);
        while dial < begun + WINDOW {
            if dial > after {
                return dial;
            }
            dial += redial * 4 / 5 + Duration::from_nanos(draws.below(drawn, nanos(redial * 2 / 5)));
            drawn += 1;
            redial = redial * 8 / 5;
        }
        let turns: u32 = attempts / u32::from(nodes.max(1));
        begun += WINDOW + STEP.saturating_mul(turns + 1).min(CAP);
        attempts += 1;
    }
}
