//! Something befalls watchers: they are told so at the onset, and that it is over at the end.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, ready};
use shakedown_model::GroupId;
use shakedown_model::fault::{Befallen, Bite, WatcherFault};

use super::{Fault, FaultError, Watchers};

/// Watchers that something befalls.
pub(super) struct Ailing {
    watchers: Arc<dyn Watchers>,
    groups: Vec<GroupId>,
    fault: WatcherFault,
    share_ppm: u32,
    /// What had befallen them before the onset, and by the end.
    counts: Mutex<(Befallen, Befallen)>,
}

impl Ailing {
    pub(super) fn new(
        watchers: Arc<dyn Watchers>,
        groups: Vec<GroupId>,
        (fault, share_ppm): (WatcherFault, u32),
    ) -> Self {
        Self { watchers, groups, fault, share_ppm, counts: Mutex::default() }
    }

    fn counts<T>(&self, look: impl FnOnce(&mut (Befallen, Befallen)) -> T) -> T {
        look(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn bite(&self) -> Bite {
        let came = self.counts(|(before, after)| after.since(*before));
        let (times, what) = match self.fault {
            WatcherFault::BlockedCallback => (came.blocked, "callbacks blocked"),
            WatcherFault::SlowConsumer { .. } => (came.slow, "callbacks were slow"),
            WatcherFault::PanickingCallback => (came.panicked, "callbacks panicked"),
            WatcherFault::FullDisk => (came.unwritten, "snapshots were not written"),
            WatcherFault::SpoiledCache { .. } => (came.spoiled, "snapshots were spoiled"),
        };
        let words = format!("{times} {what}");
        if times > 0 { Bite::Bit(words) } else { Bite::Missed(words) }
    }
}

impl Fault for Ailing {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let before = self.watchers.befallen(&self.groups);
            self.counts(|counts| *counts = (before, before));
            self.watchers.suffer(&self.groups, self.fault, self.share_ppm).await;
            Ok(())
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let after = self.watchers.befallen(&self.groups);
            self.counts(|counts| counts.1 = after);
            self.watchers.recover(&self.groups, self.fault).await;
            Ok(())
        })
    }

    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        Box::pin(ready(Some(self.bite())))
    }
}
