//! What befalls simulated watchers themselves, by the harness' own hand.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ALL_PPM;
use crate::{Seed, WatcherId};

/// What befalls watchers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatcherFault {
    /// The callback of the first delivery after the onset does not return before the end. The client has one thread: it
    /// reads nothing meanwhile, and no timer of its fires.
    BlockedCallback,
    /// Each callback takes this long, in which the client reads nothing.
    SlowConsumer {
        /// So long.
        takes: Duration,
    },
    /// The callback of the first delivery after the onset panics and takes its process with it, which starts cold at the
    /// end.
    PanickingCallback,
    /// Snapshots are not written, as on a full disk; those that are there stay.
    FullDisk,
    /// Watchers crash at the onset and start cold at the end, over a cache in this state.
    SpoiledCache {
        /// Which.
        cache: SpoiledCache,
    },
}

/// What a cold start finds in place of its snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpoiledCache {
    /// Nothing.
    Missing,
    /// Empty files.
    Empty,
    /// The first half of each.
    Torn,
    /// Whole content of another namespace, where the same names hold something else.
    Foreign,
}

impl WatcherFault {
    /// The name in a scenario.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BlockedCallback => "blocked_callback",
            Self::SlowConsumer { .. } => "slow_consumer",
            Self::PanickingCallback => "panicking_callback",
            Self::FullDisk => "full_disk",
            Self::SpoiledCache { .. } => "crash",
        }
    }

    /// Whether watchers lose their memory by it.
    #[must_use]
    pub const fn crashes(&self) -> bool {
        matches!(self, Self::PanickingCallback | Self::SpoiledCache { .. })
    }
}

/// How often something befell watchers, as they counted it themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Befallen {
    /// They crashed.
    pub crashed: u64,
    /// They started cold.
    pub started_cold: u64,
    /// Callbacks did not return.
    pub blocked: u64,
    /// Callbacks took long.
    pub slow: u64,
    /// Callbacks panicked.
    pub panicked: u64,
    /// Snapshots were not written.
    pub unwritten: u64,
    /// Snapshots came to harm.
    pub spoiled: u64,
    /// Applications were given content that they cannot use.
    #[serde(default)]
    pub invalid: u64,
}

impl Befallen {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What came since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        self.each(before, u64::saturating_sub)
    }

    fn each(self, other: Self, both: fn(u64, u64) -> u64) -> Self {
        Self {
            crashed: both(self.crashed, other.crashed),
            started_cold: both(self.started_cold, other.started_cold),
            blocked: both(self.blocked, other.blocked),
            slow: both(self.slow, other.slow),
            panicked: both(self.panicked, other.panicked),
            unwritten: both(self.unwritten, other.unwritten),
            spoiled: both(self.spoiled, other.spoiled),
            invalid: both(self.invalid, other.invalid),
        }
    }
}

/// Whether a fault of this share of the watchers, in parts per million, befalls a watcher: always the same ones, so that a
/// larger share contains a smaller one.
#[must_use]
pub fn befalls_watcher(share_ppm: u32, watcher: WatcherId) -> bool {
    Seed(u64::from(watcher.0)).child("ailing").below(0, u64::from(ALL_PPM)) < u64::from(share_ppm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_befalls_about_so_many_and_a_larger_one_the_same_and_more() {
        let befallen =
            |ppm| (0..10_000).map(WatcherId).filter(move |id| befalls_watcher(ppm, *id)).collect::<Vec<_>>();
        let (fifth, half) = (befallen(200_000), befallen(500_000));
        assert!((1_800..2_200).contains(&fifth.len()), "{}", fifth.len());
        assert!(fifth.iter().all(|id| half.contains(id)));
        assert_eq!((befallen(0).len(), befallen(ALL_PPM).len()), (0, 10_000));
    }
}
