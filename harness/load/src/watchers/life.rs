//! Orders to the watchers of a group: crash, start again, stop.

use std::time::Duration;

use shakedown_model::fault::WatcherFault;
use tokio::sync::watch;

/// What a group was told so far. Counters, so that no order is lost when several come before a watcher looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Orders {
    crashes: u32,
    cold_starts: u32,
    is_stopped: bool,
    ailments: Ailments,
}

/// What befalls watchers of a group now, each by its share in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ailments {
    /// Callbacks do not return.
    pub(crate) blocked: u32,
    /// Callbacks take long.
    pub(crate) slow: u32,
    /// How long.
    pub(crate) takes: Duration,
    /// Callbacks panic.
    pub(crate) panics: u32,
    /// Snapshots are not written.
    pub(crate) full_disk: u32,
}

impl Ailments {
    /// Whether a callback could suffer.
    pub(crate) const fn hits_callbacks(&self) -> bool {
        self.blocked > 0 || self.slow > 0 || self.panics > 0
    }

    fn set(&mut self, fault: WatcherFault, share_ppm: u32) {
        match fault {
            WatcherFault::BlockedCallback => self.blocked = share_ppm,
            WatcherFault::SlowConsumer { takes } => (self.slow, self.takes) = (share_ppm, takes),
            WatcherFault::PanickingCallback => self.panics = share_ppm,
            WatcherFault::FullDisk => self.full_disk = share_ppm,
            WatcherFault::SpoiledCache { .. } => {}
        }
    }
}

/// What a watcher has to do about its orders, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) crash: bool,
    pub(crate) cold_start: bool,
    pub(crate) stop: bool,
    pub(crate) ailments: Ailments,
}

/// The giving side.
#[derive(Debug)]
pub(super) struct GroupLife(watch::Sender<Orders>);

/// The side of one watcher.
#[derive(Debug)]
pub(crate) struct WatcherLife {
    orders: watch::Receiver<Orders>,
    seen: Orders,
}

impl GroupLife {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Orders::default()))
    }

    pub(super) fn watcher(&self) -> WatcherLife {
        let orders = self.0.subscribe();
        let seen = *orders.borrow();
        WatcherLife { orders, seen }
    }

    pub(super) fn crash(&self) {
        self.0.send_modify(|orders| orders.crashes += 1);
    }

    pub(super) fn cold_start(&self) {
        self.0.send_modify(|orders| orders.cold_starts += 1);
    }

    /// From now on, or no longer with a share of none.
    pub(super) fn suffer(&self, fault: WatcherFault, share_ppm: u32) {
        self.0.send_modify(|orders| orders.ailments.set(fault, share_ppm));
    }

    pub(super) fn stop(&self) {
        self.0.send_modify(|orders| orders.is_stopped = true);
    }
}

impl WatcherLife {
    /// Waits for orders. Cancel-safe. A fleet that is gone has stopped.
    pub(crate) async fn next(&mut self) -> Due {
        let is_gone = self.orders.changed().await.is_err();
        let now = *self.orders.borrow_and_update();
        let due = Due {
            crash: now.crashes > self.seen.crashes,
            cold_start: now.cold_starts > self.seen.cold_starts,
            stop: is_gone || now.is_stopped,
            ailments: now.ailments,
        };
        self.seen = now;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn orders_that_come_together_are_all_carried_out() {
        let group = GroupLife::new();
        let mut watcher = group.watcher();
        group.crash();
        group.cold_start();
        let ailments = Ailments::default();
        assert_eq!(watcher.next().await, Due { crash: true, cold_start: true, stop: false, ailments });
        group.stop();
        assert_eq!(watcher.next().await, Due { crash: false, cold_start: false, stop: true, ailments });
    }

    #[tokio::test]
    async fn a_fleet_that_is_gone_has_stopped() {
        let group = GroupLife::new();
        let mut watcher = group.watcher();
        drop(group);
        assert!(watcher.next().await.stop);
    }
}
