//! What all watchers of a group have in common.

use std::time::Duration;

use shakedown_model::plan::{Cache, ClientDefect, ClientSpec};
use shakedown_model::time::nanos;
use shakedown_model::{Offset, Seed};

/// The pause that [`ClientDefect::NoBackoff`] leaves between attempts, so that one watcher cannot take a core for
/// itself.
pub(crate) const DEFECT_GAP: Duration = Duration::from_millis(1);

/// After so many attempts [`ClientDefect::GiveUp`] makes no more.
pub(crate) const DEFECT_TRIES: u32 = 3;

/// The tries at the start of a life follow each other at once; the gap keeps a step from being endless where the
/// machine runs in virtual time.
pub(crate) const STARTUP_GAP: Duration = Duration::from_millis(1);

/// What an application waits whose client gave up at its start, before it makes another: as long as the harness' own driver
/// of the Rust SDK waits.
pub(crate) const REMAKE_PAUSE: Duration = Duration::from_secs(1);

/// What a read over HTTP that could not ask pauses before it tries again. The SDK that tries again does not pause, but one
/// watcher must not take a core for itself.
pub(crate) const READ_GAP: Duration = Duration::from_millis(20);

/// What a gRPC client waits after it opened its stream when the server promised no `SetupAck` (nacos-facts.md §2.3).
pub(crate) const SETUP_PAUSE: Duration = Duration::from_millis(100);

/// The first poll after a reconnect was answered from the comparison on its arrival, and not by a wake, when it took
/// at most twice as long as the attempt before it (a connect and a get), or this long. Inferred: the wire does not
/// tell.
pub(crate) const RELIST_WITHIN: Duration = Duration::from_millis(20);

/// An empty poll answer sooner than this is a server that does not hang; the client pauses instead of spinning.
pub(crate) const SHORTEST_HANG: Duration = Duration::from_millis(50);

/// Up to four health checks stand between stream and server check in [`Handshake::StreamThenCheck`], with this pause
/// after the first that fails and twice as much after each further one (nacos-facts.md §2.3).
///
/// [`Handshake::StreamThenCheck`]: shakedown_model::plan::Handshake::StreamThenCheck
pub(crate) const PROBE_PAUSE: Duration = Duration::from_millis(300);
/// How long one may take (`HEALTH_CHECK_REQUEST_TIMEOUT` of nacos-sdk 0.8.3).
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many there are.
pub(crate) const PROBES: u8 = 4;

/// The rules of a group of watchers.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How the client behaves.
    pub client: ClientSpec,
    /// The run's number, which every intact payload carries.
    pub run_id: u64,
    /// How many server nodes there are (at least 1).
    pub nodes: u16,
    /// Whether items are deleted in this run. If not, an item that is absent was lost.
    pub may_be_absent: bool,
    /// Reads per second that an application makes through each watcher; 0 for none.
    pub reads_per_second: f64,
    /// The seed of all watchers; each takes its own child.
    pub seed: Seed,
}

impl Rules {
    pub(crate) fn has_defect(&self, defect: ClientDefect) -> bool {
        self.client.defect == Some(defect)
    }

    pub(crate) fn serves_snapshots(&self) -> bool {
        self.client.cache == Cache::Snapshot
    }

    pub(crate) fn saves_snapshots(&self) -> bool {
        self.client.cache != Cache::None
    }

    /// The period of reads in nanoseconds, if there are any.
    pub(crate) fn read_period(&self) -> Option<Duration> {
        let period = Duration::try_from_secs_f64(1.0 / self.reads_per_second).ok()?;
        (!period.is_zero()).then_some(period)
    }
}

/// The first instant after `now` on the grid `phase + k · period`, and its `k`. The phase is drawn from `seed`.
pub(crate) fn next_on_grid(now: Offset, period: Duration, seed: Seed) -> (Offset, u64) {
    let period = nanos(period).max(1);
    let phase = seed.below(0, period);
    let k = if now.0 < phase { 0 } else { (now.0 - phase) / period + 1 };
    (Offset(k.saturating_mul(period).saturating_add(phase)), k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_absolute_and_strictly_later() {
        let period = Duration::from_secs(5);
        let (first, k) = next_on_grid(Offset::ZERO, period, Seed(4));
        let (second, next_k) = next_on_grid(first, period, Seed(4));
        assert!(first < Offset::from_secs(5) && k <= 1);
        assert_eq!(second - first, period);
        assert_eq!(next_k, k + 1);
        assert_eq!(next_on_grid(first + Duration::from_secs(3), period, Seed(4)).0, second);
    }
}
