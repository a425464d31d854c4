//! Something befalls watchers: they are told so at the onset, and that it is over at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use shakedown_model::GroupId;
use shakedown_model::fault::{Bite, WatcherFault};

use super::{Fault, FaultError, Watchers};

/// Watchers that something befalls.
pub(super) struct Ailing {
    watchers: Arc<dyn Watchers>,
    groups: Vec<GroupId>,
    fault: WatcherFault,
    share_ppm: u32,
    /// How often something had befallen watchers before the onset, and by the end.
    before: AtomicU64,
    after: AtomicU64,
}

impl Ailing {
    pub(super) fn new(
        watchers: Arc<dyn Watchers>,
        groups: Vec<GroupId>,
        (fault, share_ppm): (WatcherFault, u32),
    ) -> Self {
        Self { watchers, groups, fault, share_ppm, before: AtomicU64::new(0), after: AtomicU64::new(0) }
    }
}

impl Fault for Ailing {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            self.before.store(self.watchers.ailed(), Ordering::Relaxed);
            self.watchers.suffer(&self.groups, self.fault, self.share_ppm).await;
            Ok(())
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            self.after.store(self.watchers.ailed(), Ordering::Relaxed);
            self.watchers.recover(&self.groups, self.fault).await;
            Ok(())
        })
    }

    fn seen(&self) -> Option<Bite> {
        let times = self.after.load(Ordering::Relaxed) - self.before.load(Ordering::Relaxed);
        let what = match self.fault {
            WatcherFault::BlockedCallback => "callbacks blocked",
            WatcherFault::SlowConsumer { .. } => "callbacks were slow",
            WatcherFault::PanickingCallback => "callbacks panicked",
            WatcherFault::FullDisk => "snapshots were not written",
            // The harness does it to files of its own, and counts nothing.
            WatcherFault::SpoiledCache { .. } => return None,
        };
        let words = format!("{times} {what}");
        Some(if times > 0 { Bite::Bit(words) } else { Bite::Missed(words) })
    }
}
