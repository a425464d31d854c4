//! The canary: on a connection of its own through each faulted proxy it measures that a fault bit, and how hard.
//!
//! Idle watchers prove nothing, so the canary asks: a handful of requests before the onset, and a few per second at
//! most while the fault is in force. It never decides when a fault begins or ends, and onset waits for it half a
//! second at most. What is asked is the engine's choice ([`Probe`]); what an answer means is decided here.

mod expectation;
mod verdict;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use shakedown_model::fault::Bite;
use tokio::time::Instant;

use crate::proxies::ProxyAddress;

pub(crate) use expectation::{ASK_BYTES, Expectation, MOST_ASK_BYTES, directions};
pub(crate) use watch::PATIENCE;
use watch::Watch;

/// How long before a fault's onset the canary takes its baseline.
pub(crate) const LEAD: Duration = Duration::from_millis(1500);
/// What an onset may be late for the sake of the baseline, when there was no time for it before.
const LATEST: Duration = Duration::from_millis(500);

/// A way to talk to a server through a proxy.
pub trait Probe: Send + Sync + 'static {
    /// Opens a connection of the proxy's own protocol, handshake included.
    fn connect<'a>(
        &'a self,
        target: &'a ProxyAddress,
    ) -> BoxFuture<'a, Result<Box<dyn ProbeConnection>, ProbeError>>;
    /// Opens a bare connection, ends it from this side, and waits for the end from the other side.
    fn end<'a>(&'a self, target: &'a ProxyAddress) -> BoxFuture<'a, Result<(), ProbeError>>;
}

/// A connection that is kept open.
pub trait ProbeConnection: Send {
    /// Sends one small request and waits for its answer. The canary sets the time-out; after one it drops the
    /// connection.
    fn ask(&mut self) -> BoxFuture<'_, Result<(), ProbeError>>;
}

/// Why a probe had no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The proxy did not accept the connection.
    #[error("connection refused")]
    Refused,
    /// The connection was reset or closed.
    #[error("connection broken: {0}")]
    Broken(String),
    /// The server answered with something else than expected, or this machine failed: it proves nothing.
    #[error("probe failed: {0}")]
    Odd(String),
}

/// The canary of one fault.
pub(crate) struct Canary {
    expectation: Expectation,
    watches: Vec<Watch>,
}

impl Canary {
    /// Connects through every target and takes the baseline, until `onset` at the latest.
    pub(crate) async fn arm(
        probe: Arc<dyn Probe>,
        targets: &[ProxyAddress],
        expectation: Expectation,
        onset: Instant,
    ) -> Self {
        let deadline = onset.max(Instant::now() + LATEST);
        let mut watches: Vec<Watch> =
            targets.iter().map(|target| Watch::new(Arc::clone(&probe), target.clone())).collect();
        join_all(watches.iter_mut().map(|watch| watch.arm(deadline))).await;
        Self { expectation, watches }
    }

    /// Watches the fault bite, until it can be told or `until` has come. Harmless to cut short.
    pub(crate) async fn observe(&mut self, until: Instant) {
        let now = Instant::now();
        let window = until.saturating_duration_since(now);
        let expectation = self.expectation;
        let watching = join_all(self.watches.iter_mut().map(|watch| watch.observe(expectation, window)));
        // Running out of time is no error: the verdict is over what was seen.
        let _in_time = tokio::time::timeout_at(until, watching).await.is_ok();
    }

    /// What was seen so far; `is_whole` says that the fault was in force for as long as planned.
    pub(crate) fn verdict(&self, is_whole: bool) -> Bite {
        verdict::bite(self.expectation, &self.watches, is_whole)
    }
}

#[cfg(test)]
mod tests;
